"""What must not be recorded or shown: skipped with a reason, withheld, taken off demand again. Source: duties.md Q25, Q29."""

from uuid import uuid4

from contracts.envelope import Role
from contracts.stage.values import SegmentCause
from services.media import places
from services.media.adapters.storage import NotStored
from tests.integration.media.conftest import Media
from tests.support.requests import ANY_VERSION


async def test_without_the_right_the_recording_says_why_it_does_not_go_on_demand(media: Media) -> None:
    session_id = uuid4()
    media.entitle("captions")
    media.publish_rundown(session_id)
    await media.until_heard()
    media.record(session_id)
    path = media.end_session(session_id)
    await media.until(path, lambda found: found["vod_skipped"] == "vod_not_entitled")
    edit = await media.post(f"{path}/edits", {}, status=202)
    await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    refused = await media.ask("POST", f"/edits/{edit['id']}/vod")
    assert (refused.status_code, refused.json()["code"]) == (409, "VOD_NOT_ENTITLED")


async def test_a_customer_who_declines_is_heard_and_what_was_on_demand_goes(media: Media) -> None:
    path, vod_id, key = await _on_demand(media)
    optout = f"/shows/{media.show_id}/vod-opt-out"
    refused = await media.ask("POST", optout, {"reason": "not ours"})
    assert (refused.status_code, refused.json()["code"]) == (403, "CUSTOMER_DUTY")
    await media.post(optout, {"reason": "internal show"}, role=Role.CUSTOMER)
    await media.until_is(f"/vod/{vod_id}", "RETRACTED")
    await media.until(path, lambda found: found["vod_skipped"] == "opted_out: internal show")
    assert not await _stored(media, key)
    edit_id = (await media.get(f"/vod/{vod_id}"))["edit_id"]
    assert (await media.ask("POST", f"/edits/{edit_id}/vod")).json()["code"] == "VOD_DECLINED"


async def test_a_session_that_must_not_be_recorded_is_withheld_whenever_that_is_said(media: Media) -> None:
    before, after = uuid4(), uuid4()
    media.publish_rundown(before, after, forbidden=(before,))
    await media.until_heard()
    media.record(before)
    media.record(after)
    first, second = media.end_session(before), media.end_session(after)
    await media.until_is(first, "QUARANTINED")
    await media.until_is(second, "FINALISED")
    media.publish_rundown(before, after, forbidden=(before, after))
    await media.until_is(second, "QUARANTINED")
    assert (await media.ask("POST", f"{second}/edits", {})).json()["code"] == "RECORDING_FORBIDDEN"
    [segment] = (await media.get(second))["segments"]
    refused = await media.ask("GET", f"{second}/segments/{segment['segment_id']}/content")
    assert refused.json()["code"] == "RECORDING_FORBIDDEN"


async def test_consent_withdrawn_while_live_withholds_what_was_recorded(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, cause=SegmentCause.WITHDRAWN)
    path = media.end_session(session_id)
    found = await media.until_is(path, "QUARANTINED")
    assert found["quarantine_reason"] == "withdrawn"
    await media.until(path, lambda now: now["vod_skipped"] == "quarantined: withdrawn")


async def test_a_quarantine_takes_the_film_off_demand_and_nobody_gets_the_edit(media: Media) -> None:
    path, vod_id, key = await _on_demand(media)
    await media.post(f"{path}/quarantine", {"reason": "speaker asked"}, role=Role.CUSTOMER, headers=ANY_VERSION)
    await media.until_is(f"/vod/{vod_id}", "RETRACTED")
    assert not await _stored(media, key)
    edit_id = (await media.get(f"/vod/{vod_id}"))["edit_id"]
    for forbidden in (f"/edits/{edit_id}/content", f"/vod/{vod_id}/content"):
        assert (await media.ask("GET", forbidden)).status_code == 409
    assert await media.parked() == []


async def test_a_retracted_film_can_go_on_demand_again(media: Media) -> None:
    _, vod_id, key = await _on_demand(media)
    await media.post(f"/vod/{vod_id}/retract", {"reason": "typo in the title"}, status=202, headers=ANY_VERSION)
    found = await media.until_is(f"/vod/{vod_id}", "RETRACTED")
    again = await media.post(f"/edits/{found['edit_id']}/vod", status=202)
    assert again["id"] == vod_id
    await media.until_is(f"/vod/{vod_id}", "ON_DEMAND")
    assert await _stored(media, key)


async def test_only_the_customer_gives_recordings_to_others(media: Media) -> None:
    path = await media.recorded()
    refused = await media.ask("POST", f"{path}/share-out", {"to_whom": "absentees"})
    assert (refused.status_code, refused.json()["code"]) == (403, "CUSTOMER_DUTY")
    await media.post(f"{path}/share-out", {"to_whom": "absentees"}, role=Role.CUSTOMER)
    assert "recording_shared_out" in await media.trail(path.strip("/").replace("recordings/", "recording-"))


async def test_another_tenant_sees_nothing_of_it(media: Media) -> None:
    path, vod_id, _ = await _on_demand(media)
    for hidden in (path, f"/vod/{vod_id}", f"/vod/{vod_id}/content", f"{path}/films"):
        assert (await media.ask("GET", hidden, tenant="globex")).status_code == 404
    assert (await media.get("/recordings", tenant="globex"))["items"] == []
    declined = await media.ask(
        "POST", f"/shows/{media.show_id}/vod-opt-out", {"reason": "x"}, role=Role.CUSTOMER, tenant="globex"
    )
    assert declined.status_code == 404


async def _on_demand(media: Media) -> tuple[str, str, str]:
    """The path of a recording, the id of its film on demand, and the film's key there."""
    path = await media.recorded()
    edit = await media.post(f"{path}/edits", {"trim": {"end_s": 1}}, status=202)
    await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    vod = await media.post(f"/edits/{edit['id']}/vod", status=202)
    found = await media.until_is(f"/vod/{vod['id']}", "ON_DEMAND")
    assert await _stored(media, found["key"])
    return path, vod["id"], found["key"]


async def _stored(media: Media, key: str) -> bool:
    try:
        await places.on_demand(media.settings).head(key)
    except NotStored:
        return False
    return True

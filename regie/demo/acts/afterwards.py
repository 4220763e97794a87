"""Fourth act, afterwards: the recording is finalised, trimmed, put on demand; the hours are settled."""

from typing import Any

from regie.demo.acts import buying
from regie.demo.client import expect, until
from regie.demo.context import Show
from services.media.editor import probe


async def recording(show: Show) -> None:
    with show.story.step("The recording is finalised: live = recorded + gaps") as told:
        final = await show.fact("media", "media.recording_finalised.v1", within_s=45)
        show.recording_id = final["data"]["recording_id"]
        data = final["data"]
        told(f"live {data['live_ms']} ms, recorded {data['recorded_ms']} ms, gaps {data['gaps_ms']} ms")
    with show.story.step("It is trimmed to the frame") as told:
        body = {"title": "Demo", "trim": {"start_s": 1.0, "end_s": data["recorded_ms"] / 1000 - 1.0}}
        edit = await show.analyst.post("media", f"/recordings/{show.recording_id}/edits", body)
        rendered = await show.fact("media", "media.edit_rendered.v1", within_s=60, edit_id=edit["id"])
        told(f"{rendered['data']['duration_ms']} ms, sha256 {rendered['data']['sha256'][:12]}")
    with show.story.step("It goes on demand, and plays") as told:
        vod = await show.analyst.post("media", f"/edits/{edit['id']}/vod")
        done = await show.fact("media", "media.vod_upload_completed.v1", within_s=60, vod_id=vod["id"])
        path = show.folder / "on-demand.mp4"
        path.write_bytes(await show.customer.download("media", f"/vod/{vod['id']}/content"))
        seen = await probe(path)
        expect(seen.complete and seen.video is not None and seen.audio is not None, "the film is whole", seen)
        expect(done["data"]["sha256"] == rendered["data"]["sha256"], "it is the film that was rendered")
        told(f"{seen.duration_s:.1f} s of {seen.container}, the same checksum")


async def settle(show: Show) -> None:
    with show.story.step("The show is over; coverage ends by its clock") as told:
        await show.analyst.decided("scheduling", f"/shows/{show.show_id}/end", f"/shows/{show.show_id}")
        ended = await show.fact("entitlement", "entitlement.coverage_ended.v1", within_s=60)
        told(f"at {ended['recorded_at'][11:19]}")
    with show.story.step("The hours used are on the entitlement, the rest of the day is forfeited") as told:
        hours: dict[str, Any] = (await until("the settlement", lambda: _settled(show)))["hours"]
        accounts = (hours["available_ms"], hours["reserved_ms"], hours["consumed_ms"], hours["forfeited_ms"])
        expect(sum(accounts) == hours["granted_ms"] == 540 * 60_000, "every millisecond is accounted for", hours)
        expect(hours["consumed_ms"] > 0, "hours were consumed", hours)
        told(f"consumed {hours['consumed_ms'] / 1000:.1f} s, forfeited {hours['forfeited_ms'] / 60_000:.1f} min of 540")


async def _settled(show: Show) -> dict[str, Any] | None:
    found = await buying.card(show)
    return found if found["situation"] == "SETTLED" else None

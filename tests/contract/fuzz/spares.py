"""Resources made for one operation alone: what ends something, or needs a state the played shows are not in.

`Stock.pinned` says which resource an operation meets first; a preparation that is refused fails the run.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from regie.demo.acts import live as acts
from regie.demo.acts import planning
from regie.demo.client import until
from regie.demo.context import Show
from tests.contract.fuzz.seeds import Stock
from tests.support.early import order

Pinned = dict[str, dict[str, str]]
Played = tuple[Show, dict[str, str]]


async def pin(stock: Stock, live: Played, planned: Played, finished: Played, doomed: Played, armed: Played) -> None:
    """Give each ending or demanding operation what it meets first."""
    show, bought = finished
    made = await asyncio.gather(
        spare_entitlements(show, bought),
        spare_shows(show, bought, stock),
        spare_media(show, armed[0], doomed[0]),
        on_stage(stock, live[0], doomed[0], armed[0], planned[0]),
        crewed(stock, live[0], planned[0], armed[0], doomed[0], show),
    )
    stock.pinned = {name: path for each in made for name, path in each.items()}
    worked = datetime.now(UTC) - timedelta(seconds=40)
    stock.fits("logWork", duty="D1", started_at=worked.isoformat(), of_seat=True)
    stock.fits("logWork", ended_at=(worked + timedelta(seconds=20)).isoformat())
    stock.fits("correctConsumption", source="available", target="consumed", moved_ms=[1, 60_000])
    stock.fits(doomed[0].stage_id, session_id=doomed[0].session_id)
    stock.fits(armed[0].stage_id, session_id=armed[0].session_id)


async def on_stage(stock: Stock, live: Show, doomed: Show, armed: Show, planned: Show) -> Pinned:
    """Stages in the situation an operation asks for; the live one has a speaker on stage and a flag in its chat."""
    first = live.speakers[0]
    await acts.on_stage(live, first)
    stock.fits("previewScene", layout="full", sources=[[{"kind": "presenter", "id": first}]])
    stock.fits("showOverlay", kind="lower_third", text="Camille Régis")
    stock.fits("startNextSession", session_id=live.sessions[1]["session_id"])
    await live.analyst.post("stage", live.stage("/chat-watch"), {"channels": ["speaker", "moderator"]})
    flag = {"channel": "speaker", "text": "Louder, please", "author": "a speaker"}
    made = await live.analyst.post("stage", live.stage("/chat-flags"), flag)
    stage = await live.sre.get("stage", live.stage(""))
    cues = [cue["cue_id"] for cue in stage["cues"]]
    on_air, off_air, on_air_soon = ({"stage_id": each.stage_id} for each in (live, doomed, armed))
    next_cue, last_cue = {**on_air, "cue_id": cues[0]}, {**on_air, "cue_id": cues[-1]}
    live_only = ("startNextSession", "previewScene", "take", "showOverlay", "setBackground", "flagMessage", "cueClip")
    overlay = await acts.show_overlay(live, "On top")  # on layer 1; generated ones go to others
    stock.fits("showOverlay", layer=[2, 3])
    await _delegate_close(live)
    await live.analyst.post("stage", live.stage("/session-close"), {"lease": live.lease, "session_id": live.session_id})
    await live.fact("stage", "stage.session_ended.v1")
    stock.fits("forgetPerson", subject_id=[made["id"], live.analyst_id])
    return {
        **dict.fromkeys(("emergencyCut", "endStream"), off_air),
        **dict.fromkeys((*live_only, "recordAttendeeViewCheck"), on_air),
        "bringOnStage": {**on_air_soon, "presenter_id": armed.speakers[1]},
        "takeOffStage": {**on_air, "presenter_id": first},
        "recordTechCheck": {"stage_id": armed.stage_id, "presenter_id": armed.speakers[0]},
        **dict.fromkeys(("takeCue", "holdCue"), next_cue),
        **dict.fromkeys(("jumpToCue", "skipCue"), last_cue),
        "acknowledgeFlag": {**on_air, "flag_id": made["id"]},
        "hideOverlay": {**on_air, "overlay_id": overlay},
        **dict.fromkeys(("goLive", "closeSession"), on_air_soon),
        "armSession": {"stage_id": planned.stage_id},
    }


async def crewed(stock: Stock, live: Show, planned: Show, armed: Show, doomed: Show, off_air: Show) -> Pinned:
    """People and their preparation: another analyst to hand over to, trainings, slots, proposals; a show to be ended."""
    await _delegate_close(armed)
    joined = await live.supervisor.post("scheduling", "/team/analysts", {"name": "Another"})
    stock.fits("handOver", analyst_id=joined["id"])
    for speaker in armed.speakers[:2]:
        await armed.customer.post("scheduling", f"/shows/{armed.show_id}/speakers/{speaker}/invitation-confirmed")
    await _start_prep(armed, armed.speakers[0])
    session = (await live.sre.get("scheduling", f"/shows/{live.show_id}/run-of-show"))["stages"][0]["sessions"][-1]
    times = {name: session[name] for name in ("starts_at", "ends_at")}
    proposal = {"session_id": session["session_id"], "reason": "for a breath", **times}
    changes = [await live.analyst.post("scheduling", f"/shows/{live.show_id}/proposals", proposal) for _ in range(2)]
    return {
        "handOver": {"show_id": armed.show_id, "seat_id": armed.seat_id},
        "checkOut": {"show_id": planned.show_id, "seat_id": planned.seat_id},
        "completeSpeakerPrep": _slot(armed, armed.speakers[0]),
        **dict.fromkeys(("missSpeakerPrep", "startSpeakerPrep"), _slot(armed, armed.speakers[1])),
        "acceptChange": {"show_id": live.show_id, "change_id": changes[0]["id"]},
        "rejectChange": {"show_id": live.show_id, "change_id": changes[1]["id"]},
        "endShow": {"show_id": off_air.show_id},
        "completeTraining": await _training(doomed),
        **dict.fromkeys(("scheduleTraining", "waiveTraining"), await _training(planned)),
    }


def _slot(show: Show, speaker: str) -> dict[str, str]:
    return {"show_id": show.show_id, "session_id": show.session_id, "speaker_id": speaker}


async def _start_prep(show: Show, speaker: str) -> None:
    path = "/shows/{show_id}/prep-slots/{session_id}/{speaker_id}/start".format(**_slot(show, speaker))
    await show.analyst.post("scheduling", path)


async def _training(show: Show) -> dict[str, str]:
    pairs = (await show.sre.get("scheduling", f"/shows/{show.show_id}/back-to-back"))["pairs"]
    return {"show_id": show.show_id, "training_id": pairs[0]["training_id"]}


async def _delegate_close(show: Show) -> None:
    """The customer's team, as which we ask, may close the first session once it is trained."""
    path = "/shows/{show_id}/trainings/{training_id}/complete".format(**await _training(show))
    await show.analyst.post("scheduling", path)
    await show.fact("stage", "stage.close_delegated.v1")


async def spare_media(show: Show, armed: Show, doomed: Show) -> Pinned:
    """A film to take off demand, a recording to lock away, a file nobody has approved."""
    logo = show.folder / "logo.png"
    found = await doomed.sre.get("media", "/recordings", show_id=doomed.show_id)
    return {
        "retractVod": {"vod_id": await second_film(show)},
        "quarantineRecording": {"recording_id": found["items"][0]["recording_id"]},
        "optOutOfVod": {"show_id": armed.show_id},
        "rejectAsset": {"asset_id": await planning._deliver(show, "background", logo)},
        "shareAsset": {"asset_id": await planning._deliver(show, "clip", show.folder / "clip.mp4")},
        "findInRecording": {"recording_id": show.recording_id},
        "downloadSegment": {"recording_id": show.recording_id},
    }


async def spare_entitlements(show: Show, bought: dict[str, str]) -> Pinned:
    """An entitlement of its own for each operation that changes what the others need."""
    made = {name: await _entitlement(show, bought) for name in _ENTITLEMENT_OPERATIONS}
    await _reserve(show, made["releaseReservation"], starts_in_h=30)
    await show.supervisor.post(
        "entitlement", f"/entitlements/{made['reinstateEntitlement']}/suspend", {"reason": "to be lifted"}
    )
    package = str(uuid4())
    await show.integrator.post("entitlement", "/customers/me/base-packages", {"package_id": package})
    pinned = {name: {"entitlement_id": ident} for name, ident in made.items()}
    return {**pinned, "lapseBasePackage": {"package_id": package}}


_ENTITLEMENT_OPERATIONS = (
    "reserveCoverage",
    "revokeEntitlement",
    "suspendEntitlement",
    "reinstateEntitlement",
    "releaseReservation",
    "authoriseOvertime",
    "logWork",
    "correctConsumption",
)


async def _entitlement(show: Show, bought: dict[str, str]) -> str:
    wanted = order(bought["terms_version"], bought["base_package_id"])
    made = await show.integrator.post("entitlement", "/entitlements", wanted)
    return str(made["id"])


async def _reserve(show: Show, ident: str, starts_in_h: float) -> None:
    starts = datetime.now(UTC) + timedelta(hours=starts_in_h)
    body = {"show_id": str(uuid4()), "starts_at": starts.isoformat()}
    ends = {"ends_at": (starts + timedelta(minutes=30)).isoformat()}
    await show.integrator.post("entitlement", f"/entitlements/{ident}/reservations", {**body, **ends})


async def spare_shows(show: Show, bought: dict[str, str], stock: Any) -> Pinned:
    """Shows in the states that planning needs: drafted, published, confirmed for a day that is not today."""
    made = {name: await _show(show) for name in ("publishRundown", "importRunOfShow", "confirmShow", *_CONFIRMED)}
    for name in ("confirmShow", *_CONFIRMED):
        await show.integrator.post("scheduling", f"/shows/{made[name]}/rundown/publish")
    stock.fits(made["confirmShow"], entitlement_id=await _entitlement(show, bought))
    for name in _CONFIRMED:
        body = {"entitlement_id": await _entitlement(show, bought)}
        await show.integrator.post("scheduling", f"/shows/{made[name]}/confirm", body)
        await until("it is confirmed", lambda name=name: _confirmed(show, made[name]))  # type: ignore[misc]
    tomorrow = datetime.now(UTC) + timedelta(hours=26)
    stock.fits(made["retimeShow"], starts_at=tomorrow.isoformat())
    stage = (await show.customer.get("scheduling", f"/shows/{show.show_id}/run-of-show"))["stages"][0]
    stock.fits("importRunOfShow", day=1, stage=stage["name"], first=1, starts_at=tomorrow.isoformat())
    seat = await until("the seat", lambda: _seat(show, made["assignAnalyst"]))
    joined = await show.supervisor.post("scheduling", "/team/analysts", {"name": "Free tomorrow"})
    stock.fits("assignAnalyst", analyst_id=joined["id"], mode="remote")
    pinned = {name: {"show_id": ident} for name, ident in made.items()}
    pinned["planSession"] = {"show_id": made["publishRundown"]}
    planned = (await show.customer.get("scheduling", f"/shows/{made['confirmShow']}/run-of-show"))["stages"][0]
    session = planned["sessions"][0]["session_id"]
    pinned["retimeSession"] = {"show_id": made["confirmShow"], "session_id": session}
    return {**pinned, "assignAnalyst": {"show_id": made["assignAnalyst"], "seat_id": seat}}


_CONFIRMED = ("abandonShow", "cancelShow", "retimeShow", "assignAnalyst")


async def _seat(show: Show, ident: str) -> str | None:
    found = await show.customer.get("scheduling", f"/shows/{ident}/crew")
    return found["seats"][0]["seat_id"] if found["seats"] else None


async def _show(show: Show) -> str:
    made = await show.integrator.post("scheduling", "/shows", {"title": "A spare", "zone": "Europe/Paris"})
    starts = datetime.now(UTC) + timedelta(hours=25)
    await show.integrator.command(
        "scheduling",
        "POST",
        f"/shows/{made['id']}/run-of-show/import",
        params={"first": 1, "starts_at": starts.isoformat()},
        **planning._file(show, show.schedule.read_bytes()),
    )
    return str(made["id"])


async def _confirmed(show: Show, ident: str) -> bool:
    found = await show.customer.get("scheduling", f"/shows/{ident}")
    return bool(found["state"] == "CONFIRMED")


async def second_film(show: Show) -> str:
    """Another film on demand of a show that has one: to be taken off again."""
    body = {"title": "Another", "trim": {"start_s": 0.0, "end_s": 1.0}}
    edit = await show.analyst.post("media", f"/recordings/{show.recording_id}/edits", body)
    await show.fact("media", "media.edit_rendered.v1", within_s=60, edit_id=edit["id"])
    vod = await show.analyst.post("media", f"/edits/{edit['id']}/vod")
    await show.fact("media", "media.vod_upload_completed.v1", within_s=60, vod_id=vod["id"])
    return str(vod["id"])

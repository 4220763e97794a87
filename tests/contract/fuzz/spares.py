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
        crewed(stock, live[0], planned[0], armed[0], doomed[0]),
    )
    stock.pinned = {name: path for each in made for name, path in each.items()}
    stock.pinned["logWork"] = {"entitlement_id": live[0].entitlement_id}
    stock.fits(doomed[0].stage_id, session_id=doomed[0].session_id)
    stock.fits(armed[0].stage_id, session_id=armed[0].session_id)


async def on_stage(stock: Stock, live: Show, doomed: Show, armed: Show, planned: Show) -> Pinned:
    """Stages in the situation an operation asks for; the live one has a speaker on stage and a flag in its chat."""
    first, second = live.speakers[:2]
    await acts.on_stage(live, first)
    stock.fits("previewScene", layout="full", sources=[[{"kind": "presenter", "id": first}]])
    stock.fits("showOverlay", kind="lower_third", text="Camille Régis")
    stock.fits("startNextSession", session_id=live.sessions[1]["session_id"])
    await live.analyst.post("stage", live.stage("/chat-watch"), {"channels": ["speaker", "moderator"]})
    flag = {"channel": "speaker", "text": "Louder, please", "author": "a speaker"}
    made = await live.analyst.post("stage", live.stage("/chat-flags"), flag)
    stage = await live.sre.get("stage", live.stage(""))
    cues, on_air, off_air = (
        [cue["cue_id"] for cue in stage["cues"]],
        {"stage_id": live.stage_id},
        {"stage_id": doomed.stage_id},
    )
    next_cue, last_cue = {**on_air, "cue_id": cues[0]}, {**on_air, "cue_id": cues[-1]}
    live_only = ("startNextSession", "previewScene", "take", "showOverlay", "setBackground", "flagMessage", "cueClip")
    return {
        **dict.fromkeys(("emergencyCut", "endStream", "closeSession"), off_air),
        **dict.fromkeys((*live_only, "recordAttendeeViewCheck"), on_air),
        "bringOnStage": {**on_air, "presenter_id": second},
        "takeOffStage": {**on_air, "presenter_id": first},
        "recordTechCheck": {"stage_id": armed.stage_id, "presenter_id": armed.speakers[0]},
        **dict.fromkeys(("takeCue", "holdCue"), next_cue),
        **dict.fromkeys(("jumpToCue", "skipCue"), last_cue),
        "acknowledgeFlag": {**on_air, "flag_id": made["id"]},
        "goLive": {"stage_id": armed.stage_id},
        "armSession": {"stage_id": planned.stage_id},
    }


async def crewed(stock: Stock, live: Show, planned: Show, armed: Show, doomed: Show) -> Pinned:
    """People and their preparation: another analyst to hand over to, trainings, slots, a proposal."""
    training = await _training(doomed)
    await doomed.analyst.post("scheduling", "/shows/{show_id}/trainings/{training_id}/complete".format(**training))
    joined = await live.supervisor.post("scheduling", "/team/analysts", {"name": "Another"})
    stock.fits("handOver", analyst_id=joined["id"])
    slot = {"show_id": planned.show_id, "session_id": planned.session_id, "speaker_id": planned.speakers[0]}
    return {
        "handOver": {"show_id": live.show_id, "seat_id": live.seat_id},
        "checkOut": {"show_id": planned.show_id, "seat_id": planned.seat_id},
        **dict.fromkeys(("startSpeakerPrep", "completeSpeakerPrep"), slot),
        "missSpeakerPrep": {**slot, "speaker_id": planned.speakers[1]},
        "endShow": {"show_id": doomed.show_id},
        "cancelShow": {"show_id": armed.show_id},
        "completeTraining": await _training(live),
        "scheduleTraining": await _training(planned),
        "waiveTraining": await _training(armed),
    }


async def _training(show: Show) -> dict[str, str]:
    pairs = (await show.sre.get("scheduling", f"/shows/{show.show_id}/back-to-back"))["pairs"]
    return {"show_id": show.show_id, "training_id": pairs[0]["training_id"]}


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
)


async def _entitlement(show: Show, bought: dict[str, str]) -> str:
    order = {"order_ref": f"spare-{uuid4().hex[:8]}", "zone": "Europe/Paris"}
    terms = {"terms_version": bought["terms_version"], "base_package_id": bought["base_package_id"]}
    made = await show.integrator.post("entitlement", "/entitlements", {**order, **terms})
    return str(made["id"])


async def _reserve(show: Show, ident: str, starts_in_h: float) -> None:
    starts = datetime.now(UTC) + timedelta(hours=starts_in_h)
    body = {"show_id": str(uuid4()), "starts_at": starts.isoformat()}
    ends = {"ends_at": (starts + timedelta(minutes=30)).isoformat()}
    await show.integrator.post("entitlement", f"/entitlements/{ident}/reservations", {**body, **ends})


async def spare_shows(show: Show, bought: dict[str, str], stock: Any) -> Pinned:
    """Shows in the states that planning needs: drafted, published, confirmed for a day that is not today."""
    made = {
        name: await _show(show)
        for name in ("publishRundown", "importRunOfShow", "confirmShow", "abandonShow", "retimeShow")
    }
    for name in ("confirmShow", "abandonShow", "retimeShow"):
        await show.integrator.post("scheduling", f"/shows/{made[name]}/rundown/publish")
    stock.fits(made["confirmShow"], entitlement_id=await _entitlement(show, bought))
    for name in ("abandonShow", "retimeShow"):
        body = {"entitlement_id": await _entitlement(show, bought)}
        await show.integrator.post("scheduling", f"/shows/{made[name]}/confirm", body)
        await until("it is confirmed", lambda name=name: _confirmed(show, made[name]))  # type: ignore[misc]
    tomorrow = datetime.now(UTC) + timedelta(hours=26)
    stock.fits(made["retimeShow"], starts_at=tomorrow.isoformat())
    return {name: {"show_id": ident} for name, ident in made.items()}


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

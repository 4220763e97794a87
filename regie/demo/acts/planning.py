"""Second act, planning: a conference schedule becomes a run-of-show, hours are reserved, an analyst is assigned."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from regie.demo import pictures
from regie.demo.client import StepFailed, expect, until
from regie.demo.context import Show

LEAD_S = 60
"""From the import to the show's start; coverage opens `SHORT["margin_before_s"]` before it."""
MEDIA_TYPES = {".xml": "application/xml", ".json": "application/json"}


async def plan(show: Show) -> None:
    path = show.schedule
    with show.story.step("A malformed schedule is refused by line and rule, nothing is imported") as told:
        made = await show.integrator.post("scheduling", "/shows", {"title": path.stem, "zone": "Europe/Paris"})
        show.show_id = made["id"]
        broken = path.read_bytes()[: len(path.read_bytes()) // 2]
        problem = await show.integrator.refused("scheduling", "POST", _import(show), **_file(show, broken))
        expect(problem["code"] == "RUNDOWN_INVALID", "the refusal is RUNDOWN_INVALID", problem)
        first = problem["errors"][0]
        told(f"{problem['status']} line {first['line']}: {first['rule']}")
    with show.story.step(f"{path.name} is imported as the run-of-show") as told:
        report = await _choose(show)
        told(
            f"“{report['source_title']}”: {report['sessions']} sessions, {report['speakers']} speakers, {report['coverage']['verdict']}"
        )
    with show.story.step("It is published") as told:
        await show.integrator.post("scheduling", f"/shows/{show.show_id}/rundown/publish")
        await show.fact("scheduling", "scheduling.rundown_published.v1")
        found = await show.customer.get("scheduling", f"/shows/{show.show_id}/run-of-show")
        stage = found["stages"][0]
        show.stage_id, show.sessions = stage["stage_id"], [_session(each) for each in stage["sessions"]]
        show.starts_at = datetime.fromisoformat(found["stages"][0]["sessions"][0]["starts_at"])
        told(f"version {found['rundown_version']}, stage “{stage['name']}”, {len(stage['cues'])} cues")
    with show.story.step("Hours are reserved for it, across services") as told:
        body = {"entitlement_id": show.entitlement_id}
        await show.integrator.post("scheduling", f"/shows/{show.show_id}/confirm", body)
        reserved = (await show.fact("entitlement", "entitlement.coverage_reserved.v1"))["data"]
        await show.fact("scheduling", "scheduling.show_confirmed.v1")
        opens = datetime.fromisoformat(reserved["opens_at"])
        expect(
            show.starts_at - opens == timedelta(seconds=reserved["margin_before_s"]),
            "coverage opens the margin before the show",
        )
        told(f"{reserved['reserved_ms'] / 60_000:.1f} min, opens {reserved['margin_before_s']} s before the start")


async def _choose(show: Show) -> Any:
    """The whole file where one seat covers it in one day; otherwise the part of it that the customer buys a day for."""
    report = await _imported(show)
    if _fits(report):
        return report
    for day in ("1", "2", "3"):
        for stage in report["stages"]:
            for first in (8, 4, 2, 1):
                part = await _imported(show, day=day, stage=stage["name"], first=first)
                if part is not None and _fits(part):
                    return part
    raise StepFailed("no part of this schedule fits one seat and one day")


async def _imported(show: Show, **selection: Any) -> Any:
    starts_at = datetime.now(UTC) + timedelta(seconds=LEAD_S)
    try:
        return await show.integrator.command(
            "scheduling",
            "POST",
            _import(show),
            params={**selection, "starts_at": starts_at.isoformat()},
            **_file(show, show.schedule.read_bytes()),
        )
    except StepFailed:
        if not selection:
            raise
        return None  # this day has nothing on this stage


def _fits(report: dict[str, Any]) -> bool:
    one_stage = len(report["stages"]) == 1
    return one_stage and report["coverage"]["verdict"] == "covered" and not report["findings"]["problems"]


def _import(show: Show) -> str:
    return f"/shows/{show.show_id}/run-of-show/import"


def _file(show: Show, data: bytes) -> dict[str, Any]:
    return {
        "content": data,
        "headers": {"Content-Type": MEDIA_TYPES.get(show.schedule.suffix, "application/octet-stream")},
    }


def _session(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "speaker_ids": [speaker["speaker_id"] for speaker in found["speakers"]]}


async def staff(show: Show) -> None:
    with show.story.step("An analyst of the team is assigned, remotely") as told:
        analyst = {"analyst_id": str(uuid4()), "name": "Camille Régis"}
        await show.supervisor.post("scheduling", "/team/analysts", analyst)
        crew = await until("the seat", lambda: _crew(show))
        show.analyst_id, show.seat_id = analyst["analyst_id"], crew["seat_id"]
        seat = f"/shows/{show.show_id}/seats/{show.seat_id}"
        problem = await show.analyst.refused(
            "scheduling", "POST", f"{seat}/assign", json={"analyst_id": show.analyst_id, "mode": "on_site"}
        )
        expect((problem["status"], problem["code"]) == (422, "REMOTE_ONLY"), "only remote is sold", problem)
        await show.analyst.post("scheduling", f"{seat}/assign", {"analyst_id": show.analyst_id, "mode": "remote"})
        await show.fact("scheduling", "scheduling.analyst_assigned.v1")
        told(f"{analyst['name']} on seat {show.seat_id[:8]}; on site is refused with {problem['code']}")
    with show.story.step("The customer delivers logo and clip; the presenter shares the clip") as told:
        files = {
            "logo": await pictures.logo(show.folder / "logo.png"),
            "clip": await pictures.clip(show.folder / "clip.mp4", 3),
        }
        for kind, file in files.items():
            show.assets[kind] = await _deliver(show, kind, file)
        await show.integrator.post("media", f"/assets/{show.assets['clip']}/share", {"presenter_id": show.speakers[0]})
        for asset in show.assets.values():
            await show.analyst.post("media", f"/assets/{asset}/approve")
        await show.fact("stage", "stage.asset_admitted.v1")
        told(", ".join(f"{kind} {file.stat().st_size} bytes" for kind, file in files.items()))


async def _deliver(show: Show, kind: str, file: Any) -> str:
    made = await show.customer.post("media", "/assets", {"show_id": show.show_id, "kind": kind, "name": file.name})
    media_type = {".png": "image/png", ".mp4": "video/mp4"}[file.suffix]
    await show.customer.command(
        "media", "PUT", f"/assets/{made['id']}/content", content=file.read_bytes(), headers={"Content-Type": media_type}
    )
    return str(made["id"])


async def _crew(show: Show) -> dict[str, Any] | None:
    found = await show.customer.get("scheduling", f"/shows/{show.show_id}/crew")
    return found["seats"][0] if found["seats"] else None


async def coverage_opens(show: Show) -> None:
    with show.story.step("Before the window opens, duties are refused") as told:
        problem = await show.analyst.refused(
            "stage", "POST", show.stage("/arming"), json={"lease": 1, "session_id": show.session_id}
        )
        expect(problem["status"] in (403, 409), "nothing can be armed yet", problem)
        told(f"{problem['status']} {problem['code']}")
    with show.story.step("Coverage opens by its own clock; the analyst checks in") as told:
        opened = await show.fact("entitlement", "entitlement.coverage_window_opened.v1", within_s=90)
        seat = f"/shows/{show.show_id}/seats/{show.seat_id}"
        await show.analyst.post("scheduling", f"{seat}/check-in", {"analyst_id": show.analyst_id})
        await show.fact("entitlement", "entitlement.coverage_started.v1")
        late = datetime.fromisoformat(opened["recorded_at"]) - datetime.fromisoformat(opened["data"]["opens_at"])
        await until("the stage knows", lambda: _stage_open(show))
        told(f"{late.total_seconds():.2f} s after the minute it was due; the meter runs")


async def _stage_open(show: Show) -> bool:
    found = await show.analyst.get("stage", show.stage(""))
    return bool(found["coverage"] and found["coverage"]["status"] == "open" and found["analysts"])


async def prepare_speakers(show: Show) -> None:
    """The 15 minutes (here: seconds) before the session belong to its speakers."""
    session = show.session_id
    for number, speaker in enumerate(show.speakers[:2], start=1):
        with show.story.step(f"Speaker {number}: the customer invited them, the analyst prepares them") as told:
            path = f"/shows/{show.show_id}/speakers/{speaker}/invitation-confirmed"
            await show.customer.post("scheduling", path)
            slot = f"/shows/{show.show_id}/prep-slots/{session}/{speaker}"
            await until("the prep slot opens", lambda: _slot_open(show), 60)
            await show.analyst.post("scheduling", f"{slot}/start")
            await show.analyst.post("scheduling", f"{slot}/complete", {"screen_share_rehearsed": True})
            await show.fact("scheduling", "scheduling.speaker_prep_completed.v1", speaker_id=speaker)
            told("prepared within the slot")


async def _slot_open(show: Show) -> bool:
    board = await show.analyst.get("scheduling", f"/shows/{show.show_id}/prep-board")
    return any(slot["session_id"] == show.session_id and slot["opened"] for slot in board["slots"])


async def time_check(show: Show) -> None:
    with show.story.step("A speaker asks how long they have, and is told") as told:
        path = f"/shows/{show.show_id}/sessions/{show.session_id}/time-checks"
        asked = await show.analyst.post("scheduling", path)
        await show.analyst.post("scheduling", f"{path}/{asked['id']}/answer")
        given = await show.fact("scheduling", "scheduling.time_check_given.v1")
        told(
            f"{given['data']['remaining_s'] // 60} min {given['data']['remaining_s'] % 60} s left ({given['data']['basis']})"
        )

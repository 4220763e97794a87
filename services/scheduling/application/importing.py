"""From a schedule file to the draft of a run of show, and the report of what the file holds. Names are sealed here."""

import asyncio
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID

import msgspec

from chassis.handle import Do, Outcome
from chassis.service import House
from contracts.envelope import Sealed
from contracts.scheduling import Cue, Session, SessionKind, Speaker, Stage
from services.scheduling import commands as c
from services.scheduling.application.request import SPEAKER_NAME, Request, names, open_show, run_of, show_of
from services.scheduling.domain.ids import session_id_of, speaker_id_of, stage_id_of
from services.scheduling.domain.plan import Plan, plan_of, problems, usual_cues
from services.scheduling.domain.retiming import timing_terms
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.situations import Exists, WithHours
from services.scheduling.schedules import Problem, Schedule, read_schedule, rebase, select
from services.scheduling.timing import (
    TERMS,
    BackToBack,
    Covered,
    Partial,
    PrepConflict,
    SeatParallel,
    Split,
    Terms,
    Verdict,
    Window,
    back_to_back,
    parallel_sessions,
    prep_conflicts,
    verdict,
)

LISTED: Final = 100
"""How many findings of a kind a report spells out; the counts tell of all."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What to take of a file: a conference day, stages by name, the first so many sessions, and a new start."""

    day: date | int | None = None
    stages: list[str] | None = None
    first: int | None = None
    starts_at: datetime | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong, or read liberally: where, and which rule. `line` counts from 1, null where there is none."""

    line: int | None
    field: str
    rule: str


def _faults(found: Iterable[Problem]) -> tuple[Fault, ...]:
    return tuple(Fault(line=it.line, field=it.field, rule=it.rule) for it in found)


class ImportedStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage and how many items it has."""

    stage_id: UUID
    name: str
    sessions: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the hours of add-ons cover the show, by the terms known now. A hint; reserving decides.

    `left_min` is what one seat has left for preparation and editing. `seats` is how many seats in sequence cover a show
    that one cannot; null where no cut between sessions makes the parts short enough. Source: duties.md Q5.
    """

    verdict: Annotated[str, msgspec.Meta(description="covered, split or partial; expect others.")]
    window: Window
    needed_min: int
    limit_min: int
    left_min: int | None = None
    seats: int | None = None
    seat_windows: tuple[Window, ...] = ()
    earliest: Window | None = None
    latest: Window | None = None


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan means for the crew. At most 100 of each are listed; `counts` tells of all.

    `problems` keep it from being published; the others are warnings (`PREP_CONFLICT`, `SEAT_PARALLEL`).
    """

    problems: tuple[Fault, ...]
    back_to_back: tuple[BackToBack, ...]
    prep_conflicts: tuple[PrepConflict, ...]
    parallel_sessions: tuple[SeatParallel, ...]
    counts: dict[str, int]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file. The draft is not in force before it is published."""

    show_id: UUID
    version: int
    position: int
    source_title: str
    source_version: str
    zone: str
    sha256: str
    starts_at: datetime
    ends_at: datetime
    sessions: int
    speakers: int
    stages: tuple[ImportedStage, ...]
    warnings: tuple[Fault, ...]
    coverage: Judged
    findings: Findings


async def import_run_of_show(
    house: House, request: Request, show_id: UUID, body: bytes, content_type: str, wanted: Selection
) -> tuple[Outcome, ImportReport]:
    """One append, or none: a file with a fault changes nothing. Raises ScheduleInvalid with every fault."""
    show, _ = await show_of(house, request, show_id)
    schedule = await asyncio.to_thread(_read, body, show.about.zone, content_type, wanted)
    plan = await _planned(house, request, show_id, schedule)
    digest = sha256(body).hexdigest()
    command = c.ImportRunOfShow(
        at=request.at,
        show_id=show_id,
        stages=plan.stages,
        sessions=plan.sessions,
        cues=plan.cues,
        speakers=plan.speakers,
        source_title=schedule.title,
        source_version=schedule.version,
        sha256=digest,
    )
    dos = [Do(decider=RUNDOWN, ident=show_id, command=command), open_show(request, show_id)]
    outcome = await request.run(house, dos)
    report = await asyncio.to_thread(_report, show_id, show, schedule, plan, digest, outcome)
    return outcome, report


def _read(body: bytes, zone: str, content_type: str, wanted: Selection) -> Schedule:
    schedule = read_schedule(body, zone=zone, content_type=content_type)
    if wanted.day is not None or wanted.stages or wanted.first is not None:
        schedule = select(schedule, day=wanted.day, stages=wanted.stages or None, first=wanted.first)
    return schedule if wanted.starts_at is None else rebase(schedule, wanted.starts_at)


async def _planned(house: House, request: Request, show_id: UUID, schedule: Schedule) -> Plan:
    """The plan a schedule stands for; ids follow from the show's and the file's, so a repeat gives the same."""
    speakers = await _sealed(house, request, show_id, schedule)
    sessions = [
        Session(
            session_id=session_id_of(show_id, it.id),
            stage_id=stage_id_of(show_id, it.stage),
            title=it.title,
            starts_at=it.starts_at,
            ends_at=it.ends_at,
            kind=SessionKind(it.kind.value),
            do_not_record=it.do_not_record,
            do_not_stream=it.do_not_stream,
            speaker_ids=tuple(speaker_id_of(show_id, one.source_id) for one in it.speakers),
            track=it.track,
            language=it.language,
            source_id=it.source_id,
        )
        for it in schedule.sessions
    ]
    stages = [Stage(stage_id=stage_id_of(show_id, name), name=name) for name in schedule.stages]
    cues: list[Cue] = usual_cues(sessions)
    return plan_of(stages, sessions, cues, speakers)


async def _sealed(house: House, request: Request, show_id: UUID, schedule: Schedule) -> list[Speaker]:
    """A name that has not changed keeps its box, so that the same file gives the same plan."""
    wanted = {
        speaker_id_of(show_id, one.source_id): one.name for session in schedule.sessions for one in session.speakers
    }
    run, _ = await run_of(house, request.tenant, show_id)
    known: dict[UUID, Sealed] = {one.speaker_id: one.name for one in (*run.plan.speakers, *run.latest.speakers)}
    before = await names(house, request.tenant, (box for ident, box in known.items() if ident in wanted), SPEAKER_NAME)

    async def seal(ident: UUID, name: str) -> Speaker:
        if before.get(str(ident)) == name:
            return Speaker(speaker_id=ident, name=known[ident])
        return Speaker(speaker_id=ident, name=await house.sealed.seal(request.tenant, str(ident), SPEAKER_NAME, name))

    return list(await asyncio.gather(*(seal(ident, name) for ident, name in wanted.items())))


def _report(show_id: UUID, show: Exists, schedule: Schedule, plan: Plan, digest: str, outcome: Outcome) -> ImportReport:
    counted = {stage.stage_id: 0 for stage in plan.stages}
    for session in plan.sessions:
        counted[session.stage_id] += 1
    return ImportReport(
        show_id=show_id,
        version=outcome.version,
        position=outcome.position,
        source_title=schedule.title,
        source_version=schedule.version,
        zone=schedule.zone,
        sha256=digest,
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        sessions=len(plan.sessions),
        speakers=len(plan.speakers),
        stages=tuple(
            ImportedStage(stage_id=it.stage_id, name=it.name, sessions=counted[it.stage_id]) for it in plan.stages
        ),
        warnings=_faults(schedule.warnings),
        coverage=judged(plan, show),
        findings=findings(plan, terms_of(show)),
    )


def terms_of(show: Exists) -> Terms:
    """The terms its hours were reserved under, else those of the service description."""
    if not isinstance(show, WithHours):
        return TERMS
    terms = show.hours.terms
    return msgspec.structs.replace(timing_terms(terms), margin_min=-(-terms.margin_before_s // 60))


def judged(plan: Plan, show: Exists) -> Judged:
    times = plan.times
    assert times is not None, "an import without sessions is refused by the reader"
    return _judged(verdict(*times, terms_of(show), sessions=plan.slots()))


def _judged(found: Verdict) -> Judged:
    split = found.split if isinstance(found, Partial) else found if isinstance(found, Split) else None
    windows = split.windows if split is not None else ()
    match found:
        case Covered():
            return Judged(
                verdict="covered",
                window=found.window,
                needed_min=found.needed_min,
                limit_min=found.limit_min,
                left_min=found.left_min,
                seats=1,
            )
        case Partial():
            return Judged(
                verdict="partial",
                window=found.window,
                needed_min=found.needed_min,
                limit_min=found.limit_min,
                seats=len(windows) or None,
                seat_windows=windows,
                earliest=found.earliest,
                latest=found.latest,
            )
        case Split():
            whole = Window(opens_at=windows[0].opens_at, closes_at=windows[-1].closes_at)
            return Judged(
                verdict="split",
                window=whole,
                needed_min=found.needed_min,
                limit_min=found.limit_min,
                seats=found.seats,
                seat_windows=windows,
            )


def findings(plan: Plan, terms: Terms) -> Findings:
    slots = [slot for slot in plan.slots() if slot.starts_at < slot.ends_at]
    wrong, close = problems(plan), back_to_back(slots, terms)
    prep, parallel = prep_conflicts(slots, terms), parallel_sessions(slots)
    return Findings(
        problems=_faults(wrong[:LISTED]),
        back_to_back=tuple(close[:LISTED]),
        prep_conflicts=tuple(prep[:LISTED]),
        parallel_sessions=tuple(parallel[:LISTED]),
        counts={
            "problems": len(wrong),
            "back_to_back": len(close),
            "prep_conflicts": len(prep),
            "parallel_sessions": len(parallel),
        },
    )

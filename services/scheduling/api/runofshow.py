"""The run of show: imported from a file, shown with its day so far, published; and what one overrun would do."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request as HttpRequest
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter, RawBody

from chassis.http import Answer, AsOf, Caller, Versioned, etag, receipt, refuses, versioned
from chassis.service import House
from contracts.problems import Invalid, NotFound, WrongState
from contracts.scheduling import CoverageTerms
from services.scheduling.api.common import READ, REQUEST, WRITE
from services.scheduling.api.examples import SCHEDULES
from services.scheduling.application import planning_shows
from services.scheduling.application.importing import (
    Findings,
    ImportReport,
    Selection,
    findings,
    import_run_of_show,
    terms_of,
)
from services.scheduling.application.preparing import session_in
from services.scheduling.application.request import SPEAKER_NAME, Request, names, run_of
from services.scheduling.domain.plan import Plan
from services.scheduling.domain.refusals import RundownNotPublished, SessionAlreadyLive, SessionFinished, ShowOver
from services.scheduling.domain.retiming import KnockOn, knock_on
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import Absent, Exists, WithHours
from services.scheduling.schedules import ScheduleInvalid
from services.scheduling.schedules.read import LARGEST

TAGS: Final = ["Run of show"]
ACCEPTS: Final = ("application/xml", "text/xml", "application/json", "text/plain", "application/octet-stream")

Day = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^(\d{1,3}|\d{4}-\d\d-\d\d)\Z",
        # No pattern knows the calendar.
        schema_extra={"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "pattern": r"^\d{1,3}$"}]},
        description="Only this conference day: its index or its date.",
    ),
]
StageNames = Annotated[
    list[str] | None,
    QueryParameter(name="stage", max_items=50, description="Only these stages, by name; give it once for each."),
]
First = Annotated[int | None, QueryParameter(ge=1, le=10_000, description="Only the first so many to start.")]
StartsAt = Annotated[
    str | None,
    QueryParameter(
        schema_extra={"format": "date-time"},
        description="Move everything so that the first session starts here (RFC 3339).",
    ),
]


class SpeakerView(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is null once the person is forgotten."""

    speaker_id: UUID
    name: str | None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A session: planned, as now expected, and as it really ran."""

    session_id: UUID
    title: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    expected_starts_at: datetime
    expected_ends_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    hard_start: bool
    do_not_record: bool
    do_not_stream: bool
    track: str
    language: str
    speakers: tuple[SpeakerView, ...]


class CueView(msgspec.Struct, frozen=True, kw_only=True):
    """An executable line of the rundown."""

    cue_id: UUID
    session_id: UUID
    kind: str
    label: str
    order: int


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """The rundown of one stage. `broken_hard_starts` are sessions that an overrun before them runs into."""

    stage_id: UUID
    name: str
    sessions: tuple[SessionView, ...]
    cues: tuple[CueView, ...]
    broken_hard_starts: tuple[UUID, ...]


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """Other times for a session, put to the customer."""

    change_id: UUID
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str


class RunOfShowView(msgspec.Struct, frozen=True, kw_only=True):
    """The plan in force, or the draft where it was asked for or nothing is in force yet.

    `rundown_version` 0: nothing is in force. `draft_waits` tells that something is drafted and not published.
    """

    show_id: UUID
    rundown_version: int
    is_draft: bool
    draft_waits: bool
    stages: tuple[StageView, ...]
    proposals: tuple[ProposalView, ...]
    findings: Findings


@post(
    "/shows/{show_id:uuid}/run-of-show/import",
    operation_id="importRunOfShow",
    scopes=WRITE,
    tags=TAGS,
    accepts=ACCEPTS,
    example_bodies=SCHEDULES,
    status_code=200,
    request_max_body_size=LARGEST,
    dependencies=REQUEST,
    responses=refuses(ScheduleInvalid, ShowOver, SessionAlreadyLive),
)
async def import_schedule(
    show_id: FromPath[UUID],
    body: RawBody,
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    request: HttpRequest[Any, Any, Any],
    day: Day = None,
    stage_names: StageNames = None,
    first: First = None,
    starts_at: StartsAt = None,
) -> Response[ImportReport]:
    """Import a schedule file as the draft of the run of show.

    schedule.xml (pentabarf, frab, pretalx) and schedule.json (versions 1 and 2) are known by their content. A file with
    a fault is refused with every line and rule, and nothing is recorded. The same file gives the same ids.
    """
    wanted = Selection(day=_day(day), stages=stage_names, first=first, starts_at=_instant(starts_at))
    content_type = request.headers.get("content-type", "")
    outcome, report = await import_run_of_show(house, request_, show_id, body, content_type, wanted)
    headers = {"ETag": etag(outcome.version), "Regie-Position": str(outcome.position)}
    return Response(report, headers=headers, status_code=200)


def _day(text: str | None) -> date | int | None:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _wrong("day", "must be a date (YYYY-MM-DD) or the index of a day") from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _wrong("starts_at", "must be an RFC 3339 instant with an offset")
    return found


def _wrong(field: str, rule: str) -> Invalid:
    return Invalid(errors=[{"place": "query", "field": field, "rule": rule}])


@get(
    "/shows/{show_id:uuid}/run-of-show",
    operation_id="getRunOfShow",
    scopes=READ,
    tags=TAGS,
    responses=refuses(NotFound),
)
async def get_run_of_show(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
    draft: Annotated[bool, QueryParameter(description="The draft instead of the plan in force.")] = False,
) -> Versioned[RunOfShowView]:
    """Show the run of show with the times now expected, and what really ran; now, or as it was."""
    show = await _show(house, me, show_id)
    run: RunOfShow
    if as_of is None:
        run, version = await run_of(house, me.tenant, show_id)
    else:
        run, version = await house.handler.state(RUNDOWN, show_id, tenant=me.tenant, as_of=as_of)
    drafted = not run.version or (draft and run.draft is not None)
    plan = run.latest if drafted else run.plan
    people = await names(house, me.tenant, (one.name for one in plan.speakers), SPEAKER_NAME)
    view = RunOfShowView(
        show_id=show_id,
        rundown_version=run.version,
        is_draft=drafted,
        draft_waits=run.draft is not None,
        stages=_stages(run, plan, people),
        proposals=tuple(
            ProposalView(
                change_id=ident,
                session_id=it.session_id,
                starts_at=it.starts_at,
                ends_at=it.ends_at,
                reason=it.reason,
                by=it.by,
            )
            for ident, it in run.proposals.items()
        ),
        findings=findings(plan, terms_of(show)),
    )
    return versioned(view, version, and_more=True)


async def _show(house: House, me: Caller, show_id: UUID) -> Exists:
    show, _ = await house.handler.state(SHOW, show_id, tenant=me.tenant)
    if isinstance(show, Absent):
        raise NotFound
    return show


def _stages(run: RunOfShow, plan: Plan, people: dict[str, str | None]) -> tuple[StageView, ...]:
    times = run.expected_times()
    found = []
    for stage in plan.stages:
        part = plan.of_stage(stage.stage_id)
        sessions = []
        for it in part.sessions:
            now, real = times.get(it.session_id), run.actual.get(it.session_id)
            sessions.append(
                SessionView(
                    session_id=it.session_id,
                    title=it.title,
                    kind=it.kind,
                    starts_at=it.starts_at,
                    ends_at=it.ends_at,
                    expected_starts_at=now.starts_at if now else it.starts_at,
                    expected_ends_at=now.ends_at if now else it.ends_at,
                    began_at=real.began_at if real else None,
                    ended_at=real.ended_at if real else None,
                    hard_start=it.hard_start,
                    do_not_record=it.do_not_record,
                    do_not_stream=it.do_not_stream,
                    track=it.track,
                    language=it.language,
                    speakers=tuple(SpeakerView(speaker_id=one, name=people.get(str(one))) for one in it.speaker_ids),
                )
            )
        cues = tuple(
            CueView(cue_id=cue.cue_id, session_id=cue.session_id, kind=cue.kind, label=cue.label, order=cue.order)
            for cue in part.cues
        )
        broken = run.expected_of(stage.stage_id).broken_hard_starts
        found.append(
            StageView(
                stage_id=stage.stage_id,
                name=stage.name,
                sessions=tuple(sessions),
                cues=cues,
                broken_hard_starts=broken,
            )
        )
    return tuple(found)


@post(
    "/shows/{show_id:uuid}/rundown/publish",
    operation_id="publishRundown",
    scopes=WRITE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(ScheduleInvalid, RundownNotPublished, SessionAlreadyLive, ShowOver, WrongState),
)
async def publish_rundown(
    show_id: FromPath[UUID], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Put the draft of the run of show in force.

    Each stage that differs is told of by one `rundown_published`. What is wrong with the draft is answered as a list.
    A confirmed show whose plan has other times now is re-timed with its hours.
    """
    return receipt(await planning_shows.publish(house, request_, show_id), show_id)


@get(
    "/shows/{show_id:uuid}/knock-on",
    operation_id="getKnockOn",
    scopes=READ,
    tags=TAGS,
    responses=refuses(NotFound, SessionFinished),
)
async def get_knock_on(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    session_id: Annotated[UUID, QueryParameter(description="The session that would run over.")],
    delay_s: Annotated[int, QueryParameter(ge=0, le=86_400, description="How much later the session would end.")],
) -> KnockOn:
    """Say what would follow if a session ended so much later than now expected."""
    show = await _show(house, me, show_id)
    run, _ = await run_of(house, me.tenant, show_id)
    session = session_in(run, session_id)
    real = run.actual.get(session_id)
    if real is not None and real.ended_at is not None:
        raise SessionFinished(ended_at=real.ended_at.isoformat())
    hours = show.hours if isinstance(show, WithHours) else None
    terms = hours.terms if hours is not None else CoverageTerms(terms_version="")
    closes_at = hours.closes_at if hours is not None else None
    return knock_on(run.plan, run.actual, session, timedelta(seconds=delay_s), terms, closes_at)


HANDLERS: Final[list[HTTPRouteHandler]] = [import_schedule, get_run_of_show, publish_rundown, get_knock_on]

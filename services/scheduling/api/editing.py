"""Editing the run of show by hand: sessions, cues, speakers; and the analyst's proposals to the customer (K2)."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.handle import Do
from chassis.http import Answer, Instant, receipt, refuses
from chassis.service import House
from contracts.envelope import Role
from contracts.problems import NotFound
from contracts.scheduling import SessionKind
from services.scheduling import commands as c
from services.scheduling.api.common import EITHER, OPERATE, READ, REQUEST, WRITE, Body, Reason, Text
from services.scheduling.application import planning_shows
from services.scheduling.application.request import Request, open_show, show_of
from services.scheduling.domain import refusals as no
from services.scheduling.domain.ids import speaker_id_of
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.schedules import ScheduleInvalid
from services.scheduling.timing import ShowTimesInvalid

TAGS: Final = ["Run of show"]
Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,39}\Z")]


class PlanSession(Body, frozen=True, kw_only=True):
    """A session as it should be. A stage that is not there yet is made; speakers are known by their id."""

    title: Text
    stage: Text
    starts_at: Instant
    ends_at: Instant
    kind: SessionKind = SessionKind.TALK
    do_not_record: bool = False
    do_not_stream: bool = False
    hard_start: bool = False
    speaker_ids: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=50)] = ()


class PlanCue(Body, frozen=True, kw_only=True):
    """A cue of a session. `order` 0 puts it behind the session's last cue."""

    session_id: UUID
    kind: Kind
    label: Text
    order: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


class AssignSpeaker(Body, frozen=True, kw_only=True):
    """A person who is on stage in a session. The id follows from the name unless it is given."""

    name: Text
    speaker_id: UUID | None = None


class Times(Body, frozen=True, kw_only=True):
    """When a session is to run."""

    starts_at: Instant
    ends_at: Instant


class Proposal(Times, frozen=True, kw_only=True):
    """Other times for a session, and why."""

    session_id: UUID
    reason: Reason


class Rejection(Body, frozen=True, kw_only=True):
    """Why not."""

    reason: Reason


@put(
    "/shows/{show_id:uuid}/sessions/{session_id:uuid}",
    operation_id="planSession",
    scopes=WRITE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(ScheduleInvalid, ShowTimesInvalid, no.ShowOver, no.SessionAlreadyLive),
)
async def plan_session(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    data: JSONBody[PlanSession],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Add a session to the draft, under an id you choose, or put another in its place."""
    fields = {name: getattr(data, name) for name in data.__struct_fields__ if name != "stage"}
    wanted = planning_shows.WantedSession(stage_name=data.stage, **fields)
    return receipt(await planning_shows.plan_session(house, request_, show_id, session_id, wanted), show_id)


@post(
    "/shows/{show_id:uuid}/cues",
    operation_id="planCue",
    scopes=WRITE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(no.ShowOver),
)
async def plan_cue(
    show_id: FromPath[UUID],
    data: JSONBody[PlanCue],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Add a cue to the draft."""
    cue_id, outcome = await planning_shows.plan_cue(
        house, request_, show_id, data.session_id, data.kind, data.label, data.order
    )
    return receipt(outcome, cue_id, location=f"/shows/{show_id}/run-of-show")


@post(
    "/shows/{show_id:uuid}/sessions/{session_id:uuid}/speakers",
    operation_id="assignSpeaker",
    scopes=WRITE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(no.ShowOver),
)
async def assign_speaker(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    data: JSONBody[AssignSpeaker],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Make somebody a speaker of a session of the draft."""
    speaker_id = data.speaker_id or speaker_id_of(show_id, f"name:{data.name}")
    outcome = await planning_shows.assign_speaker(house, request_, show_id, session_id, speaker_id, data.name)
    return receipt(outcome, speaker_id, location=f"/shows/{show_id}/run-of-show")


@post(
    "/shows/{show_id:uuid}/sessions/{session_id:uuid}/retime",
    operation_id="retimeSession",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(ScheduleInvalid, no.CustomerDuty, no.RundownNotPublished, no.SessionFinished, no.ShowOver),
)
async def retime_session(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    data: JSONBody[Times],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Put a session at another time, in force at once; needs scheduling:write or scheduling:operate.

    The plan is the customer's: the analyst may do this from half an hour before the show on, and proposes before.
    """
    request_.require_any(*EITHER)
    show, _ = await show_of(house, request_, show_id)
    command = c.RetimeSession(
        at=request_.at,
        show_id=show_id,
        session_id=session_id,
        starts_at=data.starts_at,
        ends_at=data.ends_at,
        show_starts_at=show.about.times[0] if show.about.times else None,
        role=request_.acting_as(Role.CUSTOMER, Role.INTEGRATOR, Role.SUPERVISOR),
    )
    return receipt(await request_.run(house, [_on(show_id, command), open_show(request_, show_id)]), show_id)


@post(
    "/shows/{show_id:uuid}/proposals",
    operation_id="suggestChange",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(ShowTimesInvalid, no.ShowOver),
)
async def suggest_change(
    show_id: FromPath[UUID],
    data: JSONBody[Proposal],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Propose other times for a session to the customer."""
    change_id = planning_shows.made(request_, "change")
    command = c.SuggestChange(
        at=request_.at,
        show_id=show_id,
        change_id=change_id,
        session_id=data.session_id,
        starts_at=data.starts_at,
        ends_at=data.ends_at,
        reason=data.reason,
        by=request_.by,
    )
    outcome = await request_.run(house, [_on(show_id, command), open_show(request_, show_id)])
    return receipt(outcome, change_id, location=f"/shows/{show_id}/run-of-show")


@post(
    "/shows/{show_id:uuid}/proposals/{change_id:uuid}/accept",
    operation_id="acceptChange",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(NotFound, no.CustomerDuty, no.SessionAlreadyLive, no.ShowOver),
)
async def accept_change(
    show_id: FromPath[UUID],
    change_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take a proposal into the draft. Only the customer may."""
    role = request_.acting_as(Role.CUSTOMER, Role.INTEGRATOR)
    command = c.AcceptChange(at=request_.at, show_id=show_id, change_id=change_id, by=request_.by, role=role)
    return receipt(await request_.run(house, [_on(show_id, command), open_show(request_, show_id)]), show_id)


@post(
    "/shows/{show_id:uuid}/proposals/{change_id:uuid}/reject",
    operation_id="rejectChange",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(NotFound, no.CustomerDuty, no.ShowOver),
)
async def reject_change(
    show_id: FromPath[UUID],
    change_id: FromPath[UUID],
    data: JSONBody[Rejection],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Decline a proposal. Only the customer may."""
    role = request_.acting_as(Role.CUSTOMER, Role.INTEGRATOR)
    command = c.RejectChange(
        at=request_.at, show_id=show_id, change_id=change_id, reason=data.reason, by=request_.by, role=role
    )
    return receipt(await request_.run(house, [_on(show_id, command), open_show(request_, show_id)]), show_id)


def _on(show_id: UUID, command: c.RundownCommand) -> Do:
    return Do(decider=RUNDOWN, ident=show_id, command=command)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    plan_session,
    plan_cue,
    assign_speaker,
    retime_session,
    suggest_change,
    accept_change,
    reject_change,
]

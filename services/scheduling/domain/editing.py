"""Editing a run of show piece by piece, and the analyst's proposals to the customer. Part of the rundown's aggregate.

The plan is the customer's (K2): until half an hour before the show the analyst proposes, from then on the stage manager
may re-time a session at once. Source: duties.md D2, K2; domain.md section 3 (5, LOCKED at T-30).
"""

from datetime import timedelta
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.clock import as_utc
from contracts import scheduling as e
from contracts.envelope import Event, Role
from contracts.problems import NotFound
from services.scheduling import commands as c
from services.scheduling.domain.plan import Plan, problems, with_session
from services.scheduling.domain.refusals import CustomerDuty, RundownNotPublished, SessionAlreadyLive, SessionFinished
from services.scheduling.domain.running import retimed
from services.scheduling.domain.runofshow import Proposal, RunOfShow
from services.scheduling.schedules.model import Problem, ScheduleInvalid
from services.scheduling.timing import ShowTimesInvalid

Asked: TypeAlias = (
    c.PlanSession | c.PlanCue | c.AssignSpeaker | c.RetimeSession | c.SuggestChange | c.AcceptChange | c.RejectChange
)
Told: TypeAlias = e.RundownChangeSuggested | e.RundownChangeAccepted | e.RundownChangeRejected

LOCKED_BEFORE_START: Final = timedelta(minutes=30)
CUSTOMER_SIDE: Final = (Role.CUSTOMER, Role.INTEGRATOR)
"""Roles that act for the customer."""


def decide(command: Asked, run: RunOfShow) -> list[Event]:
    match command:
        case c.PlanSession():
            return _plan_session(command, run)
        case c.PlanCue():
            return _plan_cue(command, run)
        case c.AssignSpeaker():
            return _assign_speaker(command, run)
        case c.RetimeSession():
            return _retime_session(command, run)
        case c.SuggestChange():
            return _suggest(command, run)
        case c.AcceptChange() | c.RejectChange():
            return _answer(command, run)
        case _:
            assert_never(command)


def _plan_session(command: c.PlanSession, run: RunOfShow) -> list[Event]:
    session, latest = command.session, run.latest
    known = {stage.stage_id for stage in latest.stages}
    if session.stage_id not in known and command.stage_name is None:
        rule = "this stage is not in the run of show yet: name it"
        raise ScheduleInvalid([Problem(line=None, field="/stage_name", rule=rule)])
    if as_utc(session.ends_at) <= as_utc(session.starts_at):
        raise ShowTimesInvalid(starts_at=session.starts_at.isoformat(), ends_at=session.ends_at.isoformat())
    if session.session_id in run.actual:
        raise SessionAlreadyLive(sessions=[str(session.session_id)])
    if with_session(latest, session, command.stage_name) == latest:
        return []
    return [_planned(command, session, command.stage_name)]


def _planned(command: c.OfShow, session: e.Session, stage_name: str | None = None) -> Event:
    return e.SessionPlanned(at=command.at, show_id=command.show_id, session=session, stage_name=stage_name)


def _plan_cue(command: c.PlanCue, run: RunOfShow) -> list[Event]:
    session = run.latest.session(command.cue.session_id)
    if session is None:
        raise NotFound
    if any(cue.cue_id == command.cue.cue_id for cue in run.latest.cues):
        return []
    return [e.CuePlanned(at=command.at, show_id=command.show_id, stage_id=session.stage_id, cue=command.cue)]


def _assign_speaker(command: c.AssignSpeaker, run: RunOfShow) -> list[Event]:
    session = run.latest.session(command.session_id)
    if session is None:
        raise NotFound
    if command.speaker.speaker_id in session.speaker_ids:
        return []
    return [
        e.SpeakerAssigned(
            at=command.at, show_id=command.show_id, session_id=session.session_id, speaker=command.speaker
        )
    ]


def _retime_session(command: c.RetimeSession, run: RunOfShow) -> list[Event]:
    """In force at once; a draft that waits keeps up, so that publishing it later does not undo this."""
    session = run.plan.session(command.session_id)
    if session is None:
        raise (NotFound if run.version else RundownNotPublished)
    _require_locked(command)
    if session.session_id in run.actual and run.actual[session.session_id].ended_at is not None:
        raise SessionFinished
    moved = replace(session, starts_at=as_utc(command.starts_at), ends_at=as_utc(command.ends_at))
    if moved == session:
        return []
    plan = with_session(run.plan, moved, None)
    if found := problems(plan):
        raise ScheduleInvalid(found)
    told: list[Event] = []
    if run.draft is not None and (drafted := run.draft.session(session.session_id)) is not None:
        told.append(_planned(command, replace(drafted, starts_at=moved.starts_at, ends_at=moved.ends_at)))
    name = next(stage.name for stage in plan.stages if stage.stage_id == session.stage_id)
    part = plan.of_stage(session.stage_id)
    fact = publication(command, stage_id=session.stage_id, name=name, part=part, version=run.version + 1)
    after = run.with_publication(fact)
    return [*told, fact, *retimed(command, after, session.stage_id)]


def publication(command: c.OfShow, *, stage_id: UUID, name: str, part: Plan, version: int) -> e.RundownPublished:
    """The plan of one stage as it is put in force."""
    return e.RundownPublished(
        at=command.at,
        show_id=command.show_id,
        stage_id=stage_id,
        stage_name=name,
        rundown_version=version,
        sessions=part.sessions,
        cues=part.cues,
        speakers=part.speakers,
    )


def _require_locked(command: c.RetimeSession) -> None:
    if command.role in CUSTOMER_SIDE or command.role is Role.SUPERVISOR:
        return
    opens = None if command.show_starts_at is None else command.show_starts_at - LOCKED_BEFORE_START
    if opens is None or command.at < opens:
        raise CustomerDuty(
            "Until half an hour before the show the plan is the customer's: suggest the change.", role=command.role
        )


def _suggest(command: c.SuggestChange, run: RunOfShow) -> list[Event]:
    if run.latest.session(command.session_id) is None:
        raise NotFound
    if as_utc(command.ends_at) <= as_utc(command.starts_at):
        raise ShowTimesInvalid(starts_at=command.starts_at.isoformat(), ends_at=command.ends_at.isoformat())
    if command.change_id in run.proposals:
        return []
    return [
        e.RundownChangeSuggested(
            at=command.at,
            show_id=command.show_id,
            change_id=command.change_id,
            session_id=command.session_id,
            starts_at=as_utc(command.starts_at),
            ends_at=as_utc(command.ends_at),
            reason=command.reason,
            by=command.by,
        )
    ]


def _answer(command: c.AcceptChange | c.RejectChange, run: RunOfShow) -> list[Event]:
    proposal = run.proposals.get(command.change_id)
    if proposal is None:
        raise NotFound
    if command.role not in CUSTOMER_SIDE:
        raise CustomerDuty(role=command.role)
    at, show_id = command.at, command.show_id
    if isinstance(command, c.RejectChange):
        return [
            e.RundownChangeRejected(
                at=at, show_id=show_id, change_id=command.change_id, reason=command.reason, by=command.by
            )
        ]
    session = run.latest.session(proposal.session_id)
    if session is None:
        raise NotFound
    if session.session_id in run.actual:
        raise SessionAlreadyLive(sessions=[str(session.session_id)])
    accepted = e.RundownChangeAccepted(
        at=at, show_id=show_id, change_id=command.change_id, session_id=session.session_id, by=command.by
    )
    return [accepted, _planned(command, replace(session, starts_at=proposal.starts_at, ends_at=proposal.ends_at))]


def evolve(run: RunOfShow, event: Told) -> RunOfShow:
    match event:
        case e.RundownChangeSuggested():
            proposal = Proposal(
                session_id=event.session_id,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                reason=event.reason,
                by=event.by,
            )
            return replace(run, proposals={**run.proposals, event.change_id: proposal})
        case e.RundownChangeAccepted() | e.RundownChangeRejected():
            left = {key: it for key, it in run.proposals.items() if key != event.change_id}
            return replace(run, proposals=left)
        case _:
            assert_never(event)

"""The aggregate of one show's run of show: a draft, the plan in force with its version, and what really happened.

Source: duties.md D2, K2, Q21; domain.md section 3 (5), U1.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event
from contracts.problems import NotFound
from services.scheduling import commands as c
from services.scheduling.domain import editing, running
from services.scheduling.domain.plan import Plan, plan_of, problems, shifted, with_cue, with_session, with_speaker
from services.scheduling.domain.refusals import RundownNotPublished, SessionAlreadyLive, SessionFinished
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.domain.situations import tags
from services.scheduling.schedules.model import ScheduleInvalid

RundownEvent: TypeAlias = (
    e.RunOfShowImported
    | e.SessionPlanned
    | e.CuePlanned
    | e.SpeakerAssigned
    | e.RunOfShowShifted
    | e.RundownPublished
    | e.SessionBegan
    | e.SessionOver
    | e.RundownRetimed
    | e.RundownChangeSuggested
    | e.RundownChangeAccepted
    | e.RundownChangeRejected
)


def decide(command: c.RundownCommand, run: RunOfShow) -> Sequence[Event]:
    match command:
        case c.ImportRunOfShow():
            return _import(command, run)
        case c.PublishRundown():
            return _publish(command, run)
        case c.RequirePublished():
            if not run.version:
                raise RundownNotPublished
            return []
        case c.RequireSession():
            return _require_session(command, run)
        case c.ShiftRunOfShow():
            return _shift(command, run)
        case c.NoteSessionBegan() | c.NoteSessionOver():
            return running.decide(command, run)
        case _:
            return editing.decide(command, run)


def _import(command: c.ImportRunOfShow, run: RunOfShow) -> list[Event]:
    plan = plan_of(command.stages, command.sessions, command.cues, command.speakers)
    _require_begun(plan, run)
    return [
        e.RunOfShowImported(
            at=command.at,
            show_id=command.show_id,
            stages=plan.stages,
            sessions=plan.sessions,
            cues=plan.cues,
            speakers=plan.speakers,
            source_title=command.source_title,
            source_version=command.source_version,
            sha256=command.sha256,
        )
    ]


def _require_begun(plan: Plan, run: RunOfShow) -> None:
    """Raises SessionAlreadyLive where a session that has begun is missing, or on another stage."""
    lost = list[str]()
    for session_id in run.actual:
        now, then = plan.session(session_id), run.plan.session(session_id)
        if now is None or (then is not None and now.stage_id != then.stage_id):
            lost.append(str(session_id))
    if lost:
        raise SessionAlreadyLive(sessions=sorted(lost))


def _publish(command: c.PublishRundown, run: RunOfShow) -> list[Event]:
    """One event per stage that differs; publishing what is in force already changes nothing."""
    draft = run.draft
    if draft is None:
        if not run.version:
            raise RundownNotPublished("There is no draft to publish.")
        return []
    if found := problems(draft):
        raise ScheduleInvalid(found)
    _require_begun(draft, run)
    return published(command, run, draft)


def published(command: c.PublishRundown | c.ShiftRunOfShow, run: RunOfShow, plan: Plan) -> list[Event]:
    names = {stage.stage_id: stage.name for stage in (*run.plan.stages, *plan.stages)}
    told = list[Event]()
    for stage_id in sorted(names):
        part = plan.of_stage(stage_id)
        if part == run.plan.of_stage(stage_id):
            continue
        told.append(
            editing.publication(command, stage_id=stage_id, name=names[stage_id], part=part, version=run.version + 1)
        )
    return told


def _require_session(command: c.RequireSession, run: RunOfShow) -> list[Event]:
    if run.plan.session(command.session_id) is None:
        raise NotFound
    real = run.actual.get(command.session_id)
    if real is not None and real.ended_at is not None:
        raise SessionFinished(ended_at=real.ended_at.isoformat())
    return []


def _shift(command: c.ShiftRunOfShow, run: RunOfShow) -> list[Event]:
    if not command.shift_s:
        return []
    told: list[Event] = []
    if run.draft is not None:
        told.append(e.RunOfShowShifted(at=command.at, show_id=command.show_id, shift_s=command.shift_s))
    return [*told, *published(command, run, shifted(run.plan, command.shift_s))]


def evolve(run: RunOfShow, event: RundownEvent) -> RunOfShow:
    match event:
        case e.RunOfShowImported():
            return run.drafted(plan_of(event.stages, event.sessions, event.cues, event.speakers))
        case e.SessionPlanned():
            return run.drafted(with_session(run.latest, event.session, event.stage_name))
        case e.CuePlanned():
            return run.drafted(with_cue(run.latest, event.cue))
        case e.SpeakerAssigned():
            return run.drafted(with_speaker(run.latest, event.session_id, event.speaker))
        case e.RunOfShowShifted():
            return run.drafted(shifted(run.latest, event.shift_s))
        case e.RundownPublished():
            return run.with_publication(event)
        case e.SessionBegan() | e.SessionOver() | e.RundownRetimed():
            return running.evolve(run, event)
        case e.RundownChangeSuggested() | e.RundownChangeAccepted() | e.RundownChangeRejected():
            return editing.evolve(run, event)
        case _:
            assert_never(event)


RUNDOWN: Final[Decider[c.RundownCommand, RunOfShow]] = Decider(
    "rundown", RunOfShow(), decide, evolve, tags(RundownEvent)
)

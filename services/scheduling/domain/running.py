"""The run of show on its day: sessions begin and end, and the rest of their stage moves. Part of the rundown's aggregate.

Facts of the stage are never refused; a session nobody planned changes nothing. Source: domain.md P8, P9, U1.
"""

from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import scheduling as e
from contracts.envelope import Event
from services.scheduling import commands as c
from services.scheduling.domain.retiming import Actual
from services.scheduling.domain.runofshow import RunOfShow

Asked: TypeAlias = c.NoteSessionBegan | c.NoteSessionOver
Told: TypeAlias = e.SessionBegan | e.SessionOver | e.RundownRetimed


def decide(command: Asked, run: RunOfShow) -> list[Event]:
    session = run.plan.session(command.session_id)
    if session is None:
        return []
    known = run.actual.get(command.session_id)
    told: e.SessionBegan | e.SessionOver
    match command:
        case c.NoteSessionBegan():
            if known is not None and known.ended_at is None:
                return []
            told = e.SessionBegan(
                at=command.at,
                show_id=command.show_id,
                stage_id=session.stage_id,
                session_id=session.session_id,
                began_at=command.began_at,
                planned_at=session.starts_at,
            )
        case c.NoteSessionOver():
            if known is None or known.ended_at is not None:
                return []
            told = e.SessionOver(
                at=command.at,
                show_id=command.show_id,
                stage_id=session.stage_id,
                session_id=session.session_id,
                ended_at=command.ended_at,
                planned_at=session.ends_at,
            )
        case _:
            assert_never(command)
    return [told, *retimed(command, evolve(run, told), session.stage_id)]


def retimed(command: c.OfShow, run: RunOfShow, stage_id: UUID) -> list[Event]:
    """What to tell of the times of a stage's sessions: those that differ from the last word, if any."""
    now = run.expected_of(stage_id)
    planned = {it.session_id: it for it in run.plan.sessions}
    moves = []
    for times in now.times:
        plan = planned[times.session_id]
        last = run.times.get(times.session_id)
        word = (last.starts_at, last.ends_at) if last is not None else (plan.starts_at, plan.ends_at)
        if word != (times.starts_at, times.ends_at):
            moves.append(times)
    if not moves:
        return []
    return [
        e.RundownRetimed(
            at=command.at,
            show_id=command.show_id,
            stage_id=stage_id,
            rundown_version=run.version,
            moves=tuple(moves),
            broken_hard_starts=now.broken_hard_starts,
        )
    ]


def evolve(run: RunOfShow, event: Told) -> RunOfShow:
    match event:
        case e.SessionBegan():
            return replace(run, actual={**run.actual, event.session_id: Actual(began_at=event.began_at)})
        case e.SessionOver():
            began = run.actual[event.session_id]
            return replace(run, actual={**run.actual, event.session_id: replace(began, ended_at=event.ended_at)})
        case e.RundownRetimed():
            return replace(run, times={**run.times, **{it.session_id: it for it in event.moves}})
        case _:
            assert_never(event)

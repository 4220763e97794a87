"""A show on its day: stages going on and off air, its end, and the end of its coverage. Part of the show's aggregate.

Facts of the stage are never refused: what happened has happened. Source: duties.md Q6, Q7, Q11.
"""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from contracts import scheduling as e
from contracts.envelope import Event
from services.scheduling import commands as c
from services.scheduling.domain.refusals import StageStillLive
from services.scheduling.domain.situations import (
    Abandoned,
    Cancelled,
    Closed,
    Confirmed,
    Confirming,
    Draft,
    Exists,
    Ready,
    Running,
    Wrapping,
    wrong_state,
)

Asked: TypeAlias = c.NoteStreamStarted | c.NoteStreamEnded | c.EndShow | c.AbandonShow | c.NoteCoverageEnded
Told: TypeAlias = (
    e.ShowStarted | e.StageWentOnAir | e.StageWentOffAir | e.ShowEnded | e.ShowAbandoned | e.CoverageOver | e.ShowClosed
)


def decide(command: Asked, state: Exists) -> list[Event]:
    match command:
        case c.NoteStreamStarted():
            return _stream_started(command, state)
        case c.NoteStreamEnded():
            return _stream_ended(command, state)
        case c.EndShow():
            return _end(command, state)
        case c.AbandonShow():
            return _abandon(command, state)
        case c.NoteCoverageEnded():
            return _coverage_ended(command, state)
        case _:
            assert_never(command)


def _stream_started(command: c.NoteStreamStarted, state: Exists) -> list[Event]:
    show_id, stage_id = state.about.show_id, command.stage_id
    on_air = e.StageWentOnAir(at=command.at, show_id=show_id, stage_id=stage_id, run_id=command.run_id)
    match state:
        case Confirmed() | Ready():
            return [e.ShowStarted(at=command.at, show_id=show_id, stage_id=stage_id), on_air]
        case Running() | Wrapping():
            return [] if stage_id in state.on_air else [on_air]
        case _:
            return []


def _stream_ended(command: c.NoteStreamEnded, state: Exists) -> list[Event]:
    if not isinstance(state, Running | Wrapping) or command.stage_id not in state.on_air:
        return []
    return [
        e.StageWentOffAir(at=command.at, show_id=state.about.show_id, stage_id=command.stage_id, run_id=command.run_id)
    ]


def _end(command: c.EndShow, state: Exists) -> list[Event]:
    match state:
        case Running():
            if state.on_air:
                raise StageStillLive(stages=sorted(str(stage) for stage in state.on_air))
            show_id = state.about.show_id
            told: list[Event] = [
                e.ShowEnded(at=command.at, show_id=show_id, ended_at=command.at, entitlement_id=state.bound_to)
            ]
            return told if state.coverage_over is None else [*told, e.ShowClosed(at=command.at, show_id=show_id)]
        case Wrapping() | Closed():
            return []
        case _:
            raise wrong_state(state)


def _abandon(command: c.AbandonShow, state: Exists) -> list[Event]:
    """The hours are metered until now. Source: duties.md Q11."""
    match state:
        case Abandoned():
            return []
        case Confirmed() | Ready():
            return [_abandoned(command, state, command.reason)]
        case _:
            raise wrong_state(state)


def _abandoned(command: Asked, state: Confirmed | Ready, reason: str) -> Event:
    show_id, bound = state.about.show_id, state.bound_to
    return e.ShowAbandoned(at=command.at, show_id=show_id, reason=reason, entitlement_id=bound)


def _coverage_ended(command: c.NoteCoverageEnded, state: Exists) -> list[Event]:
    show_id = state.about.show_id
    match state:
        case Running() if state.coverage_over is None:
            return [e.CoverageOver(at=command.at, show_id=show_id, ended_at=command.ended_at)]
        case Wrapping():
            return [e.ShowClosed(at=command.at, show_id=show_id)]
        case Confirmed() | Ready():
            return [_abandoned(command, state, "Coverage ended before the show began.")]
        case _:
            return []


def evolve(state: Exists, event: Told) -> Exists:
    if isinstance(state, Draft | Confirming | Cancelled | Closed | Abandoned):
        return state
    match event:
        case e.ShowStarted():
            return Running(about=state.about, hours=state.hours)
        case e.StageWentOnAir() | e.StageWentOffAir():
            if not isinstance(state, Running | Wrapping):
                return state
            stage = {event.stage_id}
            on_air = state.on_air | stage if isinstance(event, e.StageWentOnAir) else state.on_air - stage
            return replace(state, on_air=on_air)
        case e.ShowEnded():
            on_air = state.on_air if isinstance(state, Running) else frozenset()
            return Wrapping(about=state.about, hours=state.hours, ended_at=event.ended_at, on_air=on_air)
        case e.CoverageOver():
            return replace(state, coverage_over=event.ended_at) if isinstance(state, Running) else state
        case e.ShowClosed():
            ended_at = state.ended_at if isinstance(state, Wrapping) else event.at
            return Closed(about=state.about, hours=state.hours, ended_at=ended_at)
        case e.ShowAbandoned():
            return Abandoned(about=state.about, hours=state.hours, reason=event.reason)
        case _:
            assert_never(event)

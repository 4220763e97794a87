"""The stage, pure: what is decided about it and how it changes, one module for each topic. No clock, no ids, no wires."""

from typing import Any, Final, TypeAlias, assert_never

from chassis.decider import Decider
from contracts import stage as contract
from contracts.envelope import Event, events_of
from services.stage import commands as c
from services.stage.domain import (
    callsheet,
    claims,
    clips,
    cues,
    destinations,
    engines,
    graphics,
    leases,
    picture,
    preparation,
    presenters,
    recording,
    rights,
    running,
    settling,
    watch,
)
from services.stage.domain.callsheet import CallSheet
from services.stage.domain.claims import Claim, Free
from services.stage.domain.state import StageRun

Asked: TypeAlias = (
    leases.Asked
    | preparation.Asked
    | destinations.Asked
    | presenters.Asked
    | running.Asked
    | picture.Asked
    | graphics.Asked
    | clips.Asked
    | cues.Asked
    | watch.Asked
    | engines.Asked
    | settling.Asked
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    """First the right to ask, then the topic."""
    if isinstance(command, c.Operated):
        rights.check(command, stage)
    return _decide(command, stage)


def _decide(command: Asked, stage: StageRun) -> list[Event]:
    if isinstance(command, settling.Asked):
        return settling.decide(command, stage)
    if isinstance(command, picture.Asked):
        return picture.decide(command, stage)
    if isinstance(command, graphics.Asked):
        return graphics.decide(command, stage)
    if isinstance(command, clips.Asked):
        return clips.decide(command, stage)
    if isinstance(command, cues.Asked):
        return cues.decide(command, stage)
    if isinstance(command, presenters.Asked):
        return presenters.decide(command, stage)
    if isinstance(command, running.Asked):
        return running.decide(command, stage)
    if isinstance(command, leases.Asked):
        return leases.decide(command, stage)
    if isinstance(command, destinations.Asked):
        return destinations.decide(command, stage)
    if isinstance(command, watch.Asked):
        return watch.decide(command, stage)
    if isinstance(command, engines.Asked):
        return engines.decide(command, stage)
    if isinstance(command, preparation.Asked):
        return preparation.decide(command, stage)
    assert_never(command)


Told: TypeAlias = (
    leases.Told
    | preparation.Told
    | destinations.Told
    | presenters.Told
    | running.Told
    | recording.Told
    | picture.Told
    | graphics.Told
    | clips.Told
    | cues.Told
    | watch.Told
    | engines.Told
    | settling.Told
)


def evolve(stage: StageRun, event: Told) -> StageRun:
    """The topic changes its part; then the intents and the last frame are kept."""
    return settling.keep(_evolve(stage, event), event)


def _evolve(stage: StageRun, event: Told) -> StageRun:
    if isinstance(event, picture.Told):
        return picture.evolve(stage, event)
    if isinstance(event, graphics.Told):
        return graphics.evolve(stage, event)
    if isinstance(event, clips.Told):
        return clips.evolve(stage, event)
    if isinstance(event, cues.Told):
        return cues.evolve(stage, event)
    if isinstance(event, presenters.Told):
        return presenters.evolve(stage, event)
    if isinstance(event, running.Told):
        return running.evolve(stage, event)
    if isinstance(event, recording.Told):
        return recording.evolve(stage, event)
    if isinstance(event, leases.Told):
        return leases.evolve(stage, event)
    if isinstance(event, destinations.Told):
        return destinations.evolve(stage, event)
    if isinstance(event, watch.Told):
        return watch.evolve(stage, event)
    if isinstance(event, engines.Told):
        return engines.evolve(stage, event)
    if isinstance(event, settling.Told):
        return settling.evolve(stage, event)
    if isinstance(event, preparation.Told):
        return preparation.evolve(stage, event)
    assert_never(event)


EVENTS: Final = events_of(contract)


def _words(told: Any) -> dict[str, type[Event]]:
    return {event.tag(): event for event in told.__args__}


STAGE: Final = Decider("stage", StageRun(), decide, evolve, _words(Told))
CALL_SHEET: Final = Decider("callsheet", CallSheet(), callsheet.decide, callsheet.evolve, _words(callsheet.Told))
_FREE: Claim = Free()
CLAIM: Final = Decider("claim", _FREE, claims.decide, claims.evolve, _words(claims.Told))

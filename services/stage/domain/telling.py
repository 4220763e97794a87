"""Small helpers every topic uses: telling an event of this stage, refusing a wrong situation, changing a map."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from contracts.problems import WrongState
from contracts.stage._base import StageEvent
from services.stage.commands import Command
from services.stage.domain.state import StageRun

E = TypeVar("E", bound=StageEvent)
K = TypeVar("K")
V = TypeVar("V")

ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "IDLE": ("PrepareStage",),
    "PREPARED": ("ArmSession", "ApplyBrandKit", "CreateDestination"),
    "ARMED": ("GoLive", "ArmSession", "BringOnStage", "PreviewScene", "Take", "TakeCue"),
    "STARTING": ("BringOnStage", "TakeOffStage", "PreviewScene", "Take", "EmergencyCut"),
    "LIVE": ("EndStream", "CloseSession", "StartNextSession", "BringOnStage", "PreviewScene", "Take", "EmergencyCut"),
    "ENDING": ("EmergencyCut",),
    "ENDED": ("ArmSession",),
    "FAILED": ("ArmSession",),
}
"""What a refused operator may do instead, by situation."""


def tell(event: type[E], command: Command, stage: StageRun, **fields: Any) -> E:
    """An event of this stage, at the time of the command."""
    return event(at=command.at, show_id=stage.show_id, stage_id=stage.stage_id, **fields)


def following(effect_id: UUID, what: str) -> UUID:
    """The id of an effect that follows from another one: always the same for the same two."""
    return uuid5(effect_id, what)


def wrong_state(stage: StageRun, refusal: type[WrongState] = WrongState) -> WrongState:
    """The refusal that names the situation and what it allows."""
    return refusal(state=stage.situation, allowed=ALLOWED[stage.situation])


def require_engine(stage: StageRun) -> None:
    """Refuse what needs the engine, where none is wanted or the stream is ending."""
    if not stage.engine_wanted or stage.situation == "ENDING":
        raise wrong_state(stage)


def put(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """The map with one entry more, or another value for it."""
    return {**mapping, key: value}


def drop(mapping: Mapping[K, V], key: K) -> Mapping[K, V]:
    """The map without one entry."""
    return {known: value for known, value in mapping.items() if known != key}

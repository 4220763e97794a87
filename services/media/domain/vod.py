"""A film on its way to video on demand, part by part, and off it again. Source: duties.md D18, Q25; domain.md P14, U17."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, assert_never, get_args
from uuid import UUID

import msgspec

from chassis.decider import Decider
from contracts import media as e
from contracts.envelope import Event
from contracts.media import Part
from services.media import commands as c
from services.media.domain.refusals import (
    PartOutOfOrder,
    RecordingForbidden,
    VodDeclined,
    VodNotEntitled,
    VodNotOnDemand,
    wrong,
)


class Unknown(msgspec.Struct, frozen=True):
    """Nobody has asked for it."""


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be on demand: the edit's file in the store."""

    show_id: UUID
    vod_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    source_key: str
    sha256: str
    size_bytes: int


class Uploading(msgspec.Struct, frozen=True, kw_only=True):
    """It is on its way; `parts` have arrived. `failures` counts attempts that failed."""

    film: Film
    parts: tuple[Part, ...] = ()
    failures: int = 0
    reason: str | None = None


class OnDemand(msgspec.Struct, frozen=True):
    """It can be watched."""

    film: Film
    key: str


class Failed(msgspec.Struct, frozen=True):
    """It was given up; it may be asked for again."""

    film: Film
    reason: str


class Retracting(msgspec.Struct, frozen=True):
    """Nobody gets it any more; its bytes are being removed."""

    film: Film
    reason: str


class Retracted(msgspec.Struct, frozen=True):
    """It is gone; it may be asked for again."""

    film: Film
    reason: str


Vod: TypeAlias = Unknown | Uploading | OnDemand | Failed | Retracting | Retracted
Told: TypeAlias = (
    e.VodUploadStarted
    | e.VodPartStored
    | e.VodUploadCompleted
    | e.VodUploadFailed
    | e.VodRetractRequested
    | e.VodRetracted
)


def decide(command: c.VodCommand, vod: Vod) -> Sequence[Event]:
    if isinstance(command, c.UploadToVod):
        return _start(command, vod)
    if isinstance(vod, Unknown):
        raise wrong(vod, c.UploadToVod)
    match command:
        case c.StorePart():
            return _store(command, vod)
        case c.CompleteUpload():
            return _complete(command, vod)
        case c.FailUpload():
            return _fail(command, vod)
        case c.RetractVod():
            if isinstance(vod, Retracting | Retracted):
                return []
            return [e.VodRetractRequested(at=command.at, reason=command.reason, **_ids(vod.film))]
        case c.ConfirmRetracted():
            return [e.VodRetracted(at=command.at, **_ids(vod.film))] if isinstance(vod, Retracting) else []
        case _:
            assert_never(command)


def _start(command: c.UploadToVod, vod: Vod) -> list[Event]:
    """A film that is on its way, or there, stays as it is; one that failed or was retracted is uploaded again."""
    if command.forbidden:
        raise RecordingForbidden(reason="do_not_record")
    if not command.entitled:
        raise VodNotEntitled
    if command.opted_out:
        raise VodDeclined
    if isinstance(vod, Uploading | OnDemand):
        return []
    if isinstance(vod, Retracting):
        raise wrong(vod)
    fields = {name: getattr(command, name) for name in Film.__struct_fields__}
    return [e.VodUploadStarted(at=command.at, **fields)]


def _store(command: c.StorePart, vod: Vod) -> list[Event]:
    if not isinstance(vod, Uploading):
        raise wrong(vod)
    if command.part in vod.parts:
        return []
    if command.part.number != len(vod.parts) + 1:
        raise PartOutOfOrder(expected=len(vod.parts) + 1)
    return [e.VodPartStored(at=command.at, part=command.part, **_ids(vod.film))]


def _complete(command: c.CompleteUpload, vod: Vod) -> list[Event]:
    if isinstance(vod, OnDemand) and vod.key == command.key:
        return []
    if not isinstance(vod, Uploading):
        raise wrong(vod)
    if sum(part.size_bytes for part in vod.parts) != vod.film.size_bytes:
        raise wrong(vod, c.StorePart)
    proof: dict[str, Any] = {"sha256": vod.film.sha256, "size_bytes": vod.film.size_bytes}
    return [e.VodUploadCompleted(at=command.at, key=command.key, **proof, **_ids(vod.film))]


def _fail(command: c.FailUpload, vod: Vod) -> list[Event]:
    if not isinstance(vod, Uploading):
        raise wrong(vod)
    attempt = vod.failures + 1
    fields: dict[str, Any] = {"attempt": attempt, "reason": command.reason, "final": command.final}
    return [e.VodUploadFailed(at=command.at, **fields, **_ids(vod.film))]


def _ids(film: Film) -> dict[str, Any]:
    return {"show_id": film.show_id, "vod_id": film.vod_id}


def require_on_demand(vod: Vod) -> OnDemand:
    """The film, where it can be watched. Raises VodNotOnDemand."""
    if isinstance(vod, OnDemand):
        return vod
    raise VodNotOnDemand(state=type(vod).__name__.upper())


def evolve(vod: Vod, event: Told) -> Vod:
    if isinstance(event, e.VodUploadStarted):
        return Uploading(film=Film(**{name: getattr(event, name) for name in Film.__struct_fields__}))
    assert not isinstance(vod, Unknown)
    match event:
        case e.VodPartStored():
            assert isinstance(vod, Uploading)
            return msgspec.structs.replace(vod, parts=(*vod.parts, event.part))
        case e.VodUploadCompleted():
            return OnDemand(vod.film, event.key)
        case e.VodUploadFailed(final=True):
            return Failed(vod.film, event.reason)
        case e.VodUploadFailed():
            assert isinstance(vod, Uploading)
            return msgspec.structs.replace(vod, failures=event.attempt, reason=event.reason)
        case e.VodRetractRequested():
            return Retracting(vod.film, event.reason)
        case e.VodRetracted():
            assert isinstance(vod, Retracting)
            return Retracted(vod.film, vod.reason)
        case _:
            assert_never(event)


_INITIAL: Final[Vod] = Unknown()
VOD: Final = Decider("vod", _INITIAL, decide, evolve, {event.tag(): event for event in get_args(Told)})

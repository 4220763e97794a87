"""Where the programme is streamed to, and what the engine reports of each place. Source: duties.md D15; domain.md U5, P12.

One destination's trouble never touches the programme or another destination; keys are known here as fingerprints.
"""

from typing import Final, TypeAlias, assert_never
from urllib.parse import urlsplit
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import (
    DestinationInUse,
    DestinationUnknown,
    DestinationUrlInvalid,
    SecretInPayload,
)
from services.stage.domain.state import Destination, DestinationStatus, Idle, Live, StageRun
from services.stage.domain.telling import drop, put, tell, wrong_state

Asked: TypeAlias = (
    c.CreateDestination | c.EnableDestination | c.RotateStreamKey | c.RemoveDestination | c.ReportDestination
)
Told: TypeAlias = (
    e.DestinationCreated
    | e.DestinationEnabled
    | e.StreamKeyRotated
    | e.DestinationConnecting
    | e.DestinationConnected
    | e.DestinationReconnecting
    | e.DestinationFailed
    | e.DestinationRecovered
    | e.DestinationDisabled
    | e.DestinationRemoved
    | e.StageDegraded
    | e.StageRecovered
)

_UP: Final = DestinationStatus.CONNECTED
_LOST: Final = (DestinationStatus.RECONNECTING, DestinationStatus.FAILED)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.CreateDestination():
            return _create(command, stage)
        case c.EnableDestination():
            known = _find(command.destination_id, stage)
            if known.wanted:
                return []
            fields = {"destination_id": command.destination_id, "name": known.name, "effect_id": command.effect_id}
            return [tell(e.DestinationEnabled, command, stage, **fields)]
        case c.RotateStreamKey():
            known = _find(command.destination_id, stage)
            _require_unused(command.key_fingerprint, command.destination_id, stage)
            if known.key_fingerprint == command.key_fingerprint:
                return []
            fields = {"destination_id": command.destination_id, "name": known.name, "effect_id": command.effect_id}
            return [tell(e.StreamKeyRotated, command, stage, key_fingerprint=command.key_fingerprint, **fields)]
        case c.RemoveDestination():
            known = _find(command.destination_id, stage)
            fields = {"destination_id": command.destination_id, "name": known.name, "effect_id": command.effect_id}
            return [
                tell(e.DestinationRemoved, command, stage, **fields),
                *health(command, stage, gone=command.destination_id),
            ]
        case c.ReportDestination():
            return _report(command, stage)
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.DestinationCreated():
            made = Destination(name=event.name, kind=event.kind, url=event.url, key_fingerprint=event.key_fingerprint)
            return replace(stage, destinations=put(stage.destinations, event.destination_id, made))
        case e.StreamKeyRotated():
            return _set(stage, event.destination_id, key_fingerprint=event.key_fingerprint)
        case e.DestinationEnabled():
            return _set(stage, event.destination_id, status=DestinationStatus.ENABLED)
        case e.DestinationConnecting():
            return _set(stage, event.destination_id, status=DestinationStatus.CONNECTING)
        case e.DestinationConnected() | e.DestinationRecovered():
            return _set(stage, event.destination_id, status=_UP, reason="", attempt=event.attempt)
        case e.DestinationReconnecting():
            status = DestinationStatus.RECONNECTING
            return _set(stage, event.destination_id, status=status, reason=event.reason, attempt=event.attempt)
        case e.DestinationFailed():
            status = DestinationStatus.FAILED
            return _set(stage, event.destination_id, status=status, reason=event.reason, attempt=event.attempt)
        case e.DestinationDisabled():
            return _set(stage, event.destination_id, status=DestinationStatus.DISABLED, reason="", attempt=0)
        case e.DestinationRemoved():
            return replace(stage, destinations=drop(stage.destinations, event.destination_id))
        case e.StageDegraded() | e.StageRecovered():
            if not isinstance(stage.phase, Live):
                return stage
            return replace(stage, phase=replace(stage.phase, degraded=isinstance(event, e.StageDegraded)))
        case _:
            assert_never(event)


def _set(stage: StageRun, ident: UUID, **changes: object) -> StageRun:
    known = stage.destinations.get(ident)
    if known is None:
        return stage
    return replace(stage, destinations=put(stage.destinations, ident, replace(known, **changes)))


def _find(ident: UUID, stage: StageRun) -> Destination:
    known = stage.destinations.get(ident)
    if known is None:
        raise DestinationUnknown
    return known


def _create(command: c.CreateDestination, stage: StageRun) -> list[Event]:
    if isinstance(stage.phase, Idle):
        raise wrong_state(stage)
    if command.destination_id in stage.destinations:
        return []
    require_address(command)
    _require_unused(command.key_fingerprint, command.destination_id, stage)
    return [
        tell(
            e.DestinationCreated,
            command,
            stage,
            destination_id=command.destination_id,
            name=command.name,
            kind=command.kind,
            url=command.url,
            key_fingerprint=command.key_fingerprint,
        )
    ]


def require_address(command: c.CreateDestination) -> None:
    """An address becomes part of the history, so nothing secret may be in it."""
    try:
        parts = urlsplit(command.url)
        host, _ = parts.hostname, parts.port
    except ValueError as wrong:
        raise DestinationUrlInvalid(str(wrong)) from wrong
    if parts.scheme != command.kind.value or not host:
        raise DestinationUrlInvalid(f"Expected {command.kind}://host[:port]/application.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SecretInPayload


def _require_unused(fingerprint: str, by: UUID, stage: StageRun) -> None:
    for ident, known in stage.destinations.items():
        if ident != by and known.key_fingerprint == fingerprint:
            raise DestinationInUse(holder=str(ident))


def _report(command: c.ReportDestination, stage: StageRun) -> list[Event]:
    """Only what changes the situation is recorded: a destination that keeps failing for one reason is told once."""
    known = stage.destinations.get(command.destination_id)
    if known is None or not known.wanted:
        return []
    told: list[Event] = []
    match command.state:
        case "connecting" if known.status in (DestinationStatus.ENABLED, DestinationStatus.DISABLED):
            told = [_told(e.DestinationConnecting, command, stage, known)]
        case "connected" if known.status in _LOST:
            fields = {"attempt": command.attempt, "frame": command.frame}
            told = [_told(e.DestinationRecovered, command, stage, known, **fields)]
        case "connected" if known.status is not _UP:
            fields = {"attempt": command.attempt, "frame": command.frame}
            told = [_told(e.DestinationConnected, command, stage, known, **fields)]
        case "down":
            told = _down(command, stage, known)
        case _:
            return []
    return [*told, *health(command, stage, told=told)]


def _down(command: c.ReportDestination, stage: StageRun, known: Destination) -> list[Event]:
    fields: dict[str, object] = {"reason": command.reason or "unknown", "attempt": command.attempt}
    if known.status is _UP:
        return [_told(e.DestinationReconnecting, command, stage, known, frame=command.frame, **fields)]
    if known.status in _LOST and known.reason == fields["reason"]:
        return []
    if known.status is DestinationStatus.RECONNECTING:
        return [_told(e.DestinationReconnecting, command, stage, known, frame=command.frame, **fields)]
    return [_told(e.DestinationFailed, command, stage, known, **fields)]


def _told(
    event: type[
        e.DestinationConnecting
        | e.DestinationConnected
        | e.DestinationRecovered
        | e.DestinationReconnecting
        | e.DestinationFailed
    ],
    command: c.ReportDestination,
    stage: StageRun,
    known: Destination,
    **fields: object,
) -> Event:
    return tell(event, command, stage, destination_id=command.destination_id, name=known.name, **fields)


def health(
    command: c.Command, stage: StageRun, *, told: list[Event] | None = None, gone: UUID | None = None
) -> list[Event]:
    """Whether the stream, as it will be after `told`, reaches anybody. A stage without destinations is not degraded."""
    if not isinstance(stage.phase, Live):
        return []
    after = stage
    for event in told or ():
        if isinstance(event, Told):
            after = evolve(after, event)
    wanted = [one for ident, one in after.destinations.items() if one.wanted and ident != gone]
    lost = bool(wanted) and all(one.status in _LOST for one in wanted)
    if lost and not stage.phase.degraded:
        reason = "; ".join(sorted({one.reason for one in wanted}))
        return [tell(e.StageDegraded, command, stage, run_id=stage.phase.run_id, reason=reason)]
    if not lost and stage.phase.degraded:
        return [tell(e.StageRecovered, command, stage, run_id=stage.phase.run_id)]
    return []


def lost(command: c.Command, stage: StageRun, reason: str, frame: int) -> list[Event]:
    """Every connected destination lost its picture at once."""
    told: list[Event] = []
    for ident, known in stage.destinations.items():
        if known.status is _UP:
            fields = {"destination_id": ident, "name": known.name, "reason": reason, "attempt": 0, "frame": frame}
            told.append(tell(e.DestinationReconnecting, command, stage, **fields))
    return [*told, *health(command, stage, told=told)]

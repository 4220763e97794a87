"""The way of a presenter: invited, connected, checked, ready, on stage, off stage. Source: duties.md D5, D6, D9.

Being on stage means being heard and being allowed in scenes; what the picture shows changes by a take.
"""

from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain import picture
from services.stage.domain.refusals import (
    PresenterNotOnStage,
    PresenterNotReady,
    StageFull,
    TechCheckRequired,
    UnknownPresenter,
)
from services.stage.domain.state import Presenter, PresenterStatus, StageRun
from services.stage.domain.telling import put, require_engine, tell

Asked: TypeAlias = (
    c.ConnectPresenter
    | c.RecordTechCheck
    | c.WaiveTechCheck
    | c.RecordScreenShareRehearsal
    | c.MarkPresenterReady
    | c.ReportPresenterMissing
    | c.BringOnStage
    | c.TakeOffStage
    | c.ReportSource
)
Told: TypeAlias = (
    e.PresenterFeedRequested
    | e.PresenterFeedAttached
    | e.PresenterConnected
    | e.PresenterDropped
    | e.PresenterReturned
    | e.TechCheckPassed
    | e.TechCheckFailed
    | e.TechCheckWaived
    | e.ScreenShareRehearsed
    | e.PresenterMarkedReady
    | e.PresenterMissed
    | e.PresenterEntryRequested
    | e.PresenterBroughtOnStage
    | e.PresenterExitRequested
    | e.PresenterTakenOffStage
)

STAGE_CAPACITY: Final = 6
"""How many presenters one picture can hold legibly: a grid of three by two."""

_HERE: Final = (
    PresenterStatus.CONNECTED,
    PresenterStatus.CHECKED,
    PresenterStatus.READY,
    PresenterStatus.ON_STAGE,
    PresenterStatus.OFF_STAGE,
)
_ABSENT: Final = (PresenterStatus.INVITED, PresenterStatus.LEFT, PresenterStatus.NO_SHOW)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    if isinstance(command, c.ReportSource):
        return _report(command, stage)
    ident = command.presenter_id
    known = stage.presenters.get(ident)
    if known is None:
        raise UnknownPresenter
    match command:
        case c.ConnectPresenter():
            require_engine(stage)
            fields = {"feed": command.feed, "key_fingerprint": command.key_fingerprint, "effect_id": command.effect_id}
            return [tell(e.PresenterFeedRequested, command, stage, presenter_id=ident, **fields)]
        case c.RecordTechCheck():
            return [_checked(command, stage, known)]
        case c.WaiveTechCheck():
            fields = {"reason": command.reason, "by": command.by}
            return [tell(e.TechCheckWaived, command, stage, presenter_id=ident, **fields)]
        case c.RecordScreenShareRehearsal():
            return [tell(e.ScreenShareRehearsed, command, stage, presenter_id=ident, by=command.by)]
        case c.MarkPresenterReady():
            return _mark_ready(command, stage, known)
        case c.ReportPresenterMissing():
            missing = known.status is PresenterStatus.INVITED
            return [tell(e.PresenterMissed, command, stage, presenter_id=ident)] if missing else []
        case c.BringOnStage():
            return _bring(command, stage, known)
        case c.TakeOffStage():
            return _take_off(command, stage, known)
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    known = stage.presenters.get(event.presenter_id)
    if known is None:
        return stage
    moved = _attached(known, event, stage) if isinstance(event, e.PresenterFeedAttached) else _moved(known, event)
    changed = replace(stage, presenters=put(stage.presenters, event.presenter_id, moved))
    if isinstance(event, e.PresenterTakenOffStage) and stage.preview is not None:
        return replace(changed, preview=picture.without(stage.preview, event.presenter_id))
    return changed


def _attached(known: Presenter, event: e.PresenterFeedAttached, stage: StageRun) -> Presenter:
    """The feed that was asked for is the presenter's now; one that could not be attached never was."""
    intent = stage.pending.get(event.effect_id)
    if not isinstance(intent, e.PresenterFeedRequested):
        return known
    return replace(known, feed=intent.feed, key_fingerprint=intent.key_fingerprint)


def _moved(known: Presenter, event: Told) -> Presenter:
    match event:
        case e.PresenterConnected():
            arrived = PresenterStatus.CHECKED if known.checked else PresenterStatus.CONNECTED
            return replace(known, status=arrived, before_drop=None)
        case e.PresenterDropped():
            return replace(known, status=PresenterStatus.DROPPED, before_drop=known.status)
        case e.PresenterReturned():
            return replace(known, status=known.place, before_drop=None)
        case e.TechCheckPassed() | e.TechCheckWaived():
            return _at(replace(known, checked=True), PresenterStatus.CHECKED, only=(PresenterStatus.CONNECTED,))
        case e.TechCheckFailed():
            before_stage = (PresenterStatus.CHECKED, PresenterStatus.READY)
            return _at(replace(known, checked=False), PresenterStatus.CONNECTED, only=before_stage)
        case e.ScreenShareRehearsed():
            return replace(known, rehearsed=True)
        case e.PresenterMarkedReady():
            return _at(known, PresenterStatus.READY)
        case e.PresenterMissed():
            return replace(known, status=PresenterStatus.NO_SHOW)
        case e.PresenterBroughtOnStage():
            return _at(known, PresenterStatus.ON_STAGE)
        case e.PresenterTakenOffStage():
            return _at(known, PresenterStatus.OFF_STAGE)
        case (
            e.PresenterFeedRequested()
            | e.PresenterFeedAttached()
            | e.PresenterEntryRequested()
            | e.PresenterExitRequested()
        ):
            return known
        case _:
            assert_never(event)


def _at(known: Presenter, place: PresenterStatus, *, only: tuple[PresenterStatus, ...] | None = None) -> Presenter:
    """Move a presenter; one whose line is down returns to the new place."""
    if only is not None and known.place not in only:
        return known
    if known.status is PresenterStatus.DROPPED:
        return replace(known, before_drop=place)
    return replace(known, status=place)


def _checked(command: c.RecordTechCheck, stage: StageRun, known: Presenter) -> Event:
    """A check needs somebody to look at. Source: duties.md D5."""
    if known.status not in _HERE:
        raise PresenterNotReady("The presenter is not connected.", presenter=known.status.value)
    results = {"light": command.light, "video": command.video, "audio": command.audio}
    failed = tuple(name for name, good in results.items() if not good)
    fields = {"presenter_id": command.presenter_id, "by": command.by, "note": command.note}
    if failed:
        return tell(e.TechCheckFailed, command, stage, failed=failed, **fields)
    return tell(e.TechCheckPassed, command, stage, **fields)


def _mark_ready(command: c.MarkPresenterReady, stage: StageRun, known: Presenter) -> list[Event]:
    if known.place in (PresenterStatus.READY, PresenterStatus.ON_STAGE):
        return []
    _require_ready_for(known, (PresenterStatus.CHECKED, PresenterStatus.OFF_STAGE))
    return [tell(e.PresenterMarkedReady, command, stage, presenter_id=command.presenter_id, by=command.by)]


def _require_ready_for(known: Presenter, places: tuple[PresenterStatus, ...]) -> None:
    if known.status in places:
        return
    if known.status is PresenterStatus.CONNECTED and not known.checked:
        raise TechCheckRequired(presenter=known.status.value)
    raise PresenterNotReady(presenter=known.status.value)


def _bring(command: c.BringOnStage, stage: StageRun, known: Presenter) -> list[Event]:
    """Somebody who is on stage, or on the way, is not brought twice."""
    require_engine(stage)
    coming = entering(stage)
    if command.presenter_id in coming or known.status is PresenterStatus.ON_STAGE:
        return []
    if not known.checked and known.place not in _ABSENT:
        raise TechCheckRequired(presenter=known.status.value)
    _require_ready_for(known, (PresenterStatus.READY, PresenterStatus.OFF_STAGE))
    if len(set(stage.on_stage()) | coming) >= STAGE_CAPACITY:
        raise StageFull(capacity=STAGE_CAPACITY)
    fields = {"presenter_id": command.presenter_id, "effect_id": command.effect_id, "by": command.by}
    return [tell(e.PresenterEntryRequested, command, stage, **fields)]


def entering(stage: StageRun) -> set[UUID]:
    """Who the engine was asked to bring on stage and has not yet."""
    return {intent.presenter_id for intent in stage.pending.values() if isinstance(intent, e.PresenterEntryRequested)}


def _take_off(command: c.TakeOffStage, stage: StageRun, known: Presenter) -> list[Event]:
    """Somebody the picture shows leaves it at the same time."""
    ident = command.presenter_id
    if not stage.engine_wanted or (known.place is not PresenterStatus.ON_STAGE and ident not in entering(stage)):
        raise PresenterNotOnStage(presenter=known.status.value)
    leaving = (intent for intent in stage.pending.values() if isinstance(intent, e.PresenterExitRequested))
    if any(intent.presenter_id == ident for intent in leaving):
        return []
    scene = picture.heading(stage)
    shown = scene is not None and any(source.id == ident for source in scene.sources)
    rest = picture.without(scene, ident) if scene is not None and shown else None
    fields = {"presenter_id": ident, "effect_id": command.effect_id, "scene": rest, "by": command.by}
    return [tell(e.PresenterExitRequested, command, stage, **fields)]


def _report(command: c.ReportSource, stage: StageRun) -> list[Event]:
    """What the engine receives of a presenter. Only a change is recorded; other sources are none of ours."""
    source = command.source
    known = stage.presenters.get(source.id)
    if source.kind is not e.SourceKind.PRESENTER or known is None or known.feed is None:
        return []
    fields = {"presenter_id": source.id, "frame": command.frame}
    if command.live and known.status in _ABSENT:
        return [tell(e.PresenterConnected, command, stage, **fields)]
    if command.live and known.status is PresenterStatus.DROPPED:
        return [tell(e.PresenterReturned, command, stage, **fields)]
    if not command.live and known.status in _HERE:
        return [tell(e.PresenterDropped, command, stage, reason=command.reason or "no picture", **fields)]
    return []

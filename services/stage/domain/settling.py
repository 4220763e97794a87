"""Intents become facts: what the engine did, on which frame, or why it did not. Source: design.md section 2; features.md T19.

Settling is idempotent: an effect that is settled already, or was never asked for, changes nothing.
"""

from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain import recording
from services.stage.domain.state import ClipStatus, DestinationStatus, StageRun
from services.stage.domain.telling import drop, put, tell

Asked: TypeAlias = c.Settle | c.SettleFailed
Told: TypeAlias = e.ActionFailed

Intent: TypeAlias = (
    e.StreamStartRequested
    | e.StreamEndRequested
    | e.SessionStartRequested
    | e.SessionCloseRequested
    | e.RecordingRequested
    | e.RecordingStopRequested
    | e.PresenterFeedRequested
    | e.PresenterEntryRequested
    | e.PresenterExitRequested
    | e.TakeRequested
    | e.EmergencyCutRequested
    | e.OverlayRequested
    | e.OverlayHideRequested
    | e.BackgroundRequested
    | e.ClipStartRequested
    | e.ClipRemovalRequested
)
"""What waits for the engine."""


def decide(command: Asked, stage: StageRun) -> list[Event]:
    intent = stage.pending.get(command.effect_id)
    if not isinstance(intent, Intent):
        return []
    if isinstance(command, c.SettleFailed):
        return failed(command, stage, command.effect_id, intent, command.reason)
    return done(command, stage, intent)


def done(command: c.Settle, stage: StageRun, intent: Intent) -> list[Event]:
    """The facts of an intent the engine carried out."""
    made = {"effect_id": intent.effect_id, "frame": command.frame}
    match intent:
        case e.StreamStartRequested():
            fields = {"run_id": intent.run_id, "session_id": intent.session_id, **made}
            return [tell(e.StreamStarted, command, stage, **fields), tell(e.SessionStarted, command, stage, **fields)]
        case e.SessionStartRequested():
            fields = {"run_id": intent.run_id, "session_id": intent.session_id, **made}
            return [tell(e.SessionStarted, command, stage, **fields)]
        case e.SessionCloseRequested():
            fields = {"run_id": intent.run_id, "session_id": intent.session_id, **made}
            return [tell(e.SessionEnded, command, stage, **fields)]
        case e.StreamEndRequested():
            return _stream_ended(command, stage, intent)
        case e.RecordingRequested():
            fields = {"run_id": intent.run_id, "segment_id": intent.effect_id, "session_id": intent.session_id}
            opened = {"file": intent.file, "first_frame": command.frame, **fields}
            return [tell(e.ProgramSegmentOpened, command, stage, **opened)]
        case e.RecordingStopRequested():
            return []
        case e.PresenterFeedRequested() | e.PresenterEntryRequested() | e.PresenterExitRequested():
            return _presenter(command, stage, intent)
        case _:
            return _pictured(command, stage, intent)


def failed(command: c.Command, stage: StageRun, effect_id: UUID, intent: Event, reason: str) -> list[Event]:
    """The facts of an intent the engine did not carry out. A stream that did not start leaves no recording running."""
    match intent:
        case e.StreamStartRequested():
            fields = {"run_id": intent.run_id, "session_id": intent.session_id, "reason": reason}
            stops = recording.stop(command, stage, e.SegmentCause.FAILED, effect_id)
            return [tell(e.StreamStartFailed, command, stage, effect_id=effect_id, **fields), *stops]
        case e.StreamEndRequested():
            fields = {"effect_id": effect_id, "run_id": intent.run_id, "reason": reason}
            return [tell(e.StreamEndFailed, command, stage, **fields)]
        case e.RecordingRequested():
            return [recording.failed(command, stage, effect_id, reason)]
        case e.RecordingStopRequested():
            if intent.segment_id not in stage.segments:
                return []
            last, cause = stage.engine.last_frame, e.SegmentCause.FAILED
            lost = recording.abandoned(command, stage, cause, last, only=intent.segment_id)
            return [recording.failed(command, stage, intent.segment_id, reason), *lost]
        case _:
            fields = {"effect_id": effect_id, "action": intent.tag(), "reason": reason}
            return [tell(e.ActionFailed, command, stage, **fields)]


def evolve(stage: StageRun, event: Told) -> StageRun:
    """Take back what the intent had changed in advance."""
    match stage.pending.get(event.effect_id):
        case e.TakeRequested() as intent:
            return stage if stage.preview is not None else replace(stage, preview=intent.scene)
        case e.OverlayRequested() as intent:
            return replace(stage, overlays=drop(stage.overlays, intent.layer))
        case e.ClipStartRequested() as intent if intent.clip_id in stage.clips:
            clip = replace(stage.clips[intent.clip_id], status=ClipStatus.CUED)
            return replace(stage, clips=put(stage.clips, intent.clip_id, clip))
        case _:
            return stage


def _stream_ended(command: c.Settle, stage: StageRun, intent: e.StreamEndRequested) -> list[Event]:
    run = {"run_id": intent.run_id, "frame": command.frame, "effect_id": intent.effect_id}
    told: list[Event] = []
    if stage.session_id is not None:
        told.append(tell(e.SessionEnded, command, stage, session_id=stage.session_id, **run))
    told.append(tell(e.StreamEnded, command, stage, session_id=stage.session_id, **run))
    for ident, one in stage.destinations.items():
        if one.wanted and one.status is not DestinationStatus.DISABLED:
            fields = {"destination_id": ident, "name": one.name, "frame": command.frame}
            told.append(tell(e.DestinationDisabled, command, stage, **fields))
    return told


def _presenter(
    command: c.Settle,
    stage: StageRun,
    intent: e.PresenterFeedRequested | e.PresenterEntryRequested | e.PresenterExitRequested,
) -> list[Event]:
    fields = {"presenter_id": intent.presenter_id, "effect_id": intent.effect_id, "frame": command.frame}
    match intent:
        case e.PresenterFeedRequested():
            return [tell(e.PresenterFeedAttached, command, stage, **fields)]
        case e.PresenterEntryRequested():
            return [tell(e.PresenterBroughtOnStage, command, stage, **fields)]
        case e.PresenterExitRequested():
            left: Event = tell(e.PresenterTakenOffStage, command, stage, **fields)
            return [left, *_narrowed(command, stage, intent, e.ProgramCause.OFF_STAGE)]
        case _:
            assert_never(intent)


_Pictured: TypeAlias = (
    e.TakeRequested
    | e.EmergencyCutRequested
    | e.OverlayRequested
    | e.OverlayHideRequested
    | e.BackgroundRequested
    | e.ClipStartRequested
    | e.ClipRemovalRequested
)


def _pictured(command: c.Settle, stage: StageRun, intent: _Pictured) -> list[Event]:
    made = {"effect_id": intent.effect_id, "frame": command.frame}
    match intent:
        case e.TakeRequested():
            how = {"transition": intent.transition, "transition_frames": intent.transition_frames, **made}
            return [tell(e.ProgramTaken, command, stage, scene=intent.scene, cause=e.ProgramCause.TAKE, **how)]
        case e.EmergencyCutRequested():
            return [tell(e.ProgramCut, command, stage, **made)]
        case e.OverlayRequested():
            what = {"kind": intent.kind, "text": intent.text, "asset_id": intent.asset_id, "layer": intent.layer}
            return [tell(e.OverlayShown, command, stage, overlay_id=intent.overlay_id, **what, **made)]
        case e.OverlayHideRequested():
            what = {"overlay_id": intent.overlay_id, "layer": intent.layer}
            return [tell(e.OverlayHidden, command, stage, **what, **made)]
        case e.BackgroundRequested():
            return [tell(e.BackgroundSet, command, stage, asset_id=intent.asset_id, colour=intent.colour, **made)]
        case e.ClipStartRequested():
            return [tell(e.ClipStarted, command, stage, clip_id=intent.clip_id, **made)]
        case e.ClipRemovalRequested():
            removed: Event = tell(e.ClipRemoved, command, stage, clip_id=intent.clip_id, **made)
            return [removed, *_narrowed(command, stage, intent, e.ProgramCause.CLIP_REMOVED)]
        case _:
            assert_never(intent)


def _narrowed(
    command: c.Settle,
    stage: StageRun,
    intent: e.PresenterExitRequested | e.ClipRemovalRequested,
    cause: e.ProgramCause,
) -> list[Event]:
    """The programme without what just left it."""
    if intent.scene is None:
        return []
    how = {"transition": e.Transition.CUT, "transition_frames": 0, "effect_id": intent.effect_id, "cause": cause}
    return [tell(e.ProgramTaken, command, stage, scene=intent.scene, frame=command.frame, **how)]


SETTLED_BY_SEGMENT: Final = (e.ProgramSegmentOpened, e.ProgramSegmentClosed, e.RecordingFailed)


def keep(stage: StageRun, event: Event) -> StageRun:
    """Remember an intent until its fact, and the last frame anybody heard of."""
    pending = stage.pending
    if isinstance(event, Intent):
        pending = put(pending, event.effect_id, event)
    elif isinstance(event, SETTLED_BY_SEGMENT):
        pending = {known: intent for known, intent in pending.items() if not _ended(intent, event)}
    else:
        effect_id = getattr(event, "effect_id", None)
        if effect_id is not None and effect_id in pending:
            pending = drop(pending, effect_id)
    frame = getattr(event, "frame", None)
    if frame is not None and frame > stage.engine.last_frame:
        return replace(stage, pending=pending, engine=replace(stage.engine, last_frame=frame))
    return stage if pending is stage.pending else replace(stage, pending=pending)


def _ended(intent: Event, event: e.ProgramSegmentOpened | e.ProgramSegmentClosed | e.RecordingFailed) -> bool:
    if isinstance(intent, e.RecordingRequested):
        return intent.effect_id == event.segment_id
    closed = not isinstance(event, e.ProgramSegmentOpened)
    return closed and isinstance(intent, e.RecordingStopRequested) and intent.segment_id == event.segment_id

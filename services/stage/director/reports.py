"""From what an engine tells to what a stage is told: one command for each event that matters, none for telemetry."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import stage as e
from services.stage import commands as c
from services.stage.domain.state import ClipStatus, StageRun
from services.stage.engine.protocol import AnyEvent, ClipEnded, DestState, RecState, SourceState


def report_of(event: AnyEvent, at: datetime) -> c.Command | None:
    """None for answers and telemetry, and for what is not of the stage's making."""
    match event:
        case DestState():
            return _destination(UUID(event.id), at, event.state, event.reason, event.attempt, event.frame)
        case SourceState():
            source = source_of(event.id)
            if source is None:
                return None
            live = event.state == "live"
            reason = event.reason or event.state
            return c.ReportSource(at=at, source=source, live=live, reason=reason, frame=event.frame)
        case ClipEnded():
            source = source_of(event.id)
            return None if source is None else c.ReportClipEnded(at=at, clip_id=source.id, frame=event.frame)
        case RecState(state="closed") | RecState(state="failed"):
            return _recording(event, at)
        case _:
            return None


def source_of(key: str) -> e.Source | None:
    """The source with this name, if the stage gave it."""
    kind, _, ident = key.partition("-")
    try:
        return e.Source(kind=e.SourceKind(kind), id=UUID(ident))
    except ValueError:
        return None


def _destination(
    ident: UUID, at: datetime, state: str, reason: str | None, attempt: int, frame: int | None
) -> c.ReportDestination:
    return c.ReportDestination(
        at=at, destination_id=ident, state=state, reason=reason or "", attempt=attempt, frame=frame
    )


def _recording(event: RecState, at: datetime) -> c.ReportRecording:
    reason = (event.reason or "the recording broke off") if event.state == "failed" else None
    first = event.first_frame or 0
    last = event.last_frame if event.last_frame is not None else first
    return c.ReportRecording(
        at=at, segment_id=UUID(event.id), first_frame=first, last_frame=last, frames=event.frames, reason=reason
    )


def missed(stage: StageRun, seen: dict[str, Any], at: datetime) -> list[c.Command]:
    """What happened while nobody listened, from the engine's own account of what is on air."""
    frame = int(seen["frame"])
    told: list[c.Command] = [
        _destination(UUID(ident), at, known["state"], None, known["attempt"], frame)
        for ident, known in seen["dests"].items()
    ]
    for key, state in seen["sources"].items():
        source = source_of(key)
        if source is not None and state != "connecting":
            told.append(c.ReportSource(at=at, source=source, live=state == "live", reason=state, frame=frame))
    for ident, clip in stage.clips.items():
        playing = seen["sources"].get(e.Source(kind=e.SourceKind.CLIP, id=ident).key)
        if clip.status is ClipStatus.PLAYING and playing in (None, "eof", "lost"):
            told.append(c.ReportClipEnded(at=at, clip_id=ident, frame=frame))
    return told

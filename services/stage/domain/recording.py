"""Recording the programme: one segment for each session, more when the engine is lost. Source: duties.md D17, Q29; P4.

Going live must not depend on another service, so the stage's own engine records; the media service takes over the files.
"""

from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.state import Segment, StageRun
from services.stage.domain.telling import drop, following, put, tell

Told: TypeAlias = (
    e.RecordingRequested
    | e.ProgramSegmentOpened
    | e.RecordingFailed
    | e.RecordingStopRequested
    | e.ProgramSegmentClosed
)


def start(command: c.Command, stage: StageRun, segment_id: UUID, run_id: UUID, session_id: UUID) -> list[Event]:
    """Ask for a recording, unless the session must not be recorded."""
    session = stage.rundown.sessions.get(session_id)
    if session is None or session.do_not_record:
        return []
    file = f"program/{stage.stage_id}/{segment_id}.mp4"
    fields = {"effect_id": segment_id, "run_id": run_id, "session_id": session_id}
    return [tell(e.RecordingRequested, command, stage, file=file, **fields)]


def stop(command: c.Command, stage: StageRun, cause: e.SegmentCause, effect_id: UUID) -> list[Event]:
    """Ask to finish every recording that is not being finished already."""
    told: list[Event] = []
    for segment_id, segment in stage.segments.items():
        if segment.closing is None:
            fields = {"segment_id": segment_id, "run_id": segment.run_id, "cause": cause}
            fields["effect_id"] = following(effect_id, str(segment_id))
            told.append(tell(e.RecordingStopRequested, command, stage, **fields))
    return told


def report(command: c.ReportRecording, stage: StageRun) -> list[Event]:
    """A segment nobody knows, or one that is complete already, changes nothing."""
    segment = stage.segments.get(command.segment_id)
    if segment is None:
        return []
    told: list[Event] = []
    cause = segment.closing or e.SegmentCause.FAILED
    if command.reason is not None:
        told.append(failed(command, stage, command.segment_id, command.reason))
        cause = e.SegmentCause.FAILED
    if segment.first_frame is None:
        return told
    fields = {"first_frame": command.first_frame, "last_frame": command.last_frame, "frames": command.frames}
    return [*told, _closed(command, stage, command.segment_id, cause, **fields)]


def failed(command: c.Command, stage: StageRun, segment_id: UUID, reason: str) -> Event:
    segment = stage.segments[segment_id]
    fields = {"segment_id": segment_id, "session_id": segment.session_id, "run_id": segment.run_id}
    return tell(e.RecordingFailed, command, stage, reason=reason, **fields)


def abandoned(
    command: c.Command, stage: StageRun, cause: e.SegmentCause, last_frame: int, *, only: UUID | None = None
) -> list[Event]:
    """Close what no engine writes any more, with what is known of it: the file itself tells its true length."""
    told: list[Event] = []
    for segment_id, segment in stage.segments.items():
        if segment.first_frame is None or only not in (None, segment_id):
            continue
        last = max(segment.first_frame, last_frame)
        fields = {"first_frame": segment.first_frame, "last_frame": last, "frames": last - segment.first_frame + 1}
        told.append(_closed(command, stage, segment_id, cause, **fields))
    return told


def _closed(
    command: c.Command, stage: StageRun, segment_id: UUID, cause: e.SegmentCause, **frames: int
) -> e.ProgramSegmentClosed:
    segment = stage.segments[segment_id]
    fields = {"segment_id": segment_id, "session_id": segment.session_id, "run_id": segment.run_id}
    return tell(e.ProgramSegmentClosed, command, stage, file=segment.file, cause=cause, **fields, **frames)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.RecordingRequested():
            segment = Segment(session_id=event.session_id, run_id=event.run_id, file=event.file)
            return replace(stage, segments=put(stage.segments, event.effect_id, segment))
        case e.ProgramSegmentOpened():
            return _set(stage, event.segment_id, first_frame=event.first_frame)
        case e.RecordingStopRequested():
            return _set(stage, event.segment_id, closing=event.cause)
        case e.RecordingFailed():
            known = stage.segments.get(event.segment_id)
            if known is None or known.first_frame is not None:
                return stage
            return replace(stage, segments=drop(stage.segments, event.segment_id))
        case e.ProgramSegmentClosed():
            return replace(stage, segments=drop(stage.segments, event.segment_id))
        case _:
            assert_never(event)


def _set(stage: StageRun, segment_id: UUID, **changes: object) -> StageRun:
    known = stage.segments.get(segment_id)
    if known is None:
        return stage
    return replace(stage, segments=put(stage.segments, segment_id, replace(known, **changes)))

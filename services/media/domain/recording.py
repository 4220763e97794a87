"""One recording per session and stream: segments, the gaps between them, and the proof that both make up what was live.

Source: duties.md D17, Q29; domain.md I8, P8, P13, P18, U6, U16; features.md M2, M12.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Final, TypeAlias, assert_never, get_args
from uuid import UUID

from msgspec.structs import asdict, replace

from chassis.decider import Decider
from contracts import media as e
from contracts.envelope import Event, Role
from contracts.problems import NotFound
from contracts.stage.values import SegmentCause
from services.media import commands as c
from services.media.domain.refusals import (
    CustomerDuty,
    OriginalImmutable,
    RecordingForbidden,
    RecordingNotFinalised,
    SegmentNotKept,
    SegmentUnknown,
    wrong,
)
from services.media.domain.tape import (
    TOLERANCE_MS,
    Closed,
    Ended,
    Finalised,
    Gap,
    Incomplete,
    Kept,
    Known,
    Quarantined,
    Recording,
    Segment,
    Situation,
    Tape,
    Unknown,
    between_ms,
    broke_off,
)

Told: TypeAlias = (
    e.RecordingStarted
    | e.RecordingSegmentOpened
    | e.RecordingGapDetected
    | e.RecordingSegmentClosed
    | e.RecordingSegmentKept
    | e.RecordingSegmentLost
    | e.RecordingEnded
    | e.RecordingFinalised
    | e.RecordingIncomplete
    | e.RecordingQuarantined
    | e.RecordingDownloaded
    | e.RecordingSharedOut
    | e.VodUploadSkipped
)


def decide(command: c.RecordingCommand, state: Situation) -> Sequence[Event]:
    """What follows from the command; and, once nothing is outstanding any more, what the recording came to."""
    told = _told(command, state)
    after = reduce(evolve, told, state)
    if told and isinstance(after, Ended):
        told += _finalise(command, after.tape)
    return told


def require_usable(state: Situation) -> Tape:
    """The tape, where it may be edited and published. Raises RecordingForbidden, RecordingNotFinalised."""
    match state:
        case Quarantined():
            raise RecordingForbidden(reason=state.reason)
        case Finalised() | Incomplete():
            return state.tape
        case _:
            raise RecordingNotFinalised(state=type(state).__name__.upper())


def _told(command: c.RecordingCommand, state: Situation) -> list[Told]:
    if isinstance(command, c.OpenSegment):
        return _open(command, state)
    if isinstance(state, Unknown):
        raise wrong(state, c.OpenSegment)
    match command:
        case c.CloseSegment():
            return _close(command, state)
        case c.EndRecording():
            return [_tell(e.RecordingEnded, command, state.tape)] if state.tape.ended_at is None else []
        case c.KeepSegment():
            return _keep(command, state)
        case c.LoseSegment():
            return _lose(command, state)
        case c.Quarantine():
            return _quarantine(command, state, command.reason)
        case c.NoteDownload():
            return _download(command, state)
        case c.ShareOut():
            return _share_out(command, state)
        case c.SkipVod():
            if state.tape.skipped == command.reason:
                return []
            return [_tell(e.VodUploadSkipped, command, state.tape, reason=command.reason)]
        case _:
            assert_never(command)


# --- facts about files


def _open(command: c.OpenSegment, state: Situation) -> list[Told]:
    """A gap is known as soon as the recording goes on. After the account is closed nothing can be added."""
    told: list[Told] = []
    if isinstance(state, Unknown):
        tape = Tape(**{name: getattr(command, name) for name in _IDS})
        told = [_tell(e.RecordingStarted, command, tape, **{name: getattr(command, name) for name in _IDS[2:]})]
    else:
        tape = state.tape
        if tape.segment(command.segment_id) is not None:
            return []
        if isinstance(state, Finalised | Incomplete):
            raise wrong(state, c.NoteDownload, c.ShareOut, c.Quarantine)
        told += _gap_before(command, tape)
    fields = {"segment_id": command.segment_id, "file": command.file, "first_frame": command.first_frame}
    told.append(_tell(e.RecordingSegmentOpened, command, tape, **fields))
    if command.forbidden and not isinstance(state, Quarantined):
        told.append(_tell(e.RecordingQuarantined, command, tape, reason="do_not_record"))
    return told


_IDS: Final = ("recording_id", "show_id", "stage_id", "run_id", "session_id")


def _gap_before(command: c.OpenSegment, tape: Tape) -> list[Told]:
    last = tape.segments[-1]
    if last.closed is None:
        return []
    return _gap(command, tape, last, between_ms(last.closed.at, command.at), last.closed.cause)


def _gap(command: c.Command, tape: Tape, after: Segment, gap_ms: int, cause: str) -> list[Told]:
    if gap_ms == 0:
        return []
    fields = {"after_segment_id": after.segment_id, "gap_ms": gap_ms, "cause": cause}
    return [_tell(e.RecordingGapDetected, command, tape, **fields)]


def _close(command: c.CloseSegment, state: Known) -> list[Told]:
    """Consent withdrawn while recording closes the segment, and the recording with it for everybody (P18)."""
    segment = _segment(state.tape, command.segment_id)
    if segment.closed is not None:
        return []
    told: list[Told] = [
        _tell(
            e.RecordingSegmentClosed,
            command,
            state.tape,
            segment_id=segment.segment_id,
            file=segment.file,
            first_frame=segment.first_frame,
            last_frame=command.last_frame,
            frames=command.frames,
            cause=command.cause.value,
        )
    ]
    if command.cause is SegmentCause.WITHDRAWN:
        told += _quarantine(command, state, "withdrawn")
    return told


def _keep(command: c.KeepSegment, state: Known) -> list[Told]:
    """What a file that broke off does not hold is a gap; a file that ended as it should has to be whole (M12)."""
    segment = _segment(state.tape, command.segment_id)
    if segment.kept is not None:
        if segment.kept.sha256 == command.sha256:
            return []
        raise OriginalImmutable(kept=segment.kept.sha256)
    if segment.closed is None or segment.lost is not None:
        raise wrong(state, c.CloseSegment)
    fields = asdict(command)
    del fields["at"]
    told: list[Told] = [_tell(e.RecordingSegmentKept, command, state.tape, **fields)]
    if broke_off(segment):
        missing_ms = max(0, segment.span_ms - command.duration_ms)
        told += _gap(command, state.tape, segment, missing_ms, segment.closed.cause)
    return told


def _lose(command: c.LoseSegment, state: Known) -> list[Told]:
    segment = _segment(state.tape, command.segment_id)
    if segment.lost is not None:
        return []
    if segment.closed is None or segment.kept is not None:
        raise wrong(state, c.CloseSegment)
    fields = {"segment_id": command.segment_id, "reason": command.reason}
    gap = _gap(command, state.tape, segment, segment.span_ms, "segment_lost")
    return [_tell(e.RecordingSegmentLost, command, state.tape, **fields), *gap]


def _finalise(command: c.Command, tape: Tape) -> list[Told]:
    if not all(segment.settled for segment in tape.segments):
        return []
    told: list[Told] = []
    last = tape.segments[-1]
    assert last.closed is not None
    assert tape.ended_at is not None
    if broke_off(last):
        told = _gap(command, tape, last, between_ms(last.closed.at, tape.ended_at), last.closed.cause)
    gaps_ms = tape.gaps_ms + sum(gap.gap_ms for gap in told if isinstance(gap, e.RecordingGapDetected))
    account = {"live_ms": tape.live_ms, "recorded_ms": tape.recorded_ms, "gaps_ms": gaps_ms}
    missing_ms = tape.live_ms - tape.recorded_ms - gaps_ms
    verdict = e.RecordingFinalised if missing_ms <= TOLERANCE_MS else e.RecordingIncomplete
    return [*told, _tell(verdict, command, tape, session_id=tape.session_id, **account)]


# --- what people do with it


def _quarantine(command: c.Command, state: Known, reason: str) -> list[Told]:
    if isinstance(state, Quarantined):
        return []
    return [_tell(e.RecordingQuarantined, command, state.tape, reason=reason)]


def _download(command: c.NoteDownload, state: Known) -> list[Told]:
    segment = downloadable(state, command.segment_id)
    return [_tell(e.RecordingDownloaded, command, state.tape, segment_id=segment.segment_id, by=command.by)]


def downloadable(state: Situation, segment_id: UUID) -> Segment:
    """A segment somebody may have. Raises RecordingForbidden, NotFound, SegmentNotKept."""
    if isinstance(state, Quarantined):
        raise RecordingForbidden(reason=state.reason)
    segment = None if isinstance(state, Unknown) else state.tape.segment(segment_id)
    if segment is None:
        raise NotFound
    if segment.kept is None:
        raise SegmentNotKept(lost=segment.lost)
    return segment


def _share_out(command: c.ShareOut, state: Known) -> list[Told]:
    if command.role is not Role.CUSTOMER:
        raise CustomerDuty
    tape = require_usable(state)
    return [_tell(e.RecordingSharedOut, command, tape, to_whom=command.to_whom)]


def _segment(tape: Tape, segment_id: UUID) -> Segment:
    segment = tape.segment(segment_id)
    if segment is None:
        raise SegmentUnknown
    return segment


def _tell(kind: type[Told], command: c.Command, tape: Tape, **fields: object) -> Told:
    return kind(at=command.at, show_id=tape.show_id, recording_id=tape.recording_id, **fields)  # type: ignore[arg-type]


# --- what it leads to


def evolve(state: Situation, event: Told) -> Situation:
    if isinstance(event, e.RecordingStarted):
        return Recording(Tape(**{name: getattr(event, name) for name in _IDS}))
    assert not isinstance(state, Unknown)
    tape = state.tape
    match event:
        case e.RecordingSegmentOpened():
            opened = Segment(
                segment_id=event.segment_id, file=event.file, first_frame=event.first_frame, opened_at=event.at
            )
            return replace(state, tape=replace(tape, segments=(*tape.segments, opened)))
        case e.RecordingSegmentClosed():
            closed = Closed(at=event.at, last_frame=event.last_frame, frames=event.frames, cause=event.cause)
            return _with(state, event.segment_id, closed=closed)
        case e.RecordingSegmentKept():
            kept = Kept(**{name: getattr(event, name) for name in Kept.__struct_fields__})
            return _with(state, event.segment_id, kept=kept)
        case e.RecordingSegmentLost():
            return _with(state, event.segment_id, lost=event.reason)
        case e.RecordingGapDetected():
            gap = Gap(after_segment_id=event.after_segment_id, gap_ms=event.gap_ms, cause=event.cause)
            return replace(state, tape=replace(tape, gaps=(*tape.gaps, gap)))
        case e.RecordingEnded():
            over = replace(tape, ended_at=event.at)
            return Ended(over) if isinstance(state, Recording) else replace(state, tape=over)
        case e.RecordingFinalised():
            return Finalised(tape)
        case e.RecordingIncomplete():
            return Incomplete(tape)
        case e.RecordingQuarantined():
            return Quarantined(tape, event.reason)
        case e.VodUploadSkipped():
            return replace(state, tape=replace(tape, skipped=event.reason))
        case e.RecordingDownloaded() | e.RecordingSharedOut():
            return state
        case _:
            assert_never(event)


def _with(state: Known, segment_id: UUID, **changes: object) -> Known:
    segments = tuple(replace(one, **changes) if one.segment_id == segment_id else one for one in state.tape.segments)
    return replace(state, tape=replace(state.tape, segments=segments))


_INITIAL: Final[Situation] = Unknown()
RECORDING: Final = Decider("recording", _INITIAL, decide, evolve, {event.tag(): event for event in get_args(Told)})

"""Facts about the stream and its sessions: armed, started, recorded, ended, and what became of the engine."""

from uuid import UUID

from contracts.stage._base import StageEvent as _OnStage
from contracts.stage.values import SegmentCause


class SessionArmed(_OnStage, frozen=True, kw_only=True, tag="stage.session_armed.v1"):
    """A session is next to go live; its engine starts, so that speakers can be checked. Source: duties.md D7."""

    session_id: UUID
    by: str


class StreamStartRequested(_OnStage, frozen=True, kw_only=True, tag="stage.stream_start_requested.v1"):
    """Somebody asked to go live with the armed session; `run_id` names this stream from here on."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    by: str


class StreamStarted(_OnStage, frozen=True, kw_only=True, tag="stage.stream_started.v1"):
    """The programme is on air."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    frame: int


class StreamStartFailed(_OnStage, frozen=True, kw_only=True, tag="stage.stream_start_failed.v1"):
    """The stream could not be started; the session may be armed again."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    reason: str


class SessionStartRequested(_OnStage, frozen=True, kw_only=True, tag="stage.session_start_requested.v1"):
    """Somebody asked to begin the next session within the running stream."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    by: str


class SessionStarted(_OnStage, frozen=True, kw_only=True, tag="stage.session_started.v1"):
    """A session began on `frame` of the programme."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    frame: int


class SessionCloseRequested(_OnStage, frozen=True, kw_only=True, tag="stage.session_close_requested.v1"):
    """Somebody asked to close the running session; the stream goes on. Source: duties.md L8."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    by: str


class SessionEnded(_OnStage, frozen=True, kw_only=True, tag="stage.session_ended.v1"):
    """A session ended on `frame` of the programme."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    frame: int


class StreamEndRequested(_OnStage, frozen=True, kw_only=True, tag="stage.stream_end_requested.v1"):
    """Somebody asked to end the stream. Source: duties.md D8."""

    effect_id: UUID
    run_id: UUID
    by: str


class StreamEnded(_OnStage, frozen=True, kw_only=True, tag="stage.stream_ended.v1"):
    """The programme is off air; `session_id` is the session that ended with it, if one was running."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID | None
    frame: int


class StreamEndFailed(_OnStage, frozen=True, kw_only=True, tag="stage.stream_end_failed.v1"):
    """The engine could not end the stream, which is still on air."""

    effect_id: UUID
    run_id: UUID
    reason: str


class StageDegraded(_OnStage, frozen=True, kw_only=True, tag="stage.stage_degraded.v1"):
    """The stream runs, but no enabled destination receives it. Source: domain.md P12."""

    run_id: UUID
    reason: str


class StageRecovered(_OnStage, frozen=True, kw_only=True, tag="stage.stage_recovered.v1"):
    """At least one destination receives the stream again."""

    run_id: UUID


class RecordingRequested(_OnStage, frozen=True, kw_only=True, tag="stage.recording_requested.v1"):
    """The engine is asked to record the programme into a new segment; its id is also the id of the effect."""

    effect_id: UUID
    run_id: UUID
    session_id: UUID
    file: str


class ProgramSegmentOpened(_OnStage, frozen=True, kw_only=True, tag="stage.program_segment_opened.v1"):
    """The programme is being recorded; `file` is relative to the shared media folder."""

    run_id: UUID
    segment_id: UUID
    session_id: UUID
    file: str
    first_frame: int


class RecordingFailed(_OnStage, frozen=True, kw_only=True, tag="stage.recording_failed.v1"):
    """A segment could not be recorded, or not to its end; the stream goes on. Source: domain.md P4."""

    run_id: UUID
    segment_id: UUID
    session_id: UUID
    reason: str


class RecordingStopRequested(_OnStage, frozen=True, kw_only=True, tag="stage.recording_stop_requested.v1"):
    """The engine is asked to finish a segment."""

    effect_id: UUID
    run_id: UUID
    segment_id: UUID
    cause: SegmentCause


class ProgramSegmentClosed(_OnStage, frozen=True, kw_only=True, tag="stage.program_segment_closed.v1"):
    """A recorded segment is complete on disk. `frames` counts those in the file; after a lost engine it is the best estimate."""

    run_id: UUID
    segment_id: UUID
    session_id: UUID
    file: str
    first_frame: int
    last_frame: int
    frames: int
    cause: SegmentCause


class EngineStarted(_OnStage, frozen=True, kw_only=True, tag="stage.engine_started.v1"):
    """The programme engine of the stage is up; frames count from 0 in each `generation`."""

    generation: int


class EngineLost(_OnStage, frozen=True, kw_only=True, tag="stage.engine_lost.v1"):
    """The programme engine of the stage is gone; a new one is being started."""

    generation: int
    reason: str
    last_frame: int | None


class EngineRestored(_OnStage, frozen=True, kw_only=True, tag="stage.engine_restored.v1"):
    """A new engine shows what the lost one showed."""

    generation: int
    frame: int


class EngineStopped(_OnStage, frozen=True, kw_only=True, tag="stage.engine_stopped.v1"):
    """The programme engine left in good order, as nothing is on air."""

    generation: int
    last_frame: int | None


class ActionFailed(_OnStage, frozen=True, kw_only=True, tag="stage.action_failed.v1"):
    """The engine could not do what was asked; `action` is the type of the intent, and nothing changed on air."""

    effect_id: UUID
    action: str
    reason: str

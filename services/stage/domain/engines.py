"""What becomes of a stage when its engine comes, is lost, is restored, or leaves. Source: design.md section 2; domain.md U6.

A lost engine takes connections, feeds and recordings with it; they are told as lost here, and told again when they are
back. What an operator asked for is not lost: intents stay pending, and the next engine does them.
"""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain import destinations, recording, settling
from services.stage.domain.state import ClipStatus, Engine, Live, PresenterStatus, Program, StageRun
from services.stage.domain.telling import tell

Asked: TypeAlias = (
    c.ReportEngineStarted | c.ReportEngineLost | c.ReportEngineRestored | c.ReportEngineStopped | c.ReportRecording
)
Told: TypeAlias = e.EngineStarted | e.EngineLost | e.EngineRestored | e.EngineStopped

_AWAY = (PresenterStatus.INVITED, PresenterStatus.LEFT, PresenterStatus.NO_SHOW)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    generation = stage.engine.generation
    match command:
        case c.ReportEngineStarted():
            if stage.engine.up:
                return []
            return [tell(e.EngineStarted, command, stage, generation=generation + 1)]
        case c.ReportEngineLost():
            return _lost(command, stage) if stage.engine.up else []
        case c.ReportEngineRestored():
            return _restored(command, stage) if stage.engine.up and stage.engine.restoring else []
        case c.ReportEngineStopped():
            return _stopped(command, stage) if stage.engine.up else []
        case c.ReportRecording():
            return recording.report(command, stage)
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.EngineStarted():
            restoring = stage.engine.restoring
            return replace(stage, engine=Engine(generation=event.generation, up=True, restoring=restoring))
        case e.EngineLost():
            engine = replace(stage.engine, up=False, restoring=stage.engine_wanted, retiring=False)
            return replace(stage, engine=engine)
        case e.EngineRestored():
            return replace(stage, engine=replace(stage.engine, restoring=False, last_frame=event.frame))
        case e.EngineStopped():
            return _left(stage)
        case _:
            assert_never(event)


def _lost(command: c.ReportEngineLost, stage: StageRun) -> list[Event]:
    """In the order an operator would tell it: the engine, the recordings, the feeds, the clips, the destinations."""
    last = stage.engine.last_frame if command.last_frame is None else command.last_frame
    fields = {"generation": stage.engine.generation, "reason": command.reason, "last_frame": last}
    told: list[Event] = [tell(e.EngineLost, command, stage, **fields)]
    told += recording.abandoned(command, stage, e.SegmentCause.ENGINE_LOST, last)
    for ident, presenter in stage.presenters.items():
        if presenter.status not in (*_AWAY, PresenterStatus.DROPPED):
            gone = {"presenter_id": ident, "reason": "engine lost", "frame": last}
            told.append(tell(e.PresenterDropped, command, stage, **gone))
    for ident, clip in stage.clips.items():
        if clip.status is ClipStatus.PLAYING:
            told.append(tell(e.ClipEnded, command, stage, clip_id=ident, frame=last))
    return [*told, *destinations.lost(command, stage, "engine lost", last)]


def _restored(command: c.ReportEngineRestored, stage: StageRun) -> list[Event]:
    """A session on air goes on being recorded, in a new segment."""
    generation = stage.engine.generation
    told: list[Event] = [tell(e.EngineRestored, command, stage, generation=generation, frame=command.frame)]
    session_id = stage.phase.session_id if isinstance(stage.phase, Live) else None
    being_recorded = {segment.session_id for segment in stage.segments.values() if segment.closing is None}
    if isinstance(stage.phase, Live) and session_id is not None and session_id not in being_recorded:
        run_id = stage.phase.run_id
        told += recording.start(command, stage, command.segment_id, run_id, session_id)
    return told


def _stopped(command: c.ReportEngineStopped, stage: StageRun) -> list[Event]:
    """Nothing is left open behind an engine: what it did not do has failed, what it did not finish is closed."""
    last = stage.engine.last_frame if command.last_frame is None else command.last_frame
    told: list[Event] = []
    for effect_id, intent in stage.pending.items():
        if not isinstance(intent, e.RecordingStopRequested):
            told += settling.failed(command, stage, effect_id, intent, "The engine was stopped.")
    told += recording.abandoned(command, stage, e.SegmentCause.ENGINE_LOST, last)
    fields = {"generation": stage.engine.generation, "last_frame": last}
    return [*told, tell(e.EngineStopped, command, stage, **fields)]


def _left(stage: StageRun) -> StageRun:
    """Nothing is seen or heard without an engine. Who was here has left; what was cued can be played again."""
    presenters = {
        ident: one if one.status in _AWAY else replace(one, status=PresenterStatus.LEFT, before_drop=None)
        for ident, one in stage.presenters.items()
    }
    return replace(
        stage,
        engine=replace(stage.engine, up=False, restoring=False, retiring=False),
        presenters=presenters,
        clips={ident: replace(clip, status=ClipStatus.CUED) for ident, clip in stage.clips.items()},
        overlays={},
        preview=None,
        program=Program(),
        pending={},
        segments={},
    )

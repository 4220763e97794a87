"""Video clips and slides a presenter shared: cued, played, removed. Source: duties.md D12."""

from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain import picture
from services.stage.domain.refusals import AssetMissing, AssetNotShared, ClipPlaying, ClipUnknown
from services.stage.domain.state import Clip, ClipStatus, StageRun
from services.stage.domain.telling import drop, put, require_engine, tell

Asked: TypeAlias = c.CueClip | c.PlayClip | c.RemoveClip | c.ReportClipEnded
Told: TypeAlias = (
    e.ClipCued | e.ClipStartRequested | e.ClipStarted | e.ClipEnded | e.ClipRemovalRequested | e.ClipRemoved
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.CueClip():
            return _cue(command, stage)
        case c.PlayClip():
            return _play(command, stage)
        case c.RemoveClip():
            return _remove(command, stage)
        case c.ReportClipEnded():
            known = stage.clips.get(command.clip_id)
            if known is None or known.status is not ClipStatus.PLAYING:
                return []
            return [tell(e.ClipEnded, command, stage, clip_id=command.clip_id, frame=command.frame)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.ClipCued():
            return replace(stage, clips=put(stage.clips, event.clip_id, Clip(asset_id=event.asset_id)))
        case e.ClipStartRequested():
            return _set(stage, event.clip_id, ClipStatus.STARTING)
        case e.ClipStarted():
            return _set(stage, event.clip_id, ClipStatus.PLAYING)
        case e.ClipEnded():
            return _set(stage, event.clip_id, ClipStatus.ENDED)
        case e.ClipRemoved():
            preview = picture.without(stage.preview, event.clip_id) if stage.preview is not None else None
            return replace(stage, clips=drop(stage.clips, event.clip_id), preview=preview)
        case e.ClipRemovalRequested():
            return stage
        case _:
            assert_never(event)


def _set(stage: StageRun, clip_id: UUID, status: ClipStatus) -> StageRun:
    known = stage.clips.get(clip_id)
    if known is None:
        return stage
    return replace(stage, clips=put(stage.clips, clip_id, replace(known, status=status)))


def _cue(command: c.CueClip, stage: StageRun) -> list[Event]:
    require_engine(stage)
    asset = stage.assets.get(command.asset_id)
    if asset is None or asset.file is None:
        raise AssetMissing(missing=[str(command.asset_id)])
    if not asset.shared:
        raise AssetNotShared
    if command.clip_id in stage.clips:
        return []
    return [tell(e.ClipCued, command, stage, clip_id=command.clip_id, asset_id=command.asset_id, by=command.by)]


def _play(command: c.PlayClip, stage: StageRun) -> list[Event]:
    require_engine(stage)
    known = stage.clips.get(command.clip_id)
    if known is None:
        raise ClipUnknown
    if known.status in (ClipStatus.STARTING, ClipStatus.PLAYING):
        raise ClipPlaying
    fields = {"effect_id": command.effect_id, "clip_id": command.clip_id, "by": command.by}
    return [tell(e.ClipStartRequested, command, stage, **fields)]


def _remove(command: c.RemoveClip, stage: StageRun) -> list[Event]:
    """A clip the engine knows nothing of is put away at once; one in the picture leaves it as it goes."""
    known = stage.clips.get(command.clip_id)
    if known is None:
        raise ClipUnknown
    if any(_removes(intent, command.clip_id) for intent in stage.pending.values()):
        return []
    scene = picture.heading(stage)
    shown = scene is not None and any(source.id == command.clip_id for source in scene.sources)
    if not stage.engine_wanted or (known.status is ClipStatus.CUED and not shown):
        return [tell(e.ClipRemoved, command, stage, effect_id=None, clip_id=command.clip_id, frame=None)]
    rest = picture.without(scene, command.clip_id) if scene is not None and shown else None
    fields = {"effect_id": command.effect_id, "clip_id": command.clip_id, "scene": rest, "by": command.by}
    return [tell(e.ClipRemovalRequested, command, stage, **fields)]


def _removes(intent: Event, clip_id: UUID) -> bool:
    return isinstance(intent, e.ClipRemovalRequested) and intent.clip_id == clip_id

"""Preview and programme: what attendees see changes by a take from preview, or by an emergency cut. Source: duties.md D10.

Two things narrow it without a take: a presenter who is taken off stage, or a clip that is removed, leaves the picture.
"""

from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import ClipNotPlaying, NotLive, PresenterNotReady, PreviewEmpty, SceneInvalid
from services.stage.domain.state import ClipStatus, Presenter, PresenterStatus, Program, StageRun
from services.stage.domain.telling import require_engine, tell, wrong_state

Asked: TypeAlias = c.PreviewScene | c.Take | c.EmergencyCut
Told: TypeAlias = e.PreviewSet | e.TakeRequested | e.ProgramTaken | e.EmergencyCutRequested | e.ProgramCut

PLACES: Final[dict[e.Layout, tuple[int, int]]] = {
    e.Layout.FULL: (1, 1),
    e.Layout.SPLIT: (2, 2),
    e.Layout.PIP: (2, 2),
    e.Layout.SLATE: (0, 0),
    e.Layout.GRID: (1, 6),
}
"""How many sources each layout has room for, at least and at most."""

SLATE: Final = e.Scene(layout=e.Layout.SLATE)

_SHOWABLE: Final = (
    PresenterStatus.CONNECTED,
    PresenterStatus.CHECKED,
    PresenterStatus.READY,
    PresenterStatus.ON_STAGE,
    PresenterStatus.OFF_STAGE,
    PresenterStatus.DROPPED,
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.PreviewScene():
            require_engine(stage)
            _require_showable(command.scene, stage)
            return [tell(e.PreviewSet, command, stage, scene=command.scene, by=command.by)]
        case c.Take():
            return _take(command, stage)
        case c.EmergencyCut():
            if not stage.engine_wanted:
                raise wrong_state(stage, NotLive)
            fields = {"effect_id": command.effect_id, "reason": command.reason, "by": command.by}
            return [tell(e.EmergencyCutRequested, command, stage, **fields)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.PreviewSet():
            return replace(stage, preview=event.scene)
        case e.TakeRequested():
            return replace(stage, preview=None)
        case e.ProgramTaken():
            cut = stage.program.cut and event.cause is not e.ProgramCause.TAKE
            withheld = stage.program.withheld
            return replace(stage, program=Program(scene=event.scene, cut=cut, withheld=withheld, frame=event.frame))
        case e.ProgramCut():
            return replace(stage, program=replace(stage.program, cut=True, frame=event.frame))
        case e.EmergencyCutRequested():
            return stage
        case _:
            assert_never(event)


def heading(stage: StageRun) -> e.Scene | None:
    """What the programme will show once everything asked of the engine is done."""
    scene = stage.program.scene
    for intent in stage.pending.values():
        match intent:
            case e.TakeRequested():
                scene = intent.scene
            case e.PresenterExitRequested() | e.ClipRemovalRequested() if intent.scene is not None:
                scene = intent.scene
            case _:
                pass
    return scene


def without(scene: e.Scene, ident: UUID) -> e.Scene:
    """The scene with nothing of this presenter or clip in it, in a layout that fits what is left."""
    left = tuple(source for source in scene.sources if source.id != ident)
    least, most = PLACES[scene.layout]
    if least <= len(left) <= most:
        return replace(scene, sources=left)
    if not left:
        return SLATE
    return e.Scene(layout=e.Layout.FULL if len(left) == 1 else e.Layout.GRID, sources=left)


def _take(command: c.Take, stage: StageRun) -> list[Event]:
    """A second press finds the preview empty, so that it cannot flip the picture back."""
    require_engine(stage)
    scene = stage.preview
    if scene is None:
        raise PreviewEmpty
    _require_showable(scene, stage)
    for source in scene.sources:
        known = stage.presenters.get(source.id)
        if known is not None and not _on_stage(source.id, known, stage):
            raise PresenterNotReady(presenter=known.status.value, presenter_id=str(source.id))
        clip = stage.clips.get(source.id)
        if clip is not None and clip.status is ClipStatus.CUED:
            raise ClipNotPlaying(clip_id=str(source.id))
    frames = 0 if command.transition is e.Transition.CUT else command.transition_frames
    fields = {"transition": command.transition, "transition_frames": frames, "by": command.by}
    return [tell(e.TakeRequested, command, stage, effect_id=command.effect_id, scene=scene, **fields)]


def _on_stage(ident: UUID, known: Presenter, stage: StageRun) -> bool:
    """Whether they are on stage, or will be when the engine gets to the take."""
    there = known.place is PresenterStatus.ON_STAGE
    for intent in stage.pending.values():
        match intent:
            case e.PresenterEntryRequested() if intent.presenter_id == ident:
                there = True
            case e.PresenterExitRequested() if intent.presenter_id == ident:
                there = False
            case _:
                pass
    return there


def _require_showable(scene: e.Scene, stage: StageRun) -> None:
    least, most = PLACES[scene.layout]
    if not least <= len(scene.sources) <= most:
        raise SceneInvalid(f"The layout {scene.layout} takes {least} to {most} sources.", sources=[])
    absent = [source.key for source in scene.sources if not _at_hand(source, stage)]
    if absent:
        raise SceneInvalid(sources=absent)
    if len({source.key for source in scene.sources}) < len(scene.sources):
        raise SceneInvalid("A source appears once in a scene.", sources=[source.key for source in scene.sources])


def _at_hand(source: e.Source, stage: StageRun) -> bool:
    match source.kind:
        case e.SourceKind.PRESENTER:
            known = stage.presenters.get(source.id)
            return known is not None and known.status in _SHOWABLE
        case e.SourceKind.CLIP:
            return source.id in stage.clips
        case e.SourceKind.ASSET:
            asset = stage.assets.get(source.id)
            return asset is not None and asset.approved and asset.file is not None
        case _:
            assert_never(source.kind)

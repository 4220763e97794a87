"""What the engine is asked, so that an intent becomes true: one list of verbs for each kind of intent.

Several verbs make one effect; the frame of the one marked `main` is the frame of the fact.
"""

from pathlib import Path
from typing import Any, Final, Protocol, assert_never
from uuid import UUID

import msgspec

from contracts import stage as e
from contracts.envelope import Sealed
from services.stage.domain.picture import without
from services.stage.domain.running import withheld
from services.stage.domain.settling import Intent
from services.stage.domain.state import ClipStatus, Overlay, StageRun

CARD_COLOUR: Final = "#203040"


class Ask(msgspec.Struct, frozen=True):
    """One request to the engine. What is not a `must` may be refused: it is there already, or gone already."""

    verb: str
    args: dict[str, Any]
    must: bool = True
    main: bool = False


class World(Protocol):
    """What the verbs need and the state does not hold: secrets, texts, places on disk."""

    async def text(self, box: Sealed) -> str: ...
    async def feed(self, presenter_id: UUID, feed: e.FeedKind, key: str | None, stage: StageRun) -> dict[str, str]: ...
    def file(self, asset_id: UUID, stage: StageRun) -> str: ...
    def recording(self, name: str) -> Path: ...


class Impossible(Exception):  # noqa: N818 - the answer to an intent
    """An intent cannot be carried out, for a reason in words; the engine was not asked."""


def key_of(kind: e.SourceKind, ident: UUID) -> str:
    return e.Source(kind=kind, id=ident).key


def presenter_key(ident: UUID) -> str:
    return key_of(e.SourceKind.PRESENTER, ident)


def clip_key(ident: UUID) -> str:
    return key_of(e.SourceKind.CLIP, ident)


async def asks_for(intent: Intent, stage: StageRun, world: World) -> list[Ask]:
    """Raises Impossible when something the intent needs is not there."""
    match intent:
        case e.PresenterFeedRequested() | e.PresenterEntryRequested() | e.PresenterExitRequested():
            return await _presenter(intent, stage, world)
        case e.TakeRequested():
            unblank = [Ask("blank", {"on": False})] if stage.program.cut and not stage.program.withheld else []
            return [*stills(intent.scene, stage, world), _taken(intent), *unblank]
        case e.EmergencyCutRequested():
            return [Ask("blank", {"on": True}, main=True)]
        case e.OverlayRequested() | e.OverlayHideRequested() | e.BackgroundRequested():
            return await _graphics(intent, stage, world)
        case e.ClipStartRequested() | e.ClipRemovalRequested():
            return _clip(intent, stage, world)
        case e.RecordingRequested():
            path = world.recording(intent.file)
            return [Ask("rec.start", {"id": str(intent.effect_id), "path": str(path)}, main=True)]
        case e.RecordingStopRequested():
            return [Ask("rec.stop", {"id": str(intent.segment_id)}, main=True)]
        case e.StreamStartRequested() | e.SessionStartRequested():
            blank = stage.program.cut or withheld(intent.session_id, stage)
            return [Ask("blank", {"on": blank}, main=True)]
        case e.SessionCloseRequested():
            return [Ask("blank", {"on": stage.program.blank}, main=True)]
        case e.StreamEndRequested():
            removals = [Ask("dest.remove", {"id": str(ident)}, must=False) for ident in stage.destinations]
            return [*removals, Ask("blank", {"on": True}, main=True)]
        case _:
            assert_never(intent)


async def _presenter(
    intent: e.PresenterFeedRequested | e.PresenterEntryRequested | e.PresenterExitRequested,
    stage: StageRun,
    world: World,
) -> list[Ask]:
    key = presenter_key(intent.presenter_id)
    match intent:
        case e.PresenterFeedRequested():
            feed = await world.feed(intent.presenter_id, intent.feed, intent.key_fingerprint, stage)
            return [
                Ask("source.remove", {"id": key}, must=False),
                Ask("source.add", {"id": key, **feed}, main=True),
                Ask("audio.set", {"id": key, "mute": True}),
            ]
        case e.PresenterEntryRequested():
            return [Ask("audio.set", {"id": key, "mute": False}, main=True)]
        case e.PresenterExitRequested():
            picture = [_scene(intent.scene)] if intent.scene is not None else []
            return [*picture, Ask("audio.set", {"id": key, "mute": True}, main=True)]
        case _:
            assert_never(intent)


def _taken(intent: e.TakeRequested) -> Ask:
    return _scene(intent.scene, main=True, transition=intent.transition.value, frames=intent.transition_frames)


def _scene(scene: e.Scene, *, main: bool = False, transition: str = "cut", frames: int = 0) -> Ask:
    shown = {"layout": scene.layout.value, "sources": [source.key for source in scene.sources]}
    return Ask("scene.take", {"scene": shown, "transition": transition, "frames": frames}, main=main)


def stills(scene: e.Scene, stage: StageRun, world: World) -> list[Ask]:
    """Pictures become sources when a scene first shows them."""
    return [
        Ask("source.add", {"id": source.key, "still": world.file(source.id, stage)}, must=False)
        for source in scene.sources
        if source.kind is e.SourceKind.ASSET
    ]


async def _graphics(
    intent: e.OverlayRequested | e.OverlayHideRequested | e.BackgroundRequested, stage: StageRun, world: World
) -> list[Ask]:
    match intent:
        case e.OverlayRequested():
            overlay = Overlay(
                overlay_id=intent.overlay_id, kind=intent.kind, text=intent.text, asset_id=intent.asset_id
            )
            return [await overlay_ask(overlay, intent.layer, stage, world)]
        case e.OverlayHideRequested():
            return [Ask("overlay.clear", {"id": str(intent.overlay_id)}, must=False, main=True)]
        case e.BackgroundRequested():
            return [background_ask(intent.asset_id, intent.colour, stage, world)]
        case _:
            assert_never(intent)


async def overlay_ask(overlay: Overlay, layer: int, stage: StageRun, world: World) -> Ask:
    """In the colours of the brand, where one is applied."""
    args: dict[str, Any] = {"id": str(overlay.overlay_id), "kind": overlay.kind.value, "layer": layer}
    if overlay.text is not None:
        args["text"] = await world.text(overlay.text)
    if overlay.asset_id is not None:
        args["path"] = world.file(overlay.asset_id, stage)
    if stage.brand is not None:
        args["style"] = {"color": stage.brand.accent, "background": f"{stage.brand.colour}c8"}
    return Ask("overlay.set", args, main=True)


def background_ask(asset_id: UUID | None, colour: str | None, stage: StageRun, world: World) -> Ask:
    args = {"path": world.file(asset_id, stage)} if asset_id is not None else {"color": colour or "#000000"}
    return Ask("background.set", args, main=True)


def _clip(intent: e.ClipStartRequested | e.ClipRemovalRequested, stage: StageRun, world: World) -> list[Ask]:
    """A clip that has played is still a source of the engine, so it is put away before it plays again."""
    key = clip_key(intent.clip_id)
    away = Ask("clip.stop", {"id": key}, must=False)
    match intent:
        case e.ClipStartRequested():
            known = stage.clips.get(intent.clip_id)
            if known is None:
                raise Impossible("The clip is no longer cued.")
            return [away, Ask("clip.play", {"id": key, "path": world.file(known.asset_id, stage)}, main=True)]
        case e.ClipRemovalRequested():
            picture = [_scene(intent.scene)] if intent.scene is not None else []
            return [*picture, msgspec.structs.replace(away, main=True)]
        case _:
            assert_never(intent)


async def asks_to_restore(stage: StageRun, world: World) -> tuple[list[Ask], list[str]]:
    """Everything a new engine needs to show what the state says, and what of it is impossible.

    Nothing of it is a `must`: a picture with one source missing is better than none. Destinations and recordings are
    not in here.
    """
    asks: list[Ask] = []
    troubles: list[str] = []
    for part in (_background, _people, _picture, _overlays):
        try:
            asks += await part(stage, world)
        except Impossible as trouble:
            troubles.append(str(trouble))
    asks.append(Ask("blank", {"on": stage.program.blank}))
    return [msgspec.structs.replace(ask, must=False) for ask in asks], troubles


async def _background(stage: StageRun, world: World) -> list[Ask]:
    known = stage.background
    asset_id = known.asset_id or (stage.brand.background if stage.brand is not None else None)
    if asset_id is None and known.colour is None:
        return []
    return [background_ask(asset_id, known.colour, stage, world)]


async def _people(stage: StageRun, world: World) -> list[Ask]:
    asks: list[Ask] = []
    on_stage = set(stage.on_stage())
    for ident, presenter in stage.presenters.items():
        if presenter.feed is not None:
            feed = await world.feed(ident, presenter.feed, presenter.key_fingerprint, stage)
            asks.append(Ask("source.add", {"id": presenter_key(ident), **feed}))
            asks.append(Ask("audio.set", {"id": presenter_key(ident), "mute": ident not in on_stage}))
    return asks


async def _picture(stage: StageRun, world: World) -> list[Ask]:
    scene = restorable(stage)
    return [] if scene is None else [*stills(scene, stage, world), _scene(scene)]


async def _overlays(stage: StageRun, world: World) -> list[Ask]:
    shown = [(layer, overlay) for layer, overlay in stage.overlays.items() if overlay.shown]
    return [await overlay_ask(overlay, layer, stage, world) for layer, overlay in shown]


def restorable(stage: StageRun) -> e.Scene | None:
    """The programme's scene without clips, which went with the engine."""
    scene = stage.program.scene
    for ident, clip in stage.clips.items():
        if scene is not None and clip.status is not ClipStatus.PLAYING:
            scene = without(scene, ident) if any(one.id == ident for one in scene.sources) else scene
    return scene

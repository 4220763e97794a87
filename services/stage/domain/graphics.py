"""Overlays by layer, and the background. Source: duties.md D14, Q24: one overlay to a layer."""

from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import AssetMissing, LayerBusy, OverlayEmpty, UnknownOverlay
from services.stage.domain.state import Background, Overlay, StageRun
from services.stage.domain.telling import drop, put, require_engine, tell

Asked: TypeAlias = c.ShowOverlay | c.HideOverlay | c.SetBackground
Told: TypeAlias = (
    e.OverlayRequested
    | e.OverlayShown
    | e.OverlayHideRequested
    | e.OverlayHidden
    | e.BackgroundRequested
    | e.BackgroundSet
)

_WRITTEN: Final = (e.OverlayKind.LOWER_THIRD, e.OverlayKind.TITLE, e.OverlayKind.TICKER)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.ShowOverlay():
            return _show(command, stage)
        case c.HideOverlay():
            return _hide(command, stage)
        case c.SetBackground():
            require_engine(stage)
            if command.asset_id is not None:
                _require_approved(command.asset_id, stage)
            fields = {"asset_id": command.asset_id, "colour": command.colour, "by": command.by}
            return [tell(e.BackgroundRequested, command, stage, effect_id=command.effect_id, **fields)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.OverlayRequested() | e.OverlayShown():
            overlay = Overlay(
                overlay_id=event.overlay_id,
                kind=event.kind,
                text=event.text,
                asset_id=event.asset_id,
                shown=isinstance(event, e.OverlayShown),
            )
            return replace(stage, overlays=put(stage.overlays, event.layer, overlay))
        case e.OverlayHidden():
            return replace(stage, overlays=drop(stage.overlays, event.layer))
        case e.BackgroundSet():
            return replace(stage, background=Background(asset_id=event.asset_id, colour=event.colour))
        case e.OverlayHideRequested() | e.BackgroundRequested():
            return stage
        case _:
            assert_never(event)


def _show(command: c.ShowOverlay, stage: StageRun) -> list[Event]:
    require_engine(stage)
    if command.kind in _WRITTEN and command.text is None:
        raise OverlayEmpty
    if command.kind not in _WRITTEN and command.asset_id is None:
        raise OverlayEmpty
    if command.asset_id is not None:
        _require_approved(command.asset_id, stage)
    there = stage.overlays.get(command.layer)
    if there is not None:
        raise LayerBusy(layer=command.layer, overlay_id=str(there.overlay_id))
    return [
        tell(
            e.OverlayRequested,
            command,
            stage,
            effect_id=command.effect_id,
            overlay_id=command.overlay_id,
            layer=command.layer,
            kind=command.kind,
            text=command.text,
            asset_id=command.asset_id,
            by=command.by,
        )
    ]


def _hide(command: c.HideOverlay, stage: StageRun) -> list[Event]:
    layers = [layer for layer, one in stage.overlays.items() if one.overlay_id == command.overlay_id]
    if not layers or not stage.engine_wanted:
        raise UnknownOverlay
    asked = (intent for intent in stage.pending.values() if isinstance(intent, e.OverlayHideRequested))
    if any(intent.overlay_id == command.overlay_id for intent in asked):
        return []
    fields = {"effect_id": command.effect_id, "overlay_id": command.overlay_id, "by": command.by}
    return [tell(e.OverlayHideRequested, command, stage, layer=layers[0], **fields)]


def _require_approved(asset_id: object, stage: StageRun) -> None:
    asset = next((one for one in stage.assets.values() if one.asset_id == asset_id), None)
    if asset is None or not asset.approved or asset.file is None:
        raise AssetMissing(missing=[str(asset_id)])

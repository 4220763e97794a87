"""Preview and programme, overlays, background, clips."""

from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, receipt, refuses
from chassis.http.rates import UNLIMITED
from chassis.service import House
from contracts import stage as e
from contracts.problems import WrongState
from services.stage import application
from services.stage import commands as c
from services.stage.api.common import (
    LEASED,
    LIVE,
    OPERATE,
    REQUEST,
    Body,
    Leased,
    Text,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["Picture"]


Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}\Z")]


class Shown(Body, frozen=True, kw_only=True):
    """One thing a scene shows: a presenter, a clip, or the picture of an asset."""

    kind: e.SourceKind
    id: UUID


class PreviewScene(Leased, frozen=True, kw_only=True):
    """A scene for the preview: presenters by id, clips by id, pictures by asset."""

    layout: e.Layout
    sources: Annotated[tuple[Shown, ...], msgspec.Meta(max_length=6)] = ()

    @property
    def scene(self) -> e.Scene:
        """The scene in the words of the events."""
        return e.Scene(layout=self.layout, sources=tuple(e.Source(kind=one.kind, id=one.id) for one in self.sources))


class Take(Leased, frozen=True, kw_only=True):
    """Move the preview to the programme; `transition_frames` is how long a fade or wipe lasts."""

    transition: e.Transition = e.Transition.CUT
    transition_frames: Annotated[int, msgspec.Meta(ge=2, le=250)] = 15


class EmergencyCut(Body, frozen=True, kw_only=True):
    """Blank the programme at once. Nobody is asked for a lease."""

    reason: Text


class ShowOverlay(Leased, frozen=True, kw_only=True):
    """An overlay on a free layer: a text, or an approved asset for the kind `image`."""

    layer: Annotated[int, msgspec.Meta(ge=0, le=100)]
    kind: e.OverlayKind
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None
    asset_id: UUID | None = None


class SetBackground(Leased, frozen=True, kw_only=True):
    """What lies behind the sources: exactly one of an approved asset and a colour."""

    between_fields: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
            for one, other in (("asset_id", "colour"), ("colour", "asset_id"))
        ]
    }
    asset_id: UUID | None = None
    colour: Colour | None = None

    def __post_init__(self) -> None:
        if (self.asset_id is None) == (self.colour is None):
            raise ValueError("give exactly one of asset_id and colour")


class CueClip(Leased, frozen=True, kw_only=True):
    """A clip a presenter shared."""

    asset_id: UUID


@post(
    "/stages/{stage_id:uuid}/preview",
    operation_id="previewScene",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.SceneInvalid, WrongState),
)
async def preview_scene(
    stage_id: FromPath[UUID],
    data: JSONBody[PreviewScene],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Put a scene on preview."""
    return await run(
        house,
        request_,
        stage_id,
        c.PreviewScene,
        lease=data.lease,
        scene=data.scene,
    )


@post(
    "/stages/{stage_id:uuid}/take",
    operation_id="take",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.PreviewEmpty, no.PresenterNotReady, no.SceneInvalid, no.ClipNotPlaying, WrongState),
)
async def take(
    stage_id: FromPath[UUID],
    data: JSONBody[Take],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Move the preview to the programme; the preview is empty afterwards."""
    return await run(
        house,
        request_,
        stage_id,
        c.Take,
        lease=data.lease,
        transition=data.transition,
        transition_frames=data.transition_frames,
    )


@post(
    "/stages/{stage_id:uuid}/emergency-cut",
    operation_id="emergencyCut",
    scopes=OPERATE,
    budget=UNLIMITED,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.NotLive),
)
async def emergency_cut(
    stage_id: FromPath[UUID],
    data: JSONBody[EmergencyCut],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Blank the programme at once; always allowed. The next take ends it."""
    return await run(house, request_, stage_id, c.EmergencyCut, reason=data.reason)


@post(
    "/stages/{stage_id:uuid}/overlays",
    operation_id="showOverlay",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.LayerBusy, no.OverlayEmpty, no.AssetMissing, WrongState),
)
async def show_overlay(
    stage_id: FromPath[UUID],
    data: JSONBody[ShowOverlay],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Show a lower third, title, ticker or picture on a free layer.

    The receipt's id is the overlay's.
    """
    await application.stage_of(house, request_, stage_id)
    made = request_.ident(stage_id)
    text = await application.seal(house, request_, application.OVERLAY_TEXT, made, data.text)
    command = request_.command(
        c.ShowOverlay,
        lease=data.lease,
        overlay_id=made,
        layer=data.layer,
        kind=data.kind,
        text=text,
        asset_id=data.asset_id,
    )
    outcome = await request_.run(house.handler, stage_id, command)
    return receipt(outcome, made)


@post(
    "/stages/{stage_id:uuid}/overlays/{overlay_id:uuid}/hiding",
    operation_id="hideOverlay",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.UnknownOverlay),
)
async def hide_overlay(
    stage_id: FromPath[UUID],
    overlay_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take an overlay away; allowed when the hours are spent."""
    return await run(house, request_, stage_id, c.HideOverlay, lease=data.lease, overlay_id=overlay_id)


@post(
    "/stages/{stage_id:uuid}/background",
    operation_id="setBackground",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.AssetMissing, WrongState),
)
async def set_background(
    stage_id: FromPath[UUID],
    data: JSONBody[SetBackground],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Put a background behind the sources."""
    return await run(
        house, request_, stage_id, c.SetBackground, lease=data.lease, asset_id=data.asset_id, colour=data.colour
    )


@post(
    "/stages/{stage_id:uuid}/clips",
    operation_id="cueClip",
    scopes=OPERATE,
    tags=TAGS,
    status_code=201,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.AssetMissing, no.AssetNotShared, WrongState),
)
async def cue_clip(
    stage_id: FromPath[UUID],
    data: JSONBody[CueClip],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Have a clip at hand. The receipt's id is the clip's."""
    made = application.clip_id(stage_id, data.asset_id)
    outcome = await request_.run(
        house.handler, stage_id, request_.command(c.CueClip, lease=data.lease, clip_id=made, asset_id=data.asset_id)
    )
    return receipt(outcome, made, location=f"/stages/{stage_id}")


@post(
    "/stages/{stage_id:uuid}/clips/{clip_id:uuid}/playing",
    operation_id="playClip",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.ClipUnknown, no.ClipPlaying, WrongState),
)
async def play_clip(
    stage_id: FromPath[UUID],
    clip_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Play a clip from its start; a take shows it."""
    return await run(house, request_, stage_id, c.PlayClip, lease=data.lease, clip_id=clip_id)


@post(
    "/stages/{stage_id:uuid}/clips/{clip_id:uuid}/removal",
    operation_id="removeClip",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.ClipUnknown),
)
async def remove_clip(
    stage_id: FromPath[UUID],
    clip_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Stop a clip and put it away."""
    return await run(house, request_, stage_id, c.RemoveClip, lease=data.lease, clip_id=clip_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    preview_scene,
    take,
    emergency_cut,
    show_overlay,
    hide_overlay,
    set_background,
    cue_clip,
    play_clip,
    remove_clip,
]

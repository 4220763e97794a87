"""Facts about the picture: preview and programme, overlays, background, clips."""

from uuid import UUID

from contracts.envelope import Sealed
from contracts.stage._base import StageEvent as _OnStage
from contracts.stage.values import OverlayKind, ProgramCause, Scene, Transition


class PreviewSet(_OnStage, frozen=True, kw_only=True, tag="stage.preview_set.v1"):
    """A scene waits on preview. Source: duties.md D10."""

    scene: Scene
    by: str


class TakeRequested(_OnStage, frozen=True, kw_only=True, tag="stage.take_requested.v1"):
    """Somebody asked to move the preview to the programme; the preview is empty from here on."""

    effect_id: UUID
    scene: Scene
    transition: Transition
    transition_frames: int
    by: str


class ProgramTaken(_OnStage, frozen=True, kw_only=True, tag="stage.program_taken.v1"):
    """A scene is on the programme; the transition began on `frame` and took `transition_frames`."""

    effect_id: UUID
    scene: Scene
    transition: Transition
    transition_frames: int
    frame: int
    cause: ProgramCause


class EmergencyCutRequested(_OnStage, frozen=True, kw_only=True, tag="stage.emergency_cut_requested.v1"):
    """Somebody asked to blank the programme at once."""

    effect_id: UUID
    reason: str
    by: str


class ProgramCut(_OnStage, frozen=True, kw_only=True, tag="stage.program_cut.v1"):
    """The programme is blank and silent from `frame` on, until the next take."""

    effect_id: UUID
    frame: int


class OverlayRequested(_OnStage, frozen=True, kw_only=True, tag="stage.overlay_requested.v1"):
    """The engine is asked to show an overlay; its text is sealed."""

    effect_id: UUID
    overlay_id: UUID
    layer: int
    kind: OverlayKind
    text: Sealed | None
    asset_id: UUID | None
    by: str


class OverlayShown(_OnStage, frozen=True, kw_only=True, tag="stage.overlay_shown.v1"):
    """An overlay is on the programme from `frame` on. Source: duties.md D14."""

    effect_id: UUID
    overlay_id: UUID
    layer: int
    kind: OverlayKind
    text: Sealed | None
    asset_id: UUID | None
    frame: int


class OverlayHideRequested(_OnStage, frozen=True, kw_only=True, tag="stage.overlay_hide_requested.v1"):
    """The engine is asked to take an overlay away."""

    effect_id: UUID
    overlay_id: UUID
    layer: int
    by: str


class OverlayHidden(_OnStage, frozen=True, kw_only=True, tag="stage.overlay_hidden.v1"):
    """An overlay left the programme on `frame`."""

    effect_id: UUID
    overlay_id: UUID
    layer: int
    frame: int


class BackgroundRequested(_OnStage, frozen=True, kw_only=True, tag="stage.background_requested.v1"):
    """The engine is asked to put a background behind the sources: an asset, or a colour."""

    effect_id: UUID
    asset_id: UUID | None
    colour: str | None
    by: str


class BackgroundSet(_OnStage, frozen=True, kw_only=True, tag="stage.background_set.v1"):
    """A background lies behind the sources from `frame` on."""

    effect_id: UUID
    asset_id: UUID | None
    colour: str | None
    frame: int


class ClipCued(_OnStage, frozen=True, kw_only=True, tag="stage.clip_cued.v1"):
    """A clip a presenter shared is at hand. Source: duties.md D12."""

    clip_id: UUID
    asset_id: UUID
    by: str


class ClipStartRequested(_OnStage, frozen=True, kw_only=True, tag="stage.clip_start_requested.v1"):
    """The engine is asked to play a clip."""

    effect_id: UUID
    clip_id: UUID
    by: str


class ClipStarted(_OnStage, frozen=True, kw_only=True, tag="stage.clip_started.v1"):
    """A clip plays from `frame` on."""

    effect_id: UUID
    clip_id: UUID
    frame: int


class ClipEnded(_OnStage, frozen=True, kw_only=True, tag="stage.clip_ended.v1"):
    """A clip played to its end."""

    clip_id: UUID
    frame: int | None


class ClipRemovalRequested(_OnStage, frozen=True, kw_only=True, tag="stage.clip_removal_requested.v1"):
    """The engine is asked to stop a clip and put it away; `scene` is what the programme shows without it, if it showed it."""

    effect_id: UUID
    clip_id: UUID
    scene: Scene | None
    by: str


class ClipRemoved(_OnStage, frozen=True, kw_only=True, tag="stage.clip_removed.v1"):
    """A clip is no longer at hand; `frame` is missing when it was not playing."""

    effect_id: UUID | None
    clip_id: UUID
    frame: int | None

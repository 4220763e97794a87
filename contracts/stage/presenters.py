"""Facts about presenters: their feed, their check, their way on stage and off. Who speaks is an id; names are sealed elsewhere."""

from uuid import UUID

from contracts.stage._base import StageEvent as _OnStage
from contracts.stage.values import FeedKind, Scene


class PresenterFeedRequested(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_feed_requested.v1"):
    """The engine is asked to receive a presenter. Keys and addresses stay in the vault; this is the key's fingerprint."""

    effect_id: UUID
    presenter_id: UUID
    feed: FeedKind
    key_fingerprint: str | None = None


class PresenterFeedAttached(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_feed_attached.v1"):
    """The engine waits for a presenter's picture; `presenter_connected` follows when it arrives."""

    presenter_id: UUID
    effect_id: UUID
    frame: int


class PresenterConnected(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_connected.v1"):
    """A presenter's picture arrived in the green room."""

    presenter_id: UUID
    frame: int | None


class PresenterDropped(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_dropped.v1"):
    """A presenter's picture stopped; the slate shows in its place until it returns."""

    presenter_id: UUID
    reason: str
    frame: int | None


class PresenterReturned(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_returned.v1"):
    """A dropped presenter's picture is back, where it was before."""

    presenter_id: UUID
    frame: int | None


class TechCheckPassed(_OnStage, frozen=True, kw_only=True, tag="stage.tech_check_passed.v1"):
    """Light, video and audio of a presenter are good. Source: duties.md D5."""

    presenter_id: UUID
    by: str
    note: str = ""


class TechCheckFailed(_OnStage, frozen=True, kw_only=True, tag="stage.tech_check_failed.v1"):
    """Something about a presenter's light, video or audio has to be mended first; `failed` names it."""

    presenter_id: UUID
    failed: tuple[str, ...]
    by: str
    note: str = ""


class TechCheckWaived(_OnStage, frozen=True, kw_only=True, tag="stage.tech_check_waived.v1"):
    """A presenter may go on stage unchecked, for a reason somebody gave."""

    presenter_id: UUID
    reason: str
    by: str


class ScreenShareRehearsed(_OnStage, frozen=True, kw_only=True, tag="stage.screen_share_rehearsed.v1"):
    """A presenter was shown how to share the screen. Source: duties.md D6."""

    presenter_id: UUID
    by: str


class PresenterMarkedReady(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_marked_ready.v1"):
    """A presenter is checked, prepared and waits in the green room."""

    presenter_id: UUID
    by: str


class PresenterMissed(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_missed.v1"):
    """A presenter did not come in time for their session. Source: duties.md Q11."""

    presenter_id: UUID


class PresenterEntryRequested(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_entry_requested.v1"):
    """The engine is asked to bring a presenter on stage: from now on they are heard, and scenes may show them."""

    effect_id: UUID
    presenter_id: UUID
    by: str


class PresenterBroughtOnStage(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_brought_on_stage.v1"):
    """A presenter is on stage, heard from `frame` on. Source: duties.md D9."""

    effect_id: UUID
    presenter_id: UUID
    frame: int


class PresenterExitRequested(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_exit_requested.v1"):
    """The engine is asked to take a presenter off stage; `scene` is what the programme shows without them, if it showed them."""

    effect_id: UUID
    presenter_id: UUID
    scene: Scene | None
    by: str


class PresenterTakenOffStage(_OnStage, frozen=True, kw_only=True, tag="stage.presenter_taken_off_stage.v1"):
    """A presenter is back in the green room, neither seen nor heard from `frame` on."""

    effect_id: UUID
    presenter_id: UUID
    frame: int

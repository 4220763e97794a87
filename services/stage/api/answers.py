"""What questions about stages are answered with. Data only."""

from datetime import datetime
from uuid import UUID

import msgspec

from contracts import stage as e


class LeaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Who commands the stage."""

    number: int
    holder: str
    expires_at: datetime


class PresenterView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a presenter is; `name` is null when it is not to be read."""

    presenter_id: UUID
    name: str | None
    status: str
    checked: bool
    rehearsed: bool


class DestinationView(msgspec.Struct, frozen=True, kw_only=True):
    """A destination and what the engine says of it. The key is shown as its fingerprint."""

    destination_id: UUID
    name: str
    kind: str
    url: str
    key_fingerprint: str
    status: str
    reason: str
    attempt: int


class OverlayView(msgspec.Struct, frozen=True, kw_only=True):
    """What lies on a layer; `shown` is false until the engine has answered."""

    overlay_id: UUID
    layer: int
    kind: str
    text: str | None
    asset_id: UUID | None
    shown: bool


class ClipView(msgspec.Struct, frozen=True, kw_only=True):
    """A clip at hand."""

    clip_id: UUID
    asset_id: UUID
    status: str


class CueView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the rundown; `state` is DONE, CURRENT, NEXT, HELD or PENDING."""

    cue_id: UUID
    session_id: UUID
    kind: str
    label: str
    order: int
    state: str


class PendingView(msgspec.Struct, frozen=True, kw_only=True):
    """An intent the engine has not answered."""

    effect_id: UUID
    type: str
    since: datetime


class OnAir(msgspec.Struct, frozen=True, kw_only=True):
    """Who and what was on air, in one answer. Source: features.md T16.

    `situation` is one of IDLE, PREPARED, ARMED, STARTING, LIVE, ENDING, ENDED, FAILED.
    """

    stage_id: UUID
    show_id: UUID
    situation: str
    degraded: bool
    run_id: UUID | None
    session_id: UUID | None
    session_title: str | None
    on_stage: list[PresenterView]
    program: e.Scene | None
    blank: bool
    program_frame: int | None
    preview: e.Scene | None
    overlays: list[OverlayView]
    background: dict[str, str | None]
    clips: list[ClipView]
    destinations: list[DestinationView]
    current_cue: CueView | None
    next_cue: CueView | None
    operator: LeaseView | None
    recording: list[UUID]
    pending: list[PendingView]


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """A stage as a whole: its plan, its rights, its people, and what is on air."""

    stage_id: UUID
    show_id: UUID
    name: str
    rundown_version: int
    sessions: list[e.SessionPlan]
    cues: list[CueView]
    coverage: e.Coverage | None
    analysts: list[UUID]
    closes_delegated: list[UUID]
    every_close_delegated: bool
    brand: e.BrandKit | None
    readiness_waived: str | None
    assets: list[e.Asset]
    presenters: list[PresenterView]
    engine_generation: int
    engine_up: bool
    chat_channels: list[e.ChatChannel]
    on_air: OnAir


class FlagView(msgspec.Struct, frozen=True, kw_only=True):
    """A flagged message; `author` and `text` are null when they are not to be read."""

    flag_id: UUID
    channel: str
    flagged_at: datetime
    flagged_by: str
    author: str | None
    text: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str

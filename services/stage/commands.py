# long: one list of everything a stage can be asked, in one place on purpose
"""What one may ask of a stage: by an operator, by a policy, by the engine's driver. Data only.

`at` is the time this server received the command (aware UTC); ids and effect ids are made at the edge.
Text that names people arrives sealed, keys arrive as fingerprints.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from contracts.envelope import Role, Sealed
from contracts.stage import (
    Asset,
    BrandKit,
    ChatChannel,
    CoverageStatus,
    CuePlan,
    DestinationKind,
    FeedKind,
    OverlayKind,
    Scene,
    SessionPlan,
    Source,
    Transition,
)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A wish about one stage, or one call sheet."""

    at: datetime


class Operated(Command, frozen=True, kw_only=True):
    """A wish of a person: who, in which role, and under which number of the control lease."""

    by: str
    role: Role = Role.ANALYST
    lease: int | None = None


# The call sheet, and what it tells the stages.


class EnterStage(Command, frozen=True, kw_only=True):
    show_id: UUID
    stage_id: UUID


class UpdateCoverage(Command, frozen=True, kw_only=True):
    """What is None has not changed."""

    show_id: UUID
    status: CoverageStatus | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    capped: bool | None = None


class StaffSeat(Command, frozen=True, kw_only=True):
    """Analysts who come to the seat, and who leave it."""

    show_id: UUID
    arriving: tuple[UUID, ...] = ()
    leaving: tuple[UUID, ...] = ()


class AdmitAsset(Command, frozen=True, kw_only=True):
    """An asset, or news about it: `approved` and `shared` are only ever gained; `file` None leaves the file as it is."""

    show_id: UUID
    asset: Asset


class DelegateClose(Command, frozen=True, kw_only=True):
    """The customer's team may close this session, or any session for None."""

    show_id: UUID
    session_id: UUID | None


# Preparation.


class PrepareStage(Command, frozen=True, kw_only=True):
    """A published rundown; `effect_id` is used where a session on air may no longer be recorded."""

    show_id: UUID
    stage_id: UUID
    name: str
    rundown_version: int
    sessions: tuple[SessionPlan, ...]
    cues: tuple[CuePlan, ...]
    presenters: dict[UUID, Sealed]
    effect_id: UUID


class StandDown(Command, frozen=True, kw_only=True):
    reason: str


class ApplyBrandKit(Operated, frozen=True, kw_only=True):
    brand: BrandKit


class WaiveReadiness(Operated, frozen=True, kw_only=True):
    reason: str


class AcquireLease(Operated, frozen=True, kw_only=True):
    ttl_s: int


class RenewLease(Operated, frozen=True, kw_only=True):
    ttl_s: int


class ReleaseLease(Operated, frozen=True, kw_only=True):
    pass


class HandOver(Operated, frozen=True, kw_only=True):
    to: str
    ttl_s: int


class CreateDestination(Operated, frozen=True, kw_only=True):
    destination_id: UUID
    name: str
    kind: DestinationKind
    url: str
    key_fingerprint: str


class EnableDestination(Operated, frozen=True, kw_only=True):
    destination_id: UUID
    effect_id: UUID


class RotateStreamKey(Operated, frozen=True, kw_only=True):
    destination_id: UUID
    key_fingerprint: str
    effect_id: UUID


class RemoveDestination(Operated, frozen=True, kw_only=True):
    destination_id: UUID
    effect_id: UUID


# Presenters.


class ConnectPresenter(Operated, frozen=True, kw_only=True):
    presenter_id: UUID
    feed: FeedKind
    key_fingerprint: str | None
    effect_id: UUID


class RecordTechCheck(Operated, frozen=True, kw_only=True):
    presenter_id: UUID
    light: bool
    video: bool
    audio: bool
    note: str = ""


class WaiveTechCheck(Operated, frozen=True, kw_only=True):
    presenter_id: UUID
    reason: str


class RecordScreenShareRehearsal(Operated, frozen=True, kw_only=True):
    presenter_id: UUID


class MarkPresenterReady(Operated, frozen=True, kw_only=True):
    presenter_id: UUID


class ReportPresenterMissing(Command, frozen=True, kw_only=True):
    presenter_id: UUID


class BringOnStage(Operated, frozen=True, kw_only=True):
    presenter_id: UUID
    effect_id: UUID


class TakeOffStage(Operated, frozen=True, kw_only=True):
    presenter_id: UUID
    effect_id: UUID


# The stream and its sessions.


class ArmSession(Operated, frozen=True, kw_only=True):
    session_id: UUID


class GoLive(Operated, frozen=True, kw_only=True):
    """`segment_id` names the recording, if the session is recorded."""

    session_id: UUID
    run_id: UUID
    effect_id: UUID
    segment_id: UUID


class StartNextSession(Operated, frozen=True, kw_only=True):
    session_id: UUID
    effect_id: UUID
    segment_id: UUID


class CloseSession(Operated, frozen=True, kw_only=True):
    session_id: UUID
    effect_id: UUID


class EndStream(Operated, frozen=True, kw_only=True):
    effect_id: UUID


# The picture.


class PreviewScene(Operated, frozen=True, kw_only=True):
    scene: Scene


class Take(Operated, frozen=True, kw_only=True):
    transition: Transition
    transition_frames: int
    effect_id: UUID


class EmergencyCut(Operated, frozen=True, kw_only=True):
    reason: str
    effect_id: UUID


class ShowOverlay(Operated, frozen=True, kw_only=True):
    overlay_id: UUID
    layer: int
    kind: OverlayKind
    text: Sealed | None
    asset_id: UUID | None
    effect_id: UUID


class HideOverlay(Operated, frozen=True, kw_only=True):
    overlay_id: UUID
    effect_id: UUID


class SetBackground(Operated, frozen=True, kw_only=True):
    asset_id: UUID | None
    colour: str | None
    effect_id: UUID


class CueClip(Operated, frozen=True, kw_only=True):
    clip_id: UUID
    asset_id: UUID


class PlayClip(Operated, frozen=True, kw_only=True):
    clip_id: UUID
    effect_id: UUID


class RemoveClip(Operated, frozen=True, kw_only=True):
    clip_id: UUID
    effect_id: UUID


# The rundown and the watch.


class TakeCue(Operated, frozen=True, kw_only=True):
    cue_id: UUID
    rundown_version: int
    reason: str | None = None


class SkipCue(Operated, frozen=True, kw_only=True):
    cue_id: UUID
    rundown_version: int
    reason: str


class HoldCue(Operated, frozen=True, kw_only=True):
    cue_id: UUID
    rundown_version: int
    reason: str


class JumpToCue(Operated, frozen=True, kw_only=True):
    cue_id: UUID
    rundown_version: int
    reason: str | None = None


class RecordAttendeeViewCheck(Operated, frozen=True, kw_only=True):
    picture: bool
    sound: bool
    in_sync: bool = True
    delay_s: float | None = None
    note: str = ""


class ReportAttendeeViewUnchecked(Command, frozen=True, kw_only=True):
    """The timer that is set when a stream starts."""

    run_id: UUID
    grace_s: int


class OpenChatWatch(Operated, frozen=True, kw_only=True):
    channels: tuple[ChatChannel, ...]


class FlagMessage(Operated, frozen=True, kw_only=True):
    flag_id: UUID
    channel: ChatChannel
    author: Sealed | None
    text: Sealed


class AcknowledgeFlag(Operated, frozen=True, kw_only=True):
    flag_id: UUID
    note: str = ""


# What the engine's driver says.


class Settle(Command, frozen=True, kw_only=True):
    """The engine has done it, on `frame`."""

    effect_id: UUID
    frame: int


class SettleFailed(Command, frozen=True, kw_only=True):
    """The engine refused it, or could not."""

    effect_id: UUID
    reason: str


class ReportEngineStarted(Command, frozen=True, kw_only=True):
    pass


class ReportEngineLost(Command, frozen=True, kw_only=True):
    """`last_frame` is the last one heard of."""

    reason: str
    last_frame: int | None = None


class ReportEngineRestored(Command, frozen=True, kw_only=True):
    """`segment_id` names the recording that goes on in the new engine."""

    frame: int
    segment_id: UUID


class ReportEngineStopped(Command, frozen=True, kw_only=True):
    last_frame: int | None = None


class ReportDestination(Command, frozen=True, kw_only=True):
    """`state` as the engine says it: connecting, connected, down or closed."""

    destination_id: UUID
    state: str
    reason: str = ""
    attempt: int = 0
    frame: int | None = None


class ReportSource(Command, frozen=True, kw_only=True):
    """`live` is whether pictures arrive."""

    source: Source
    live: bool
    reason: str = ""
    frame: int | None = None


class ReportClipEnded(Command, frozen=True, kw_only=True):
    clip_id: UUID
    frame: int | None = None


class ReportRecording(Command, frozen=True, kw_only=True):
    """A segment is complete on disk, or broke off with a `reason`."""

    segment_id: UUID
    first_frame: int
    last_frame: int
    frames: int
    reason: str | None = None


# What can be in one place only.


class TakeClaim(Command, frozen=True, kw_only=True):
    what: str
    holder: UUID
    show_id: UUID


class FreeClaim(Command, frozen=True, kw_only=True):
    holder: UUID

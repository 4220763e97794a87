"""What the media service promises: assets, recordings with their gaps, edits, and what became video on demand.

File names are relative to the folder stage and media share; keys are names in the object store. Durations are whole
milliseconds, positions inside a recording are seconds. Source: duties.md D12, D17, D18, K1b, K3; features.md section 3.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from contracts.envelope import Event

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Ms = Annotated[int, Meta(ge=0)]


class AssetKind(StrEnum):
    """What an asset is for. Source: duties.md K3 (seven kinds) and D12."""

    LOGO = "logo"
    BANNER = "banner"
    BACKGROUND = "background"
    OVERLAY = "overlay"
    SLATE = "slate"
    CLIP = "clip"
    SLIDES = "slides"


class EditSegment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stretch [start_s, end_s) of one recorded segment, in seconds from that segment's first frame."""

    segment_id: UUID
    start_s: Annotated[float, Meta(ge=0)]
    end_s: Annotated[float, Meta(gt=0)]


class Part(Struct, frozen=True, kw_only=True):
    """One part of an upload, safely stored. `number` counts from 1."""

    number: int
    size_bytes: int
    sha256: str


# --- assets


class AssetRegistered(Event, frozen=True, kw_only=True, tag="media.asset_registered.v1"):
    """Somebody announced a file for the show."""

    show_id: UUID
    asset_id: UUID
    kind: AssetKind
    name: str


class AssetDelivered(Event, frozen=True, kw_only=True, tag="media.asset_delivered.v1"):
    """The file of an asset has arrived and was looked at."""

    show_id: UUID
    asset_id: UUID
    kind: AssetKind
    file: str
    sha256: str
    media_type: str
    size_bytes: int


class AssetShared(Event, frozen=True, kw_only=True, tag="media.asset_shared.v1"):
    """The presenter gave a clip or slides to be shown; nothing is shown before that. Source: duties.md D12."""

    show_id: UUID
    asset_id: UUID
    shared_by_presenter: UUID


class AssetApproved(Event, frozen=True, kw_only=True, tag="media.asset_approved.v1"):
    """The asset may be used."""

    show_id: UUID
    asset_id: UUID


class AssetRejected(Event, frozen=True, kw_only=True, tag="media.asset_rejected.v1"):
    """The asset may not be used; the reason is for the customer."""

    show_id: UUID
    asset_id: UUID
    reason: str


# --- rights of a show


class VodRightNoted(Event, frozen=True, kw_only=True, tag="media.vod_right_noted.v1"):
    """Whether the customer's base package brings video on demand for this show. Source: duties.md D18, Q25."""

    show_id: UUID
    entitled: bool


class VodOptedOut(Event, frozen=True, kw_only=True, tag="media.vod_opted_out.v1"):
    """The customer does not want this show on demand."""

    show_id: UUID
    reason: str


class RecordingRulesNoted(Event, frozen=True, kw_only=True, tag="media.recording_rules_noted.v1"):
    """Which sessions of a stage must not be recorded; it wins over everything else. Source: duties.md Q29."""

    show_id: UUID
    stage_id: UUID
    titles: dict[UUID, str]
    do_not_record: tuple[UUID, ...]


# --- recordings


class RecordingStarted(Event, frozen=True, kw_only=True, tag="media.recording_started.v1"):
    """A session is being recorded; `run_id` is the stream it belongs to."""

    show_id: UUID
    recording_id: UUID
    stage_id: UUID
    run_id: UUID
    session_id: UUID


class RecordingSegmentOpened(Event, frozen=True, kw_only=True, tag="media.recording_segment_opened.v1"):
    """A stretch of the recording began in a file of its own; `first_frame` is the programme's frame number."""

    show_id: UUID
    recording_id: UUID
    segment_id: UUID
    file: str
    first_frame: int


class RecordingGapDetected(Event, frozen=True, kw_only=True, tag="media.recording_gap_detected.v1"):
    """After this segment, or at its end, `gap_ms` of the session are missing, for this cause. Source: domain.md U6, I8."""

    show_id: UUID
    recording_id: UUID
    after_segment_id: UUID
    gap_ms: Ms
    cause: str


class RecordingSegmentClosed(Event, frozen=True, kw_only=True, tag="media.recording_segment_closed.v1"):
    """A segment is complete on the stage's disk."""

    show_id: UUID
    recording_id: UUID
    segment_id: UUID
    file: str
    first_frame: int
    last_frame: int
    frames: int
    cause: str


class RecordingSegmentKept(Event, frozen=True, kw_only=True, tag="media.recording_segment_kept.v1"):
    """A segment's file is in the store for good, under this checksum. Source: duties.md D17 (originals are immutable).

    `salvaged` tells that the recorder was lost: what could be read of its file was copied, unchanged, into a whole one.
    """

    show_id: UUID
    recording_id: UUID
    segment_id: UUID
    key: str
    sha256: str
    size_bytes: int
    duration_ms: Ms
    frames: int
    salvaged: bool = False


class RecordingSegmentLost(Event, frozen=True, kw_only=True, tag="media.recording_segment_lost.v1"):
    """A segment could not be read back; what it held is a gap of the recording."""

    show_id: UUID
    recording_id: UUID
    segment_id: UUID
    reason: str


class RecordingEnded(Event, frozen=True, kw_only=True, tag="media.recording_ended.v1"):
    """The session is over; its files are being taken into the store."""

    show_id: UUID
    recording_id: UUID


class RecordingFinalised(Event, frozen=True, kw_only=True, tag="media.recording_finalised.v1"):
    """The recording is whole: what was live is what was recorded plus the gaps, each with its cause. Source: M12."""

    show_id: UUID
    recording_id: UUID
    session_id: UUID
    live_ms: Ms
    recorded_ms: Ms
    gaps_ms: Ms


class RecordingIncomplete(Event, frozen=True, kw_only=True, tag="media.recording_incomplete.v1"):
    """More of the session is missing than the known gaps explain."""

    show_id: UUID
    recording_id: UUID
    session_id: UUID
    live_ms: Ms
    recorded_ms: Ms
    gaps_ms: Ms


class RecordingQuarantined(Event, frozen=True, kw_only=True, tag="media.recording_quarantined.v1"):
    """The recording may be neither edited nor published nor handed out. Source: duties.md Q29, domain.md P18."""

    show_id: UUID
    recording_id: UUID
    reason: str


class RecordingDownloaded(Event, frozen=True, kw_only=True, tag="media.recording_downloaded.v1"):
    """Somebody took a copy of an original."""

    show_id: UUID
    recording_id: UUID
    segment_id: UUID
    by: str


class RecordingSharedOut(Event, frozen=True, kw_only=True, tag="media.recording_shared_out.v1"):
    """The customer gave a recording to others, which is the customer's duty. Source: duties.md K1b."""

    show_id: UUID
    recording_id: UUID
    to_whom: str


# --- edits


class EditCreated(Event, frozen=True, kw_only=True, tag="media.edit_created.v1"):
    """Somebody decided which stretches of a recording, in which order, make a film."""

    show_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    segments: tuple[EditSegment, ...]
    sources: dict[UUID, str]
    loudness_lufs: float | None = None


class EditRendered(Event, frozen=True, kw_only=True, tag="media.edit_rendered.v1"):
    """The film exists, under this checksum; the same edit of the same originals gives the same bytes again."""

    show_id: UUID
    edit_id: UUID
    key: str
    sha256: str
    size_bytes: int
    duration_ms: Ms
    recipe: str


class EditFailed(Event, frozen=True, kw_only=True, tag="media.edit_failed.v1"):
    """The film could not be made."""

    show_id: UUID
    edit_id: UUID
    reason: str


# --- video on demand


class VodUploadSkipped(Event, frozen=True, kw_only=True, tag="media.vod_upload_skipped.v1"):
    """The recording does not go on demand, and this is why. Source: duties.md Q25 (no silence)."""

    show_id: UUID
    recording_id: UUID
    reason: str


class VodUploadStarted(Event, frozen=True, kw_only=True, tag="media.vod_upload_started.v1"):
    """A film is on its way to video on demand."""

    show_id: UUID
    vod_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    source_key: str
    sha256: str
    size_bytes: int


class VodPartStored(Event, frozen=True, kw_only=True, tag="media.vod_part_stored.v1"):
    """A part of the upload has arrived; after a restart the upload goes on behind it."""

    show_id: UUID
    vod_id: UUID
    part: Part


class VodUploadCompleted(Event, frozen=True, kw_only=True, tag="media.vod_upload_completed.v1"):
    """The film is on demand; the checksum was verified where it lies."""

    show_id: UUID
    vod_id: UUID
    key: str
    sha256: str
    size_bytes: int


class VodUploadFailed(Event, frozen=True, kw_only=True, tag="media.vod_upload_failed.v1"):
    """An attempt to upload failed; with `final` it is not tried again."""

    show_id: UUID
    vod_id: UUID
    attempt: int
    reason: str
    final: bool


class VodRetractRequested(Event, frozen=True, kw_only=True, tag="media.vod_retract_requested.v1"):
    """A film is to go off demand; nobody gets it any more from here on. Source: features.md M6, domain.md P18."""

    show_id: UUID
    vod_id: UUID
    reason: str


class VodRetracted(Event, frozen=True, kw_only=True, tag="media.vod_retracted.v1"):
    """The film and every part of it are gone from where it was on demand; the original and the edit remain."""

    show_id: UUID
    vod_id: UUID

"""What one may ask of the media service. Commands carry their own time, ids and facts; deciding needs nothing else."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from contracts.envelope import Role
from contracts.media import AssetKind, EditSegment, Part
from contracts.stage.values import SegmentCause


class Command(Struct, frozen=True, kw_only=True):
    """`at` is when it is asked: aware UTC."""

    at: datetime


# --- assets


class RegisterAsset(Command, frozen=True, kw_only=True):
    show_id: UUID
    asset_id: UUID
    kind: AssetKind
    name: str


class DeliverAsset(Command, frozen=True, kw_only=True):
    """The file is already in the shared folder, whole, when this is asked."""

    file: str
    sha256: str
    media_type: str
    size_bytes: int


class ShareAsset(Command, frozen=True, kw_only=True):
    shared_by_presenter: UUID


class ApproveAsset(Command, frozen=True, kw_only=True):
    pass


class RejectAsset(Command, frozen=True, kw_only=True):
    reason: str


AssetCommand: TypeAlias = RegisterAsset | DeliverAsset | ShareAsset | ApproveAsset | RejectAsset

# --- rights of a show


class NoteVodRight(Command, frozen=True, kw_only=True):
    show_id: UUID
    entitled: bool


class OptOutOfVod(Command, frozen=True, kw_only=True):
    show_id: UUID
    role: Role
    reason: str


class NoteRecordingRules(Command, frozen=True, kw_only=True):
    show_id: UUID
    stage_id: UUID
    titles: dict[UUID, str]
    do_not_record: tuple[UUID, ...]


RightsCommand: TypeAlias = NoteVodRight | OptOutOfVod | NoteRecordingRules

# --- recordings


class OpenSegment(Command, frozen=True, kw_only=True):
    """Starts the recording with its first segment. `forbidden`: the session must not be recorded (Q29)."""

    show_id: UUID
    recording_id: UUID
    stage_id: UUID
    run_id: UUID
    session_id: UUID
    segment_id: UUID
    file: str
    first_frame: int
    forbidden: bool


class CloseSegment(Command, frozen=True, kw_only=True):
    segment_id: UUID
    last_frame: int
    frames: int
    cause: SegmentCause


class EndRecording(Command, frozen=True, kw_only=True):
    """The session, or the stream with it, is over."""


class KeepSegment(Command, frozen=True, kw_only=True):
    """The file is in the store, checked, when this is asked."""

    segment_id: UUID
    key: str
    sha256: str
    size_bytes: int
    duration_ms: int
    frames: int
    salvaged: bool = False


class LoseSegment(Command, frozen=True, kw_only=True):
    segment_id: UUID
    reason: str


class Quarantine(Command, frozen=True, kw_only=True):
    reason: str


class NoteDownload(Command, frozen=True, kw_only=True):
    segment_id: UUID
    by: str


class ShareOut(Command, frozen=True, kw_only=True):
    role: Role
    to_whom: str


class SkipVod(Command, frozen=True, kw_only=True):
    """Say on the recording why it does not go on demand."""

    reason: str


RecordingCommand: TypeAlias = (
    OpenSegment
    | CloseSegment
    | EndRecording
    | KeepSegment
    | LoseSegment
    | Quarantine
    | NoteDownload
    | ShareOut
    | SkipVod
)

# --- edits


class CreateEdit(Command, frozen=True, kw_only=True):
    """`sources` are the store's keys of the recording's kept segments, looked up when this is asked."""

    show_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    segments: tuple[EditSegment, ...]
    sources: dict[UUID, str]
    lengths_ms: dict[UUID, int]
    loudness_lufs: float | None


class FinishEdit(Command, frozen=True, kw_only=True):
    key: str
    sha256: str
    size_bytes: int
    duration_ms: int
    recipe: str


class FailEdit(Command, frozen=True, kw_only=True):
    reason: str


EditCommand: TypeAlias = CreateEdit | FinishEdit | FailEdit

# --- video on demand


class UploadToVod(Command, frozen=True, kw_only=True):
    """`entitled`, `opted_out` and `forbidden` are what is known about the show when this is asked."""

    show_id: UUID
    vod_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    source_key: str
    sha256: str
    size_bytes: int
    entitled: bool
    opted_out: bool
    forbidden: bool


class StorePart(Command, frozen=True, kw_only=True):
    part: Part


class CompleteUpload(Command, frozen=True, kw_only=True):
    key: str


class FailUpload(Command, frozen=True, kw_only=True):
    reason: str
    final: bool


class RetractVod(Command, frozen=True, kw_only=True):
    reason: str


class ConfirmRetracted(Command, frozen=True, kw_only=True):
    """Nothing of the film is where it was on demand when this is asked."""


VodCommand: TypeAlias = UploadToVod | StorePart | CompleteUpload | FailUpload | RetractVod | ConfirmRetracted

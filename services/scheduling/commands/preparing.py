"""Asking something of preparation: slots, trainings, time checks, readiness."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from contracts.envelope import Role, Sealed
from contracts.scheduling import (
    ReadinessItem,
    TimeBasis,
)
from services.scheduling.commands._base import Command, OfShow


class PlannedSlot(Struct, frozen=True, kw_only=True):
    session_id: UUID
    stage_id: UUID
    starts_at: datetime
    ends_at: datetime
    speaker_ids: tuple[UUID, ...]


class PlannedConflict(Struct, frozen=True, kw_only=True):
    session_id: UUID
    other_session_id: UUID
    live: bool


class Compression(Struct, frozen=True, kw_only=True):
    session_id: UUID
    previous_session_id: UUID
    left_s: int


class PlanPrep(OfShow, frozen=True, kw_only=True):
    """All slots as they should be now."""

    slots: tuple[PlannedSlot, ...]
    conflicts: tuple[PlannedConflict, ...]
    compressed: tuple[Compression, ...]
    no_show_grace_s: int


class OpenPrepSlot(Command, frozen=True, kw_only=True):
    """By the clock: the speakers are expected."""

    session_id: UUID


class StartSpeakerPrep(Command, frozen=True, kw_only=True):
    session_id: UUID
    speaker_id: UUID
    by: str


class CompleteSpeakerPrep(Command, frozen=True, kw_only=True):
    session_id: UUID
    speaker_id: UUID
    screen_share_rehearsed: bool
    by: str


class MissSpeakerPrep(Command, frozen=True, kw_only=True):
    session_id: UUID
    speaker_id: UUID
    reason: str


class ReportNoShows(Command, frozen=True, kw_only=True):
    """By the clock: the grace after the session's start is over."""

    session_id: UUID


class BackToBackPair(Struct, frozen=True, kw_only=True):
    training_id: UUID
    stage_id: UUID
    first_session_id: UUID
    second_session_id: UUID
    gap_s: int
    live: bool


class FindBackToBack(OfShow, frozen=True, kw_only=True):
    """All pairs there are now."""

    pairs: tuple[BackToBackPair, ...]


class ScheduleTraining(Command, frozen=True, kw_only=True):
    training_id: UUID
    scheduled_for: datetime


class CompleteTraining(Command, frozen=True, kw_only=True):
    training_id: UUID
    by: str


class WaiveTraining(Command, frozen=True, kw_only=True):
    training_id: UUID
    reason: str
    by: str


class RequestTimeCheck(OfShow, frozen=True, kw_only=True):
    check_id: UUID
    stage_id: UUID
    session_id: UUID
    by: str


class AnswerTimeCheck(Command, frozen=True, kw_only=True):
    check_id: UUID
    remaining_s: int
    ends_at: datetime
    basis: TimeBasis
    by: str


class ExpectSpeakers(OfShow, frozen=True, kw_only=True):
    """The speakers of the rundown in force."""

    rundown_version: int
    speaker_ids: tuple[UUID, ...]


class ConfirmInvitation(OfShow, frozen=True, kw_only=True):
    speaker_id: UUID
    by: str
    role: Role


class RequireInvited(Command, frozen=True, kw_only=True):
    """Raises SpeakerNotInvited."""

    speaker_id: UUID


class RecordBriefing(OfShow, frozen=True, kw_only=True):
    """`coverage` is the show's window, if it has one; `as_preparation` says that it was preparation work (D1)."""

    topics: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    as_preparation: bool
    coverage: tuple[datetime, datetime] | None
    by: str


class RegisterContact(OfShow, frozen=True, kw_only=True):
    contact_id: UUID
    side: str
    name: Sealed
    address: Sealed


class TickItem(OfShow, frozen=True, kw_only=True):
    """Note that something is there, or no longer is."""

    item: ReadinessItem
    there: bool = True


PrepCommand: TypeAlias = (
    PlanPrep | OpenPrepSlot | StartSpeakerPrep | CompleteSpeakerPrep | MissSpeakerPrep | ReportNoShows
)
TrainingCommand: TypeAlias = FindBackToBack | ScheduleTraining | CompleteTraining | WaiveTraining
TimeCheckCommand: TypeAlias = RequestTimeCheck | AnswerTimeCheck
ReadinessCommand: TypeAlias = (
    ExpectSpeakers | ConfirmInvitation | RequireInvited | RecordBriefing | RegisterContact | TickItem
)

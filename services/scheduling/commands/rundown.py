"""Asking something of a run of show."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from contracts.envelope import Role
from contracts.scheduling import (
    Cue,
    Session,
    Speaker,
    Stage,
)
from services.scheduling.commands._base import Command, OfShow


class ImportRunOfShow(OfShow, frozen=True, kw_only=True):
    """Replace the draft with what a file says."""

    stages: tuple[Stage, ...]
    sessions: tuple[Session, ...]
    cues: tuple[Cue, ...]
    speakers: tuple[Speaker, ...]
    source_title: str
    source_version: str
    sha256: str


class PlanSession(OfShow, frozen=True, kw_only=True):
    """Add a session to the draft, or put another in its place; `stage_name` is needed for a stage not known yet."""

    session: Session
    stage_name: str | None = None


class PlanCue(OfShow, frozen=True, kw_only=True):
    """`cue.order` 0 puts it behind the last cue of its session."""

    cue: Cue


class AssignSpeaker(OfShow, frozen=True, kw_only=True):
    session_id: UUID
    speaker: Speaker


class PublishRundown(OfShow, frozen=True, kw_only=True):
    """Put the draft in force."""


class RequirePublished(Command, frozen=True, kw_only=True):
    """Raises RundownNotPublished where no plan is in force."""


class RequireSession(Command, frozen=True, kw_only=True):
    """Raises NotFound for a session that is not in force, SessionFinished for one that is over."""

    session_id: UUID


class ShiftRunOfShow(OfShow, frozen=True, kw_only=True):
    """Move everything by so many seconds, and put it in force where something is."""

    shift_s: int


class RetimeSession(OfShow, frozen=True, kw_only=True):
    """Put a session at another time, in force at once. The show starts at `show_starts_at`."""

    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    show_starts_at: datetime | None
    role: Role


class SuggestChange(OfShow, frozen=True, kw_only=True):
    change_id: UUID
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str


class AcceptChange(OfShow, frozen=True, kw_only=True):
    change_id: UUID
    by: str
    role: Role


class RejectChange(OfShow, frozen=True, kw_only=True):
    change_id: UUID
    reason: str
    by: str
    role: Role


class NoteSessionBegan(OfShow, frozen=True, kw_only=True):
    session_id: UUID
    began_at: datetime


class NoteSessionOver(OfShow, frozen=True, kw_only=True):
    session_id: UUID
    ended_at: datetime


RundownCommand: TypeAlias = (
    ImportRunOfShow
    | PlanSession
    | PlanCue
    | AssignSpeaker
    | PublishRundown
    | RequirePublished
    | RequireSession
    | ShiftRunOfShow
    | RetimeSession
    | SuggestChange
    | AcceptChange
    | RejectChange
    | NoteSessionBegan
    | NoteSessionOver
)

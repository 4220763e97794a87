"""Asking something of a show as a whole."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from contracts.scheduling import (
    CoverageTerms,
)
from services.scheduling.commands._base import Command, OfShow


class DraftShow(OfShow, frozen=True, kw_only=True):
    """`times` are the planned start and end, where they are known already."""

    title: str
    zone: str
    tzdata: str
    times: tuple[datetime, datetime] | None = None


class RequireShow(Command, frozen=True, kw_only=True):
    """Raises NotFound where there is no such show."""


class RequireOpenShow(Command, frozen=True, kw_only=True):
    """Raises ShowOver where nothing can be planned or prepared any more."""


class PlanShow(Command, frozen=True, kw_only=True):
    """The published plan runs from `starts_at` to `ends_at`; hours that are bound follow."""

    starts_at: datetime
    ends_at: datetime


class RetimeShow(Command, frozen=True, kw_only=True):
    """Move the whole show, its length unchanged, to start at `starts_at`."""

    starts_at: datetime


class ConfirmShow(Command, frozen=True, kw_only=True):
    entitlement_id: UUID
    covers: tuple[datetime, datetime] | None = None


class AcceptCoverage(Command, frozen=True, kw_only=True):
    """The hours are reserved."""

    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime
    terms: CoverageTerms
    features: tuple[str, ...] = ()


class RejectConfirmation(Command, frozen=True, kw_only=True):
    """The hours are refused, or were taken back."""

    entitlement_id: UUID
    code: str
    detail: str


class AcceptRetiming(Command, frozen=True, kw_only=True):
    entitlement_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime


class RejectRetiming(Command, frozen=True, kw_only=True):
    entitlement_id: UUID
    code: str
    detail: str


class MarkReady(Command, frozen=True, kw_only=True):
    """Follow the readiness checklist."""

    ready: bool


class NoteStreamStarted(Command, frozen=True, kw_only=True):
    stage_id: UUID
    run_id: UUID


class NoteStreamEnded(Command, frozen=True, kw_only=True):
    stage_id: UUID
    run_id: UUID


class EndShow(Command, frozen=True, kw_only=True):
    """Say that the show is over."""


class AbandonShow(Command, frozen=True, kw_only=True):
    """Give up a show that never began."""

    reason: str


class CancelShow(Command, frozen=True, kw_only=True):
    reason: str


class NoteCoverageEnded(Command, frozen=True, kw_only=True):
    ended_at: datetime


ShowCommand: TypeAlias = (
    DraftShow
    | RequireShow
    | RequireOpenShow
    | PlanShow
    | RetimeShow
    | ConfirmShow
    | AcceptCoverage
    | RejectConfirmation
    | AcceptRetiming
    | RejectRetiming
    | MarkReady
    | NoteStreamStarted
    | NoteStreamEnded
    | EndShow
    | AbandonShow
    | CancelShow
    | NoteCoverageEnded
)

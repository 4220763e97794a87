"""What one may ask of the entitlement service. Every command carries its own time, ids and the facts it is judged by.

Facts about something else (is the base package active? what is the duty?) are looked up by `application` or
`policies` and put into the command, so that deciding needs nothing but the command and the state.
"""

from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from contracts.entitlement import Account, Activity, CoverageRules, Duty
from contracts.envelope import Role


class Command(Struct, frozen=True, kw_only=True):
    """`at` is when it is asked: aware UTC, our clock (Q27)."""

    at: datetime


# --- service terms


class RegisterTerms(Command, frozen=True, kw_only=True):
    """Lay down a version of the terms for good."""

    terms_version: str
    granted_minutes: int
    term_months: int
    rules: CoverageRules
    incorporates: tuple[str, ...]
    catalogue: tuple[Duty, ...]


# --- a customer's access


class RecordPlatformAccess(Command, frozen=True, kw_only=True):
    """Note the term of the master agreement; without an end it is open."""

    starts_at: datetime
    ends_at: datetime | None


class RevokePlatformAccess(Command, frozen=True, kw_only=True):
    reason: str


class LinkBasePackage(Command, frozen=True, kw_only=True):
    package_id: UUID
    features: tuple[str, ...]


class LapseBasePackage(Command, frozen=True, kw_only=True):
    package_id: UUID
    reason: str


class ConfirmStandardSupport(Command, frozen=True, kw_only=True):
    channels: tuple[str, ...]


class ShareResource(Command, frozen=True, kw_only=True):
    resource_id: UUID
    title: str
    url: str


class RefuseReservation(Command, frozen=True, kw_only=True):
    """Tell that a show got no hours: on the entitlement's stream, or on the customer's where it has no such entitlement."""

    entitlement_id: UUID
    show_id: UUID
    code: str
    detail: str


# --- an entitlement: its life


class RegisterPurchase(Command, frozen=True, kw_only=True):
    """Record one bought add-on under the terms with this hash; the term starts with this day in the contract's zone."""

    entitlement_id: UUID
    order_ref: str
    terms_version: str
    terms_sha256: str
    granted_minutes: int
    term_months: int
    rules: CoverageRules
    base_package_id: UUID
    starts_on: date
    zone: str


class Activate(Command, frozen=True, kw_only=True):
    base_package_active: bool


class Suspend(Command, frozen=True, kw_only=True):
    reason: str


class Reinstate(Command, frozen=True, kw_only=True):
    """End a suspension; where `reason` is given, only one that was made for it."""

    base_package_active: bool
    reason: str | None = None


class Revoke(Command, frozen=True, kw_only=True):
    reason: str


class WarnOfExpiry(Command, frozen=True, kw_only=True):
    """By the clock: the term ends in this many days."""

    days: int


class Expire(Command, frozen=True, kw_only=True):
    """By the clock: the term has ended."""


# --- an entitlement: its reservation


class ReserveCoverage(Command, frozen=True, kw_only=True):
    """Bind the hours to a show. `covers` is the part a customer chose of a show longer than the hours (Q5).

    `awaits_answer`: somebody waits for the event and not for our answer, so that a repeat has to tell again.
    """

    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    base_package_active: bool
    platform_access: bool
    features: tuple[str, ...] = ()
    covers: tuple[datetime, datetime] | None = None
    awaits_answer: bool = False


class RetimeReservation(Command, frozen=True, kw_only=True):
    """Follow a show to its new time: release and reserve in one (Q13). A part the customer chose moves with the show."""

    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    platform_access: bool


class RefuseRetiming(Command, frozen=True, kw_only=True):
    show_id: UUID
    code: str
    detail: str


class ReleaseReservation(Command, frozen=True, kw_only=True):
    """Give the hours back before the window opens."""

    reason: str


class CancelCoverage(Command, frozen=True, kw_only=True):
    """The show is off: release before the window opened, settle after (Q12)."""

    show_id: UUID
    reason: str


# --- an entitlement: its covered day


class OpenCoverage(Command, frozen=True, kw_only=True):
    """By the clock: the window opens."""


class StartCoverage(Command, frozen=True, kw_only=True):
    """The analyst checked in."""

    show_id: UUID
    analyst_id: UUID


class EndCoverage(Command, frozen=True, kw_only=True):
    """The analyst checked out."""

    show_id: UUID
    analyst_id: UUID


class NoteShowEnded(Command, frozen=True, kw_only=True):
    """The show ended at `ended_at`, which decides when the window closes (Q7)."""

    show_id: UUID
    ended_at: datetime


class CloseCoverage(Command, frozen=True, kw_only=True):
    """By the clock: the window was to close now."""


class ReportThreshold(Command, frozen=True, kw_only=True):
    """By the clock: this many minutes are left; 0 is the cap."""

    remaining_minutes: int


class ForfeitRest(Command, frozen=True, kw_only=True):
    """By the clock: the time for post-production is over."""


# --- an entitlement: its ledger


class LogWork(Command, frozen=True, kw_only=True):
    """Draw work outside the window from the hours.

    `activity` is what the catalogue of the terms says of `duty`, None where it does not list it. `of_seat` is false for
    work of the base team or the customer. `work_id` makes a repeat harmless (E6).
    """

    work_id: UUID
    duty: str
    activity: Activity | None
    of_seat: bool
    started_at: datetime
    ended_at: datetime


class AuthoriseOvertime(Command, frozen=True, kw_only=True):
    minutes: int
    reason: str
    by: str
    role: Role


class CorrectConsumption(Command, frozen=True, kw_only=True):
    correction_id: UUID
    source: Account
    target: Account
    moved_ms: int
    reason: str
    by: str
    role: Role


TermsCommand: TypeAlias = RegisterTerms
AccessCommand: TypeAlias = (
    RecordPlatformAccess
    | RevokePlatformAccess
    | LinkBasePackage
    | LapseBasePackage
    | ConfirmStandardSupport
    | ShareResource
    | RefuseReservation
)
EntitlementCommand: TypeAlias = (
    RegisterPurchase
    | Activate
    | Suspend
    | Reinstate
    | Revoke
    | WarnOfExpiry
    | Expire
    | ReserveCoverage
    | RefuseReservation
    | RetimeReservation
    | RefuseRetiming
    | ReleaseReservation
    | CancelCoverage
    | OpenCoverage
    | StartCoverage
    | EndCoverage
    | NoteShowEnded
    | CloseCoverage
    | ReportThreshold
    | ForfeitRest
    | LogWork
    | AuthoriseOvertime
    | CorrectConsumption
)

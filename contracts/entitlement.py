"""What the entitlement service promises: terms, a customer's access, and the ledger and window of one analyst's hours.

Amounts are whole milliseconds; the ledger of an entitlement always says granted = available + reserved + consumed +
forfeited, and overage is kept apart. An event that moves hours says which account they leave and which they reach.
Source: duties.md A.1, A.2 and A2 (Q1-Q21).
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.envelope import Event

Count = Annotated[int, Meta(ge=0)]
Ms = Annotated[int, Meta(ge=0)]
Account = Literal["available", "reserved", "consumed", "forfeited"]
Activity = Literal["coverage", "preparation", "post_production", "unmetered"]


class Duty(Struct, frozen=True, kw_only=True):
    """One line of the service's catalogue. `code` is as in the service description's table, D1 to D18 and P1 to P3.

    Only work of the seat is metered: `unmetered` lines are the provider's own obligations (R9, R10, Q20).
    """

    code: str
    title: str
    activity: Activity


class CoverageRules(Struct, frozen=True, kw_only=True):
    """The parameters an entitlement keeps from its terms, whatever is registered later. Defaults are the standard terms.

    Source: L5-L8, Q5-Q13. With `post_production_s` 0 the rest of the day is forfeited when coverage ends (Q9); otherwise
    it stays usable for editing and upload for that long.
    """

    margin_before_s: Count = 1800
    margin_after_s: Count = 1800
    prep_s: Count = 900
    back_to_back_s: Count = 900
    no_show_grace_s: Count = 300
    reschedule_cutoff_s: Count = 0
    post_production_s: Count = 0
    thresholds_minutes: tuple[Annotated[int, Meta(ge=1)], ...] = (60, 30, 10)


class ServiceTermsRegistered(Event, frozen=True, kw_only=True, tag="entitlement.service_terms_registered.v1"):
    """A version of the service terms exists and never changes. `sha256` is over its canonical JSON (R1)."""

    terms_version: str
    sha256: str
    granted_minutes: int
    term_months: int
    margin_before_s: int
    margin_after_s: int
    prep_s: int
    back_to_back_s: int
    no_show_grace_s: int
    reschedule_cutoff_s: int
    post_production_s: int
    thresholds_minutes: tuple[int, ...]
    incorporates: tuple[str, ...]
    catalogue: tuple[Duty, ...]


class PlatformAccessGranted(Event, frozen=True, kw_only=True, tag="entitlement.platform_access_granted.v1"):
    """The customer may use the software for the term of its master agreement, which is not the service term (R6)."""

    starts_at: datetime
    ends_at: datetime | None = None


class PlatformAccessRevoked(Event, frozen=True, kw_only=True, tag="entitlement.platform_access_revoked.v1"):
    """The customer may no longer use the software."""

    reason: str


class BasePackageLinked(Event, frozen=True, kw_only=True, tag="entitlement.base_package_linked.v1"):
    """The customer holds this base production package, with these features, such as `vod` (R5)."""

    package_id: UUID
    features: tuple[str, ...]


class BasePackageLapsed(Event, frozen=True, kw_only=True, tag="entitlement.base_package_lapsed.v1"):
    """The base package has ended; what builds on it is suspended, running shows excepted (Q17)."""

    package_id: UUID
    reason: str


class StandardSupportConfirmed(Event, frozen=True, kw_only=True, tag="entitlement.standard_support_confirmed.v1"):
    """The customer has standard support over these channels; it is never metered (R9, P3)."""

    channels: tuple[str, ...]


class LearningResourceShared(Event, frozen=True, kw_only=True, tag="entitlement.learning_resource_shared.v1"):
    """A tutorial, video or article was made available to the customer; it is never metered (R10, P2)."""

    resource_id: UUID
    title: str
    url: str


class AddOnPurchased(Event, frozen=True, kw_only=True, tag="entitlement.add_on_purchased.v1"):
    """One add-on was bought: one seat, one day (Q18). Moves `granted_ms` into available."""

    entitlement_id: UUID
    order_ref: str
    terms_version: str
    terms_sha256: str
    base_package_id: UUID
    granted_ms: Ms
    term_starts_at: datetime
    term_ends_at: datetime
    zone: str
    rules: CoverageRules


class EntitlementActivated(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_activated.v1"):
    """The hours may be reserved from now on."""

    entitlement_id: UUID
    term_ends_at: datetime


class EntitlementExpiring(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_expiring.v1"):
    """The service term ends in this many days, and hours are left (R7)."""

    entitlement_id: UUID
    days: int
    term_ends_at: datetime


class EntitlementExpired(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_expired.v1"):
    """The service term has ended (R7)."""

    entitlement_id: UUID


class ExpiryDeferred(Event, frozen=True, kw_only=True, tag="entitlement.expiry_deferred.v1"):
    """The service term has ended while coverage was open; the show is completed first (Q15)."""

    entitlement_id: UUID
    show_id: UUID


class EntitlementSuspended(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_suspended.v1"):
    """Neither reserved nor opened until reinstated; a reservation is kept (Q17)."""

    entitlement_id: UUID
    reason: str
    show_id: UUID | None = None


class EntitlementReinstated(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_reinstated.v1"):
    """The suspension is over. `opens_at` is set where a reservation was kept."""

    entitlement_id: UUID
    show_id: UUID | None = None
    opens_at: datetime | None = None


class EntitlementRevoked(Event, frozen=True, kw_only=True, tag="entitlement.entitlement_revoked.v1"):
    """The entitlement was withdrawn for good."""

    entitlement_id: UUID
    reason: str


class CoverageReserved(Event, frozen=True, kw_only=True, tag="entitlement.coverage_reserved.v1"):
    """The hours are bound to this show and window. Moves `reserved_ms` from available to reserved, 0 when told again.

    The window is [`opens_at`, `closes_at`). `partial` tells that it covers a part of the show, chosen by the customer (Q5).
    """

    entitlement_id: UUID
    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    reserved_ms: Ms
    partial: bool
    terms_version: str
    prep_s: int
    back_to_back_s: int
    margin_before_s: int
    margin_after_s: int
    no_show_grace_s: int
    features: tuple[str, ...]


class ReservationRefused(Event, frozen=True, kw_only=True, tag="entitlement.reservation_refused.v1"):
    """A confirmed show got no hours; `code` and `detail` are those of the refusal."""

    entitlement_id: UUID
    show_id: UUID
    code: str
    detail: str


class CoverageRetimed(Event, frozen=True, kw_only=True, tag="entitlement.coverage_retimed.v1"):
    """The reservation follows its show. Moves `released_ms` back to available and `reserved_ms` out of it (Q13)."""

    entitlement_id: UUID
    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    released_ms: Ms
    reserved_ms: Ms


class RetimingRefused(Event, frozen=True, kw_only=True, tag="entitlement.retiming_refused.v1"):
    """A show was re-timed, but its hours stay where they were; `code` and `detail` say why."""

    entitlement_id: UUID
    show_id: UUID
    code: str
    detail: str


class CoverageReleased(Event, frozen=True, kw_only=True, tag="entitlement.coverage_released.v1"):
    """The hours are free for another show. Moves `released_ms` from reserved to available (Q12)."""

    entitlement_id: UUID
    show_id: UUID
    released_ms: Ms
    reason: str


class EarlyCheckInNoted(Event, frozen=True, kw_only=True, tag="entitlement.early_check_in_noted.v1"):
    """The analyst is there before the window opens; coverage starts at the opening (P5)."""

    entitlement_id: UUID
    show_id: UUID
    analyst_id: UUID


class EarlyCheckInWithdrawn(Event, frozen=True, kw_only=True, tag="entitlement.early_check_in_withdrawn.v1"):
    """The analyst left again before the window opened."""

    entitlement_id: UUID
    show_id: UUID
    analyst_id: UUID


class CoverageWindowOpened(Event, frozen=True, kw_only=True, tag="entitlement.coverage_window_opened.v1"):
    """The duties of the seat may be done from now on (L5)."""

    entitlement_id: UUID
    show_id: UUID
    opens_at: datetime
    closes_at: datetime


class CoverageStarted(Event, frozen=True, kw_only=True, tag="entitlement.coverage_started.v1"):
    """The meter runs since `started_at`. At `cap_at` all hours, and the overtime authorised so far, are spent (Q8)."""

    entitlement_id: UUID
    show_id: UUID
    analyst_id: UUID
    started_at: datetime
    closes_at: datetime
    cap_at: datetime
    thresholds_minutes: tuple[int, ...]


class AnalystJoinedCoverage(Event, frozen=True, kw_only=True, tag="entitlement.analyst_joined_coverage.v1"):
    """A second analyst is on the seat, for a hand-over; the meter runs on the seat, so this costs nothing (Q19)."""

    entitlement_id: UUID
    show_id: UUID
    analyst_id: UUID


class AnalystLeftCoverage(Event, frozen=True, kw_only=True, tag="entitlement.analyst_left_coverage.v1"):
    """One of several analysts has left the seat; coverage goes on."""

    entitlement_id: UUID
    show_id: UUID
    analyst_id: UUID


class HoursThresholdReached(Event, frozen=True, kw_only=True, tag="entitlement.hours_threshold_reached.v1"):
    """This many minutes are left until the hours are spent (Q6). Told once for each threshold."""

    entitlement_id: UUID
    show_id: UUID
    remaining_minutes: int


class CoverageCapReached(Event, frozen=True, kw_only=True, tag="entitlement.coverage_cap_reached.v1"):
    """The hours are spent. The show is never cut: what ends or hides something stays allowed (Q6)."""

    entitlement_id: UUID
    show_id: UUID
    capped_at: datetime


class CoverageWindowExtended(Event, frozen=True, kw_only=True, tag="entitlement.coverage_window_extended.v1"):
    """The show overruns. Moves `reserved_ms` more from available to reserved; the window closes later (Q6, Q7)."""

    entitlement_id: UUID
    show_id: UUID
    closes_at: datetime
    reserved_ms: Ms


class CoverageWindowClosing(Event, frozen=True, kw_only=True, tag="entitlement.coverage_window_closing.v1"):
    """The show has ended; the window closes after the margin, or when the hours are spent (L6, Q7)."""

    entitlement_id: UUID
    show_id: UUID
    show_ended_at: datetime
    closes_at: datetime


class OvertimeAuthorised(Event, frozen=True, kw_only=True, tag="entitlement.overtime_authorised.v1"):
    """The customer pays for more than the grant. `cap_at` is the new end of the hours while coverage runs (Q6)."""

    entitlement_id: UUID
    minutes: int
    reason: str
    by: str
    show_id: UUID | None = None
    cap_at: datetime | None = None
    thresholds_minutes: tuple[int, ...] = ()


class CoverageEnded(Event, frozen=True, kw_only=True, tag="entitlement.coverage_ended.v1"):
    """The covered day is over. Moves `released_ms`, what was reserved and not used, back to available (Q7).

    `rest_usable_until` is set where the terms leave the rest for post-production.
    """

    entitlement_id: UUID
    show_id: UUID
    ended_at: datetime
    released_ms: Ms
    reason: str
    rest_usable_until: datetime | None = None


class HoursConsumed(Event, frozen=True, kw_only=True, tag="entitlement.hours_consumed.v1"):
    """Moves `consumed_ms` from reserved to consumed: the seat was occupied in [`started_at`, `ended_at`) (Q10)."""

    entitlement_id: UUID
    show_id: UUID
    consumed_ms: Ms
    started_at: datetime | None
    ended_at: datetime


class OvertimeConsumed(Event, frozen=True, kw_only=True, tag="entitlement.overtime_consumed.v1"):
    """Overage beyond the grant that the customer had authorised."""

    entitlement_id: UUID
    overage_ms: Ms
    show_id: UUID | None = None


class HoursForfeited(Event, frozen=True, kw_only=True, tag="entitlement.hours_forfeited.v1"):
    """Moves `forfeited_ms` from available to forfeited: the day is spent or the term over (Q9)."""

    entitlement_id: UUID
    forfeited_ms: Ms
    show_id: UUID | None = None


class WorkLogged(Event, frozen=True, kw_only=True, tag="entitlement.work_logged.v1"):
    """Work of the seat outside the window. Moves `consumed_ms` from available to consumed (Q2)."""

    entitlement_id: UUID
    work_id: UUID
    duty: str
    activity: Activity
    started_at: datetime
    ended_at: datetime
    consumed_ms: Ms
    show_id: UUID | None = None


class ConsumptionCorrected(Event, frozen=True, kw_only=True, tag="entitlement.consumption_corrected.v1"):
    """A supervisor moved `moved_ms` between accounts; what was recorded before stays as it is (Q9)."""

    entitlement_id: UUID
    correction_id: UUID
    source: Account
    target: Account
    moved_ms: Ms
    reason: str
    by: str

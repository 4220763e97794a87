"""Facts about a show as a whole: drafted, confirmed with its hours, on air, over."""

from datetime import datetime
from uuid import UUID

from contracts.scheduling._base import ShowEvent as _OfShow
from contracts.scheduling.values import CoverageTerms


class ShowDrafted(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_drafted.v1"):
    """A show exists. `zone` is an IANA name; `tzdata` the version of the zone rules its local times were read with."""

    title: str
    zone: str
    tzdata: str


class ShowPlanned(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_planned.v1"):
    """The show is to start and end at these instants; no hours are bound to them yet."""

    starts_at: datetime
    ends_at: datetime


class ShowConfirmationRequested(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_confirmation_requested.v1"):
    """The customer wants the show at this time with the hours of this entitlement.

    `covers_from` and `covers_until` are the part the customer chose where the hours do not suffice for all (Q5).
    """

    entitlement_id: UUID
    starts_at: datetime
    ends_at: datetime
    covers_from: datetime | None = None
    covers_until: datetime | None = None


class ShowConfirmed(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_confirmed.v1"):
    """The hours are reserved and the show takes place. Coverage is [`opens_at`, `closes_at`)."""

    entitlement_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    terms: CoverageTerms
    features: tuple[str, ...] = ()


class ShowConfirmationRejected(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_confirmation_rejected.v1"):
    """The hours were refused and the show is a draft again; `code` and `detail` are those of the refusal."""

    entitlement_id: UUID
    code: str
    detail: str


class ShowRetimed(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_retimed.v1"):
    """The show is to take place at another time.

    With an `entitlement_id` the hours have to follow: `show_retiming_accepted` or `show_retiming_rejected` comes after
    (Q13). Without one it is a draft, and simply so. `shift_s` is how far the plan moves with it; 0 where the plan in
    force is at the new time already.
    """

    entitlement_id: UUID | None
    former_starts_at: datetime
    former_ends_at: datetime
    starts_at: datetime
    ends_at: datetime
    shift_s: int


class ShowRetimingAccepted(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_retiming_accepted.v1"):
    """The hours follow. Coverage is now [`opens_at`, `closes_at`); the whole plan moves by `shift_s` seconds."""

    entitlement_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    shift_s: int


class ShowRetimingRejected(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_retiming_rejected.v1"):
    """The hours cannot follow: the show keeps its former time; `code` and `detail` say why."""

    entitlement_id: UUID
    code: str
    detail: str
    starts_at: datetime
    ends_at: datetime


class ShowReady(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_ready.v1"):
    """Everything that has to be there before the show is there."""


class ShowNotReady(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_not_ready.v1"):
    """Something that was there before the show no longer is."""


class ShowStarted(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_started.v1"):
    """The first stage of the show is on air."""

    stage_id: UUID


class StageWentOnAir(_OfShow, frozen=True, kw_only=True, tag="scheduling.stage_went_on_air.v1"):
    """A stage of the show is on air; `run_id` is the stream's."""

    stage_id: UUID
    run_id: UUID


class StageWentOffAir(_OfShow, frozen=True, kw_only=True, tag="scheduling.stage_went_off_air.v1"):
    """A stage of the show is off air."""

    stage_id: UUID
    run_id: UUID


class ShowEnded(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_ended.v1"):
    """The show is over; coverage lasts for the margin after `ended_at` (L6, Q7)."""

    ended_at: datetime
    entitlement_id: UUID | None = None


class ShowAbandoned(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_abandoned.v1"):
    """The show never began: nobody came, or coverage ended first (Q11)."""

    reason: str
    entitlement_id: UUID | None = None


class ShowCancelled(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_cancelled.v1"):
    """The show does not take place. Hours not yet used are released before the window opens, settled after (Q12)."""

    reason: str
    entitlement_id: UUID | None = None


class CoverageOver(_OfShow, frozen=True, kw_only=True, tag="scheduling.coverage_over.v1"):
    """The covered day is over while the show still runs; it is not cut (Q6)."""

    ended_at: datetime


class ShowClosed(_OfShow, frozen=True, kw_only=True, tag="scheduling.show_closed.v1"):
    """The show is over and so is its coverage."""

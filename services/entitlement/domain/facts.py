"""Events that more than one decision leads to, each put together in one place."""

from datetime import datetime
from uuid import UUID

from contracts import entitlement as e
from services.entitlement.domain.ledger import minutes_down, minutes_up
from services.entitlement.domain.refusals import HoursExceeded
from services.entitlement.domain.situations import Owned, Reservation


def reserved(state: Owned, at: datetime, reservation: Reservation, reserved_ms: int) -> e.CoverageReserved:
    """The hours are bound, under the rules of this grant."""
    rules = state.grant.rules
    return e.CoverageReserved(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=reservation.show_id,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
        opens_at=reservation.opens_at,
        closes_at=reservation.closes_at,
        reserved_ms=reserved_ms,
        partial=reservation.partial,
        terms_version=state.grant.terms_version,
        prep_s=rules.prep_s,
        back_to_back_s=rules.back_to_back_s,
        margin_before_s=rules.margin_before_s,
        margin_after_s=rules.margin_after_s,
        no_show_grace_s=rules.no_show_grace_s,
        features=reservation.features,
    )


def released(state: Owned, at: datetime, show_id: UUID, reason: str) -> e.CoverageReleased:
    """All reserved hours are free again."""
    return e.CoverageReleased(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=show_id,
        released_ms=state.ledger.reserved,
        reason=reason,
    )


def reservation_of(state: Owned) -> Reservation | None:
    """The reservation, in the situations that have one."""
    found: Reservation | None = getattr(state, "reservation", None)
    return found


def show_of(state: Owned) -> UUID | None:
    """The show the hours are bound to, or were spent on."""
    reservation = reservation_of(state)
    found: UUID | None = reservation.show_id if reservation is not None else getattr(state, "show_id", None)
    return found


def hours_exceeded(needed_ms: int, available_ms: int) -> HoursExceeded:
    return HoursExceeded(
        needed_ms=needed_ms,
        available_ms=available_ms,
        needed_minutes=minutes_up(needed_ms),
        available_minutes=minutes_down(available_ms),
    )

"""What an entitlement allows at an instant, with the reason; and what its hours are at that instant.

Source: features.md E3, E12; duties.md L5, L6, Q6.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from services.entitlement.domain.facts import reservation_of
from services.entitlement.domain.ledger import Ledger, minutes_down
from services.entitlement.domain.settling import metered_ms
from services.entitlement.domain.situations import Covering, Open, Owned, Reserved, Settled, Suspended

Reason = Literal["COVERED", "NO_RESERVATION", "OUTSIDE_COVERAGE", "COVERAGE_EXHAUSTED", "ENTITLEMENT_SUSPENDED"]


class CoverageRight(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a duty of the seat may be done at `at`, and why. After the cap, what ends or hides something stays allowed."""

    at: datetime
    allowed: bool
    reason: Reason
    situation: str
    show_id: UUID | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    started_at: datetime | None = None
    cap_at: datetime | None = None
    remaining_minutes: int | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts at `at`, in milliseconds. `running_ms` of what is reserved, or overtime, are used up but not settled yet.

    `left_minutes` are what coverage or work can still draw on, whole minutes, rounded down.
    """

    at: datetime
    situation: str
    ledger: Ledger
    running_ms: int
    left_minutes: int


def situation_of(state: Owned) -> str:
    return type(state).__name__.upper()


def coverage_right(state: Owned, at: datetime) -> CoverageRight:
    """The right at an instant, as far as it is known now."""
    reservation = reservation_of(state)
    if reservation is None:
        show = state.show_id if isinstance(state, Settled) else None
        reason: Reason = "OUTSIDE_COVERAGE" if isinstance(state, Settled) else "NO_RESERVATION"
        return CoverageRight(at=at, allowed=False, reason=reason, situation=situation_of(state), show_id=show)
    closes_at = state.closes_at if isinstance(state, Covering) else reservation.closes_at
    reason = _reason(state, reservation.opens_at, closes_at, at)
    return CoverageRight(
        at=at,
        allowed=reason == "COVERED",
        reason=reason,
        situation=situation_of(state),
        show_id=reservation.show_id,
        opens_at=reservation.opens_at,
        closes_at=closes_at,
        started_at=state.started_at if isinstance(state, Covering) else None,
        cap_at=state.cap_at if isinstance(state, Covering) else None,
        remaining_minutes=minutes_down(state.ledger.left - _running(state, at)),
    )


def _reason(state: Owned, opens_at: datetime, closes_at: datetime, at: datetime) -> Reason:
    if isinstance(state, Suspended):
        return "ENTITLEMENT_SUSPENDED"
    if isinstance(state, Covering) and at >= state.cap_at:
        return "COVERAGE_EXHAUSTED"
    overrunning = isinstance(state, Covering) and state.show_ended_at is None
    within = opens_at <= at and (at < closes_at or overrunning)
    return "COVERED" if within and isinstance(state, Reserved | Open | Covering) else "OUTSIDE_COVERAGE"


def balance(state: Owned, at: datetime) -> Balance:
    """The accounts, and how far the meter has run since they were last moved."""
    running_ms = _running(state, at)
    return Balance(
        at=at,
        situation=situation_of(state),
        ledger=state.ledger,
        running_ms=running_ms,
        left_minutes=minutes_down(state.ledger.left - running_ms),
    )


def _running(state: Owned, at: datetime) -> int:
    return metered_ms(state, at) if isinstance(state, Covering) else 0

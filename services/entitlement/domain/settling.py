"""What a covered day cost: the meter, and the events that end the day.

The meter counts elapsed time from the check-in, not before the opening, to the end of the window or the check-out, and
never past the cap. Source: duties.md Q6, Q7, Q9, Q10, Q12; domain.md sections 4 (P7) and 6 (U3, U18).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from chassis.clock import elapsed_ms
from contracts import entitlement as e
from contracts.envelope import Event
from services.entitlement import commands as c
from services.entitlement.domain.situations import Covering, Open, Owned, Settled

LONGEST_OVERRUN: Final = timedelta(hours=12)
"""A capped seat nobody reports the end of is settled after this long, so that no ledger stays open for ever."""


def metered_ms(state: Open | Covering, until: datetime) -> int:
    """What the seat has used up to an instant; nothing while nobody is on it."""
    if isinstance(state, Open):
        return 0
    return max(0, elapsed_ms(state.metered_from, min(until, state.cap_at)))


def missing_ms(state: Owned, used_ms: int) -> int:
    """What has to be reserved in addition, as far as the grant has it."""
    return min(max(0, used_ms - state.ledger.reserved), state.ledger.available)


def settled(state: Open | Covering, at: datetime, *, until: datetime, reason: str) -> list[Event]:
    """Ends the day: what the seat used is consumed, what the customer agreed to beyond it is overtime, the rest is lost.

    Where the terms leave time for post-production, the rest stays available that long instead (Q9).
    """
    used_ms = metered_ms(state, until)
    missing = missing_ms(state, used_ms)
    consumed_ms = min(used_ms, state.ledger.reserved + missing)
    ended = _ended(state, at, until, state.ledger.reserved + missing - consumed_ms, reason)
    events: list[Event] = [extended(state, at, until, missing)] if missing else []
    events += [ended, _consumed(state, ended, consumed_ms)]
    if used_ms > consumed_ms:
        events.append(_overtime(ended, used_ms - consumed_ms))
    if ended.rest_usable_until is None:
        rest_ms = state.ledger.available - missing + ended.released_ms
        events.append(_forfeited(at, ended.entitlement_id, ended.show_id, rest_ms))
    return events


def extended(state: Open | Covering, at: datetime, closes_at: datetime, reserved_ms: int) -> e.CoverageWindowExtended:
    return e.CoverageWindowExtended(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=state.reservation.show_id,
        closes_at=closes_at,
        reserved_ms=reserved_ms,
    )


def _ended(state: Open | Covering, at: datetime, until: datetime, released_ms: int, reason: str) -> e.CoverageEnded:
    editing = timedelta(seconds=state.grant.rules.post_production_s)
    return e.CoverageEnded(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=state.reservation.show_id,
        ended_at=until,
        released_ms=released_ms,
        reason=reason,
        rest_usable_until=min(until + editing, max(until, state.grant.term_ends_at)) if editing else None,
    )


def _consumed(state: Open | Covering, ended: e.CoverageEnded, consumed_ms: int) -> e.HoursConsumed:
    return e.HoursConsumed(
        at=ended.at,
        entitlement_id=ended.entitlement_id,
        show_id=ended.show_id,
        consumed_ms=consumed_ms,
        started_at=state.started_at if isinstance(state, Covering) else None,
        ended_at=ended.ended_at,
    )


def _overtime(ended: e.CoverageEnded, overage_ms: int) -> e.OvertimeConsumed:
    return e.OvertimeConsumed(
        at=ended.at, entitlement_id=ended.entitlement_id, show_id=ended.show_id, overage_ms=overage_ms
    )


def forfeit_rest(command: c.ForfeitRest, state: Owned) -> Sequence[Event]:
    """The time for post-production is over, and with it the rest of the day (Q9)."""
    match state:
        case Settled(rest_usable_until=datetime() as until) if command.at >= until and state.ledger.available:
            ident = state.grant.entitlement_id
            return [_forfeited(command.at, ident, state.show_id, state.ledger.available)]
        case _:
            return []


def _forfeited(at: datetime, entitlement_id: UUID, show_id: UUID, forfeited_ms: int) -> e.HoursForfeited:
    return e.HoursForfeited(at=at, entitlement_id=entitlement_id, show_id=show_id, forfeited_ms=forfeited_ms)

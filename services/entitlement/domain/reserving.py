"""Binding the hours to one show: reserve, follow it to another time, give them back.

Source: duties.md R4, R5, R7, L2, L3, Q3-Q5, Q12, Q13, Q15.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis.clock import elapsed
from contracts import entitlement as e
from contracts.envelope import Event
from services.entitlement import commands as c
from services.entitlement.domain.facts import hours_exceeded, released, reserved
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    GrantAlreadyBound,
    OneDayOnly,
    PlatformAccessRequired,
    TermExpired,
    TermNotStarted,
    WindowAlreadyOpen,
    WindowPassed,
)
from services.entitlement.domain.settling import settled
from services.entitlement.domain.situations import (
    Active,
    Covering,
    Open,
    Owned,
    Reservation,
    Reserved,
    Settled,
    Suspended,
)
from services.entitlement.domain.standing import require_standing, wrong_state
from services.entitlement.domain.window import Window, coverage_window


def reserve(command: c.ReserveCoverage, state: Owned) -> Sequence[Event]:
    """One show, one contiguous window, within the term, the hours and the customer's packages."""
    require_standing(state)
    window = coverage_window(state.grant.rules, command.starts_at, command.ends_at, command.covers)
    match state:
        case Reserved(reservation=bound) if _same(bound, command.show_id, window):
            return [reserved(state, command.at, bound, 0)] if command.awaits_answer else []
        case Reserved(reservation=bound) | Open(reservation=bound) | Covering(reservation=bound):
            raise _second(bound.show_id, command.show_id)
        case Settled(show_id=show_id):
            raise _second(show_id, command.show_id)
    if not command.base_package_active:
        raise BasePackageRequired(base_package_id=state.grant.base_package_id)
    if not command.platform_access:
        raise PlatformAccessRequired
    _require_time(state, window, command.at)
    _require_hours(window, state.ledger.available)
    return [_reserved(command, state, window)]


def _same(bound: Reservation, show_id: UUID, window: Window) -> bool:
    return (bound.show_id, bound.opens_at, bound.closes_at) == (show_id, window.opens_at, window.closes_at)


def _second(bound_to: UUID, wanted: UUID) -> OneDayOnly | GrantAlreadyBound:
    """A second window for the same show is a second day; any other show needs hours of its own."""
    return OneDayOnly(show_id=bound_to) if bound_to == wanted else GrantAlreadyBound(show_id=bound_to)


def _require_time(state: Owned, window: Window, at: datetime) -> None:
    grant = state.grant
    if window.opens_at >= grant.term_ends_at:
        raise TermExpired(term_ends_at=grant.term_ends_at)
    if window.opens_at < grant.term_starts_at:
        raise TermNotStarted(term_starts_at=grant.term_starts_at)
    if window.closes_at <= at:
        raise WindowPassed(closes_at=window.closes_at)


def _require_hours(window: Window, available_ms: int) -> None:
    if window.ms > available_ms:
        raise hours_exceeded(window.ms, available_ms)


def _reserved(command: c.ReserveCoverage, state: Owned, window: Window) -> e.CoverageReserved:
    reservation = Reservation(
        show_id=command.show_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        partial=command.covers is not None,
        features=command.features,
    )
    return reserved(state, command.at, reservation, window.ms)


def retime(command: c.RetimeReservation, state: Owned) -> Sequence[Event]:
    """Moves the window with its show, all at once, until it opens (Q13)."""
    match state:
        case Reserved(reservation=bound) if bound.show_id == command.show_id:
            return _retimed(command, state, bound)
        case Open(reservation=bound) | Covering(reservation=bound) if bound.show_id == command.show_id:
            raise WindowAlreadyOpen(opens_at=bound.opens_at)
        case Suspended(reservation=Reservation(show_id=show_id)) if show_id == command.show_id:
            require_standing(state)
    raise wrong_state(state, "RetimeReservation")


def _retimed(command: c.RetimeReservation, state: Reserved, bound: Reservation) -> Sequence[Event]:
    shift = elapsed(bound.starts_at, command.starts_at)
    covers = (bound.opens_at + shift, bound.closes_at + shift) if bound.partial else None
    window = coverage_window(state.grant.rules, command.starts_at, command.ends_at, covers)
    if command.at >= bound.opens_at - timedelta(seconds=state.grant.rules.reschedule_cutoff_s):
        raise WindowAlreadyOpen(opens_at=bound.opens_at)
    if not command.platform_access:
        raise PlatformAccessRequired
    _require_time(state, window, command.at)
    _require_hours(window, state.ledger.available + state.ledger.reserved)
    return [
        e.CoverageRetimed(
            at=command.at,
            entitlement_id=state.grant.entitlement_id,
            show_id=bound.show_id,
            starts_at=command.starts_at,
            ends_at=command.ends_at,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
            released_ms=state.ledger.reserved,
            reserved_ms=window.ms,
        )
    ]


def release(command: c.ReleaseReservation, state: Owned) -> Sequence[Event]:
    """Gives the hours back for another show, before the window opens (Q12)."""
    match state:
        case Reserved(reservation=bound) | Suspended(reservation=Reservation() as bound):
            return [released(state, command.at, bound.show_id, command.reason)]
        case Active():
            return []
        case Open(reservation=bound) | Covering(reservation=bound):
            raise WindowAlreadyOpen(opens_at=bound.opens_at)
        case _:
            raise wrong_state(state, "ReleaseReservation")


def cancel(command: c.CancelCoverage, state: Owned) -> Sequence[Event]:
    """The show is off. Before the opening all hours come back; after it the day is spent (Q12, U18)."""
    match state:
        case Reserved(reservation=bound) | Suspended(reservation=Reservation() as bound):
            ours = bound.show_id == command.show_id
            return [released(state, command.at, bound.show_id, command.reason)] if ours else []
        case Open(reservation=bound) | Covering(reservation=bound) if bound.show_id == command.show_id:
            return settled(state, command.at, until=command.at, reason=command.reason)
        case _:
            return []


def refuse(command: c.RefuseReservation, state: Owned) -> Sequence[Event]:
    return [
        e.ReservationRefused(
            at=command.at,
            entitlement_id=state.grant.entitlement_id,
            show_id=command.show_id,
            code=command.code,
            detail=command.detail,
        )
    ]


def refuse_retiming(command: c.RefuseRetiming, state: Owned) -> Sequence[Event]:
    return [
        e.RetimingRefused(
            at=command.at,
            entitlement_id=state.grant.entitlement_id,
            show_id=command.show_id,
            code=command.code,
            detail=command.detail,
        )
    ]

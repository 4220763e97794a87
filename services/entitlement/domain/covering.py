"""The covered day up to its end: the window opens, analysts come and go, the show ends, the hours run out.

A show that overruns is never cut: the window grows while hours are left, then the seat is capped. What the day cost is
reckoned in `settling`.
Source: duties.md L2, L5, L6, Q6-Q8, Q15, Q19; domain.md sections 4 (P5, P6) and 6 (U2, U12, U23).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis.clock import elapsed_ms
from contracts import entitlement as e
from contracts.envelope import Event
from services.entitlement import commands as c
from services.entitlement.domain.facts import released, reservation_of, reserved
from services.entitlement.domain.refusals import OutsideCoverage
from services.entitlement.domain.settling import LONGEST_OVERRUN, extended, missing_ms, settled
from services.entitlement.domain.situations import (
    Active,
    Covering,
    Open,
    Owned,
    Reservation,
    Reserved,
    Suspended,
)
from services.entitlement.domain.standing import expired, require_standing


def open_window(command: c.OpenCoverage, state: Owned) -> Sequence[Event]:
    """Opens the window; analysts who are waiting start the meter at the opening (P5, Q8)."""
    if not isinstance(state, Reserved) or command.at < state.reservation.opens_at:
        return []
    reservation = state.reservation
    events: list[Event] = [_opened(state, reservation, command.at)]
    if reservation.waiting:
        first, *others = reservation.waiting
        events.append(_started(state, reservation, command.at, first, reservation.opens_at))
        events.extend(_joined(state, reservation, command.at, analyst) for analyst in others)
    return events


def _opened(state: Owned, reservation: Reservation, at: datetime) -> e.CoverageWindowOpened:
    return e.CoverageWindowOpened(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=reservation.show_id,
        opens_at=reservation.opens_at,
        closes_at=reservation.closes_at,
    )


def _started(state: Owned, reservation: Reservation, at: datetime, analyst: UUID, since: datetime) -> Event:
    return e.CoverageStarted(
        at=at,
        entitlement_id=state.grant.entitlement_id,
        show_id=reservation.show_id,
        analyst_id=analyst,
        started_at=since,
        closes_at=reservation.closes_at,
        cap_at=since + timedelta(milliseconds=state.ledger.left),
        thresholds_minutes=state.grant.rules.thresholds_minutes,
    )


def _joined(state: Owned, reservation: Reservation, at: datetime, analyst: UUID) -> Event:
    ident = state.grant.entitlement_id
    return e.AnalystJoinedCoverage(at=at, entitlement_id=ident, show_id=reservation.show_id, analyst_id=analyst)


def start(command: c.StartCoverage, state: Owned) -> Sequence[Event]:
    """A check-in. Before the opening it is remembered; a second analyst joins the seat at no cost (Q19).

    Raises OutsideCoverage where this show has no coverage at that time.
    """
    require_standing(state)
    match state:
        case Reserved(reservation=r) if r.show_id == command.show_id and command.at < r.opens_at:
            return [] if command.analyst_id in r.waiting else [_early(command, state)]
        case Reserved(reservation=r) if _within(r, command):
            return [_opened(state, r, command.at), *_first(command, state, r)]
        case Open(reservation=r) if _within(r, command):
            return _first(command, state, r)
        case Active(missed=Reservation() as r) if _within(r, command):
            return _revived(command, state, r)
        case Covering(reservation=r) if r.show_id == command.show_id:
            known = command.analyst_id in state.present
            return [] if known else [_joined(state, r, command.at, command.analyst_id)]
        case Reserved(reservation=r) | Open(reservation=r) if r.show_id == command.show_id:
            raise OutsideCoverage(opens_at=r.opens_at, closes_at=r.closes_at)
        case _:
            raise OutsideCoverage("There is no coverage for this show.")


def _within(reservation: Reservation, command: c.StartCoverage) -> bool:
    return reservation.show_id == command.show_id and reservation.opens_at <= command.at < reservation.closes_at


def _early(command: c.StartCoverage, state: Owned) -> Event:
    return e.EarlyCheckInNoted(
        at=command.at,
        entitlement_id=state.grant.entitlement_id,
        show_id=command.show_id,
        analyst_id=command.analyst_id,
    )


def _first(command: c.StartCoverage, state: Owned, reservation: Reservation) -> list[Event]:
    """The first check-in within the window, and those who were waiting already, since the opening."""
    since = reservation.opens_at if reservation.waiting else command.at
    first, *others = dict.fromkeys((*reservation.waiting, command.analyst_id))
    return [
        _started(state, reservation, command.at, first, since),
        *(_joined(state, reservation, command.at, analyst) for analyst in others),
    ]


def _revived(command: c.StartCoverage, state: Active, missed: Reservation) -> list[Event]:
    """A check-in that reached us after its window was released (we were down): the facts are metered all the same (U23)."""
    hours_ms = min(elapsed_ms(missed.opens_at, missed.closes_at), state.ledger.available)
    again = reserved(state, command.at, missed, hours_ms)
    return [again, _opened(state, missed, command.at), *_first(command, state, missed)]


def end(command: c.EndCoverage, state: Owned) -> Sequence[Event]:
    """A check-out: the last analyst to leave ends the consumption; earlier ones only leave (Q19)."""
    match state:
        case Reserved(reservation=r) if command.analyst_id in r.waiting and r.show_id == command.show_id:
            ident = state.grant.entitlement_id
            return [
                e.EarlyCheckInWithdrawn(
                    at=command.at, entitlement_id=ident, show_id=r.show_id, analyst_id=command.analyst_id
                )
            ]
        case Covering(reservation=r, present=present) if command.analyst_id in present and r.show_id == command.show_id:
            left = e.AnalystLeftCoverage(
                at=command.at,
                entitlement_id=state.grant.entitlement_id,
                show_id=r.show_id,
                analyst_id=command.analyst_id,
            )
            if len(present) > 1:
                return [left]
            until = command.at if state.show_ended_at is None else min(command.at, state.closes_at)
            return settled(state, command.at, until=until, reason="analyst_checked_out")
        case _:
            return []


def note_show_ended(command: c.NoteShowEnded, state: Owned) -> Sequence[Event]:
    """The window closes with the margin after the actual end, as far as the hours reach (L6, Q7)."""
    reservation = reservation_of(state)
    if reservation is None or reservation.show_id != command.show_id:
        return []
    closes_at = command.ended_at + timedelta(seconds=state.grant.rules.margin_after_s)
    match state:
        case Reserved() | Suspended() if command.ended_at <= reservation.opens_at:
            return [released(state, command.at, reservation.show_id, "show_ended")]
        case Open():
            return [_closing(command, state, min(closes_at, reservation.closes_at))]
        case Covering(capped_at=None, show_ended_at=None):
            closes_at = min(closes_at, state.cap_at)
            return [*_extension(state, command.at, closes_at), _closing(command, state, closes_at)]
        case Covering(show_ended_at=None, cap_at=cap_at):
            return settled(state, command.at, until=min(closes_at, cap_at), reason="show_ended")
        case _:
            return []


def _closing(command: c.NoteShowEnded, state: Owned, closes_at: datetime) -> Event:
    return e.CoverageWindowClosing(
        at=command.at,
        entitlement_id=state.grant.entitlement_id,
        show_id=command.show_id,
        show_ended_at=command.ended_at,
        closes_at=closes_at,
    )


def close(command: c.CloseCoverage, state: Owned) -> Sequence[Event]:
    """The clock looks: an ended show is settled, an overrunning one gets the hours that are left, an empty seat is released."""
    match state:
        case Open(reservation=r) | Reserved(reservation=r) | Suspended(reservation=Reservation() as r) if (
            command.at >= r.closes_at
        ):
            return _missed(state, command.at, r)
        case Covering(capped_at=datetime() as capped_at) if command.at >= capped_at + LONGEST_OVERRUN:
            return settled(state, command.at, until=state.cap_at, reason="end_not_reported")
        case Covering(capped_at=None, closes_at=closes_at) if command.at >= closes_at:
            if state.show_ended_at is not None:
                return settled(state, command.at, until=closes_at, reason="show_ended")
            return _extension(state, command.at, state.cap_at)
        case _:
            return []


def _missed(state: Owned, at: datetime, reservation: Reservation) -> list[Event]:
    """Nobody came: no day was covered, so the hours come back; where the term is over meanwhile, they are lost (Q15)."""
    if at >= state.grant.term_ends_at and not isinstance(state, Suspended):
        return expired(state, at)
    return [released(state, at, reservation.show_id, "nobody_checked_in")]


def report(command: c.ReportThreshold, state: Owned) -> Sequence[Event]:
    """Tells once how little is left, and at 0 that the hours are spent (Q6). Too early, or no longer true: nothing."""
    minutes = command.remaining_minutes
    if not isinstance(state, Covering) or state.capped_at is not None or minutes in state.reported:
        return []
    if command.at < state.cap_at - timedelta(minutes=minutes):
        return []
    ident, show_id = state.grant.entitlement_id, state.reservation.show_id
    if minutes > 0:
        return [
            e.HoursThresholdReached(at=command.at, entitlement_id=ident, show_id=show_id, remaining_minutes=minutes)
        ]
    if state.show_ended_at is not None:
        return []
    capped = e.CoverageCapReached(at=command.at, entitlement_id=ident, show_id=show_id, capped_at=state.cap_at)
    return [*_extension(state, command.at, state.cap_at), capped]


def _extension(state: Covering, at: datetime, closes_at: datetime) -> list[Event]:
    """Moves the end of the window to `closes_at`, reserving more of the grant where it takes more than is reserved."""
    more = missing_ms(state, elapsed_ms(state.metered_from, closes_at))
    if more == 0 and closes_at <= state.closes_at:
        return []
    return [extended(state, at, max(closes_at, state.closes_at), more)]

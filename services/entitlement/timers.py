"""What the clock has to do, as a function of what was recorded.

`closing` ends a window nobody came to, `ending` looks after a running one: two names, so that neither is taken for a
repeat of the other. Source: duties.md L5, L6, R7, Q6, Q9; domain.md section 4.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from chassis.handle import Do
from chassis.timers import Cancel, Set, Timer, TimerCommands
from contracts import entitlement as e
from contracts.envelope import Event, Recorded
from services.entitlement import commands as c
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.settling import LONGEST_OVERRUN

WARN_DAYS_BEFORE: Final = (90, 30, 7)
"""Source: R7."""


def timers(event: Event, about: Recorded) -> Sequence[Set | Cancel]:
    """The timers an event sets or cancels."""
    match event:
        case e.EntitlementActivated(entitlement_id=ident, term_ends_at=ends_at):
            return [_set(ident, "expire", ends_at), *_warnings(ident, ends_at, about.recorded_at)]
        case e.CoverageReserved(entitlement_id=ident) | e.CoverageRetimed(entitlement_id=ident):
            return [_set(ident, "opening", event.opens_at), _set(ident, "closing", event.closes_at)]
        case e.CoverageReleased(entitlement_id=ident):
            return _cancel(ident, "opening", "closing")
        case e.EntitlementSuspended(entitlement_id=ident):
            return _cancel(ident, "opening")
        case e.EntitlementReinstated(entitlement_id=ident, opens_at=datetime() as opens_at):
            return [_set(ident, "opening", opens_at)]
        case e.CoverageStarted(entitlement_id=ident):
            meter = _meter(ident, event.cap_at, event.thresholds_minutes, event.started_at)
            return [*_cancel(ident, "closing"), _set(ident, "ending", event.closes_at), *meter]
        case e.CoverageWindowExtended(entitlement_id=ident, closes_at=closes_at):
            return [_set(ident, "ending", closes_at)]
        case e.CoverageWindowClosing(entitlement_id=ident, closes_at=closes_at):
            return [_set(ident, "ending", closes_at), *_cancel(ident, "left-0")]
        case e.OvertimeAuthorised(entitlement_id=ident, cap_at=datetime() as cap_at):
            return _meter(ident, cap_at, event.thresholds_minutes, event.at)
        case e.CoverageCapReached(entitlement_id=ident, capped_at=capped_at):
            return [_set(ident, "ending", capped_at + LONGEST_OVERRUN)]
        case e.CoverageEnded(entitlement_id=ident, rest_usable_until=datetime() as until):
            return [*_cancel(ident, "ending", "left-0"), _set(ident, "rest", until)]
        case e.CoverageEnded(entitlement_id=ident):
            return _cancel(ident, "opening", "closing", "ending", "left-0")
        case e.EntitlementExpired(entitlement_id=ident) | e.EntitlementRevoked(entitlement_id=ident):
            return _cancel(ident, "opening", "closing", "expire", *(f"warn-{days}" for days in WARN_DAYS_BEFORE))
        case _:
            return []


def _set(ident: UUID, name: str, due_at: datetime) -> Set:
    """`name` may end in a number, which is not part of the kind: `left-30`."""
    return Set(id=f"{ident}:{name}", due_at=due_at, kind=name.partition("-")[0], ident=ident)


def _cancel(ident: UUID, *names: str) -> list[Set | Cancel]:
    return [Cancel(id=f"{ident}:{name}") for name in names]


def _warnings(ident: UUID, ends_at: datetime, since: datetime) -> list[Set | Cancel]:
    """Those that are not past already when the entitlement becomes active."""
    due = {days: ends_at - timedelta(days=days) for days in WARN_DAYS_BEFORE}
    return [_set(ident, f"warn-{days}", at) for days, at in due.items() if at > since]


def _meter(ident: UUID, cap_at: datetime, thresholds: Sequence[int], since: datetime) -> list[Set | Cancel]:
    """The cap, and the thresholds before it that fit: a short window starts below some of them."""
    due = {minutes: cap_at - timedelta(minutes=minutes) for minutes in (*thresholds, 0)}
    return [_set(ident, f"left-{minutes}", at) for minutes, at in due.items() if at > since]


def _number(timer: Timer) -> int:
    return int(timer.id.rpartition("-")[2])


def _do(command: c.EntitlementCommand, timer: Timer) -> Do:
    return Do(decider=ENTITLEMENT, ident=timer.ident, command=command)


TIMER_COMMANDS: Final[TimerCommands] = {
    "opening": lambda timer, at: _do(c.OpenCoverage(at=at), timer),
    "closing": lambda timer, at: _do(c.CloseCoverage(at=at), timer),
    "ending": lambda timer, at: _do(c.CloseCoverage(at=at), timer),
    "rest": lambda timer, at: _do(c.ForfeitRest(at=at), timer),
    "expire": lambda timer, at: _do(c.Expire(at=at), timer),
    "left": lambda timer, at: _do(c.ReportThreshold(at=at, remaining_minutes=_number(timer)), timer),
    "warn": lambda timer, at: _do(c.WarnOfExpiry(at=at, days=_number(timer)), timer),
}
"""What each kind of timer does when it is due."""

"""Terms and windows as instants: the service term, the coverage window of a show, and whether the hours suffice.

Source: duties.md L2, L3, L5, L6, Q1, Q3-Q5, Q14; golden vectors of domain.md section 7.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

import msgspec

from chassis.clock import as_utc, elapsed, elapsed_ms, zone_named
from contracts.entitlement import CoverageRules
from services.entitlement.domain.ledger import MINUTE_MS, minutes_up
from services.entitlement.domain.refusals import OneDayOnly, WindowInvalid

ONE_DAY: Final = timedelta(hours=24)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """[`opens_at`, `closes_at`)."""

    opens_at: datetime
    closes_at: datetime

    @property
    def ms(self) -> int:
        return elapsed_ms(self.opens_at, self.closes_at)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the hours of a grant cover a show, never truncated silently (Q5).

    `partial`: one seat covers a part only, which the customer must choose between `earliest` and `latest`. `split`: the
    seats asked about cover all of it in sequence, with these `windows`. `seats_needed` counts them either way.
    `left_minutes` are left for preparation and editing; 0 deserves a warning (Q2).
    """

    verdict: Literal["covered", "partial", "split"]
    window: Window
    needed_minutes: int
    granted_minutes: int
    left_minutes: int
    seats_needed: int
    windows: tuple[Window, ...]
    earliest: Window | None = None
    latest: Window | None = None


def service_term(starts_on: date, months: int, zone: str) -> tuple[datetime, datetime]:
    """Start and exclusive end of a term that begins with a day in a zone: calendar months later, 29 Feb -> 28 Feb (Q14)."""
    return start_of_day(starts_on, zone), start_of_day(months_later(starts_on, months), zone)


def months_later(day: date, months: int) -> date:
    """The same day of the month so many months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant of a local day, also where midnight is skipped. Raises ZoneUnknown."""
    return datetime.combine(day, time(), zone_named(zone)).astimezone(UTC)


def coverage_window(
    rules: CoverageRules, starts_at: datetime, ends_at: datetime, covers: tuple[datetime, datetime] | None = None
) -> Window:
    """From the margin before the show to the margin after it, or the part of that a customer chose.

    Raises WindowInvalid where the times make none, OneDayOnly for a window of more than a day (L3, Q4).
    """
    if elapsed(starts_at, ends_at) <= timedelta():
        raise WindowInvalid("A show ends after it starts.")
    whole = Window(
        opens_at=as_utc(starts_at) - timedelta(seconds=rules.margin_before_s),
        closes_at=as_utc(ends_at) + timedelta(seconds=rules.margin_after_s),
    )
    window = whole if covers is None else Window(opens_at=as_utc(covers[0]), closes_at=as_utc(covers[1]))
    if not whole.opens_at <= window.opens_at < window.closes_at <= whole.closes_at:
        raise WindowInvalid("The part to cover must lie within the coverage of the show.")
    if window.closes_at - window.opens_at > ONE_DAY:
        raise OneDayOnly(needed_minutes=minutes_up(window.ms))
    return window


def verdict(
    rules: CoverageRules, granted_minutes: int, starts_at: datetime, ends_at: datetime, seats: int = 1
) -> Verdict:
    """Judges the coverage of a show of any length. Raises WindowInvalid for a show that does not end after it starts."""
    if elapsed(starts_at, ends_at) <= timedelta():
        raise WindowInvalid("A show ends after it starts.")
    opens_at = as_utc(starts_at) - timedelta(seconds=rules.margin_before_s)
    closes_at = as_utc(ends_at) + timedelta(seconds=rules.margin_after_s)
    whole = Window(opens_at=opens_at, closes_at=closes_at)
    longest = timedelta(minutes=granted_minutes)
    needed = -(-whole.ms // (granted_minutes * MINUTE_MS))
    covered, split = needed == 1, 1 < needed <= seats
    return Verdict(
        verdict="covered" if covered else "split" if split else "partial",
        window=whole,
        needed_minutes=minutes_up(whole.ms),
        granted_minutes=granted_minutes,
        left_minutes=max(0, granted_minutes - minutes_up(whole.ms)),
        seats_needed=needed,
        windows=_sequence(whole, longest),
        earliest=None if covered else Window(opens_at=opens_at, closes_at=opens_at + longest),
        latest=None if covered else Window(opens_at=closes_at - longest, closes_at=closes_at),
    )


def _sequence(whole: Window, longest: timedelta) -> tuple[Window, ...]:
    """Contiguous windows of full length, the last one shorter."""
    cuts = [whole.opens_at]
    while cuts[-1] + longest < whole.closes_at:
        cuts.append(cuts[-1] + longest)
    return tuple(
        Window(opens_at=start, closes_at=end) for start, end in zip(cuts, [*cuts[1:], whole.closes_at], strict=True)
    )

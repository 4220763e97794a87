"""What nine hours cover. The table is domain.md section 7, golden vectors."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import instant
from services.scheduling.timing import (
    Covered,
    Partial,
    ShowTimesInvalid,
    Slot,
    Split,
    Terms,
    coverage_window,
    covered_day,
    needed_ms,
    verdict,
)

GOLDEN = [
    ("2026-06-10 09:00", "2026-06-10 17:00", "Europe/Paris", 540, 540, Covered),
    ("2026-06-10 09:00", "2026-06-10 17:01", "Europe/Paris", 541, 541, Partial),
    ("2026-06-10 20:00", "2026-06-11 02:00", "Europe/Paris", 420, 420, Covered),
    ("2026-10-24 22:00", "2026-10-25 05:00", "Europe/Paris", 540, 480, Covered),
    ("2026-10-24 22:00", "2026-10-25 05:01", "Europe/Paris", 541, 481, Partial),
    ("2026-03-28 22:00", "2026-03-29 07:00", "Europe/Paris", 540, 600, Covered),
    ("2026-03-28 22:00", "2026-03-29 07:01", "Europe/Paris", 541, 601, Partial),
    ("2026-03-07 20:00", "2026-03-08 05:00", "America/New_York", 540, 600, Covered),
    ("2026-11-01 00:30", "2026-11-01 07:30", "America/New_York", 540, 480, Covered),
]
NINE = datetime(2026, 6, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("start", "end", "zone", "minutes", "naive", "kind"), GOLDEN)
def test_coverage_counts_elapsed_minutes_and_not_wall_clocks(start, end, zone, minutes, naive, kind):
    local_start, local_end = datetime.fromisoformat(start), datetime.fromisoformat(end)
    opens, closes = (instant(local, ZoneInfo(zone)) for local in (local_start, local_end))
    found = verdict(opens, closes)
    assert isinstance(found, kind)
    assert (found.needed_min, found.window.minutes) == (minutes, minutes)
    assert (local_end - local_start) // timedelta(minutes=1) + 60 == naive


@pytest.mark.parametrize(("start", "end", "zone", "minutes", "naive", "kind"), GOLDEN)
def test_the_verdict_is_the_same_for_times_that_still_carry_their_zone(start, end, zone, minutes, naive, kind):
    opens, closes = (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) for text in (start, end))
    assert verdict(opens, closes).needed_min == minutes


def test_the_window_reaches_half_an_hour_beyond_the_show():
    window = coverage_window(NINE, NINE + 8 * HOUR)
    assert window.opens_at == datetime(2026, 6, 10, 8, 30, tzinfo=UTC)
    assert window.closes_at == datetime(2026, 6, 10, 17, 30, tzinfo=UTC)
    assert window.contains(window.opens_at)
    assert not window.contains(window.closes_at)


def test_a_second_more_than_nine_hours_is_more_than_nine_hours():
    assert verdict(NINE, NINE + 8 * HOUR + timedelta(seconds=1)).needed_min == 541


@pytest.mark.parametrize("length", [timedelta(0), -HOUR])
def test_a_show_that_does_not_end_after_it_starts_is_refused(length):
    with pytest.raises(ShowTimesInvalid):
        coverage_window(NINE, NINE + length)


def test_an_eight_hour_show_leaves_nothing_for_editing():
    found = verdict(NINE, NINE + 8 * HOUR)
    assert isinstance(found, Covered)
    assert found.left_min == 0


def test_a_contract_may_leave_the_margins_out_of_the_count():
    terms = Terms(includes_margins=False)
    assert needed_ms(coverage_window(NINE, NINE + 9 * HOUR, terms), terms) == 540 * 60_000
    assert isinstance(verdict(NINE, NINE + 9 * HOUR, terms), Covered)


def test_the_covered_day_is_the_local_date_of_the_start():
    assert covered_day(datetime(2026, 6, 10, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Paris")) == date(2026, 6, 11)


def slot(start_h, end_h, stage="A", *, session=True):
    starts_at, ends_at = NINE + (start_h - 9) * HOUR, NINE + (end_h - 9) * HOUR
    return Slot(id=f"{stage}{start_h}", stage=stage, starts_at=starts_at, ends_at=ends_at, session=session)


def test_a_long_show_is_partial_for_one_seat_and_names_both_extremes():
    found = verdict(NINE, NINE + 10 * HOUR)
    assert isinstance(found, Partial)
    assert found.earliest.opens_at == found.window.opens_at
    assert found.latest.closes_at == found.window.closes_at
    assert found.earliest.minutes == found.latest.minutes == 540


def test_two_seats_split_a_long_show_where_no_session_is_running():
    sessions = [slot(9, 13), slot(12, 16, "B"), slot(17, 18), slot(18, 21)]
    found = verdict(NINE, NINE + 12 * HOUR, sessions=sessions, seats=2)
    assert isinstance(found, Split)
    assert found.seats == 2
    assert [window.closes_at.hour for window in found.windows] == [17, 21]
    assert found.windows[0].closes_at == found.windows[1].opens_at


def test_one_seat_is_told_how_more_would_cover_it():
    found = verdict(NINE, NINE + 12 * HOUR, sessions=[slot(9, 13), slot(14, 21)])
    assert isinstance(found, Partial)
    assert found.split is not None
    assert found.split.seats == 2


def test_a_session_longer_than_a_seat_cannot_be_split():
    found = verdict(NINE, NINE + 12 * HOUR, sessions=[slot(9, 21)], seats=5)
    assert isinstance(found, Partial)
    assert found.split is None


def test_breaks_do_not_hinder_a_cut():
    sessions = [slot(9, 13), slot(13, 21, session=False)]
    found = verdict(NINE, NINE + 12 * HOUR, sessions=sessions, seats=2)
    assert isinstance(found, Split)


@given(
    hours=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4)), min_size=1, max_size=12),
    length=st.integers(1, 36),
)
def test_a_split_covers_the_window_without_gap_and_cuts_no_session(hours, length):
    sessions = [slot(9 + start, 9 + start + lasts, f"S{index}") for index, (start, lasts) in enumerate(hours)]
    found = verdict(NINE, NINE + length * HOUR, sessions=sessions, seats=99)
    if not isinstance(found, Split):
        return
    assert all(window.minutes <= 540 for window in found.windows)
    cuts = [window.closes_at for window in found.windows[:-1]]
    assert cuts == [window.opens_at for window in found.windows[1:]]
    assert found.windows[0].opens_at == NINE - HOUR / 2
    assert found.windows[-1].closes_at == NINE + length * HOUR + HOUR / 2
    assert not any(it.starts_at < cut < it.ends_at for cut in cuts for it in sessions)

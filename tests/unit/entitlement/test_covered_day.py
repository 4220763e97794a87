"""The covered day: check-in, opening, the meter, overruns, the cap, and what it all cost."""

from datetime import timedelta

import pytest

from contracts.entitlement import CoverageRules
from contracts.envelope import Role
from services.entitlement import commands as c
from services.entitlement.domain.refusals import CustomerDuty, OutsideCoverage
from tests.unit.entitlement.story import (
    ANNA,
    BORIS,
    OTHER_SHOW,
    active,
    check_in,
    check_out,
    closes,
    covering,
    left,
    names,
    opens,
    overtime,
    paris,
    reserved,
    show_ends,
)

SETTLED = ["CoverageEnded", "HoursConsumed", "HoursForfeited"]


def test_the_happy_day_consumes_nine_hours_exactly():
    """domain.md section 5, steps 14 to 23."""
    story = covering("09:00", "17:00", checked_in="08:30")
    story.when(show_ends("17:00"))
    events = story.when(closes("17:30"))
    assert names(events) == SETTLED
    assert (events[1].consumed_ms, events[2].forfeited_ms) == (540 * 60_000, 0)
    assert story.situation == "Settled"


def test_the_window_opens_at_its_time_and_not_before():
    story = reserved()
    assert story.when(opens("08:29")) == []
    [event] = story.when(opens("08:30"))
    assert (event.opens_at, event.closes_at) == (paris("08:30"), paris("17:30"))
    assert story.when(opens("08:30")) == []


def test_coverage_starts_when_the_analyst_checks_in():
    story = reserved()
    story.when(opens())
    [event] = story.when(check_in("08:40"))
    assert (event.started_at, event.closes_at, event.cap_at) == (paris("08:40"), paris("17:30"), paris("17:40"))


def test_an_early_check_in_is_remembered_and_starts_at_the_opening():
    story = reserved()
    assert names(story.when(check_in("08:10"))) == ["EarlyCheckInNoted"]
    assert story.when(check_in("08:12")) == []
    _, started = story.when(opens("08:30"))
    assert (started.started_at, started.analyst_id) == (paris("08:30"), ANNA)


def test_a_late_timer_does_not_start_the_meter_late_for_a_waiting_analyst():
    story = reserved()
    story.when(check_in("08:10"))
    _, started = story.when(opens("08:34"))
    assert started.started_at == paris("08:30")


def test_two_waiting_analysts_are_both_on_the_seat_at_the_opening():
    story = reserved()
    story.when(check_in("08:10", ANNA))
    story.when(check_in("08:20", BORIS))
    assert names(story.when(opens())) == ["CoverageWindowOpened", "CoverageStarted", "AnalystJoinedCoverage"]


def test_an_early_check_in_may_be_withdrawn():
    story = reserved()
    story.when(check_in("08:10"))
    assert names(story.when(check_out("08:20"))) == ["EarlyCheckInWithdrawn"]
    assert names(story.when(opens())) == ["CoverageWindowOpened"]


def test_a_check_in_opens_a_window_whose_timer_is_late():
    story = reserved()
    assert names(story.when(check_in("08:31"))) == ["CoverageWindowOpened", "CoverageStarted"]


@pytest.mark.parametrize("clock", ["17:30", "23:00"])
def test_a_check_in_after_the_window_is_refused(clock):
    story = reserved()
    story.refused(check_in(clock), OutsideCoverage)
    story.when(opens())
    story.refused(check_in(clock), OutsideCoverage)


def test_a_check_in_for_another_show_is_refused():
    reserved().refused(check_in("08:40", show=OTHER_SHOW), OutsideCoverage)
    active().refused(check_in("08:40"), OutsideCoverage)


def test_a_show_that_ends_early_closes_the_window_early_and_forfeits_the_rest_of_the_day():
    story = covering("09:00", "13:00")
    [closing] = story.when(show_ends("12:00"))
    assert closing.closes_at == paris("12:30")
    assert story.when(closes("12:29")) == []
    ended, consumed, forfeited = story.when(closes("12:30"))
    assert (ended.ended_at, ended.released_ms) == (paris("12:30"), 60 * 60_000)
    assert (consumed.consumed_ms, forfeited.forfeited_ms) == (240 * 60_000, 300 * 60_000)


def test_a_late_timer_does_not_lengthen_the_day():
    story = covering("09:00", "13:00")
    story.when(show_ends("13:00"))
    story.when(closes("14:10"))
    assert story.minutes["consumed"] == 300


def test_the_end_of_the_show_counts_thirty_minutes_beyond_the_plan_as_well():
    story = covering("09:00", "13:00")
    extended, closing = story.when(show_ends("13:10"))
    assert (extended.reserved_ms, closing.closes_at) == (10 * 60_000, paris("13:40"))
    story.when(closes("13:40"))
    assert story.minutes["consumed"] == 310


def test_a_show_that_overruns_its_window_gets_the_hours_that_are_left():
    story = covering("09:00", "13:00")
    [extended] = story.when(closes("13:30"))
    assert (extended.closes_at, extended.reserved_ms) == (paris("17:30"), 240 * 60_000)
    [closing] = story.when(show_ends("14:00"))
    assert closing.closes_at == paris("14:30")
    story.when(closes("14:30"))
    assert (story.minutes["consumed"], story.minutes["forfeited"]) == (360, 180)


def test_the_hours_left_are_told_once_for_each_threshold():
    story = covering()
    assert story.when(left(60, "16:29")) == []
    assert [event.remaining_minutes for event in story.when(left(60, "16:30"))] == [60]
    assert story.when(left(60, "16:31")) == []


def test_an_overrunning_show_is_capped_and_never_cut():
    """U2."""
    story = covering()
    story.when(closes("17:30"))
    [capped] = story.when(left(0, "17:30"))
    assert (capped.capped_at, story.situation) == (paris("17:30"), "Covering")
    assert story.when(left(0, "17:31")) == []
    story.when(show_ends("18:10"))
    assert (story.situation, story.minutes["consumed"], story.minutes["overage_consumed"]) == ("Settled", 540, 0)


def test_a_window_that_closes_with_the_last_minute_is_not_called_capped():
    story = covering()
    story.when(show_ends("17:00"))
    assert story.when(left(0, "17:30")) == []
    assert names(story.when(closes("17:30"))) == SETTLED


def test_a_capped_seat_is_settled_in_the_end_though_nobody_reports_the_end():
    story = covering()
    story.when(left(0, "17:30"))
    assert story.when(closes("23:00")) == []
    ended, *_ = story.when(c.CloseCoverage(at=paris("05:30", day=11)))
    assert (ended.reason, story.minutes["consumed"]) == ("end_not_reported", 540)


def test_overtime_authorised_before_the_cap_extends_the_seat_and_leaves_the_grant_at_zero():
    """U3: authorised at T-5 for 30 minutes, 22 of them used."""
    story = covering()
    [authorised] = story.when(overtime(30, "17:25"))
    assert authorised.cap_at == paris("18:00")
    assert names(story.when(closes("17:30"))) == ["CoverageWindowExtended"]
    story.when(show_ends("17:22"))
    events = story.when(closes("17:52"))
    assert names(events) == ["CoverageEnded", "HoursConsumed", "OvertimeConsumed", "HoursForfeited"]
    assert (story.minutes["consumed"], story.minutes["overage_consumed"], story.minutes["available"]) == (540, 22, 0)


def test_the_meter_stands_still_between_the_cap_and_overtime_authorised_after_it():
    story = covering()
    story.when(left(0, "17:30"))
    [authorised] = story.when(overtime(30, "17:45"))
    assert authorised.cap_at == paris("18:15")
    assert names(story.when(left(0, "18:15"))) == ["CoverageWindowExtended", "CoverageCapReached"]
    story.when(check_out("18:30"))
    assert (story.minutes["consumed"], story.minutes["overage_consumed"]) == (540, 30)


def test_overtime_never_takes_the_overage_beyond_what_was_authorised():
    story = covering()
    story.when(overtime(30, "17:00"))
    story.when(show_ends("20:00"))
    story.when(closes("20:30"))
    assert (story.minutes["consumed"], story.minutes["overage_consumed"]) == (540, 30)


def test_only_the_customer_authorises_overtime():
    covering().refused(overtime(30, "17:25", Role.ANALYST), CustomerDuty)


def test_an_early_check_out_ends_the_consumption():
    story = covering()
    assert names(story.when(check_out("12:00"))) == SETTLED
    assert (story.minutes["consumed"], story.minutes["forfeited"]) == (210, 330)


def test_a_check_out_after_the_window_has_closed_adds_nothing():
    story = covering("09:00", "13:00")
    story.when(show_ends("13:00"))
    story.when(check_out("13:45"))
    assert story.minutes["consumed"] == 300


def test_a_hand_over_costs_nothing_and_the_last_analyst_ends_the_day():
    """U20: six minutes of overlap."""
    story = covering()
    assert names(story.when(check_in("12:00", BORIS))) == ["AnalystJoinedCoverage"]
    assert story.when(check_in("12:01", BORIS)) == []
    assert names(story.when(check_out("12:06", ANNA))) == ["AnalystLeftCoverage"]
    assert story.when(check_out("12:07", ANNA)) == []
    story.when(check_out("14:30", BORIS))
    assert story.minutes["consumed"] == 360


def test_a_window_nobody_came_to_gives_the_hours_back():
    story = reserved()
    story.when(opens())
    assert names(story.when(closes("17:30"))) == ["CoverageReleased"]
    assert (story.situation, story.minutes["available"]) == ("Active", 540)


def test_a_show_that_ends_with_an_empty_seat_closes_its_window_early():
    story = reserved()
    story.when(opens())
    [closing] = story.when(show_ends("10:00"))
    assert closing.closes_at == paris("10:30")
    assert names(story.when(closes("10:30"))) == ["CoverageReleased"]


def test_a_window_nobody_came_to_is_lost_when_the_term_is_over_meanwhile():
    story = reserved()
    story.when(opens())
    ends = story.state.grant.term_ends_at
    assert names(story.when(c.CloseCoverage(at=ends))) == ["CoverageReleased", "HoursForfeited", "EntitlementExpired"]


def test_a_check_in_that_reaches_us_after_the_window_was_released_is_metered_all_the_same():
    """U23: this service was down for the whole show, so its timers fire before the messages arrive."""
    story = reserved("09:00", "13:00")
    story.when(opens("18:00"))
    story.when(closes("18:00"))
    assert names(story.when(check_in("08:31"))) == ["CoverageReserved", "CoverageWindowOpened", "CoverageStarted"]
    story.when(closes("18:01"))
    story.when(left(0, "18:01"))
    story.when(show_ends("13:00"))
    story.when(closes("18:02"))
    assert (story.situation, story.minutes["consumed"]) == ("Settled", 299)


def test_the_end_of_a_show_before_its_window_releases_the_hours():
    story = reserved()
    assert names(story.when(show_ends("08:00"))) == ["CoverageReleased"]


def test_the_end_of_a_show_without_a_check_in_leaves_the_window_to_the_clock():
    assert reserved().when(show_ends("17:00")) == []


def test_the_end_of_another_show_changes_nothing():
    assert covering().when(show_ends("12:00", OTHER_SHOW)) == []


def test_the_end_of_a_show_is_noted_once():
    story = covering()
    story.when(show_ends("12:00"))
    assert story.when(show_ends("12:05")) == []


def test_short_terms_work_like_long_ones():
    """The demo's show takes minutes, with margins of seconds."""
    rules = CoverageRules(margin_before_s=20, margin_after_s=10)
    story = covering("09:00", "09:02", checked_in="09:00", granted_minutes=5, rules=rules)
    assert story.state.reservation.opens_at == paris("09:00") - timedelta(seconds=20)
    story.when(show_ends("09:01"))
    story.when(closes("09:02"))
    assert story.state.ledger.consumed == 70_000
    assert story.state.ledger.forfeited == 230_000


def test_terms_may_leave_the_rest_of_the_day_for_post_production():
    story = covering("09:00", "13:00", rules=CoverageRules(post_production_s=86_400))
    story.when(show_ends("13:00"))
    ended, _ = story.when(closes("13:30"))
    assert ended.rest_usable_until == paris("13:30", day=11)
    assert story.minutes["available"] == 240
    assert story.when(c.ForfeitRest(at=paris("13:29", day=11))) == []
    assert names(story.when(c.ForfeitRest(at=paris("13:30", day=11)))) == ["HoursForfeited"]
    assert story.minutes["forfeited"] == 240
    assert story.when(c.ForfeitRest(at=paris("13:31", day=11))) == []


def test_thresholds_end_with_the_day():
    story = covering()
    story.when(check_out("12:00"))
    assert story.when(left(10, "17:20")) == []
    assert story.when(closes("17:30")) == []
    assert story.when(check_out("17:40")) == []

"""Binding the hours to a show."""

from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.entitlement import CoverageRules
from contracts.problems import WrongState
from services.entitlement import commands as c
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    GrantAlreadyBound,
    HoursExceeded,
    OneDayOnly,
    PlatformAccessRequired,
    TermExpired,
    TermNotStarted,
    WindowAlreadyOpen,
    WindowInvalid,
    WindowPassed,
)
from tests.unit.entitlement.story import (
    EARLIER,
    OTHER_SHOW,
    SHOW,
    active,
    bought,
    closes,
    covering,
    names,
    opens,
    paris,
    reserve,
    reserved,
    show_ends,
    work,
)


def retime(start: str, end: str, at: datetime = EARLIER, **changes) -> c.RetimeReservation:
    return c.RetimeReservation(
        **{
            "at": at,
            "show_id": SHOW,
            "starts_at": paris(start),
            "ends_at": paris(end),
            "platform_access": True,
            **changes,
        }
    )


def test_an_eight_hour_show_reserves_all_nine_hours_with_its_margins():
    story = active()
    [event] = story.when(reserve("09:00", "17:00"))
    assert (event.opens_at, event.closes_at) == (paris("08:30"), paris("17:30"))
    assert (event.reserved_ms, event.partial, event.features) == (540 * 60_000, False, ("vod",))
    assert (story.minutes["available"], story.minutes["reserved"]) == (0, 540)


def test_a_minute_more_than_nine_hours_is_refused():
    refusal = active().refused(reserve("09:00", "17:01"), HoursExceeded)
    assert (refusal.facts["needed_minutes"], refusal.facts["available_minutes"]) == (541, 540)


def test_a_millisecond_more_than_nine_hours_is_refused():
    refusal = active().refused(reserve(ends_at=paris("17:00") + timedelta(milliseconds=1)), HoursExceeded)
    assert refusal.facts["needed_minutes"] == 541


def test_the_customer_may_choose_which_part_of_a_longer_show_is_covered():
    story = active()
    [event] = story.when(reserve("08:00", "20:00", covers=(paris("11:30"), paris("20:30"))))
    assert (event.partial, event.opens_at, event.closes_at) == (True, paris("11:30"), paris("20:30"))


def test_a_chosen_part_must_lie_within_the_coverage_of_the_show():
    active().refused(reserve("09:00", "12:00", covers=(paris("08:29"), paris("10:00"))), WindowInvalid)


def test_a_show_must_end_after_it_starts():
    active().refused(reserve("09:00", "09:00"), WindowInvalid)


def test_reserving_needs_an_active_base_package():
    bought().refused(reserve(), BasePackageRequired)
    active().refused(reserve(base_package_active=False), BasePackageRequired)


def test_reserving_needs_access_to_the_platform():
    active().refused(reserve(platform_access=False), PlatformAccessRequired)


def test_the_same_reservation_again_changes_nothing():
    assert reserved().when(reserve()) == []


def test_whoever_awaits_an_event_is_told_of_a_reservation_again_without_moving_hours():
    story = reserved()
    [event] = story.when(reserve(awaits_answer=True))
    assert (event.reserved_ms, event.opens_at, story.minutes["reserved"]) == (0, paris("08:30"), 540)


def test_hours_are_bound_to_one_show_at_a_time():
    refusal = reserved("09:00", "11:00").refused(reserve("13:00", "15:00", show_id=OTHER_SHOW), GrantAlreadyBound)
    assert refusal.facts == {"show_id": SHOW}


def test_a_second_window_for_the_same_show_is_refused():
    reserved("09:00", "11:00").refused(reserve("13:00", "15:00"), OneDayOnly)


def test_a_covered_day_is_the_only_one_in_the_life_of_a_grant():
    story = covering("09:00", "11:00")
    story.when(show_ends("11:00"))
    story.when(closes("11:30"))
    story.refused(reserve("13:00", "15:00", show_id=OTHER_SHOW), GrantAlreadyBound)
    story.refused(reserve("13:00", "15:00"), OneDayOnly)


def test_a_window_longer_than_a_day_is_refused_whatever_the_terms_grant():
    story = active(granted_minutes=6000)
    story.refused(reserve(ends_at=paris("09:00", day=11)), OneDayOnly)


def test_a_window_in_the_past_is_refused():
    active().refused(reserve(at=paris("17:30")), WindowPassed)


def test_coverage_must_open_before_the_term_ends():
    story = active(starts_on=date(2025, 6, 10), at=datetime(2025, 6, 10, tzinfo=UTC))
    story.refused(reserve(), TermExpired)


def test_a_reservation_that_opens_within_the_term_may_end_after_it():
    story = active(starts_on=date(2025, 6, 11), at=datetime(2025, 6, 11, tzinfo=UTC))
    late = reserve(starts_at=paris("23:45"), ends_at=paris("02:00", day=11))
    assert names(story.when(late)) == ["CoverageReserved"]


def test_coverage_must_not_open_before_the_term_starts():
    active(starts_on=date(2026, 6, 11)).refused(reserve(), TermNotStarted)


def test_preparation_leaves_fewer_hours_for_the_window():
    story = active()
    story.when(work("10:00", 60))
    refusal = story.refused(reserve("09:00", "17:00"), HoursExceeded)
    assert refusal.facts["available_minutes"] == 480


def test_a_show_may_be_moved_until_its_window_opens():
    story = reserved("09:00", "11:00")
    [event] = story.when(retime("13:00", "16:00", at=paris("08:29")))
    assert (event.opens_at, event.closes_at) == (paris("12:30"), paris("16:30"))
    assert (story.minutes["reserved"], story.minutes["available"]) == (240, 300)


def test_a_reservation_of_all_hours_can_still_be_moved():
    story = reserved("09:00", "17:00")
    assert names(story.when(retime("10:00", "18:00"))) == ["CoverageRetimed"]


def test_a_show_is_not_moved_once_its_window_may_open():
    reserved().refused(retime("10:00", "18:00", at=paris("08:30")), WindowAlreadyOpen)
    covering().refused(retime("10:00", "18:00", at=paris("09:00")), WindowAlreadyOpen)


def test_the_terms_may_ask_for_notice_of_a_move():
    story = reserved(rules=CoverageRules(reschedule_cutoff_s=86_400))
    story.refused(retime("10:00", "18:00", at=paris("08:30", day=9)), WindowAlreadyOpen)
    assert story.when(retime("10:00", "18:00", at=paris("08:29", day=9)))


def test_a_show_that_grows_beyond_the_hours_keeps_its_old_time():
    story = reserved()
    story.refused(retime("09:00", "17:01"), HoursExceeded)
    assert story.state.reservation.ends_at == paris("17:00")


def test_moving_a_show_needs_the_platform_at_the_new_time():
    reserved().refused(retime("10:00", "17:00", platform_access=False), PlatformAccessRequired)


def test_a_chosen_part_moves_with_its_show():
    story = active()
    story.when(reserve("08:00", "20:00", covers=(paris("11:30"), paris("20:30"))))
    [event] = story.when(retime("09:00", "21:00"))
    assert (event.opens_at, event.closes_at) == (paris("12:30"), paris("21:30"))


def test_hours_of_another_show_do_not_move():
    reserved().refused(retime("10:00", "17:00", show_id=OTHER_SHOW), WrongState)


def test_a_suspended_reservation_does_not_move():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="base_package_lapsed"))
    story.refused(retime("10:00", "17:00"), BasePackageRequired)


def test_a_released_reservation_gives_all_hours_back_for_another_show():
    story = reserved()
    assert names(story.when(c.ReleaseReservation(at=EARLIER, reason="moved to autumn"))) == ["CoverageReleased"]
    assert story.minutes["available"] == 540
    assert names(story.when(reserve(show_id=OTHER_SHOW))) == ["CoverageReserved"]


def test_releasing_nothing_changes_nothing():
    assert active().when(c.ReleaseReservation(at=EARLIER, reason="again")) == []


def test_an_open_window_is_not_released_by_hand():
    covering().refused(c.ReleaseReservation(at=paris("09:00"), reason="oops"), WindowAlreadyOpen)


def test_a_settled_day_is_not_released():
    story = covering()
    story.when(show_ends("17:00"))
    story.when(closes("17:30"))
    story.refused(c.ReleaseReservation(at=paris("18:00"), reason="oops"), WrongState)


def test_a_show_cancelled_before_its_window_costs_nothing():
    story = reserved()
    story.when(c.CancelCoverage(at=paris("08:00", day=8), show_id=SHOW, reason="storm"))
    assert (story.situation, story.minutes["available"]) == ("Active", 540)


def test_a_show_cancelled_ten_minutes_after_the_opening_costs_the_day():
    """U18."""
    story = covering()
    events = story.when(c.CancelCoverage(at=paris("08:40"), show_id=SHOW, reason="storm"))
    assert names(events) == ["CoverageEnded", "HoursConsumed", "HoursForfeited"]
    assert (story.minutes["consumed"], story.minutes["forfeited"], story.minutes["reserved"]) == (10, 530, 0)


def test_a_show_cancelled_in_an_open_window_without_an_analyst_is_forfeited():
    story = reserved()
    story.when(opens())
    story.when(c.CancelCoverage(at=paris("08:40"), show_id=SHOW, reason="storm"))
    assert (story.minutes["consumed"], story.minutes["forfeited"]) == (0, 540)


@pytest.mark.parametrize("story", [active, reserved, covering])
def test_the_cancellation_of_another_show_changes_nothing(story):
    assert story().when(c.CancelCoverage(at=paris("08:40"), show_id=OTHER_SHOW, reason="storm")) == []


def test_refusals_are_told_on_the_stream_of_the_entitlement():
    story = active()
    [told] = story.when(
        c.RefuseReservation(
            at=EARLIER,
            entitlement_id=story.state.grant.entitlement_id,
            show_id=SHOW,
            code="HOURS_EXCEEDED",
            detail="no",
        )
    )
    [kept] = story.when(c.RefuseRetiming(at=EARLIER, show_id=SHOW, code="TERM_EXPIRED", detail="no"))
    assert (told.code, kept.code, story.situation) == ("HOURS_EXCEEDED", "TERM_EXPIRED", "Active")

"""Purchase, activation, suspension, revocation and the end of the term."""

from datetime import UTC, date, datetime

import pytest

from contracts import entitlement as e
from contracts.problems import NotFound, WrongState
from services.entitlement import commands as c
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    EntitlementIsRevoked,
    EntitlementIsSuspended,
    OrderAlreadyRegistered,
    TermExpired,
)
from services.entitlement.domain.window import service_term
from tests.unit.entitlement.story import (
    ADD_ON,
    BASE,
    EARLIER,
    SHOW,
    Story,
    active,
    bought,
    check_in,
    closes,
    covering,
    names,
    opens,
    paris,
    purchase,
    reserve,
    reserved,
    show_ends,
)

TERM_END = datetime(2027, 5, 31, 22, tzinfo=UTC)


def test_a_purchase_grants_nine_hours_for_twelve_months():
    [event] = Story().when(purchase())
    assert event.granted_ms == 540 * 60_000
    assert (event.term_starts_at, event.term_ends_at) == (datetime(2026, 5, 31, 22, tzinfo=UTC), TERM_END)


def test_the_same_order_again_changes_nothing():
    assert bought().when(purchase(at=paris("13:00", day=1))) == []


def test_another_content_under_the_same_order_is_refused():
    bought().refused(purchase(zone="Europe/Berlin"), OrderAlreadyRegistered)


def test_nothing_can_be_done_with_what_was_never_bought():
    Story().refused(reserve(), NotFound)


def test_an_add_on_without_an_active_base_package_is_not_activated():
    refusal = bought().refused(c.Activate(at=EARLIER, base_package_active=False), BasePackageRequired)
    assert refusal.facts == {"base_package_id": BASE}


def test_an_active_base_package_activates_the_add_on_once():
    story = bought()
    assert names(story.when(c.Activate(at=EARLIER, base_package_active=True))) == ["EntitlementActivated"]
    assert story.when(c.Activate(at=EARLIER, base_package_active=True)) == []


def test_an_add_on_is_not_activated_after_its_term():
    bought().refused(c.Activate(at=TERM_END, base_package_active=True), TermExpired)


@pytest.mark.parametrize(
    ("starts_on", "ends"),
    [
        (date(2024, 2, 29), datetime(2025, 2, 27, 23, tzinfo=UTC)),
        (date(2025, 2, 28), datetime(2026, 2, 27, 23, tzinfo=UTC)),
        (date(2025, 12, 31), datetime(2026, 12, 30, 23, tzinfo=UTC)),
    ],
)
def test_a_term_ends_after_twelve_calendar_months_and_a_leap_day_gives_way(starts_on, ends):
    assert service_term(starts_on, 12, "Europe/Paris")[1] == ends


def test_a_day_without_midnight_starts_with_its_first_hour():
    skipped = date(2018, 11, 4)  # Sao Paulo put its clocks forward at midnight.
    assert service_term(skipped, 12, "America/Sao_Paulo")[0] == datetime(2018, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(("months", "day"), [(1, 28), (13, 29)])
def test_the_last_day_of_a_month_gives_way_to_a_shorter_month(months, day):
    ends = service_term(date(2027, 1, 31), months, "UTC")[1]
    assert (ends.month, ends.day) == (2, day)


def test_a_lapsed_base_package_suspends_the_reservation_and_keeps_it():
    story = reserved()
    [event] = story.when(c.Suspend(at=EARLIER, reason="base_package_lapsed"))
    assert event.show_id == SHOW
    assert story.state.reservation.show_id == SHOW
    assert story.minutes["reserved"] == 540


def test_a_suspension_is_told_once():
    story = active()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert story.when(c.Suspend(at=EARLIER, reason="unpaid")) == []


def test_a_running_show_is_not_suspended():
    covering().refused(c.Suspend(at=paris("10:00"), reason="base_package_lapsed"), WrongState)


def test_a_lapsed_base_package_refuses_reservations_by_its_own_name():
    story = active()
    story.when(c.Suspend(at=EARLIER, reason="base_package_lapsed"))
    story.refused(reserve(), BasePackageRequired)


def test_a_suspended_entitlement_refuses_reservations():
    story = active()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert story.refused(reserve(), EntitlementIsSuspended).facts == {"reason": "unpaid"}


def test_a_window_does_not_open_while_suspended():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert story.when(opens()) == []
    story.refused(check_in("08:30"), EntitlementIsSuspended)


def test_a_reinstated_entitlement_has_its_reservation_back():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    [event] = story.when(c.Reinstate(at=EARLIER, base_package_active=True))
    assert event.opens_at == paris("08:30")
    assert names(story.when(opens())) == ["CoverageWindowOpened"]


def test_a_reservation_that_passed_while_suspended_is_released():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert names(story.when(c.Reinstate(at=paris("18:00"), base_package_active=True))) == [
        "CoverageReleased",
        "EntitlementReinstated",
    ]
    assert (story.situation, story.minutes["available"]) == ("Active", 540)


def test_reinstating_without_a_base_package_is_refused():
    story = active()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    story.refused(c.Reinstate(at=EARLIER, base_package_active=False), BasePackageRequired)


def test_a_base_package_that_is_back_ends_only_the_suspension_it_caused():
    back = c.Reinstate(at=EARLIER, base_package_active=True, reason="base_package_lapsed")
    story = active()
    assert story.when(back) == []
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert story.when(back) == []


def test_reinstating_what_is_not_suspended_is_refused():
    refusal = active().refused(c.Reinstate(at=EARLIER, base_package_active=True), WrongState)
    assert refusal.facts["state"] == "ACTIVE"


def test_a_revoked_entitlement_loses_all_its_hours():
    story = reserved()
    story.when(c.Revoke(at=EARLIER, reason="fraud"))
    assert (story.situation, story.minutes["forfeited"]) == ("Revoked", 540)
    story.refused(reserve(), EntitlementIsRevoked)
    assert story.when(c.Revoke(at=EARLIER, reason="fraud")) == []


def test_a_running_show_is_not_revoked():
    covering().refused(c.Revoke(at=paris("10:00"), reason="fraud"), WrongState)


def test_the_customer_is_warned_while_there_are_hours_to_lose():
    [event] = active().when(c.WarnOfExpiry(at=paris("12:00"), days=90))
    assert event == e.EntitlementExpiring(at=paris("12:00"), entitlement_id=ADD_ON, days=90, term_ends_at=TERM_END)


def test_a_settled_entitlement_needs_no_warning():
    story = covering()
    story.when(show_ends("17:00"))
    story.when(closes("17:30"))
    assert story.when(c.WarnOfExpiry(at=paris("12:00", day=11), days=90)) == []


def test_what_is_not_used_in_the_term_is_forfeited():
    story = active()
    assert names(story.when(c.Expire(at=TERM_END))) == ["HoursForfeited", "EntitlementExpired"]
    assert story.minutes["forfeited"] == 540
    story.refused(reserve(), TermExpired)


def test_the_end_of_the_term_cannot_come_early():
    assert active().when(c.Expire(at=EARLIER)) == []


def test_a_running_window_is_completed_after_the_end_of_the_term():
    """U12: the term ends at midnight before the show's day is over."""
    story = covering(starts_on=date(2025, 6, 11), at=datetime(2025, 6, 11, tzinfo=UTC))
    ends = story.state.grant.term_ends_at
    assert names(story.when(c.Expire(at=ends))) == ["ExpiryDeferred"]
    story.when(show_ends("17:00"))
    story.when(closes("17:30"))
    assert (story.situation, story.minutes["consumed"]) == ("Settled", 540)


def test_a_suspended_reservation_expires_with_the_term():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert names(story.when(c.Expire(at=TERM_END))) == ["CoverageReleased", "HoursForfeited", "EntitlementExpired"]

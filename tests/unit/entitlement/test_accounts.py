"""Work outside the window, overtime and corrections."""

from uuid import UUID

import pytest

from contracts.entitlement import CoverageRules
from contracts.envelope import Role
from contracts.problems import WrongState
from services.entitlement import commands as c
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    CorrectionInvalid,
    HoursExceeded,
    NotInScope,
    NotMetered,
    OutsideCoverage,
    SupervisorOnly,
    TermExpired,
    TermNotStarted,
    WindowInvalid,
)
from tests.unit.entitlement.story import (
    EARLIER,
    MINUTE,
    active,
    bought,
    closes,
    covering,
    names,
    overtime,
    paris,
    reserved,
    show_ends,
    work,
)

CORRECTION = UUID("0197a000-0000-7000-8000-00000000d001")


def correct(source: str, target: str, minutes: int, **changes) -> c.CorrectConsumption:
    return c.CorrectConsumption(
        **{
            "at": paris("12:00", day=12),
            "correction_id": CORRECTION,
            "source": source,
            "target": target,
            "moved_ms": minutes * 60_000,
            "reason": "the analyst came 20 minutes late",
            "by": "sven",
            "role": Role.SUPERVISOR,
            **changes,
        }
    )


def settled(**changes):
    story = covering("09:00", "13:00", **changes)
    story.when(show_ends("13:00"))
    story.when(closes("13:30"))
    return story


def test_preparation_draws_on_the_hours():
    story = active()
    [event] = story.when(work("10:00", 45))
    assert (event.activity, event.consumed_ms, story.minutes["available"]) == ("preparation", 45 * 60_000, 495)


def test_the_same_work_is_drawn_once():
    story = active()
    story.when(work("10:00", 45))
    assert story.when(work("10:00", 45)) == []


def test_preparation_may_take_what_the_window_leaves():
    story = reserved("09:00", "16:00")
    story.when(work("10:00", 60))
    story.refused(work("12:00", 1, work_id=CORRECTION), HoursExceeded)


def test_nothing_is_silently_free_after_an_eight_hour_show():
    refusal = reserved().refused(work("10:00", 30), HoursExceeded)
    assert (refusal.facts["needed_minutes"], refusal.facts["available_minutes"]) == (30, 0)


def test_work_beyond_the_hours_is_overtime_the_customer_agreed_to():
    story = reserved("09:00", "16:30")
    story.when(overtime(20, "12:00"))
    assert names(story.when(work("10:00", 45))) == ["WorkLogged", "OvertimeConsumed"]
    assert (story.minutes["consumed"], story.minutes["overage_consumed"]) == (30, 15)
    story.refused(work("12:00", 6, work_id=CORRECTION), HoursExceeded)


def test_work_the_catalogue_does_not_list_is_refused():
    assert active().refused(work("10:00", 5, duty="X1", activity=None), NotInScope).facts == {"duty": "X1"}


def test_standard_support_is_never_metered():
    active().refused(work("10:00", 5, duty="P3", activity="unmetered"), NotMetered)


def test_work_of_the_base_team_or_the_customer_is_never_metered():
    active().refused(work("10:00", 5, of_seat=False), NotMetered)


def test_duties_of_the_window_are_not_logged_beside_it():
    active().refused(work("10:00", 5, duty="D7", activity="coverage"), OutsideCoverage)


def test_work_is_logged_when_it_is_done():
    active().refused(work("10:00", 5, at=paris("10:04", day=2)), WindowInvalid)
    active().refused(work("10:00", 0), WindowInvalid)


def test_work_started_within_the_term_is_drawn_and_later_work_is_refused():
    story = active()
    ends = story.state.grant.term_ends_at
    late = {"at": ends + 60 * MINUTE, "ended_at": ends + 60 * MINUTE}
    assert names(story.when(work("10:00", 5, started_at=ends - MINUTE, **late))) == ["WorkLogged"]
    story.refused(work("10:00", 5, work_id=CORRECTION, started_at=ends, **late), TermExpired)


def test_work_before_the_term_is_refused():
    story = active()
    starts = story.state.grant.term_starts_at
    story.refused(work("10:00", 5, started_at=starts - MINUTE), TermNotStarted)


def test_work_is_not_logged_while_the_window_is_open():
    covering().refused(work("10:00", 5), WrongState)


def test_work_needs_an_active_entitlement():
    bought().refused(work("10:00", 5), BasePackageRequired)


def test_editing_after_a_spent_day_needs_overtime():
    story = settled()
    edit = {"duty": "D17", "activity": "post_production", "at": paris("18:00"), "ended_at": paris("18:00")}
    story.refused(work("10:00", 60, started_at=paris("17:00"), **edit), HoursExceeded)
    story.when(overtime(60, "16:00"))
    assert names(story.when(work("10:00", 60, started_at=paris("17:00"), **edit))) == ["WorkLogged", "OvertimeConsumed"]
    assert story.minutes["overage_consumed"] == 60


def test_editing_uses_the_rest_where_the_terms_leave_it():
    story = settled(rules=CoverageRules(post_production_s=86_400))
    edit = {"duty": "D17", "activity": "post_production", "at": paris("18:00"), "ended_at": paris("18:00")}
    story.when(work("10:00", 60, started_at=paris("17:00"), **edit))
    assert (story.minutes["consumed"], story.minutes["available"]) == (360, 180)


def test_a_correction_moves_hours_and_edits_nothing():
    story = settled()
    before = list(story.events)
    [event] = story.when(correct("consumed", "available", 20))
    assert story.events[: len(before)] == before
    assert (event.by, story.minutes["consumed"], story.minutes["available"]) == ("sven", 280, 20)


def test_the_same_correction_counts_once():
    story = settled()
    story.when(correct("consumed", "forfeited", 20))
    assert story.when(correct("consumed", "forfeited", 20)) == []


def test_only_a_supervisor_corrects():
    assert settled().refused(correct("consumed", "forfeited", 20, role=Role.CUSTOMER), SupervisorOnly).facts == {
        "role": "customer"
    }


@pytest.mark.parametrize(
    ("source", "target", "minutes"),
    [
        ("consumed", "consumed", 1),
        ("consumed", "reserved", 1),
        ("reserved", "consumed", 1),
        ("consumed", "forfeited", 301),
    ],
)
def test_a_correction_moves_what_is_there_between_two_free_accounts(source, target, minutes):
    settled().refused(correct(source, target, minutes), CorrectionInvalid)


@pytest.mark.parametrize("moved_ms", [0, -1])
def test_a_correction_moves_something(moved_ms):
    settled().refused(correct("consumed", "forfeited", 1, moved_ms=moved_ms), CorrectionInvalid)


def test_running_coverage_is_not_corrected():
    covering().refused(correct("consumed", "forfeited", 1), WrongState)


def test_overtime_authorised_before_the_show_moves_the_cap_from_the_start():
    story = reserved()
    story.when(overtime(30, "08:00"))
    story.when(c.OpenCoverage(at=paris("08:30")))
    [started] = story.when(
        c.StartCoverage(at=paris("08:30"), show_id=story.state.reservation.show_id, analyst_id=CORRECTION)
    )
    assert started.cap_at == paris("18:00")


def test_overtime_is_not_authorised_for_what_is_not_active():
    bought().refused(overtime(30, "08:00"), BasePackageRequired)
    story = active()
    story.when(c.Expire(at=story.state.grant.term_ends_at))
    story.refused(overtime(30, "08:00"), TermExpired)
    assert paris("08:00") > EARLIER

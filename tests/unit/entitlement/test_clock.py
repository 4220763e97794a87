"""Which timers each event sets, and what they do when they fire."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from chassis.timers import Cancel, Set, Timer
from contracts.entitlement import CoverageRules
from contracts.envelope import Actor, Event, Metadata, Recorded, Role
from services.entitlement import commands as c
from services.entitlement.timers import TIMER_COMMANDS, timers
from tests.unit.entitlement.story import (
    ADD_ON,
    EARLIER,
    MINUTE,
    Story,
    active,
    check_in,
    check_out,
    closes,
    covering,
    left,
    opens,
    overtime,
    paris,
    reserve,
    reserved,
    show_ends,
)


def recorded(event: Event, nr: int, at: datetime | None = None) -> Recorded:
    """The event as the log would hold it."""
    ident = uuid4()
    about = Metadata(
        id=ident,
        tenant="acme",
        actor=Actor(id="test", role=Role.SYSTEM),
        correlation=ident,
        causation=ident,
        command="Test",
    )
    return Recorded(
        position=nr,
        stream=f"entitlement-{ADD_ON}",
        version=nr,
        type=event.tag(),
        payload=b"{}",
        metadata=about,
        recorded_at=at or event.at,
    )


def pending(story: Story) -> dict[str, datetime]:
    """The timers a story has left behind, by the name behind the entitlement's id."""
    table: dict[str, datetime] = {}
    for nr, event in enumerate(story.events, 1):
        for change in timers(event, recorded(event, nr)):
            match change:
                case Set(id=ident, due_at=due_at):
                    table[ident.partition(":")[2]] = due_at
                case Cancel(id=ident):
                    table.pop(ident.partition(":")[2], None)
    return {name: due for name, due in table.items() if not name.startswith("warn") and name != "expire"}


def play(story: Story, until: datetime) -> Story:
    """Fires whatever is due, in order, as the clock would."""
    fired: set[tuple[str, datetime]] = set()
    while due := sorted((at, name) for name, at in pending(story).items() if at <= until and (name, at) not in fired):
        at, name = due[0]
        fired.add((name, at))
        timer = Timer(
            id=f"{ADD_ON}:{name}", due_at=at, kind=name.partition("-")[0], ident=str(ADD_ON), tenant="acme", cause=b""
        )
        story.when(TIMER_COMMANDS[timer.kind](timer, at).command)
    return story


def test_an_active_entitlement_is_watched_to_the_end_of_its_term():
    [activated] = [event for event in active().events if type(event).__name__ == "EntitlementActivated"]
    due = {change.id.partition(":")[2]: change.due_at for change in timers(activated, recorded(activated, 1))}
    ends = activated.term_ends_at
    assert due == {"expire": ends, **{f"warn-{days}": ends - timedelta(days=days) for days in (90, 30, 7)}}


def test_a_warning_that_is_past_already_is_left_out():
    [activated] = [event for event in active().events if type(event).__name__ == "EntitlementActivated"]
    late = recorded(activated, 1, activated.term_ends_at - timedelta(days=20))
    assert {change.id.partition(":")[2] for change in timers(activated, late)} == {"expire", "warn-7"}


def test_a_reservation_waits_for_its_opening():
    assert pending(reserved()) == {"opening": paris("08:30"), "closing": paris("17:30")}


def test_a_moved_reservation_waits_for_its_new_opening():
    story = reserved("09:00", "11:00")
    moved = c.RetimeReservation(
        at=EARLIER,
        show_id=story.state.reservation.show_id,
        starts_at=paris("13:00"),
        ends_at=paris("15:00"),
        platform_access=True,
    )
    story.when(moved)
    assert pending(story) == {"opening": paris("12:30"), "closing": paris("15:30")}


def test_a_released_reservation_waits_for_nothing():
    story = reserved()
    story.when(c.ReleaseReservation(at=EARLIER, reason="moved"))
    assert pending(story) == {}


def test_a_suspended_reservation_does_not_open_until_it_is_reinstated():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert pending(story) == {"closing": paris("17:30")}
    story.when(c.Reinstate(at=EARLIER, base_package_active=True))
    assert pending(story)["opening"] == paris("08:30")


def test_a_running_meter_has_its_thresholds_its_cap_and_its_end():
    watched = {name: due for name, due in pending(covering()).items() if name != "opening"}
    assert watched == {
        "ending": paris("17:30"),
        "left-60": paris("16:30"),
        "left-30": paris("17:00"),
        "left-10": paris("17:20"),
        "left-0": paris("17:30"),
    }


def test_thresholds_that_do_not_fit_a_short_window_are_left_out():
    rules = CoverageRules(margin_before_s=0, margin_after_s=0)
    story = covering("09:00", "09:20", checked_in="09:00", granted_minutes=20, rules=rules)
    assert {name for name in pending(story) if name.startswith("left")} == {"left-10", "left-0"}


def test_overtime_moves_the_cap_and_the_thresholds_that_are_to_come():
    story = covering()
    story.when(left(60, "16:30"))
    story.when(overtime(30, "17:05"))
    watched = pending(story)
    assert (watched["left-30"], watched["left-0"]) == (paris("17:30"), paris("18:00"))


def test_a_settled_day_is_not_looked_after_any_more():
    story = covering()
    story.when(check_out("12:00"))
    assert not {"opening", "closing", "ending", "left-0", "rest"} & pending(story).keys()


def test_the_rest_of_the_day_is_looked_after_where_the_terms_leave_it():
    story = covering("09:00", "11:00", rules=CoverageRules(post_production_s=3600))
    story.when(show_ends("11:00"))
    story.when(closes("11:30"))
    assert pending(story)["rest"] == paris("12:30")


def test_the_clock_alone_brings_a_show_to_its_settlement():
    story = reserved()
    story.when(check_in("08:10"))
    play(story, paris("16:59"))
    story.when(show_ends("17:00"))
    play(story, paris("23:00"))
    assert (story.situation, story.minutes["consumed"]) == ("Settled", 540)
    told = [event.remaining_minutes for event in story.events if type(event).__name__ == "HoursThresholdReached"]
    assert told == [60, 30, 10]


def test_the_clock_alone_releases_a_window_nobody_came_to():
    story = play(reserved(), paris("23:00"))
    assert (story.situation, story.minutes["available"]) == ("Active", 540)


def test_the_clock_alone_caps_and_in_the_end_settles_a_show_nobody_ended():
    """U2, and then silence."""
    story = reserved("09:00", "13:00")
    story.when(check_in("08:30"))
    play(story, paris("17:30"))
    assert story.state.capped_at == paris("17:30")
    play(story, paris("06:00", day=11))
    assert (story.situation, story.minutes["consumed"]) == ("Settled", 540)


@pytest.mark.parametrize("minutes", [1, 22, 30])
def test_the_clock_alone_charges_overtime_as_it_was_used(minutes):
    """U3."""
    story = reserved()
    story.when(check_in("08:30"))
    play(story, paris("17:24"))
    story.when(overtime(30, "17:25"))
    play(story, paris("17:30"))
    ended = paris("17:00") + minutes * MINUTE
    story.when(c.NoteShowEnded(at=paris("17:30"), show_id=story.state.reservation.show_id, ended_at=ended))
    play(story, paris("23:00"))
    assert (story.minutes["consumed"], story.minutes["overage_consumed"]) == (540, minutes)


def test_a_second_reservation_is_watched_like_the_first():
    story = reserved()
    story.when(c.ReleaseReservation(at=EARLIER, reason="moved"))
    story.when(reserve("10:00", "12:00"))
    story.when(opens("09:30"))
    assert pending(story)["closing"] == paris("12:30")

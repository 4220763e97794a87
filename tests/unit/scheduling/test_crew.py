"""Teams, seats and rotas."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts import scheduling as e
from contracts.problems import Refusal
from services.scheduling import commands as c
from services.scheduling.domain.crew import SEAT, TEAM, OffDuty, OnDuty, Open, Staffed
from services.scheduling.domain.rota import ROTA
from tests.unit.scheduling.spec import ANNA, BEN, ENTITLEMENT, SEAT_ID, SHOW_ID, Story, at, ident, sealed, story

OPEN = c.OpenSeat(
    at=at(-690), show_id=SHOW_ID, seat_id=SEAT_ID, entitlement_id=ENTITLEMENT, opens_at=at(-30), closes_at=at(510)
)


def assign(who: UUID = ANNA, mode: str = "remote", opens: float = -30) -> c.AssignAnalyst:
    return c.AssignAnalyst(at=at(-600), analyst_id=who, mode=mode, opens_at=at(opens), closes_at=at(510))


def arrive(who: UUID, minute: float = -40) -> c.CheckIn:
    return c.CheckIn(at=at(minute), analyst_id=who)


def leave(who: UUID, minute: float = 200) -> c.CheckOut:
    return c.CheckOut(at=at(minute), analyst_id=who)


GIVE = c.HandOver(at=at(100), to_analyst_id=BEN)


def seat(*commands: Any) -> Story:
    return story(SEAT).when(OPEN, *commands)


def test_who_is_not_in_the_team_is_refused() -> None:
    team = story(TEAM).when(c.JoinTeam(at=at(-900), analyst_id=ANNA, name=sealed(ANNA)))
    team.when(c.RequireMember(at=at(0), analyst_id=ANNA)).tells()
    team.refuses(c.RequireMember(at=at(0), analyst_id=BEN), "ANALYST_NOT_IN_TEAM")
    gone = team.when(c.LeaveTeam(at=at(-800), analyst_id=ANNA)).tells(e.AnalystLeftTeam)
    gone.refuses(c.RequireMember(at=at(0), analyst_id=ANNA), "ANALYST_NOT_IN_TEAM")


def test_the_analyst_works_remotely() -> None:
    seat().refuses(assign(mode="on_site"), "REMOTE_ONLY")


def test_a_seat_has_one_analyst() -> None:
    staffed = seat(assign()).tells(e.AnalystAssigned)
    staffed.refuses(assign(BEN), "SEAT_ALREADY_STAFFED")
    staffed.when(assign()).tells()


def test_a_seat_that_moved_since_its_time_was_booked_is_refused() -> None:
    seat().refuses(assign(opens=-20), "SEAT_HAS_MOVED")


def test_an_analyst_comes_early_and_goes_and_comes_back() -> None:
    there = seat(assign(), arrive(ANNA)).tells(e.AnalystCheckedIn)
    assert isinstance(there.state, OnDuty)
    there.when(arrive(ANNA)).tells()
    gone = there.when(leave(ANNA)).tells(e.AnalystCheckedOut)
    assert isinstance(gone.state, OffDuty)
    assert isinstance(gone.when(arrive(ANNA, 210)).state, OnDuty)
    gone.refuses(arrive(ANNA, 510), "OUTSIDE_COVERAGE")


def test_somebody_else_is_not_on_this_seat() -> None:
    seat(assign()).refuses(arrive(BEN), "ANALYST_NOT_ON_SEAT")
    seat(assign(), arrive(ANNA)).refuses(leave(BEN), "ANALYST_NOT_ON_SEAT")
    seat().refuses(arrive(ANNA), "ANALYST_NOT_ON_SEAT")


def test_a_hand_over_has_both_there_and_then_one() -> None:
    giving = seat(assign(), arrive(ANNA), GIVE).tells(e.HandoverStarted)
    both = giving.when(arrive(BEN, 104)).tells(e.AnalystCheckedIn)
    done = both.when(leave(ANNA, 110)).tells(e.AnalystCheckedOut, e.HandoverCompleted)
    assert isinstance(done.state, OnDuty)
    assert done.state.analyst_id == BEN


def test_a_hand_over_to_somebody_who_has_not_come_leaves_the_seat_staffed() -> None:
    done = seat(assign(), arrive(ANNA), GIVE, leave(ANNA, 110))
    assert type(done.state) is Staffed
    assert done.state.analyst_id == BEN


@pytest.mark.parametrize("before", [[], [assign()]])
def test_a_seat_nobody_is_on_cannot_be_handed_over(before: list[Any]) -> None:
    seat(*before).refuses(GIVE, "WRONG_STATE")


def test_who_is_on_duty_is_not_taken_off_the_seat() -> None:
    off = c.UnassignAnalyst(at=at(-500), analyst_id=ANNA, reason="ANALYST_DOUBLE_BOOKED")
    assert isinstance(seat(assign(), off).tells(e.AnalystUnassigned).state, Open)
    seat(assign(), arrive(ANNA), off).tells()


def test_a_withdrawn_seat_opens_again_with_its_show() -> None:
    gone = seat(c.WithdrawSeat(at=at(-500), reason="x")).tells(e.SeatWithdrawn)
    gone.refuses(assign(), "WRONG_STATE")
    gone.when(OPEN).tells(e.SeatOpened)
    seat(OPEN).tells()


def shift(name: str, start: float, end: float) -> c.Shift:
    return c.Shift(seat_id=ident(name), show_id=ident(f"show of {name}"), starts_at=at(start), ends_at=at(end))


def book(name: str, start: float, end: float, *elsewhere: c.Shift) -> c.BookShift:
    return c.BookShift(at=at(-600), analyst_id=ANNA, shift=shift(name, start, end), elsewhere=elsewhere)


def test_overlapping_shifts_are_refused_and_touching_ones_are_not() -> None:
    rota = story(ROTA).when(book("one", 0, 60))
    refusal = rota.refuses(book("two", 59, 90), "ANALYST_DOUBLE_BOOKED")
    assert refusal.facts["show_id"] == str(ident("show of one"))
    rota.when(book("two", 60, 90)).tells(e.ShiftBooked)


def test_a_shift_for_another_customer_counts_and_is_not_named() -> None:
    refusal = story(ROTA).refuses(book("one", 0, 60, shift("far", 30, 90)), "ANALYST_DOUBLE_BOOKED")
    assert refusal.facts["show_id"] is None


def test_a_seat_that_moves_moves_its_shift() -> None:
    story(ROTA).when(book("one", 0, 60), book("one", 30, 90)).tells(e.ShiftMoved)
    story(ROTA).when(book("one", 0, 60), book("one", 0, 60)).tells()


def test_a_shift_is_cut_where_the_analyst_is_free() -> None:
    cut = c.ReleaseShift(at=at(30), analyst_id=ANNA, seat_id=ident("one"), from_at=at(30))
    rota = story(ROTA).when(book("one", 0, 60), cut)
    assert rota.state.shifts[ident("one")].ends_at == at(30)
    whole = c.ReleaseShift(at=at(-1), analyst_id=ANNA, seat_id=ident("one"), from_at=at(-1))
    assert story(ROTA).when(book("one", 0, 60), whole).state.shifts == {}


def test_a_double_booking_is_told_and_frees_the_analyst_unless_the_show_runs() -> None:
    report = {"at": at(-1), "analyst_id": ANNA, "shift": shift("one", 30, 90), "other_show_id": SHOW_ID}
    both = story(ROTA).when(book("one", 0, 60))
    freed = both.when(c.ReportDoubleBooking(release=True, **report)).tells(e.AnalystDoubleBooked, e.ShiftReleased)
    assert freed.state.shifts == {}
    both.when(c.ReportDoubleBooking(release=False, **report)).tells(e.AnalystDoubleBooked)


class RotaMachine(RuleBasedStateMachine):
    """Whatever is booked, moved and released, no two shifts overlap (I13)."""

    def __init__(self) -> None:
        super().__init__()
        self.state = ROTA.initial

    def ask(self, command: Any) -> None:
        try:
            told = ROTA.decide(command, self.state)
        except Refusal as refusal:
            assert refusal.code == "ANALYST_DOUBLE_BOOKED"  # noqa: PT017
            return
        self.state = ROTA.fold(told, self.state)

    @rule(name=some.sampled_from("abcde"), start=some.integers(0, 50), length=some.integers(1, 20))
    def book(self, name: str, start: int, length: int) -> None:
        self.ask(book(name, start, start + length))

    @rule(name=some.sampled_from("abcde"), minute=some.integers(0, 60))
    def release(self, name: str, minute: int) -> None:
        self.ask(c.ReleaseShift(at=at(0), analyst_id=ANNA, seat_id=ident(name), from_at=at(minute)))

    @rule(name=some.sampled_from("abcde"), release=some.booleans())
    def report(self, name: str, release: bool) -> None:
        wanted = shift(name, 0, 60)
        self.ask(c.ReportDoubleBooking(at=at(0), analyst_id=ANNA, shift=wanted, other_show_id=None, release=release))

    @invariant()
    def shifts_are_disjoint(self) -> None:
        ordered = sorted(self.state.shifts.values(), key=lambda it: it.starts_at)
        assert all(one.ends_at <= two.starts_at for one, two in pairwise(ordered))
        assert all(it.starts_at < it.ends_at for it in ordered)


TestRotaMachine = RotaMachine.TestCase
TestRotaMachine.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)

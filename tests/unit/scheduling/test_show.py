"""The life of a show."""

import pytest

from contracts import scheduling as e
from services.scheduling import commands as c
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import Abandoned, Closed, Confirmed, Draft, Ready, Running, Wrapping
from tests.unit.scheduling.spec import ENTITLEMENT, RUN, SHOW_ID, STAGE, Story, at, ident, story

TERMS = e.CoverageTerms(terms_version="2026-1")
DRAFT = c.DraftShow(at=at(-900), show_id=SHOW_ID, title="T", zone="Europe/Paris", tzdata="2026a")
PLAN = c.PlanShow(at=at(-800), starts_at=at(0), ends_at=at(480))
CONFIRM = c.ConfirmShow(at=at(-700), entitlement_id=ENTITLEMENT)
ACCEPT = c.AcceptCoverage(at=at(-690), entitlement_id=ENTITLEMENT, opens_at=at(-30), closes_at=at(510), terms=TERMS)
REJECT = c.RejectConfirmation(at=at(-690), entitlement_id=ENTITLEMENT, code="HOURS_EXCEEDED", detail="541")
LIVE = c.NoteStreamStarted(at=at(0), stage_id=STAGE, run_id=RUN)
OFF = c.NoteStreamEnded(at=at(470), stage_id=STAGE, run_id=RUN)
END = c.EndShow(at=at(475))
OVER = c.NoteCoverageEnded(at=at(505), ended_at=at(505))
LATER = c.RetimeShow(at=at(-600), starts_at=at(60))


def drafted() -> Story:
    return story(SHOW).when(DRAFT, PLAN)


def confirmed() -> Story:
    return drafted().when(CONFIRM, ACCEPT)


def running() -> Story:
    return confirmed().when(LIVE)


def test_a_show_goes_from_its_draft_to_its_closing() -> None:
    drafted().when(CONFIRM).tells(e.ShowConfirmationRequested)
    confirmed().tells(e.ShowConfirmed)
    ready = confirmed().when(c.MarkReady(at=at(-60), ready=True)).tells(e.ShowReady)
    assert isinstance(ready.state, Ready)
    live = ready.when(LIVE).tells(e.ShowStarted, e.StageWentOnAir)
    assert isinstance(live.state, Running)
    ended = live.when(OFF, END).tells(e.ShowEnded)
    assert isinstance(ended.state, Wrapping)
    assert isinstance(ended.when(OVER).tells(e.ShowClosed).state, Closed)


def test_what_is_asked_of_no_show_is_not_found() -> None:
    for command in (PLAN, CONFIRM, LIVE, END, c.RequireShow(at=at(0))):
        story(SHOW).refuses(command, "NOT_FOUND")


def test_a_show_without_times_cannot_be_confirmed() -> None:
    story(SHOW).when(DRAFT).refuses(CONFIRM, "SHOW_NOT_TIMED")


def test_a_show_ends_after_it_starts() -> None:
    drafted().refuses(c.PlanShow(at=at(-800), starts_at=at(0), ends_at=at(0)), "SHOW_TIMES_INVALID")


def test_confirming_twice_with_the_same_hours_tells_nothing_new() -> None:
    drafted().when(CONFIRM, CONFIRM).tells()
    other = c.ConfirmShow(at=at(-700), entitlement_id=ident("other"))
    drafted().when(CONFIRM).refuses(other, "WRONG_STATE")
    confirmed().refuses(CONFIRM, "WRONG_STATE")


def test_refused_hours_return_the_show_to_its_draft_and_it_may_be_confirmed_again() -> None:
    back = drafted().when(CONFIRM, REJECT).tells(e.ShowConfirmationRejected)
    assert back.state.about.rejected == ("HOURS_EXCEEDED", "541")
    back.when(CONFIRM).tells(e.ShowConfirmationRequested)


def test_hours_that_nobody_waits_for_change_nothing() -> None:
    drafted().when(ACCEPT).tells()
    confirmed().when(ACCEPT).tells()
    drafted().when(CONFIRM, c.CancelShow(at=at(-695), reason="rain"), ACCEPT).tells()


def test_released_hours_return_a_confirmed_show() -> None:
    assert isinstance(confirmed().when(REJECT).tells(e.ShowConfirmationRejected).state, Draft)


def test_a_draft_moves_at_once_and_a_confirmed_show_asks_its_hours() -> None:
    assert drafted().when(LATER).told[0].entitlement_id is None  # type: ignore[attr-defined]
    asked = confirmed().when(LATER).tells(e.ShowRetimed)
    assert asked.told[0].entitlement_id == ENTITLEMENT  # type: ignore[attr-defined]
    assert asked.told[0].shift_s == 3600  # type: ignore[attr-defined]
    asked.refuses(c.RetimeShow(at=at(-590), starts_at=at(90)), "WRONG_STATE")


def test_hours_that_follow_move_the_coverage() -> None:
    follow = c.AcceptRetiming(
        at=at(-599),
        entitlement_id=ENTITLEMENT,
        starts_at=at(60),
        ends_at=at(540),
        opens_at=at(30),
        closes_at=at(570),
    )
    moved = confirmed().when(LATER, follow).tells(e.ShowRetimingAccepted)
    assert moved.told[0].shift_s == 3600  # type: ignore[attr-defined]
    assert moved.state.hours.opens_at == at(30)
    moved.when(follow).tells()


def test_hours_that_stay_keep_the_former_time() -> None:
    stay = c.RejectRetiming(at=at(-599), entitlement_id=ENTITLEMENT, code="TERM_EXPIRED", detail="")
    kept = confirmed().when(LATER, stay).tells(e.ShowRetimingRejected)
    assert kept.state.about.times == (at(0), at(480))
    kept.when(stay).tells()


def test_a_newly_published_plan_of_other_times_retimes_a_confirmed_show_without_moving_the_plan_again() -> None:
    longer = c.PlanShow(at=at(-500), starts_at=at(0), ends_at=at(450))
    assert confirmed().when(longer).tells(e.ShowRetimed).told[0].shift_s == 0  # type: ignore[attr-defined]
    running().when(longer).tells()


def test_a_show_is_not_ended_while_a_stage_is_on_air() -> None:
    refusal = running().refuses(END, "STAGE_STILL_LIVE")
    assert refusal.facts["stages"] == [str(STAGE)]


def test_a_live_show_is_never_cut_when_its_coverage_ends() -> None:
    beyond = running().when(OVER).tells(e.CoverageOver)
    assert isinstance(beyond.state, Running)
    assert isinstance(beyond.when(OFF, END).tells(e.ShowEnded, e.ShowClosed).state, Closed)


def test_ending_twice_tells_nothing_new() -> None:
    running().when(OFF, END, END).tells()


def test_a_show_that_never_began_is_abandoned_when_its_coverage_ends() -> None:
    assert isinstance(confirmed().when(OVER).tells(e.ShowAbandoned).state, Abandoned)


def test_a_running_show_is_neither_cancelled_nor_abandoned() -> None:
    running().refuses(c.CancelShow(at=at(1), reason="x"), "WRONG_STATE")
    running().refuses(c.AbandonShow(at=at(1), reason="x"), "WRONG_STATE")


def test_cancelling_names_the_hours_that_were_bound() -> None:
    cancel = c.CancelShow(at=at(-500), reason="rain")
    assert confirmed().when(cancel).told[0].entitlement_id == ENTITLEMENT  # type: ignore[attr-defined]
    assert drafted().when(cancel).told[0].entitlement_id is None  # type: ignore[attr-defined]
    confirmed().when(cancel, cancel).tells()


@pytest.mark.parametrize("after", [[c.CancelShow(at=at(-1), reason="x")], [LIVE, OFF, END]])
def test_nothing_is_planned_for_a_show_that_is_over(after: list[object]) -> None:
    over = confirmed().when(*after)
    over.refuses(c.RequireOpenShow(at=at(0)), "SHOW_OVER")
    over.refuses(c.PlanShow(at=at(0), starts_at=at(1), ends_at=at(2)), "SHOW_OVER")
    over.refuses(c.RetimeShow(at=at(0), starts_at=at(1)), "SHOW_OVER")


def test_readiness_that_is_lost_takes_the_show_back() -> None:
    back = confirmed().when(c.MarkReady(at=at(-60), ready=True), c.MarkReady(at=at(-50), ready=False))
    assert isinstance(back.tells(e.ShowNotReady).state, Confirmed)


def test_a_stage_that_streams_without_a_confirmed_show_changes_nothing() -> None:
    drafted().when(LIVE).tells()
    running().when(LIVE).tells()

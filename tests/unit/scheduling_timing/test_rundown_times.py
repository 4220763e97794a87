"""Back-to-back sessions, preparation slots, parallel sessions, and time remaining."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.timing import (
    BackToBack,
    Basis,
    Claim,
    Overlap,
    Slot,
    Terms,
    back_to_back,
    overlaps,
    parallel_sessions,
    prep_conflicts,
    prep_slots,
    time_remaining,
)

NINE = datetime(2026, 6, 10, 9, tzinfo=UTC)


def at(seconds):
    return NINE + timedelta(seconds=seconds)


def slot(name, start_min, end_min, stage="A", *, session=True):
    return Slot(id=name, stage=stage, starts_at=at(60 * start_min), ends_at=at(60 * end_min), session=session)


@pytest.mark.parametrize(("gap_s", "found"), [(0, True), (299, True), (14 * 60 + 59, True), (15 * 60, False)])
def test_less_than_fifteen_minutes_is_back_to_back_strictly(gap_s, found):
    following = Slot(id="b", stage="A", starts_at=at(1800 + gap_s), ends_at=at(3600 + gap_s))
    expected = [BackToBack(stage="A", previous="a", following="b", gap_s=gap_s)] if found else []
    assert back_to_back([following, slot("a", 0, 30)]) == expected


def test_sessions_that_overlap_are_an_error_and_not_back_to_back():
    items = [slot("a", 0, 30), slot("b", 29, 60)]
    assert back_to_back(items) == []
    assert overlaps(items) == [Overlap(stage="A", first="a", second="b", overlap_s=60)]


def test_sessions_of_different_stages_are_neither():
    items = [slot("a", 0, 30), slot("b", 31, 60, "B"), slot("c", 20, 40, "C")]
    assert back_to_back(items) == []
    assert overlaps(items) == []


def test_a_short_break_between_two_sessions_leaves_them_back_to_back():
    items = [slot("a", 0, 30), slot("pause", 30, 40, session=False), slot("b", 40, 60)]
    assert back_to_back(items) == [BackToBack(stage="A", previous="a", following="b", gap_s=600)]


def test_after_a_long_break_or_a_clip_alone_nothing_is_back_to_back():
    items = [slot("a", 0, 30), slot("pause", 30, 50, session=False), slot("b", 50, 60)]
    assert back_to_back(items) == []
    assert back_to_back([slot("clip", 0, 30, session=False), slot("b", 30, 60)]) == []


def test_a_contract_may_ask_for_a_longer_break():
    assert len(back_to_back([slot("a", 0, 30), slot("b", 50, 60)], Terms(break_min=30))) == 1


def test_every_item_within_a_longer_one_is_an_overlap():
    items = [slot("long", 0, 120), slot("b", 10, 20), slot("c", 30, 40), slot("d", 120, 130)]
    assert [(it.first, it.second) for it in overlaps(items)] == [("long", "b"), ("long", "c")]


def test_breaks_overlap_as_well():
    assert len(overlaps([slot("a", 0, 30), slot("pause", 20, 40, session=False)])) == 1


def test_preparation_opens_fifteen_minutes_before_and_only_for_sessions():
    (prep,) = prep_slots([slot("pause", 0, 30, session=False), slot("a", 30, 60)])
    assert (prep.session, prep.window.opens_at, prep.window.closes_at) == ("a", at(15 * 60), at(30 * 60))


def test_preparing_while_another_session_is_on_air_is_a_conflict():
    (conflict,) = prep_conflicts([slot("a", 0, 30), slot("b", 35, 60)])
    assert (conflict.session, conflict.other, conflict.claim) == ("b", "a", Claim.LIVE)


def test_preparing_two_sessions_at_once_is_named_once():
    (conflict,) = prep_conflicts([slot("a", 0, 30), slot("b", 5, 30, "B")][::-1])[:1]
    claims = [(it.session, it.other, it.claim) for it in prep_conflicts([slot("a", 0, 30), slot("b", 5, 30, "B")])]
    assert ("a", "b", Claim.PREP) in claims
    assert ("b", "a", Claim.PREP) not in claims
    assert conflict.claim in Claim


def test_a_free_quarter_of_an_hour_is_no_conflict():
    assert prep_conflicts([slot("a", 0, 30), slot("b", 45, 60)]) == []


def test_parallel_sessions_need_a_second_seat():
    (pair,) = parallel_sessions([slot("a", 0, 30), slot("b", 20, 50, "B"), slot("c", 50, 60)])
    assert (pair.first, pair.second, pair.window.minutes) == ("a", "b", 10)


def test_time_remaining_rests_on_the_plan():
    found = time_remaining(at(0), at(600))
    assert (found.remaining_s, found.basis, found.ends_at) == (600, Basis.PLANNED, at(600))


def test_a_retimed_end_replaces_the_plan_and_an_earlier_hard_stop_both():
    assert time_remaining(at(0), at(600), retimed_end=at(900)).basis is Basis.RETIMED
    stopped = time_remaining(at(0), at(600), retimed_end=at(900), hard_stop=at(700))
    assert (stopped.remaining_s, stopped.basis) == (700, Basis.HARD_STOP)
    assert time_remaining(at(0), at(600), hard_stop=at(601)).basis is Basis.PLANNED


def test_nobody_is_promised_more_time_than_there_is():
    assert time_remaining(at(0.5), at(600)).remaining_s == 599
    assert time_remaining(at(600.5), at(600)).remaining_s == -1


@given(
    st.lists(
        st.builds(
            lambda ident, start, lasts, stage: slot(f"{ident}", start, start + lasts, stage),
            st.integers(0, 10**6),
            st.integers(0, 200),
            st.integers(1, 60),
            st.sampled_from("AB"),
        ),
        max_size=12,
        unique_by=lambda it: it.id,
    )
)
def test_overlaps_are_found_exactly_where_two_items_share_a_moment(items):
    shared = any(
        a.stage == b.stage and a.window.overlaps(b.window) for index, a in enumerate(items) for b in items[index + 1 :]
    )
    assert bool(overlaps(items)) == shared
    found = {(it.previous, it.following) for it in back_to_back(items)}
    overlapping = {(it.first, it.second) for it in overlaps(items)}
    assert not found & overlapping

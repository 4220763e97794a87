"""Preparation slots, trainings, time checks and the checklist."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import scheduling as e
from contracts.envelope import Role
from contracts.scheduling import ReadinessItem
from services.scheduling import commands as c
from services.scheduling.domain.prep import PREP, PrepStatus
from services.scheduling.domain.readiness import READINESS
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.timechecks import TIMECHECKS
from services.scheduling.domain.training import TRAINING
from services.scheduling.planning import back_to_back_of, prep_of
from services.scheduling.timers import timers
from tests.unit.scheduling.spec import (
    ADA,
    OTHER_STAGE,
    SHOW_ID,
    STAGE,
    Story,
    at,
    ident,
    imported,
    sealed,
    session,
    story,
)

TERMS = e.CoverageTerms(terms_version="2026-1")
TALK = ident("talk")


def run_of(*sessions: e.Session, after: tuple[Any, ...] = ()) -> Any:
    publish = c.PublishRundown(at=at(-500), show_id=SHOW_ID)
    return story(RUNDOWN).when(imported(*sessions), publish, *after).state


def began(name: str, minute: float) -> c.NoteSessionBegan:
    return c.NoteSessionBegan(at=at(minute), show_id=SHOW_ID, session_id=ident(name), began_at=at(minute))


def prepared(*sessions: e.Session) -> Story:
    return story(PREP).when(prep_of(SHOW_ID, run_of(*sessions), TERMS, at(-400)))


def speaker(kind: Any, minute: float, **more: Any) -> Any:
    return kind(at=at(minute), session_id=TALK, speaker_id=ADA, **more)


START = speaker(c.StartSpeakerPrep, -10, by="anna")
DONE = speaker(c.CompleteSpeakerPrep, -5, by="anna", screen_share_rehearsed=True)
ONE = session("talk", 0, 30)


def test_a_slot_is_the_quarter_of_an_hour_before_its_session() -> None:
    slot = prepared(ONE).tells(e.PrepSlotPlanned).told[0]
    assert (slot.starts_at, slot.ends_at, slot.speaker_ids) == (at(-15), at(0), (ADA,))  # type: ignore[attr-defined]


def test_the_clock_opens_the_slot_and_counts_no_shows_after_the_grace() -> None:
    planned = prepared(ONE).told[0]
    due = [(it.kind, it.due_at) for it in timers(planned, None)]  # type: ignore[union-attr,arg-type]
    assert due == [("open_prep_slot", at(-15)), ("report_no_shows", at(5))]


def test_preparation_starts_in_its_slot_and_not_before() -> None:
    refusal = prepared(ONE).refuses(speaker(c.StartSpeakerPrep, -15.1, by="anna"), "PREP_SLOT_NOT_OPEN")
    assert refusal.facts["opens_at"] == at(-15).isoformat()
    prepared(ONE).when(speaker(c.StartSpeakerPrep, -15, by="anna")).tells(e.SpeakerPrepStarted)


def test_a_speaker_is_prepared_once() -> None:
    done = prepared(ONE).when(START, DONE).tells(e.SpeakerPrepCompleted)
    assert done.state.slots[TALK].speakers[ADA].screen_share_rehearsed
    done.when(DONE).tells()
    done.refuses(START, "WRONG_STATE")
    prepared(ONE).refuses(DONE, "WRONG_STATE")


def test_who_does_not_come_is_missed_and_may_still_come_late() -> None:
    missed = prepared(ONE).when(c.ReportNoShows(at=at(5), session_id=TALK)).tells(e.SpeakerPrepMissed)
    assert missed.told[0].reason == "no_show"  # type: ignore[attr-defined]
    missed.when(c.ReportNoShows(at=at(6), session_id=TALK)).tells()
    assert missed.when(speaker(c.StartSpeakerPrep, 7, by="anna")).state.slots[TALK].speakers[ADA].status is (
        PrepStatus.STARTED
    )
    prepared(ONE).when(START, c.ReportNoShows(at=at(5), session_id=TALK)).tells()


def test_a_slot_opens_once_and_anew_when_it_moves() -> None:
    opened = prepared(ONE).when(c.OpenPrepSlot(at=at(-15), session_id=TALK)).tells(e.PrepSlotOpened)
    opened.when(c.OpenPrepSlot(at=at(-14), session_id=TALK)).tells()
    moved = opened.when(prep_of(SHOW_ID, run_of(session("talk", 20, 50)), TERMS, at(-10))).tells(e.PrepSlotPlanned)
    moved.when(c.OpenPrepSlot(at=at(-9), session_id=TALK)).tells()
    moved.when(c.OpenPrepSlot(at=at(5), session_id=TALK)).tells(e.PrepSlotOpened)


def test_planning_the_same_again_tells_nothing() -> None:
    prepared(ONE).when(prep_of(SHOW_ID, run_of(ONE), TERMS, at(-300))).tells()


def test_a_session_that_is_gone_loses_its_slot_unless_somebody_was_prepared() -> None:
    nothing = c.PlanPrep(at=at(-5), show_id=SHOW_ID, slots=(), conflicts=(), compressed=(), no_show_grace_s=300)
    prepared(ONE).when(nothing).tells(e.PrepSlotWithdrawn)
    prepared(ONE).when(START, nothing).tells()


def test_one_analyst_in_two_places_is_a_warning() -> None:
    both = prepared(ONE, session("aside", 5, 30, stage_id=OTHER_STAGE))
    found = [event for event in both.told if isinstance(event, e.PrepConflictFound)]
    assert {(it.session_id, it.other_session_id, it.claim) for it in found} == {
        (ident("aside"), TALK, "live"),
        (TALK, ident("aside"), "prep"),
    }


def test_an_overrun_leaves_less_of_the_next_preparation() -> None:
    plan = (ONE, session("panel", 50, 90))
    over = c.NoteSessionOver(at=at(44), show_id=SHOW_ID, session_id=TALK, ended_at=at(44))
    late = run_of(*plan, after=(began("talk", 0), over))
    told = prepared(*plan).when(prep_of(SHOW_ID, late, TERMS, at(44))).told
    found = [event for event in told if isinstance(event, e.PrepWindowCompressed)]
    assert [(it.session_id, it.left_s) for it in found] == [(ident("panel"), 360)]


def pairs(*sessions: e.Session) -> Story:
    return story(TRAINING).when(back_to_back_of(SHOW_ID, run_of(*sessions), TERMS, at(-400)))


@pytest.mark.parametrize(("gap_s", "found"), [(899, 1), (900, 0)])
def test_back_to_back_is_strictly_less_than_a_quarter_of_an_hour(gap_s: int, found: int) -> None:
    second = session("panel", 30 + gap_s / 60, 90)
    assert len(pairs(ONE, second).told) == found


def test_a_training_or_a_waiver_delegates_the_closing_of_the_first_session() -> None:
    two = pairs(ONE, session("panel", 35, 90)).tells(e.BackToBackDetected)
    training_id = two.told[0].training_id  # type: ignore[attr-defined]
    complete = c.CompleteTraining(at=at(-60), training_id=training_id, by="anna")
    waive = c.WaiveTraining(at=at(-60), training_id=training_id, reason="they know", by="carol")
    done = two.when(complete).tells(e.CloseSessionTrainingCompleted, e.SessionCloseDelegated)
    assert done.told[1].session_id == TALK  # type: ignore[attr-defined]
    done.when(complete).tells()
    done.refuses(waive, "CLOSE_ALREADY_DELEGATED")
    two.when(waive).tells(e.CloseSessionTrainingWaived, e.SessionCloseDelegated)
    scheduled = c.ScheduleTraining(at=at(-90), training_id=training_id, scheduled_for=at(-60))
    two.when(scheduled).tells(e.CloseSessionTrainingScheduled)
    done.refuses(scheduled, "CLOSE_ALREADY_DELEGATED")
    two.refuses(c.CompleteTraining(at=at(0), training_id=ident("none"), by="x"), "NOT_FOUND")


def test_sessions_that_get_their_break_back_are_cleared_and_a_training_given_stays() -> None:
    two = pairs(ONE, session("panel", 35, 90))
    apart = back_to_back_of(SHOW_ID, run_of(ONE, session("panel", 50, 90)), TERMS, at(-300))
    two.when(apart).tells(e.BackToBackCleared)
    training_id = two.told[0].training_id  # type: ignore[attr-defined]
    trained = two.when(c.CompleteTraining(at=at(-60), training_id=training_id, by="anna"))
    trained.when(apart).tells()


def test_an_overrun_that_eats_the_break_is_told_as_live() -> None:
    plan = (ONE, session("panel", 50, 90))
    late = run_of(*plan, after=(began("talk", 10),))
    told = story(TRAINING).when(back_to_back_of(SHOW_ID, late, TERMS, at(10))).tells(e.BackToBackDetected).told[0]
    assert (told.gap_s, told.live) == (600, True)  # type: ignore[attr-defined]


def test_a_time_check_is_answered_once_and_only_on_request() -> None:
    ask = c.RequestTimeCheck(
        at=at(10), show_id=SHOW_ID, check_id=ident("check"), stage_id=STAGE, session_id=TALK, by="carol"
    )
    answer = c.AnswerTimeCheck(
        at=at(11), check_id=ident("check"), remaining_s=1140, ends_at=at(30), basis=e.TimeBasis.PLANNED, by="anna"
    )
    story(TIMECHECKS).refuses(answer, "NOT_FOUND")
    told = story(TIMECHECKS).when(ask, answer).tells(e.TimeCheckGiven)
    told.when(answer).tells()
    told.when(ask).tells()


EXPECT = c.ExpectSpeakers(at=at(-500), show_id=SHOW_ID, rundown_version=1, speaker_ids=(ADA,))


def invite(role: Role, who: Any = ADA) -> c.ConfirmInvitation:
    return c.ConfirmInvitation(at=at(-400), show_id=SHOW_ID, speaker_id=who, by="carol", role=role)


def brief(start: float, end: float, *, as_preparation: bool = False) -> c.RecordBriefing:
    return c.RecordBriefing(
        at=at(end),
        show_id=SHOW_ID,
        topics=("sound",),
        started_at=at(start),
        ended_at=at(end),
        as_preparation=as_preparation,
        coverage=(at(-30), at(510)),
        by="anna",
    )


def tick(item: ReadinessItem, *, there: bool = True) -> c.TickItem:
    return c.TickItem(at=at(-300), show_id=SHOW_ID, item=item, there=there)


TICKED = [
    ReadinessItem.RUNDOWN_PUBLISHED,
    ReadinessItem.HOURS_RESERVED,
    ReadinessItem.SEAT_STAFFED,
    ReadinessItem.BRAND_KIT_APPLIED,
]


@pytest.mark.parametrize("role", [Role.ANALYST, Role.SUPERVISOR, Role.PARTNER, Role.SRE])
def test_inviting_speakers_is_the_customers_duty(role: Role) -> None:
    story(READINESS).when(EXPECT).refuses(invite(role), "CUSTOMER_DUTY")


def test_a_speaker_is_prepared_only_when_invited() -> None:
    need = c.RequireInvited(at=at(0), speaker_id=ADA)
    story(READINESS).when(EXPECT).refuses(need, "SPEAKER_NOT_INVITED")
    story(READINESS).when(EXPECT, invite(Role.CUSTOMER)).tells(e.SpeakerInvitationConfirmed).when(need).tells()
    story(READINESS).when(EXPECT).refuses(invite(Role.CUSTOMER, ident("stranger")), "NOT_FOUND")


def test_a_briefing_is_inside_coverage_or_preparation_work() -> None:
    story(READINESS).when(brief(-30, -10)).tells(e.BestPracticesBriefed)
    story(READINESS).refuses(brief(-31, -10), "OUTSIDE_COVERAGE")
    told = story(READINESS).when(brief(-90, -60, as_preparation=True)).told[0]
    assert told.activity == "preparation"  # type: ignore[attr-defined]
    story(READINESS).refuses(brief(-10, -10), "BRIEFING_TIMES_INVALID")


def test_readiness_is_reached_with_the_last_item_and_lost_with_any() -> None:
    almost = story(READINESS).when(EXPECT, invite(Role.CUSTOMER), brief(-29, -10), *map(tick, TICKED[:-1]))
    reached = almost.when(tick(TICKED[-1])).tells(e.ReadinessItemTicked, e.ReadinessReached)
    lost = reached.when(tick(ReadinessItem.SEAT_STAFFED, there=False))
    lost.tells(e.ReadinessItemUnticked, e.ReadinessLost)
    assert lost.told[1].missing == (ReadinessItem.SEAT_STAFFED,)  # type: ignore[attr-defined]
    another = c.ExpectSpeakers(at=at(-200), show_id=SHOW_ID, rundown_version=2, speaker_ids=(ADA, ident("bob")))
    reached.when(another).tells(e.SpeakersExpected, e.ReadinessLost)


def test_news_of_an_older_rundown_changes_nothing() -> None:
    newer = c.ExpectSpeakers(at=at(-200), show_id=SHOW_ID, rundown_version=2, speaker_ids=(ident("bob"),))
    story(READINESS).when(newer, EXPECT).tells()


def test_contacts_are_kept_sealed() -> None:
    contact = c.RegisterContact(
        at=at(-500),
        show_id=SHOW_ID,
        contact_id=ident("contact"),
        side="sponsors",
        name=sealed(ident("contact")),
        address=sealed(ident("contact")),
    )
    story(READINESS).when(contact, contact).tells()
    assert TERMS.prep_s == timedelta(minutes=15).total_seconds()

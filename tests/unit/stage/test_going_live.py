"""Going live, closing and starting sessions, ending the stream: what is allowed, and what is refused with which words."""

from datetime import timedelta

import pytest

from contracts import stage as e
from contracts.problems import WrongState
from services.stage import commands as c
from services.stage.domain import STAGE, refusals, rights
from services.stage.domain.state import Armed, Ended, Failed, Live, Starting
from tests.unit.stage.story import (
    ADA,
    ANNA,
    BEN,
    CUSTOMER,
    NOON,
    PANEL,
    SHOW,
    TALK,
    Story,
    coverage,
    ident,
    kinds,
    rundown,
)


def test_going_live_is_asked_first_and_true_when_the_engine_says_so() -> None:
    story = Story().armed()
    asked = story.ask(c.GoLive, session_id=TALK)
    assert kinds(asked) == [e.RecordingRequested, e.StreamStartRequested]
    assert isinstance(story.stage.phase, Starting)
    facts = story.settle(frame=42)
    assert kinds(facts) == [e.ProgramSegmentOpened, e.StreamStarted, e.SessionStarted]
    assert isinstance(story.stage.phase, Live)
    assert [event.frame for event in facts if isinstance(event, e.StreamStarted)] == [42]
    assert not story.stage.pending


def test_going_live_twice_is_refused_with_the_stream_that_runs() -> None:
    story = Story().live()
    refusal = story.refused(refusals.AlreadyLive, c.GoLive, session_id=TALK)
    assert refusal.facts == {"session_id": str(TALK), "run_id": str(story.stage.run_id)}


def test_going_live_while_starting_is_refused() -> None:
    story = Story().armed()
    story.ask(c.GoLive, session_id=TALK)
    story.refused(refusals.AlreadyLive, c.GoLive, session_id=TALK)


def test_another_session_cannot_go_live_on_a_busy_stage() -> None:
    story = Story().live()
    story.refused(refusals.StageBusy, c.GoLive, session_id=PANEL)
    story.refused(refusals.StageBusy, c.ArmSession, session_id=PANEL)


def test_a_session_that_is_not_armed_cannot_go_live() -> None:
    refusal = Story().prepared().refused(WrongState, c.GoLive, session_id=TALK)
    assert refusal.facts["state"] == "PREPARED"
    assert "ArmSession" in refusal.facts["allowed"]


def test_an_unknown_session_cannot_be_armed() -> None:
    Story().prepared().refused(refusals.UnknownSession, c.ArmSession, session_id=ident("nobody's"))


def test_a_stage_without_rundown_cannot_be_armed() -> None:
    story = Story()
    story.now(coverage())
    story.ask(c.AcquireLease, ttl_s=60)
    refusal = story.refused(WrongState, c.ArmSession, session_id=TALK)
    assert refusal.facts["state"] == "IDLE"


def test_arming_the_armed_session_again_changes_nothing() -> None:
    assert Story().armed().ask(c.ArmSession, session_id=TALK) == []


def test_going_live_needs_a_staffed_seat() -> None:
    story = Story().armed()
    story.now(c.StaffSeat(at=NOON, show_id=SHOW, leaving=(ident("analyst"),)))
    story.refused(refusals.SeatNotStaffed, c.GoLive, session_id=TALK)


def test_going_live_needs_the_brand_unless_readiness_is_waived() -> None:
    story = Story()
    story.now(rundown())
    story.now(coverage())
    story.now(c.StaffSeat(at=NOON, show_id=SHOW, arriving=(ident("analyst"),)))
    story.ask(c.AcquireLease, ttl_s=3600)
    story.ask(c.ArmSession, session_id=TALK)
    refusal = story.refused(refusals.NotReady, c.GoLive, session_id=TALK)
    assert refusal.facts["missing"] == ("brand_kit",)
    story.ask(c.WaiveReadiness, reason="The customer has no brand.")
    assert story.ask(c.GoLive, session_id=TALK)


def test_a_stream_that_did_not_start_says_why_and_may_be_armed_again() -> None:
    story = Story().armed()
    story.ask(c.GoLive, session_id=TALK)
    recording, start = story.stage.pending
    story.now(c.Settle(at=NOON, effect_id=recording, frame=1))
    failed = story.now(c.SettleFailed(at=NOON, effect_id=start, reason="no encoder"))
    assert kinds(failed) == [e.StreamStartFailed, e.RecordingStopRequested]
    assert story.stage.phase == Failed(session_id=TALK, reason="no encoder")
    story.now(c.ReportEngineStopped(at=NOON))
    story.ask(c.ArmSession, session_id=TALK)
    assert isinstance(story.stage.phase, Armed)


def test_a_session_that_must_not_be_recorded_is_not() -> None:
    story = Story().armed(do_not_record=True)
    assert kinds(story.ask(c.GoLive, session_id=TALK)) == [e.StreamStartRequested]


def test_a_session_that_must_not_be_streamed_is_hidden() -> None:
    assert Story().live(do_not_stream=True).stage.program.blank


def test_recording_stops_when_it_is_forbidden_while_live() -> None:
    story = Story().live()
    told = story.now(rundown(2, do_not_record=True))
    assert kinds(told) == [e.StagePrepared, e.RecordingStopRequested]
    segment = next(iter(story.stage.segments))
    closed = story.now(c.ReportRecording(at=NOON, segment_id=segment, first_frame=1, last_frame=9, frames=9))
    assert [event.cause for event in closed if isinstance(event, e.ProgramSegmentClosed)] == [e.SegmentCause.WITHDRAWN]
    assert isinstance(story.stage.phase, Live)


def test_a_session_is_closed_and_the_next_one_starts_in_the_same_stream() -> None:
    story = Story().live()
    run = story.stage.run_id
    story.refused(refusals.StageBusy, c.StartNextSession, session_id=PANEL)
    asked = story.ask(c.CloseSession, session_id=TALK)
    assert kinds(asked) == [e.RecordingStopRequested, e.SessionCloseRequested]
    assert story.ask(c.CloseSession, session_id=TALK) == []
    assert kinds(story.settle(200)) == [e.SessionEnded]
    assert story.stage.session_id is None
    story.ask(c.StartNextSession, session_id=PANEL)
    story.refused(refusals.AlreadyLive, c.StartNextSession, session_id=PANEL)
    assert kinds(story.settle(300)) == [e.ProgramSegmentOpened, e.SessionStarted]
    assert (story.stage.session_id, story.stage.run_id) == (PANEL, run)


def test_a_session_that_is_not_running_cannot_be_closed() -> None:
    Story().live().refused(WrongState, c.CloseSession, session_id=PANEL)
    Story().armed().refused(refusals.NotLive, c.CloseSession, session_id=TALK)


def test_the_customer_closes_a_session_only_by_delegation() -> None:
    story = Story().live()
    story.refused(refusals.CloseNotDelegated, c.CloseSession, session_id=TALK, **CUSTOMER)
    story.now(c.DelegateClose(at=NOON, show_id=SHOW, session_id=TALK))
    assert story.ask(c.CloseSession, session_id=TALK, **CUSTOMER)


def test_delegation_of_one_session_is_not_delegation_of_another() -> None:
    story = Story().live()
    story.now(c.DelegateClose(at=NOON, show_id=SHOW, session_id=PANEL))
    story.refused(refusals.CloseNotDelegated, c.CloseSession, session_id=TALK, **CUSTOMER)
    story.now(c.DelegateClose(at=NOON, show_id=SHOW, session_id=None))
    assert story.ask(c.CloseSession, session_id=TALK, **CUSTOMER)


def test_ending_a_stream_ends_its_session_and_its_recording() -> None:
    story = Story().live()
    destination = story.destination()
    asked = story.ask(c.EndStream)
    assert kinds(asked) == [e.RecordingStopRequested, e.StreamEndRequested]
    facts = story.settle(500)
    assert kinds(facts) == [e.SessionEnded, e.StreamEnded, e.DestinationDisabled]
    assert isinstance(story.stage.phase, Ended)
    assert story.stage.destinations[destination].status == "DISABLED"
    assert story.stage.engine.retiring
    story.refused(refusals.NotLive, c.EndStream)


def test_a_stream_that_could_not_be_ended_is_still_live() -> None:
    story = Story().live()
    story.ask(c.EndStream)
    assert e.StreamEndFailed in kinds(story.fail())
    assert isinstance(story.stage.phase, Live)


def test_only_a_live_stream_is_ended() -> None:
    refusal = Story().armed().refused(refusals.NotLive, c.EndStream)
    assert refusal.facts["state"] == "ARMED"


def test_a_show_on_air_is_not_stood_down() -> None:
    story = Story().live()
    with pytest.raises(WrongState):
        STAGE.decide(c.StandDown(at=NOON, reason="cancelled"), story.stage)


def test_a_cancelled_show_releases_its_stage() -> None:
    story = Story().armed()
    story.now(c.StandDown(at=NOON, reason="cancelled"))
    assert isinstance(story.stage.phase, Ended)
    assert story.stage.lease is None


# --- the lease


def test_the_lease_of_somebody_else_is_refused_until_it_expires() -> None:
    story = Story().prepared()
    refusal = story.refused(refusals.LeaseHeld, c.AcquireLease, by=BEN, ttl_s=60)
    assert refusal.facts["holder"] == ANNA
    story.at = NOON + timedelta(hours=11)
    assert story.ask(c.AcquireLease, by=BEN, ttl_s=60)


def test_a_live_command_without_the_lease_is_refused() -> None:
    Story().live().refused(refusals.LeaseNotHeld, c.Take, lease=None, transition=e.Transition.CUT, transition_frames=0)


def test_a_lease_of_somebody_else_does_not_help() -> None:
    Story().live().refused(refusals.LeaseNotHeld, c.EndStream, by=BEN)


def test_an_old_lease_is_fenced_after_a_hand_over() -> None:
    story = Story().live()
    old = story.stage.lease_number
    story.ask(c.HandOver, to=BEN, ttl_s=600)
    refusal = story.refused(refusals.LeaseFenced, c.EndStream, lease=old)
    assert refusal.facts["current"] == old + 1
    assert story.ask(c.EndStream, by=BEN)


def test_a_second_tablet_of_one_operator_fences_the_first() -> None:
    story = Story().prepared()
    old = story.stage.lease_number
    story.ask(c.AcquireLease, ttl_s=600)
    story.refused(refusals.LeaseFenced, c.ArmSession, lease=old, session_id=TALK)


def test_a_released_lease_is_not_held_and_its_number_is_not_used_again() -> None:
    story = Story().prepared()
    story.ask(c.ReleaseLease)
    story.refused(refusals.LeaseNotHeld, c.ArmSession, session_id=TALK)
    story.ask(c.AcquireLease, ttl_s=600)
    assert story.stage.lease_number == 2


def test_an_expired_lease_is_not_held_and_a_renewed_one_is() -> None:
    story = Story().prepared()
    story.ask(c.RenewLease, ttl_s=10)
    story.at = NOON + timedelta(seconds=11)
    story.refused(refusals.LeaseNotHeld, c.ArmSession, session_id=TALK)


def test_the_emergency_cut_needs_no_lease_and_no_coverage() -> None:
    story = Story().live()
    story.now(coverage(capped=True))
    assert story.ask(c.EmergencyCut, by=BEN, lease=None, reason="fire alarm")
    story.settle()
    assert story.stage.program.blank


def test_there_is_nothing_to_cut_before_the_engine_runs() -> None:
    Story().prepared().refused(refusals.NotLive, c.EmergencyCut, reason="fire alarm")


# --- coverage


def test_duties_are_refused_before_the_window_and_behind_it() -> None:
    for at in (NOON - timedelta(minutes=31), NOON + timedelta(hours=8)):
        story = Story().prepared()
        story.at = at
        story.now(c.AcquireLease(at=at, by=ANNA, ttl_s=60))
        story.refused(refusals.OutsideCoverage, c.ArmSession, session_id=TALK)


def test_the_window_begins_on_its_first_instant() -> None:
    story = Story(at=NOON - timedelta(minutes=30)).prepared()
    assert story.ask(c.ArmSession, session_id=TALK)


def test_a_show_whose_coverage_nobody_knows_stays_closed() -> None:
    story = Story()
    story.now(rundown())
    story.ask(c.AcquireLease, ttl_s=60)
    story.refused(refusals.OutsideCoverage, c.ArmSession, session_id=TALK)


def test_released_hours_close_a_show() -> None:
    story = Story().prepared()
    story.now(coverage(status=e.CoverageStatus.RELEASED))
    story.refused(refusals.OutsideCoverage, c.ArmSession, session_id=TALK)


def test_a_show_on_air_goes_on_when_its_cached_window_runs_out() -> None:
    story = Story().live()
    story.at = NOON + timedelta(hours=9)
    assert story.ask(c.PreviewScene, scene=e.Scene(layout=e.Layout.SLATE))


def test_spent_hours_leave_only_what_ends_or_hides() -> None:
    story = Story().live().on_stage(ADA)
    story.now(coverage(capped=True))
    refusal = story.refused(refusals.CoverageExhausted, c.BringOnStage, presenter_id=ADA)
    assert {"EndStream", "TakeOffStage", "HideOverlay", "HandOver", "EmergencyCut"} <= set(refusal.facts["allowed"])
    assert story.ask(c.TakeOffStage, presenter_id=ADA)
    assert story.ask(c.EndStream)


def test_overtime_opens_what_the_cap_had_closed() -> None:
    story = Story().live()
    story.now(coverage(capped=True))
    story.now(c.UpdateCoverage(at=NOON, show_id=SHOW, capped=False))
    assert story.ask(c.PreviewScene, scene=e.Scene(layout=e.Layout.SLATE))


def test_ended_coverage_closes_even_a_show_on_air() -> None:
    story = Story().live()
    story.now(coverage(status=e.CoverageStatus.ENDED))
    story.refused(refusals.OutsideCoverage, c.PreviewScene, scene=e.Scene(layout=e.Layout.SLATE))


def test_every_command_of_a_person_has_a_right() -> None:
    asked = {kind for kind in vars(c).values() if isinstance(kind, type) and issubclass(kind, c.Operated)}
    assert asked - {c.Operated} == set(rights.RIGHTS)

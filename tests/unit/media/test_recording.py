"""A recording in sentences: one over all interruptions, every gap with its cause, and an account that balances."""

import pytest

from contracts import media as e
from contracts.envelope import Role
from contracts.problems import NotFound, WrongState
from contracts.stage.values import SegmentCause
from services.media import commands as c
from services.media.domain import RECORDING
from services.media.domain.recording import downloadable, require_usable
from services.media.domain.refusals import (
    CustomerDuty,
    OriginalImmutable,
    RecordingForbidden,
    RecordingNotFinalised,
    SegmentNotKept,
    SegmentUnknown,
)
from tests.unit.media.story import (
    OTHER_SHA,
    Story,
    at,
    close_segment,
    end_recording,
    keep_segment,
    lose_segment,
    open_segment,
    segment,
)


@pytest.fixture
def story() -> Story:
    return Story(RECORDING)


def finalised(story: Story) -> Story:
    for command in (open_segment(), close_segment(), end_recording(), keep_segment()):
        story.when(command)
    return story


def test_the_first_segment_starts_the_recording(story):
    assert story.names(open_segment()) == ["RecordingStarted", "RecordingSegmentOpened"]
    assert story.when(open_segment()) == []


def test_a_recording_is_finalised_once_it_ended_and_every_segment_is_kept(story):
    story.when(open_segment())
    story.when(close_segment())
    assert story.names(end_recording()) == ["RecordingEnded"]
    verdict = story.when(keep_segment())[-1]
    assert isinstance(verdict, e.RecordingFinalised)
    assert (verdict.live_ms, verdict.recorded_ms, verdict.gaps_ms) == (60_000, 60_000, 0)


def test_the_order_in_which_end_and_files_arrive_does_not_matter(story):
    story.when(open_segment())
    story.when(end_recording(58))
    story.when(close_segment())
    assert story.names(keep_segment()) == ["RecordingSegmentKept", "RecordingFinalised"]


def test_an_ended_recording_waits_for_a_segment_that_is_still_open(story):
    story.when(open_segment(1))
    story.when(close_segment(1, 10, SegmentCause.ENGINE_LOST))
    story.when(open_segment(2, 12))
    story.when(end_recording(60))
    assert story.names(keep_segment(1, 10_000)) == ["RecordingSegmentKept"]
    story.when(close_segment(2, 60))
    assert story.names(keep_segment(2, 48_000)) == ["RecordingSegmentKept", "RecordingFinalised"]


def test_an_engine_lost_for_twenty_seconds_is_one_recording_with_one_gap(story):
    story.when(open_segment(1))
    story.when(close_segment(1, 30, SegmentCause.ENGINE_LOST))
    gap, _ = story.when(open_segment(2, 50))
    assert isinstance(gap, e.RecordingGapDetected)
    assert (gap.gap_ms, gap.cause, gap.after_segment_id) == (20_000, "engine_lost", segment(1))
    story.when(close_segment(2, 60))
    story.when(end_recording())
    story.when(keep_segment(1, 30_000))
    verdict = story.when(keep_segment(2, 10_000))[-1]
    assert isinstance(verdict, e.RecordingFinalised)
    assert (verdict.live_ms, verdict.recorded_ms, verdict.gaps_ms) == (60_000, 40_000, 20_000)


def test_what_a_broken_off_file_does_not_hold_is_a_gap(story):
    story.when(open_segment(1))
    story.when(close_segment(1, 30, SegmentCause.ENGINE_LOST))
    _, gap = story.when(keep_segment(1, 28_500))
    assert (gap.gap_ms, gap.cause) == (1500, "engine_lost")


def test_an_engine_that_does_not_come_back_leaves_a_gap_to_the_end_of_the_session(story):
    story.when(open_segment(1))
    story.when(close_segment(1, 30, SegmentCause.ENGINE_LOST))
    story.when(keep_segment(1, 30_000))
    gap, verdict = story.when(end_recording(90))[1:]
    assert (gap.gap_ms, gap.cause) == (60_000, "engine_lost")
    assert (verdict.live_ms, verdict.gaps_ms) == (90_000, 60_000)


def test_a_lost_segment_is_a_gap_as_long_as_it_was(story):
    story.when(open_segment())
    story.when(close_segment())
    story.when(end_recording())
    lost, gap, verdict = story.when(lose_segment())
    assert lost.reason == "is not a recording"
    assert (gap.gap_ms, gap.cause) == (60_000, "segment_lost")
    assert isinstance(verdict, e.RecordingFinalised)
    assert verdict.recorded_ms == 0
    assert story.when(lose_segment()) == []


@pytest.mark.parametrize(("duration_ms", "verdict"), [(58_000, "RecordingFinalised"), (57_999, "RecordingIncomplete")])
def test_more_than_two_seconds_that_nothing_explains_are_incomplete(story, duration_ms, verdict):
    story.when(open_segment())
    story.when(close_segment())
    story.when(end_recording())
    assert story.names(keep_segment(1, duration_ms))[-1] == verdict


def test_an_original_is_kept_once_and_never_replaced(story):
    finalised(story)
    assert story.when(keep_segment()) == []
    assert story.refused(keep_segment(sha256=OTHER_SHA), OriginalImmutable).facts["kept"] == "a" * 64


def test_a_segment_is_kept_after_it_is_closed_and_not_after_it_is_lost(story):
    story.when(open_segment())
    story.refused(keep_segment(), WrongState)
    story.when(close_segment())
    story.when(lose_segment())
    story.refused(keep_segment(), WrongState)


def test_a_closed_account_takes_no_further_segment(story):
    finalised(story)
    assert story.when(open_segment()) == []
    assert story.refused(open_segment(2, 70), WrongState).facts["state"] == "FINALISED"


def test_nothing_is_done_to_a_recording_that_is_not_there(story):
    for command in (close_segment(), end_recording(), keep_segment(), lose_segment()):
        assert story.refused(command, WrongState).facts["allowed"] == ["OpenSegment"]


def test_a_segment_nobody_opened_is_refused(story):
    story.when(open_segment())
    story.refused(close_segment(7), SegmentUnknown)


def test_a_session_that_must_not_be_recorded_is_withheld_from_its_first_frame(story):
    assert story.names(open_segment(forbidden=True))[-1] == "RecordingQuarantined"
    story.when(close_segment())
    story.when(end_recording())
    assert story.names(keep_segment()) == ["RecordingSegmentKept"]
    with pytest.raises(RecordingForbidden):
        require_usable(story.state)


def test_consent_withdrawn_while_recording_withholds_it_and_its_facts_are_still_noted(story):
    story.when(open_segment())
    names = story.names(close_segment(1, 30, SegmentCause.WITHDRAWN))
    assert names == ["RecordingSegmentClosed", "RecordingQuarantined"]
    assert story.names(keep_segment(1, 30_000)) == ["RecordingSegmentKept"]
    assert story.when(c.Quarantine(at=at(70), reason="again")) == []
    story.refused(c.NoteDownload(at=at(80), segment_id=segment(1), by="anna"), RecordingForbidden)


def test_a_finalised_recording_can_be_withheld_later(story):
    finalised(story)
    assert story.names(c.Quarantine(at=at(70), reason="speaker asked")) == ["RecordingQuarantined"]
    story.refused(c.ShareOut(at=at(80), role=Role.CUSTOMER, to_whom="press"), RecordingForbidden)


def test_it_is_used_only_when_it_is_whole(story):
    story.when(open_segment())
    with pytest.raises(RecordingNotFinalised) as refused:
        require_usable(story.state)
    assert refused.value.facts["state"] == "RECORDING"
    story.refused(c.ShareOut(at=at(5), role=Role.CUSTOMER, to_whom="press"), RecordingNotFinalised)


def test_an_incomplete_recording_may_be_used_it_says_what_is_missing(story):
    story.when(open_segment())
    story.when(close_segment())
    story.when(end_recording())
    story.when(keep_segment(1, 1000))
    assert require_usable(story.state).recorded_ms == 1000


def test_a_segment_is_downloaded_only_while_it_is_in_the_store(story):
    story.when(open_segment())
    story.when(close_segment())
    story.refused(c.NoteDownload(at=at(70), segment_id=segment(1), by="anna"), SegmentNotKept)
    story.refused(c.NoteDownload(at=at(70), segment_id=segment(2), by="anna"), NotFound)
    story.when(keep_segment())
    assert downloadable(story.state, segment(1)).segment_id == segment(1)
    assert story.names(c.NoteDownload(at=at(70), segment_id=segment(1), by="anna")) == ["RecordingDownloaded"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CUSTOMER])
def test_only_the_customer_gives_recordings_to_others(story, role):
    finalised(story)
    story.refused(c.ShareOut(at=at(90), role=role, to_whom="absentees"), CustomerDuty)


def test_the_customer_gives_recordings_to_others(story):
    finalised(story)
    assert story.names(c.ShareOut(at=at(90), role=Role.CUSTOMER, to_whom="absentees")) == ["RecordingSharedOut"]


def test_a_reason_for_not_going_on_demand_is_said_once(story):
    finalised(story)
    skip = c.SkipVod(at=at(90), reason="vod_not_entitled")
    assert story.names(skip) == ["VodUploadSkipped"]
    assert story.when(skip) == []
    assert story.names(c.SkipVod(at=at(91), reason="opted_out: x")) == ["VodUploadSkipped"]

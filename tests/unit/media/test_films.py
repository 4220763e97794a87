"""Edits and video on demand, in sentences: nothing beyond what was recorded, parts in order, nothing against the rules."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.media import EditSegment, Part
from contracts.problems import WrongState
from services.media import commands as c
from services.media.domain import EDIT, RECORDING, VOD
from services.media.domain.edits import require_rendered, trimmed
from services.media.domain.refusals import (
    EditNotRendered,
    EditOutOfRange,
    PartOutOfOrder,
    RecordingForbidden,
    SegmentUnknown,
    VodDeclined,
    VodNotEntitled,
    VodNotOnDemand,
)
from services.media.domain.vod import Uploading, require_on_demand
from tests.unit.media import story as told
from tests.unit.media.story import OTHER_SHA, SHA, SHOW, Story, at, segment


def stretch(number: int, start_s: float, end_s: float) -> EditSegment:
    return EditSegment(segment_id=segment(number), start_s=start_s, end_s=end_s)


def create(*stretches: EditSegment) -> c.CreateEdit:
    return c.CreateEdit(
        at=at(),
        show_id=SHOW,
        edit_id=told.EDIT,
        recording_id=told.RECORDING,
        title="Talk",
        segments=stretches,
        sources={segment(1): "originals/1.mp4", segment(2): "originals/2.mp4"},
        lengths_ms={segment(1): 60_000, segment(2): 30_000},
        loudness_lufs=None,
    )


FINISH = c.FinishEdit(at=at(9), key="edits/1.mp4", sha256=SHA, size_bytes=10, duration_ms=1000, recipe="h264")
GIVE_UP = c.FailEdit(at=at(9), reason="too short")


def test_an_edit_names_the_originals_it_uses_and_no_others():
    [event] = Story(EDIT).when(create(stretch(2, 0, 30), stretch(2, 5, 6)))
    assert event.sources == {segment(2): "originals/2.mp4"}


def test_an_edit_of_a_segment_that_is_not_kept_is_refused():
    Story(EDIT).refused(create(stretch(3, 0, 1)), SegmentUnknown)


@pytest.mark.parametrize(("start_s", "end_s"), [(0, 61), (5, 5), (6, 5), (60.5, 61)])
def test_an_edit_stays_within_what_was_recorded(start_s, end_s):
    assert Story(EDIT).refused(create(stretch(1, start_s, end_s)), EditOutOfRange).facts["length_ms"] == 60_000


def test_an_edit_of_nothing_is_refused():
    Story(EDIT).refused(create(), EditOutOfRange)


def test_a_film_is_finished_once_and_does_not_change():
    story = Story(EDIT)
    story.when(create(stretch(1, 0, 10)))
    with pytest.raises(EditNotRendered):
        require_rendered(story.state)
    assert story.names(FINISH) == ["EditRendered"]
    assert story.when(FINISH) == []
    story.refused(replace(FINISH, sha256=OTHER_SHA), WrongState)
    story.refused(GIVE_UP, WrongState)
    assert require_rendered(story.state).sha256 == SHA


def test_a_film_that_cannot_be_made_says_why():
    story = Story(EDIT)
    story.when(create(stretch(1, 0, 10)))
    assert story.names(GIVE_UP) == ["EditFailed"]
    assert story.when(GIVE_UP) == []
    story.refused(FINISH, WrongState)
    with pytest.raises(EditNotRendered) as refused:
        require_rendered(story.state)
    assert refused.value.facts["reason"] == "too short"


def test_there_is_nothing_to_finish_before_there_is_an_edit():
    Story(EDIT).refused(FINISH, WrongState)


def tape() -> Any:
    """Two kept segments of 60 and 30 seconds, 20 seconds apart."""
    story = Story(RECORDING)
    lost = told.SegmentCause.ENGINE_LOST
    for command in (
        told.open_segment(1),
        told.close_segment(1, 60, lost),
        told.open_segment(2, 80),
        told.close_segment(2, 110),
        told.end_recording(110),
        told.keep_segment(1, 60_000),
        told.keep_segment(2, 30_000),
    ):
        story.when(command)
    return story.state.tape


@pytest.mark.parametrize(
    ("start_s", "end_s", "found"),
    [
        (0, None, [(1, 0, 60), (2, 0, 30)]),
        (10, 20, [(1, 10, 20)]),
        (50, 70, [(1, 50, 60), (2, 0, 10)]),
        (60, 61, [(2, 0, 1)]),
        (85, 999, [(2, 25, 30)]),
        (90, None, []),
    ],
)
def test_a_trim_counts_what_was_recorded_and_leaves_gaps_out(start_s, end_s, found):
    assert list(trimmed(tape(), start_s, end_s)) == [stretch(*one) for one in found]


# --- video on demand


def upload(**changed: Any) -> c.UploadToVod:
    wanted = c.UploadToVod(
        at=at(),
        show_id=SHOW,
        vod_id=told.VOD,
        edit_id=told.EDIT,
        recording_id=told.RECORDING,
        title="Talk",
        source_key="edits/1.mp4",
        sha256=SHA,
        size_bytes=25,
        entitled=True,
        opted_out=False,
        forbidden=False,
    )
    return replace(wanted, **changed)


def part(number: int, size_bytes: int = 10) -> c.StorePart:
    return c.StorePart(at=at(number), part=Part(number=number, size_bytes=size_bytes, sha256=SHA))


COMPLETE = c.CompleteUpload(at=at(9), key="vod/1.mp4")
RETRACT = c.RetractVod(at=at(20), reason="typo")


def uploaded() -> Story:
    story = Story(VOD)
    for command in (upload(), part(1), part(2), part(3, 5), COMPLETE):
        story.when(command)
    return story


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"entitled": False}, VodNotEntitled),
        ({"opted_out": True}, VodDeclined),
        ({"forbidden": True}, RecordingForbidden),
        ({"forbidden": True, "entitled": False}, RecordingForbidden),
    ],
)
def test_what_must_not_go_on_demand_is_not_even_started(changed, refusal):
    Story(VOD).refused(upload(**changed), refusal)


def test_a_film_is_uploaded_part_by_part_and_verified():
    story = uploaded()
    assert [type(event).__name__ for event in story.events[1:]] == [*["VodPartStored"] * 3, "VodUploadCompleted"]
    assert require_on_demand(story.state).key == "vod/1.mp4"
    assert story.when(COMPLETE) == []


def test_an_upload_goes_on_behind_the_parts_that_arrived():
    story = Story(VOD)
    story.when(upload())
    story.when(part(1))
    assert story.when(part(1)) == []
    assert story.refused(part(3), PartOutOfOrder).facts["expected"] == 2
    story.when(c.FailUpload(at=at(5), reason="the store does not answer", final=False))
    assert isinstance(story.state, Uploading)
    assert len(story.state.parts) == 1
    assert story.names(part(2)) == ["VodPartStored"]


def test_an_upload_that_lacks_bytes_is_not_complete():
    story = Story(VOD)
    for command in (upload(), part(1), part(2)):
        story.when(command)
    story.refused(COMPLETE, WrongState)


def test_asking_again_for_what_is_on_its_way_or_there_changes_nothing():
    story = Story(VOD)
    story.when(upload())
    assert story.when(upload()) == []
    assert uploaded().when(upload()) == []


def test_what_was_given_up_may_be_asked_for_again():
    story = Story(VOD)
    story.when(upload())
    story.when(part(1))
    [failed] = story.when(c.FailUpload(at=at(5), reason="no space", final=True))
    assert failed.final
    with pytest.raises(VodNotOnDemand):
        require_on_demand(story.state)
    story.when(upload())
    assert story.state.parts == ()


def test_a_retracted_film_is_gone_at_once_and_its_bytes_are_told_when_they_are():
    story = uploaded()
    assert story.names(RETRACT) == ["VodRetractRequested"]
    with pytest.raises(VodNotOnDemand):
        require_on_demand(story.state)
    assert story.when(RETRACT) == []
    story.refused(upload(), WrongState)
    assert story.names(c.ConfirmRetracted(at=at(30))) == ["VodRetracted"]
    assert story.names(upload()) == ["VodUploadStarted"]


def test_an_upload_that_is_retracted_meanwhile_is_not_completed():
    story = Story(VOD)
    for command in (upload(), part(1), part(2), part(3, 5), RETRACT):
        story.when(command)
    story.refused(COMPLETE, WrongState)
    story.refused(part(4), WrongState)


def test_there_is_nothing_to_retract_before_there_is_a_film():
    Story(VOD).refused(RETRACT, WrongState)

"""Cues, destinations, the watch, and the engine's coming and going."""

import pytest

from contracts import stage as e
from contracts.envelope import Sealed
from services.stage import commands as c
from services.stage.domain import STAGE, refusals
from services.stage.domain.state import ClipStatus, PresenterStatus
from tests.unit.stage.story import ADA, BOB, CUES, NOON, SCENE, SHOW, TALK, Story, ident, kinds, rundown

CLIP, ASSET, OVERLAY = ident("clip"), ident("asset"), ident("overlay")
CLIP_SCENE = e.Scene(layout=e.Layout.FULL, sources=(e.Source(kind=e.SourceKind.CLIP, id=CLIP),))
TEXT = Sealed(subject="speaker", box="Ada")
CUT = {"transition": e.Transition.CUT, "transition_frames": 0}


def admit(story: Story, *, approved: bool = True, shared: bool = True) -> None:
    asset = e.Asset(asset_id=ASSET, kind="clip", file="assets/a.mp4", approved=approved, shared=shared)
    story.now(c.AdmitAsset(at=NOON, show_id=SHOW, asset=asset))


def source(presenter: object) -> e.Source:
    return e.Source(kind=e.SourceKind.PRESENTER, id=presenter)  # type: ignore[arg-type]


# --- the rundown


def test_cues_are_taken_in_order() -> None:
    story = Story().live()
    for cue in CUES:
        assert story.stage.rundown.next_cue == cue
        story.ask(c.TakeCue, cue_id=cue, rundown_version=1)
    assert story.stage.rundown.next_cue is None
    story.refused(refusals.CueDone, c.TakeCue, cue_id=CUES[0], rundown_version=1)


def test_a_cue_out_of_order_needs_a_reason_and_leaves_the_others_pending() -> None:
    story = Story().live()
    refusal = story.refused(refusals.CueOutOfOrder, c.TakeCue, cue_id=CUES[2], rundown_version=1)
    assert refusal.facts["next_cue_id"] == str(CUES[0])
    told = story.ask(c.TakeCue, cue_id=CUES[2], rundown_version=1, reason="the speaker is late")
    assert kinds(told) == [e.RundownDeviated, e.CueTaken]
    assert story.stage.rundown.done == {CUES[2]}
    assert story.stage.rundown.next_cue == CUES[3]


def test_jumping_back_needs_a_reason_too() -> None:
    story = Story().live()
    story.ask(c.TakeCue, cue_id=CUES[1], rundown_version=1, reason="swap")
    story.refused(refusals.CueOutOfOrder, c.JumpToCue, cue_id=CUES[0], rundown_version=1)
    story.ask(c.JumpToCue, cue_id=CUES[0], rundown_version=1, reason="swap")
    assert story.stage.rundown.next_cue == CUES[0]


def test_cues_are_skipped_and_held() -> None:
    story = Story().live()
    story.ask(c.HoldCue, cue_id=CUES[0], rundown_version=1, reason="sound")
    assert story.stage.rundown.held == CUES[0]
    story.ask(c.SkipCue, cue_id=CUES[0], rundown_version=1, reason="no time")
    assert (story.stage.rundown.held, story.stage.rundown.next_cue) == (None, CUES[1])


def test_a_cue_of_an_old_rundown_is_refused() -> None:
    story = Story().live()
    story.now(rundown(2))
    story.refused(refusals.RundownChanged, c.TakeCue, cue_id=CUES[0], rundown_version=1)
    story.refused(refusals.CueUnknown, c.TakeCue, cue_id=ident("no cue"), rundown_version=2)


def test_an_older_rundown_changes_nothing() -> None:
    story = Story().live()
    story.now(rundown(3))
    assert story.now(rundown(2)) == []


# --- destinations


@pytest.mark.parametrize("url", ["rtmp://user:word@tube.example/live", "rtmp://tube.example/live?key=s3cret"])
def test_an_address_with_a_secret_is_refused(url: str) -> None:
    fields = {"destination_id": ident("tube"), "name": "tube", "kind": e.DestinationKind.RTMP, "key_fingerprint": "f"}
    Story().prepared().refused(refusals.SecretInPayload, c.CreateDestination, url=url, **fields)


@pytest.mark.parametrize("url", ["http://tube.example/live", "rtmp:///live", "rtmp://tube.example:port/live"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    fields = {"destination_id": ident("tube"), "name": "tube", "kind": e.DestinationKind.RTMP, "key_fingerprint": "f"}
    Story().prepared().refused(refusals.DestinationUrlInvalid, c.CreateDestination, url=url, **fields)


def test_a_key_is_used_once() -> None:
    story = Story().prepared()
    story.destination("one")
    two = story.destination("two")
    story.refused(refusals.DestinationInUse, c.RotateStreamKey, destination_id=two, key_fingerprint="key of one")
    assert story.ask(c.RotateStreamKey, destination_id=two, key_fingerprint="another")


def test_an_unknown_destination_is_refused() -> None:
    Story().prepared().refused(refusals.DestinationUnknown, c.EnableDestination, destination_id=ident("tube"))


def test_a_lost_destination_degrades_the_stage_only_when_none_is_left() -> None:
    story = Story().live()
    one, two = story.destination("one"), story.destination("two")
    for destination in (one, two):
        story.report(destination, "connecting")
        assert kinds(story.report(destination, "connected", frame=5, attempt=1)) == [e.DestinationConnected]
    assert kinds(story.report(one, "down", reason="reset", attempt=1)) == [e.DestinationReconnecting]
    assert kinds(story.report(two, "down", reason="reset", attempt=1)) == [e.DestinationReconnecting, e.StageDegraded]
    assert story.report(two, "down", reason="reset", attempt=2) == []
    assert kinds(story.report(one, "connected", attempt=3)) == [e.DestinationRecovered, e.StageRecovered]


def test_a_destination_that_never_answered_has_failed() -> None:
    story = Story().live()
    one = story.destination("one")
    story.report(one, "connecting")
    told = story.report(one, "down", reason="refused", attempt=1)
    assert kinds(told) == [e.DestinationFailed, e.StageDegraded]
    assert story.stage.destinations[one].reason == "refused"
    assert kinds(story.ask(c.RemoveDestination, destination_id=one)) == [e.DestinationRemoved, e.StageRecovered]


def test_destinations_on_air_belong_to_who_commands() -> None:
    story = Story().live()
    story.destination("one")
    story.refused(refusals.LeaseNotHeld, c.RemoveDestination, lease=None, destination_id=ident("one"))


# --- the watch


def test_the_attendees_chat_is_not_watched() -> None:
    story = Story().live()
    story.refused(refusals.NotInScope, c.OpenChatWatch, channels=(e.ChatChannel.ATTENDEE,))
    flag = {"flag_id": ident("flag"), "author": None, "text": TEXT}
    story.refused(refusals.NotInScope, c.FlagMessage, channel=e.ChatChannel.ATTENDEE, **flag)
    story.refused(refusals.ChatWatchClosed, c.FlagMessage, channel=e.ChatChannel.SPEAKER, **flag)


def test_a_flag_stands_until_somebody_takes_care() -> None:
    story = Story().live()
    story.ask(c.OpenChatWatch, channels=(e.ChatChannel.SPEAKER,))
    flag = ident("flag")
    story.ask(c.FlagMessage, channel=e.ChatChannel.SPEAKER, flag_id=flag, author=None, text=TEXT)
    assert story.stage.watch.flags == {flag}
    story.ask(c.AcknowledgeFlag, flag_id=flag)
    story.refused(refusals.FlagUnknown, c.AcknowledgeFlag, flag_id=flag)


def test_an_unchecked_attendee_view_is_told_and_a_checked_one_is_not() -> None:
    story = Story().live()
    run = story.stage.run_id
    assert run is not None
    late = c.ReportAttendeeViewUnchecked(at=NOON, run_id=run, grace_s=300)
    assert kinds(story.now(late)) == [e.AttendeeViewCheckOverdue]
    told = story.ask(c.RecordAttendeeViewCheck, picture=True, sound=False)
    assert [event.faults for event in told if isinstance(event, e.AttendeeViewDegraded)] == [("sound",)]
    assert kinds(story.ask(c.RecordAttendeeViewCheck, picture=True, sound=True)) == [e.AttendeeViewConfirmed]
    assert story.now(late) == []


def test_there_is_no_attendee_view_before_the_stream() -> None:
    Story().armed().refused(refusals.NotLive, c.RecordAttendeeViewCheck, picture=True, sound=True)


# --- the engine


def test_settling_twice_changes_nothing() -> None:
    story = Story().live().ready(ADA)
    story.ask(c.BringOnStage, presenter_id=ADA)
    effect = next(iter(story.stage.pending))
    assert story.now(c.Settle(at=NOON, effect_id=effect, frame=1))
    assert story.now(c.Settle(at=NOON, effect_id=effect, frame=1)) == []
    assert story.now(c.SettleFailed(at=NOON, effect_id=effect, reason="late")) == []


def test_a_lost_engine_loses_no_intent_and_closes_its_recording() -> None:
    story = Story().live().on_stage(ADA)
    destination = story.destination()
    story.report(destination, "connected", frame=200)
    story.ask(c.PreviewScene, scene=SCENE)
    story.ask(c.Take, **CUT)
    told = story.now(c.ReportEngineLost(at=NOON, reason="killed", last_frame=900))
    assert kinds(told) == [
        e.EngineLost,
        e.ProgramSegmentClosed,
        e.PresenterDropped,
        e.DestinationReconnecting,
        e.StageDegraded,
    ]
    assert [one.cause for one in told if isinstance(one, e.ProgramSegmentClosed)] == [e.SegmentCause.ENGINE_LOST]
    assert len(story.stage.pending) == 1
    story.now(c.ReportEngineStarted(at=NOON))
    assert story.stage.engine.generation == 2
    restored = story.now(c.ReportEngineRestored(at=NOON, frame=3, segment_id=ident("second")))
    assert kinds(restored) == [e.EngineRestored, e.RecordingRequested]
    assert kinds(story.settle(5)) == [e.ProgramTaken, e.ProgramSegmentOpened]
    assert story.now(c.ReportEngineRestored(at=NOON, frame=3, segment_id=ident("third"))) == []


def test_an_engine_lost_before_going_live_leaves_the_wish_standing() -> None:
    story = Story().armed()
    story.ask(c.GoLive, session_id=TALK)
    story.now(c.ReportEngineLost(at=NOON, reason="killed"))
    story.now(c.ReportEngineStarted(at=NOON))
    assert kinds(story.now(c.ReportEngineRestored(at=NOON, frame=1, segment_id=ident("x")))) == [e.EngineRestored]
    assert kinds(story.settle(2)) == [e.ProgramSegmentOpened, e.StreamStarted, e.SessionStarted]


def test_an_engine_that_leaves_leaves_nothing_open() -> None:
    story = Story().live().on_stage(ADA)
    story.ask(c.EndStream)
    story.settle(50)
    story.now(c.ReportEngineStopped(at=NOON, last_frame=160))
    assert not story.stage.pending
    assert not story.stage.segments
    assert story.stage.presenters[ADA].status is PresenterStatus.LEFT
    assert [one.last_frame for one in story.events if isinstance(one, e.ProgramSegmentClosed)] == [160]


def test_a_recording_that_breaks_off_is_told_and_the_stream_goes_on() -> None:
    story = Story().live()
    segment = next(iter(story.stage.segments))
    report = {"first_frame": 1, "last_frame": 5, "frames": 5, "reason": "disk full"}
    told = story.now(c.ReportRecording(at=NOON, segment_id=segment, **report))  # type: ignore[arg-type]
    assert kinds(told) == [e.RecordingFailed, e.ProgramSegmentClosed]
    assert story.stage.situation == "LIVE"


def test_a_recording_that_cannot_start_does_not_stop_the_stream() -> None:
    story = Story().armed()
    story.ask(c.GoLive, session_id=TALK)
    recording, start = story.stage.pending
    assert kinds(story.now(c.SettleFailed(at=NOON, effect_id=recording, reason="disk"))) == [e.RecordingFailed]
    assert e.StreamStarted in kinds(story.now(c.Settle(at=NOON, effect_id=start, frame=1)))


def test_a_lost_clip_has_ended() -> None:
    story = Story().live()
    admit(story)
    story.ask(c.CueClip, clip_id=CLIP, asset_id=ASSET)
    story.ask(c.PlayClip, clip_id=CLIP)
    story.settle()
    assert e.ClipEnded in kinds(story.now(c.ReportEngineLost(at=NOON, reason="killed")))
    assert story.stage.clips[CLIP].status is ClipStatus.ENDED


def test_the_fold_of_the_events_is_the_state() -> None:
    story = Story().live().on_stage(ADA, BOB)
    assert STAGE.fold(story.events) == story.stage

"""Random shows: operators, customers, engine and clock do anything in any order, and what must hold holds.

Source: domain.md I5, I6, I7, I9, I10, I11, I16; features.md T18, T19.
"""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts import stage as e
from contracts.envelope import Event
from contracts.problems import Refusal
from services.stage import commands as c
from services.stage.domain import STAGE, refusals, rights
from services.stage.domain.rights import Right
from services.stage.domain.state import Live, PresenterStatus
from tests.unit.stage.story import (
    ADA,
    ANNA,
    BEN,
    BOB,
    BOTH,
    CUES,
    NOON,
    PANEL,
    SCENE,
    SHOW,
    TALK,
    Story,
    coverage,
    ident,
    rundown,
)

OPERATORS = st.sampled_from(["holder", "holder", "holder", "holder", BEN])
PRESENTERS = st.sampled_from([ADA, BOB])
SESSIONS = st.sampled_from([TALK, PANEL])
SCENES = st.sampled_from([SCENE, BOTH, e.Scene(layout=e.Layout.SLATE)])
STEPS = st.sampled_from([1, 5, 60, 300])
ON_AIR = (e.StreamStartRequested, e.StreamStarted, e.StreamEndRequested)
PICTURE = (e.ProgramTaken, e.ProgramCut, e.StreamEnded, e.StreamStarted, e.SessionStarted, e.EngineStopped)


class Stage(RuleBasedStateMachine):
    """Refusals are answers; anything else that is raised is a mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story().prepared()
        self.leases: list[int] = [self.story.stage.lease_number]
        self.runs = 0

    def ask(self, kind: type[c.Operated], /, **fields: Any) -> list[Event] | Refusal:
        """By the holder of the lease, mostly, so that shows get far."""
        lease = self.story.stage.lease
        if fields.get("by") == "holder":
            fields["by"] = lease.holder if lease is not None else ANNA
        return self.now(self.story.build(kind, **fields))

    def now(self, command: c.Command) -> list[Event] | Refusal:
        before = self.story.stage
        try:
            told = self.story.now(command)
        except Refusal as refusal:
            assert self.story.stage is before
            return refusal
        self._watch(command, told, before)
        return told

    def _watch(self, command: c.Command, told: list[Event], before: Any) -> None:
        after = self.story.stage
        if after.program.scene != before.program.scene or after.program.cut != before.program.cut:
            assert any(isinstance(event, PICTURE) for event in told)
        if isinstance(command, c.Operated):
            right = rights.RIGHTS[type(command)]
            spent = before.coverage is None or before.coverage.capped
            assert not (spent and right in (Right.LIVE, Right.DUTY)), command
            if right in (Right.LIVE, Right.SAFE) or (right is Right.PREPARATION and before.on_air):
                assert before.lease is not None
                assert (command.by, command.lease) == (before.lease.holder, before.lease_number)
        for event in told:
            if isinstance(event, e.LeaseGranted | e.LeaseHandedOver):
                self.leases.append(event.number)

    # --- people

    @initialize(depth=st.sampled_from(["prepared", "armed", "live", "live", "on stage"]))
    def begin(self, depth: str) -> None:
        if depth == "armed":
            self.arm("holder", TALK)
            self.engine_starts()
        elif depth != "prepared":
            self.story = Story().live()
        if depth == "on stage":
            self.story.on_stage(ADA, BOB)
        self.leases = [self.story.stage.lease_number]

    @rule(by=OPERATORS, what=st.integers(0, 5), back=st.integers(0, 2))
    def command_changes_hands(self, by: str, what: int, back: int) -> None:
        """Rarely given up, sometimes handed over, mostly acquired."""
        number = max(1, self.story.stage.lease_number - back)
        if what == 0:
            self.ask(c.ReleaseLease, by=by)
        elif what == 1:
            self.ask(c.HandOver, by=by, lease=number, to=BEN, ttl_s=900)
        else:
            self.ask(c.AcquireLease, by=by, ttl_s=900)

    @rule(by=OPERATORS, session=SESSIONS)
    def arm(self, by: str, session: Any) -> None:
        self.ask(c.ArmSession, by=by, session_id=session)

    @rule(by=OPERATORS, session=SESSIONS)
    def go_live(self, by: str, session: Any) -> None:
        on_air = self.story.stage.on_air
        told = self.ask(c.GoLive, by=by, session_id=session)
        if on_air:
            assert isinstance(told, Refusal)
        if isinstance(told, list):
            self.runs += 1
            again = self.ask(c.GoLive, by=by, session_id=session)
            assert isinstance(again, refusals.AlreadyLive)

    @rule(by=OPERATORS, session=SESSIONS)
    def next_session(self, by: str, session: Any) -> None:
        self.ask(c.StartNextSession, by=by, session_id=session)

    @rule(by=OPERATORS, session=SESSIONS)
    def close_session(self, by: str, session: Any) -> None:
        self.ask(c.CloseSession, by=by, session_id=session)

    @rule(by=OPERATORS)
    def end(self, by: str) -> None:
        self.ask(c.EndStream, by=by)

    @rule(presenter=PRESENTERS)
    def arrive(self, presenter: Any) -> None:
        self.ask(c.ConnectPresenter, presenter_id=presenter, feed=e.FeedKind.CARD, key_fingerprint=None)

    @rule(presenter=PRESENTERS, good=st.booleans())
    def check(self, presenter: Any, good: bool) -> None:
        self.ask(c.RecordTechCheck, presenter_id=presenter, light=good, video=True, audio=True)
        self.ask(c.MarkPresenterReady, presenter_id=presenter)

    @rule(by=OPERATORS, presenter=PRESENTERS)
    def bring(self, by: str, presenter: Any) -> None:
        told = self.ask(c.BringOnStage, by=by, presenter_id=presenter)
        if isinstance(told, list) and told:
            assert self.story.stage.presenters[presenter].checked

    @rule(by=OPERATORS, presenter=PRESENTERS)
    def take_off(self, by: str, presenter: Any) -> None:
        self.ask(c.TakeOffStage, by=by, presenter_id=presenter)

    @rule(by=OPERATORS, scene=SCENES)
    def preview(self, by: str, scene: e.Scene) -> None:
        self.ask(c.PreviewScene, by=by, scene=scene)

    @rule(by=OPERATORS)
    def take(self, by: str) -> None:
        told = self.ask(c.Take, by=by, transition=e.Transition.CUT, transition_frames=0)
        if isinstance(told, list):
            again = self.ask(c.Take, by=by, transition=e.Transition.CUT, transition_frames=0)
            assert isinstance(again, refusals.PreviewEmpty)

    @rule()
    def cut(self) -> None:
        told = self.ask(c.EmergencyCut, lease=None, reason="now")
        assert isinstance(told, list) or not self.story.stage.engine_wanted

    @rule(by=OPERATORS, layer=st.integers(0, 1))
    def overlay(self, by: str, layer: int) -> None:
        fields = {"kind": e.OverlayKind.TITLE, "text": e.PresenterPlan, "asset_id": None}
        fields["text"] = next(iter(self.story.stage.presenters.values())).name
        self.ask(c.ShowOverlay, by=by, layer=layer, overlay_id=ident(f"overlay {self.story.number}"), **fields)

    @rule(by=OPERATORS)
    def hide(self, by: str) -> None:
        for overlay in list(self.story.stage.overlays.values()):
            self.ask(c.HideOverlay, by=by, overlay_id=overlay.overlay_id)

    @rule(by=OPERATORS, cue=st.sampled_from(CUES), reason=st.sampled_from([None, "late"]))
    def take_cue(self, by: str, cue: Any, reason: str | None) -> None:
        expected = self.story.stage.rundown.next_cue
        version = self.story.stage.rundown.version
        told = self.ask(c.TakeCue, by=by, cue_id=cue, rundown_version=version, reason=reason)
        if isinstance(told, list) and cue != expected:
            assert reason
            assert any(isinstance(event, e.RundownDeviated) for event in told)

    @rule(name=st.sampled_from(["one", "two"]))
    def destination(self, name: str) -> None:
        fields = {"name": name, "kind": e.DestinationKind.RTMP, "url": "rtmp://tube.example/live"}
        self.ask(c.CreateDestination, destination_id=ident(name), key_fingerprint=name, **fields)
        self.ask(c.EnableDestination, destination_id=ident(name))

    # --- the engine, the clock, and other services

    @rule(frame=st.integers(1, 9))
    def engine_answers(self, frame: int) -> None:
        """The oldest intent, as the director does it."""
        if self.story.stage.engine.up:
            stops = e.RecordingStopRequested
            waiting = [one for one, intent in self.story.stage.pending.items() if not isinstance(intent, stops)]
            for effect_id in waiting[:1]:
                at = self.story.stage.engine.last_frame + frame
                self.now(c.Settle(at=self.story.at, effect_id=effect_id, frame=at))
                self.now(c.Settle(at=self.story.at, effect_id=effect_id, frame=at))

    @rule(what=st.integers(0, 9))
    def engine_has_its_moods(self, what: int) -> None:
        """Mostly it carries everything out; sometimes it refuses, dies, or leaves when it may."""
        if what == 0:
            self.now(c.ReportEngineLost(at=self.story.at, reason="killed"))
        elif what == 1:
            for effect_id in list(self.story.stage.pending)[:1]:
                self.now(c.SettleFailed(at=self.story.at, effect_id=effect_id, reason="no"))
        elif self.story.stage.engine.retiring:
            self.now(c.ReportEngineStopped(at=self.story.at))
        else:
            while self.story.stage.engine.up and self._answerable():
                self.engine_answers(what)

    def _answerable(self) -> bool:
        stops = e.RecordingStopRequested
        return any(not isinstance(one, stops) for one in self.story.stage.pending.values())

    @rule()
    def engine_starts(self) -> None:
        if self.story.stage.engine_wanted and not self.story.stage.engine.up:
            restoring = self.story.stage.engine.restoring
            self.now(c.ReportEngineStarted(at=self.story.at))
            if restoring:
                segment = ident(f"segment {self.story.number} {self.story.stage.engine.generation}")
                self.now(c.ReportEngineRestored(at=self.story.at, frame=1, segment_id=segment))

    @rule()
    def recordings_close(self) -> None:
        for segment_id, segment in list(self.story.stage.segments.items()):
            if segment.closing is not None and segment.first_frame is not None:
                last = segment.first_frame + 9
                fields = {"first_frame": segment.first_frame, "last_frame": last, "frames": 10}
                self.now(c.ReportRecording(at=self.story.at, segment_id=segment_id, **fields))

    @rule(presenter=PRESENTERS, live=st.booleans())
    def feed(self, presenter: Any, live: bool) -> None:
        source = e.Source(kind=e.SourceKind.PRESENTER, id=presenter)
        self.now(c.ReportSource(at=self.story.at, source=source, live=live))

    @rule(name=st.sampled_from(["one", "two"]), state=st.sampled_from(["connecting", "connected", "down", "closed"]))
    def server(self, name: str, state: str) -> None:
        self.now(c.ReportDestination(at=self.story.at, destination_id=ident(name), state=state, reason="reset"))

    @rule(step=STEPS)
    def time_passes(self, step: int) -> None:
        self.story.at += timedelta(seconds=step)

    @rule(what=st.integers(0, 7))
    def somebody_else_says(self, what: int) -> None:
        """Hours are spent or there again, the rundown is published anew, the show is cancelled."""
        if what in (0, 1):
            self.now(coverage(capped=what == 0))
        elif what in (2, 3):
            self.now(rundown(self.story.stage.rundown.version + 1, do_not_record=what == 2))
        elif what == 4:
            told = self.now(c.StandDown(at=self.story.at, reason="cancelled"))
            assert isinstance(told, list) or self.story.stage.on_air
        else:
            self.now(coverage(capped=False))

    # --- what must hold

    @invariant()
    def numbers_of_leases_only_grow(self) -> None:
        assert self.leases == sorted(set(self.leases))

    @invariant()
    def what_is_on_air_is_recorded_or_was_told_not_to_be(self) -> None:
        """Every segment that opened is open, or was closed exactly once."""
        opened = [event.segment_id for event in self.story.events if isinstance(event, e.ProgramSegmentOpened)]
        closed = [event.segment_id for event in self.story.events if isinstance(event, e.ProgramSegmentClosed)]
        open_now = [one for one, segment in self.story.stage.segments.items() if segment.first_frame is not None]
        assert sorted(opened) == sorted([*closed, *open_now])

    @invariant()
    def streams_start_and_end_in_turn(self) -> None:
        live = False
        for event in self.story.events:
            if isinstance(event, e.StreamStarted):
                assert not live
                live = True
            elif isinstance(event, e.StreamEnded):
                assert live
                live = False
        assert live == isinstance(self.story.stage.phase, Live) or self.story.stage.situation == "ENDING"

    @invariant()
    def sessions_run_only_within_the_stream(self) -> None:
        running = None
        for event in self.story.events:
            if isinstance(event, e.SessionStarted):
                assert running is None
                running = event.session_id
            elif isinstance(event, e.SessionEnded):
                assert running == event.session_id
                running = None
            elif isinstance(event, e.StreamEnded):
                assert running is None

    @invariant()
    def nobody_is_on_stage_unchecked_or_before_arriving(self) -> None:
        for one in self.story.stage.presenters.values():
            assert (one.before_drop is not None) == (one.status is PresenterStatus.DROPPED)
            assert one.place is PresenterStatus.INVITED or one.feed is not None or one.place is PresenterStatus.NO_SHOW

    @invariant()
    def every_intent_is_pending_or_answered_once(self) -> None:
        assert set(self.story.stage.pending) <= {getattr(event, "effect_id", None) for event in self.story.events}
        for effect_id, intent in self.story.stage.pending.items():
            assert getattr(intent, "effect_id", None) == effect_id

    def teardown(self) -> None:
        assert STAGE.fold(self.story.events) == self.story.stage
        assert self.story.events[0].at == NOON
        assert all(getattr(event, "show_id", SHOW) == SHOW for event in self.story.events)


TestRandomShows = Stage.TestCase
TestRandomShows.settings = settings(
    max_examples=200, stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_the_watch_would_see_a_picture_that_changes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own check, sabotaged: a take that says nothing is noticed."""
    machine = Stage()
    before = machine.story.stage
    machine.story.armed()
    machine.story.on_stage(ADA)
    machine.story.ask(c.PreviewScene, scene=SCENE)
    machine.story.ask(c.Take, transition=e.Transition.CUT, transition_frames=0)
    machine.story.settle()
    with pytest.raises(AssertionError):
        machine._watch(c.StandDown(at=NOON, reason="x"), [], before)

"""Whatever happens in whichever order: the account balances and nothing outstanding is finalised (I8, I19)."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts import media as e
from contracts.problems import Refusal
from contracts.stage.values import SegmentCause
from services.media import commands as c
from services.media.domain import RECORDING
from services.media.domain.recording import require_usable
from services.media.domain.rights import Rights, StageRules
from services.media.domain.tape import TOLERANCE_MS, Finalised, Incomplete, Quarantined, Unknown
from services.media.domain.vod import VOD, Uploading
from tests.unit.media import story as told
from tests.unit.media.story import SESSION, STAGE, Story, at

causes = st.sampled_from(list(SegmentCause))


class OneRecording(RuleBasedStateMachine):
    """Time only goes forward. What was written and what each file holds is known here, apart from the model."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(RECORDING)
        self.vod = Story(VOD)
        self.now = 0.0
        self.count = 0
        self.forbidden = False
        self.spans: dict[int, tuple[float, float | None]] = {}

    def tell(self, command: c.Command) -> list[str]:
        before = self.story.state
        try:
            return self.story.names(command)
        except Refusal:
            assert self.story.state == before
            return []

    @initialize(pieces=st.integers(0, 2), seconds=st.floats(1, 60), cause=causes)
    def a_session_is_under_way(self, pieces, seconds, cause):
        """Or nothing happened yet."""
        for piece in range(pieces):
            self.a_segment_is_opened()
            self.time_passes(seconds)
            self.the_last_segment_is_closed(cause if piece == 0 and pieces > 1 else SegmentCause.SESSION_END)
        if pieces:
            self.the_session_ends()

    @rule(seconds=st.floats(0.04, 900))
    def time_passes(self, seconds):
        self.now = round(self.now + seconds, 3)

    @rule()
    def a_segment_is_opened(self):
        if any(end is None for _, end in self.spans.values()):
            return
        if "RecordingSegmentOpened" in self.tell(told.open_segment(self.count + 1, self.now, forbidden=self.forbidden)):
            self.count += 1
            self.spans[self.count] = (self.now, None)

    @precondition(lambda self: self.spans)
    @rule(cause=causes)
    def the_last_segment_is_closed(self, cause):
        begin, end = self.spans[self.count]
        if end is None and self.tell(told.close_segment(self.count, self.now, cause)):
            self.spans[self.count] = (begin, self.now)

    @precondition(lambda self: self.spans)
    @rule(number=st.integers(1, 3), share=st.sampled_from([0.0, 0.3, 0.9, 1.0]))
    def a_file_is_kept(self, number, share):
        begin, end = self.spans.get(number, (0, None))
        held_ms = 0 if end is None else int((end - begin) * 1000 * share)
        self.tell(told.keep_segment(number, held_ms))

    @precondition(lambda self: self.spans)
    @rule(number=st.integers(1, 3))
    def a_file_is_lost(self, number):
        self.tell(told.lose_segment(number))

    @precondition(lambda self: self.spans)
    @rule()
    def the_session_ends(self):
        self.tell(told.end_recording(self.now))

    @rule()
    def recording_is_forbidden_from_now_on(self):
        self.forbidden = True
        if self.spans:
            self.tell(c.Quarantine(at=at(self.now), reason="do_not_record"))

    @rule(entitled=st.booleans())
    def somebody_wants_it_on_demand(self, entitled):
        """As the application asks: what is known of recording and rights goes into the command."""
        rights = Rights(
            entitled=entitled,
            stages={STAGE: StageRules(titles={}, do_not_record=(SESSION,) if self.forbidden else ())},
        )
        try:
            tape = require_usable(self.story.state)
            self.vod.when(_upload(tape, rights))
        except Refusal:
            return
        assert entitled
        assert not self.forbidden
        assert isinstance(self.story.state, Finalised | Incomplete)
        assert isinstance(self.vod.state, Uploading)

    @invariant()
    def what_is_finalised_is_accounted_for_and_nothing_is_outstanding(self):
        state = self.story.state
        if not isinstance(state, Finalised | Incomplete):
            return
        assert all(one.closed is not None and one.settled for one in state.tape.segments)
        verdicts = (e.RecordingFinalised, e.RecordingIncomplete)
        verdict = next(event for event in self.story.events if isinstance(event, verdicts))
        explained = verdict.recorded_ms + verdict.gaps_ms >= verdict.live_ms - TOLERANCE_MS
        assert isinstance(verdict, e.RecordingFinalised) is explained

    @invariant()
    def no_gap_is_told_twice(self):
        """What is recorded and what is missing never add up to more than there was, but for rounding."""
        if isinstance(self.story.state, Unknown):
            return
        tape = self.story.state.tape
        assert tape.recorded_ms + tape.gaps_ms <= tape.live_ms + len(tape.segments) + self._time_until_now(tape)

    def _time_until_now(self, tape) -> int:
        """A gap before a segment that is still open is known before the account reaches it."""
        last = tape.segments[-1]
        return 0 if last.closed is not None else int((self.now + 1) * 1000)

    @invariant()
    def what_is_withheld_stays_withheld(self):
        withheld = sum(isinstance(event, e.RecordingQuarantined) for event in self.story.events)
        assert withheld == isinstance(self.story.state, Quarantined)

    @invariant()
    def a_verdict_is_spoken_once(self):
        verdicts = (e.RecordingFinalised, e.RecordingIncomplete)
        assert sum(isinstance(event, verdicts) for event in self.story.events) <= 1


def _upload(tape, rights: Rights) -> c.UploadToVod:
    return c.UploadToVod(
        at=at(),
        show_id=tape.show_id,
        vod_id=told.VOD,
        edit_id=told.EDIT,
        recording_id=tape.recording_id,
        title="Talk",
        source_key="edits/1.mp4",
        sha256=told.SHA,
        size_bytes=1,
        entitled=bool(rights.entitled),
        opted_out=rights.opted_out is not None,
        forbidden=rights.forbids(tape.session_id),
    )


OneRecording.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
test_whatever_happens_the_account_balances = OneRecording.TestCase

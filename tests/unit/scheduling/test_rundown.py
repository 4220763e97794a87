"""The run of show: drafted, published, edited, late."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts import scheduling as e
from contracts.envelope import Role
from contracts.problems import Refusal
from services.scheduling import commands as c
from services.scheduling.domain.plan import problems
from services.scheduling.domain.retiming import knock_on, remaining
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.timing import Basis
from tests.unit.scheduling.spec import ADA, OTHER_STAGE, SHOW_ID, STAGE, Story, at, ident, imported, session, story

PUBLISH = c.PublishRundown(at=at(-500), show_id=SHOW_ID)
TWO = (session("talk", 0, 30), session("panel", 35, 80))
PAUSED = (*TWO, session("pause", 80, 100, kind=e.SessionKind.BREAK, speaker_ids=()), session("last", 100, 150))


def in_force(*sessions: e.Session) -> Story:
    return story(RUNDOWN).when(imported(*sessions), PUBLISH)


def begins(name: str, minute: float) -> c.NoteSessionBegan:
    return c.NoteSessionBegan(at=at(minute), show_id=SHOW_ID, session_id=ident(name), began_at=at(minute))


def ends(name: str, minute: float) -> c.NoteSessionOver:
    return c.NoteSessionOver(at=at(minute), show_id=SHOW_ID, session_id=ident(name), ended_at=at(minute))


def retime(name: str, start: float, end: float, role: Role, when: float = -600) -> c.RetimeSession:
    return c.RetimeSession(
        at=at(when),
        show_id=SHOW_ID,
        session_id=ident(name),
        starts_at=at(start),
        ends_at=at(end),
        show_starts_at=at(0),
        role=role,
    )


def moves(told: Any) -> dict[str, tuple[float, float]]:
    names = {ident(it.title): it.title for it in PAUSED}
    found = next(event for event in told if isinstance(event, e.RundownRetimed))
    return {
        names[it.session_id]: ((it.starts_at - at(0)).seconds / 60, (it.ends_at - at(0)).seconds / 60)
        for it in found.moves
    }


def test_publishing_tells_each_stage_its_plan_under_one_version() -> None:
    other = session("aside", 0, 20, stage_id=OTHER_STAGE)
    told = in_force(*TWO, other).tells(e.RundownPublished, e.RundownPublished).told
    assert {event.stage_id for event in told} == {STAGE, OTHER_STAGE}  # type: ignore[attr-defined]
    assert {event.rundown_version for event in told} == {1}  # type: ignore[attr-defined]


def test_publishing_what_is_in_force_tells_nothing() -> None:
    in_force(*TWO).when(PUBLISH).tells()
    in_force(*TWO).when(imported(*TWO), PUBLISH).tells()


def test_publishing_nothing_is_refused() -> None:
    story(RUNDOWN).refuses(PUBLISH, "RUNDOWN_NOT_PUBLISHED")
    story(RUNDOWN).refuses(c.RequirePublished(at=at(0)), "RUNDOWN_NOT_PUBLISHED")


def test_a_second_plan_names_only_the_stages_that_differ_and_empties_those_that_are_gone() -> None:
    other = session("aside", 0, 20, stage_id=OTHER_STAGE)
    told = in_force(*TWO, other).when(imported(*TWO), PUBLISH).tells(e.RundownPublished).told
    assert (told[0].stage_id, told[0].rundown_version, told[0].sessions) == (OTHER_STAGE, 2, ())  # type: ignore[attr-defined]


def test_overlaps_and_sessions_in_which_nobody_speaks_are_listed() -> None:
    wrong = (session("talk", 0, 30), session("panel", 20, 50), session("mute", 60, 70, speaker_ids=()))
    refusal = story(RUNDOWN).when(imported(*wrong)).refuses(PUBLISH, "RUNDOWN_INVALID")
    assert [error["field"].split("/")[-1] for error in refusal.facts["errors"]] == ["speakers", "starts_at"]


def test_breaks_and_clips_need_no_speaker() -> None:
    pause = session("pause", 30, 40, kind=e.SessionKind.BREAK, speaker_ids=())
    clip = session("clip", 40, 45, kind=e.SessionKind.CLIP, speaker_ids=())
    in_force(TWO[0], pause, clip).tells(e.RundownPublished)


def test_cues_out_of_the_order_of_their_sessions_are_refused() -> None:
    cue = e.Cue(cue_id=ident("cue"), session_id=ident("panel"), kind="note", label="Note", order=1)
    planned = c.PlanCue(at=at(-550), show_id=SHOW_ID, cue=cue)
    story(RUNDOWN).when(imported(*TWO), planned).refuses(PUBLISH, "RUNDOWN_INVALID")


def test_a_cue_without_order_comes_last_in_its_session() -> None:
    cue = e.Cue(cue_id=ident("cue"), session_id=ident("talk"), kind="note", label="Note", order=0)
    planned = c.PlanCue(at=at(-550), show_id=SHOW_ID, cue=cue)
    told = story(RUNDOWN).when(imported(*TWO), planned, PUBLISH).told
    assert [it.label for it in told[0].cues][3] == "Note"  # type: ignore[attr-defined]
    assert [it.order for it in told[0].cues] == list(range(1, 8))  # type: ignore[attr-defined]


def test_a_session_that_has_begun_cannot_vanish() -> None:
    live = in_force(*TWO).when(begins("talk", 0))
    live.refuses(imported(TWO[1]), "SESSION_ALREADY_LIVE")
    live.when(imported(TWO[0])).tells(e.RunOfShowImported)


def test_an_overrun_pushes_what_follows_and_keeps_the_changeover() -> None:
    late = in_force(*PAUSED).when(begins("talk", 0), ends("talk", 42))
    late.tells(e.SessionOver, e.RundownRetimed)
    assert moves(late.told) == {"talk": (0, 42), "panel": (47, 92), "pause": (92, 100)}


def test_a_pause_gives_way_down_to_five_minutes() -> None:
    late = in_force(*PAUSED).when(begins("talk", 0), ends("talk", 60))
    assert moves(late.told) == {"talk": (0, 60), "panel": (65, 110), "pause": (110, 115), "last": (115, 165)}


def test_a_hard_start_holds_and_is_told_to_be_broken() -> None:
    fixed = session("panel", 35, 80, hard_start=True)
    late = in_force(TWO[0], fixed).when(begins("talk", 0), ends("talk", 42))
    found = late.told[1]
    assert isinstance(found, e.RundownRetimed)
    assert found.broken_hard_starts == (ident("panel"),)
    assert [it.session_id for it in found.moves] == [ident("talk")]


def test_sessions_on_time_move_nothing() -> None:
    in_force(*TWO).when(begins("talk", 0)).tells(e.SessionBegan)
    in_force(*TWO).when(begins("talk", 0), ends("talk", 30)).tells(e.SessionOver)


def test_facts_of_sessions_nobody_planned_and_repeats_change_nothing() -> None:
    in_force(*TWO).when(begins("stranger", 0)).tells()
    in_force(*TWO).when(begins("talk", 0), begins("talk", 1)).tells()
    in_force(*TWO).when(ends("talk", 1)).tells()


def test_time_remaining_follows_the_plan_then_the_day_then_a_hard_start() -> None:
    on_time = in_force(*TWO).state
    left = remaining(on_time.plan, on_time.expected_times(), TWO[0], at(10))
    assert (left.remaining_s, left.basis) == (1200, Basis.PLANNED)
    late = in_force(*TWO).when(begins("talk", 5)).state
    left = remaining(late.plan, late.expected_times(), TWO[0], at(10))
    assert (left.remaining_s, left.basis) == (1500, Basis.RETIMED)
    hard = in_force(TWO[0], session("panel", 32, 80, hard_start=True)).when(begins("talk", 5)).state
    left = remaining(hard.plan, hard.expected_times(), TWO[0], at(10))
    assert (left.remaining_s, left.basis) == (22 * 60, Basis.HARD_STOP)


def test_the_knock_on_of_an_overrun_names_moves_broken_starts_lost_preparation_and_missing_hours() -> None:
    run = in_force(*PAUSED).state
    terms = e.CoverageTerms(terms_version="x", margin_after_s=1800)
    last = knock_on(run.plan, run.actual, PAUSED[3], timedelta(minutes=7), terms, at(180))
    assert last.coverage_short_s == 7 * 60
    second = knock_on(run.plan, run.actual, PAUSED[1], timedelta(minutes=12), terms, at(180))
    assert second.compressed_prep == (ident("last"),)
    assert second.coverage_short_s == 0


def test_moving_a_show_moves_its_plan_and_its_draft() -> None:
    shift = c.ShiftRunOfShow(at=at(-400), show_id=SHOW_ID, shift_s=600)
    moved = in_force(*TWO).when(shift).tells(e.RundownPublished).state
    assert moved.plan.times == (at(10), at(90))
    drafted = in_force(*TWO).when(imported(*PAUSED), shift).tells(e.RunOfShowShifted, e.RundownPublished).state
    assert (drafted.plan.times, drafted.draft.times) == ((at(10), at(90)), (at(10), at(160)))
    drafted_only = story(RUNDOWN).when(imported(*TWO), shift).tells(e.RunOfShowShifted).state
    assert (drafted_only.version, drafted_only.draft.times) == (0, (at(10), at(90)))


def test_before_the_show_an_analyst_proposes_and_the_customer_decides() -> None:
    run = in_force(*TWO)
    run.refuses(retime("panel", 40, 85, Role.ANALYST), "CUSTOMER_DUTY")
    suggest = c.SuggestChange(
        at=at(-600),
        show_id=SHOW_ID,
        change_id=ident("change"),
        session_id=ident("panel"),
        starts_at=at(40),
        ends_at=at(85),
        reason="a longer changeover",
        by="anna",
    )
    asked = run.when(suggest).tells(e.RundownChangeSuggested)
    accept = {"at": at(-590), "show_id": SHOW_ID, "change_id": ident("change"), "by": "carol"}
    asked.refuses(c.AcceptChange(role=Role.ANALYST, **accept), "CUSTOMER_DUTY")
    taken = asked.when(c.AcceptChange(role=Role.CUSTOMER, **accept))
    taken.tells(e.RundownChangeAccepted, e.SessionPlanned).refuses(
        c.AcceptChange(role=Role.CUSTOMER, **accept), "NOT_FOUND"
    )
    told = taken.when(PUBLISH).tells(e.RundownPublished).told[0]
    assert told.sessions[1].starts_at == at(40)  # type: ignore[attr-defined]
    asked.when(c.RejectChange(reason="no", role=Role.CUSTOMER, **accept)).tells(e.RundownChangeRejected)


def test_from_half_an_hour_before_the_show_the_analyst_retimes_at_once() -> None:
    run = in_force(*TWO)
    run.refuses(retime("panel", 40, 85, Role.ANALYST, when=-30.1), "CUSTOMER_DUTY")
    told = run.when(retime("panel", 40, 85, Role.ANALYST, when=-30)).tells(e.RundownPublished).told[0]
    assert told.rundown_version == 2  # type: ignore[attr-defined]
    run.refuses(retime("panel", 20, 85, Role.CUSTOMER), "RUNDOWN_INVALID")
    run.refuses(retime("stranger", 20, 85, Role.CUSTOMER), "NOT_FOUND")


def test_a_session_retimed_at_once_is_not_undone_by_the_draft_that_waits() -> None:
    waiting = in_force(*TWO).when(imported(*PAUSED))
    moved = waiting.when(retime("panel", 36, 80, Role.CUSTOMER)).tells(e.SessionPlanned, e.RundownPublished)
    assert moved.when(PUBLISH).state.plan.session(ident("panel")).starts_at == at(36)


def test_sessions_that_change_places_take_their_cues_along() -> None:
    run = in_force(*TWO).when(retime("talk", 90, 120, Role.CUSTOMER)).tells(e.RundownPublished)
    cues = run.told[0].cues  # type: ignore[attr-defined]
    assert [cue.session_id for cue in cues] == [ident("panel")] * 3 + [ident("talk")] * 3
    assert [cue.order for cue in cues] == list(range(1, 7))


def test_a_stage_nobody_named_is_refused() -> None:
    command = c.PlanSession(at=at(-500), show_id=SHOW_ID, session=session("x", 0, 1, stage_id=OTHER_STAGE))
    in_force(*TWO).refuses(command, "RUNDOWN_INVALID")


minutes = some.integers(0, 24).map(lambda n: n * 5)
names = some.sampled_from(["a", "b", "c", "d"])


class RundownMachine(RuleBasedStateMachine):
    """Whatever is asked in whichever order, what is in force can be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RUNDOWN.initial
        self.events: list[Any] = []

    def ask(self, command: Any) -> None:
        try:
            told = RUNDOWN.decide(command, self.state)
        except Refusal:
            return
        self.state = RUNDOWN.fold(told, self.state)
        self.events += told

    @rule(items=some.lists(some.tuples(names, minutes, some.integers(1, 12)), max_size=4, unique_by=lambda it: it[0]))
    def import_(self, items: list[tuple[str, int, int]]) -> None:
        self.ask(imported(*(session(name, start, start + 5 * length) for name, start, length in items)))

    @rule(name=names, start=minutes, length=some.integers(1, 12), stage=some.sampled_from([STAGE, OTHER_STAGE]))
    def plan(self, name: str, start: int, length: int, stage: Any) -> None:
        item = session(name, start, start + 5 * length, stage_id=stage)
        self.ask(c.PlanSession(at=at(-500), show_id=SHOW_ID, session=item, stage_name="S"))
        speaker = e.Speaker(speaker_id=ADA, name=imported().speakers[0].name)
        self.ask(c.AssignSpeaker(at=at(-500), show_id=SHOW_ID, session_id=ident(name), speaker=speaker))

    @rule()
    def publish(self) -> None:
        self.ask(PUBLISH)
        if self.state.draft is not None and not problems(self.state.draft):
            begun = set(self.state.actual)
            lost = {key for key in begun if self.state.draft.session(key) is None}
            elsewhere = {
                key
                for key in begun - lost
                if (it := self.state.plan.session(key)) is not None
                and self.state.draft.session(key).stage_id != it.stage_id
            }
            assert lost or elsewhere, "a draft without problems is used up by publishing it"

    @rule(shift=some.sampled_from([-300, 600]))
    def shift(self, shift: int) -> None:
        self.ask(c.ShiftRunOfShow(at=at(-300), show_id=SHOW_ID, shift_s=shift))

    @rule(name=names, start=minutes, length=some.integers(1, 12))
    def retime(self, name: str, start: int, length: int) -> None:
        self.ask(retime(name, start, start + 5 * length, Role.CUSTOMER))

    @precondition(lambda self: self.state.version)
    @rule(name=names, minute=minutes)
    def begin(self, name: str, minute: int) -> None:
        self.ask(begins(name, minute))

    @precondition(lambda self: self.state.actual)
    @rule(name=names, length=some.integers(0, 60))
    def end(self, name: str, length: int) -> None:
        real = self.state.actual.get(ident(name))
        if real is not None:
            self.ask(
                c.NoteSessionOver(
                    at=real.began_at,
                    show_id=SHOW_ID,
                    session_id=ident(name),
                    ended_at=real.began_at + timedelta(minutes=length),
                )
            )

    @invariant()
    def what_is_in_force_has_no_problem(self) -> None:
        if self.state.version and self.state.plan.sessions:
            assert problems(self.state.plan) == []

    @invariant()
    def every_session_that_began_is_in_force(self) -> None:
        assert all(self.state.plan.session(key) is not None for key in self.state.actual)

    @invariant()
    def versions_only_grow(self) -> None:
        versions = [event.rundown_version for event in self.events if isinstance(event, e.RundownPublished)]
        assert versions == sorted(versions)

    @invariant()
    def the_events_alone_give_the_state(self) -> None:
        assert RUNDOWN.fold(self.events) == self.state


TestRundownMachine = RundownMachine.TestCase
TestRundownMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

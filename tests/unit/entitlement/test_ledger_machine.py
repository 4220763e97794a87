"""Any sequence of commands keeps the ledger whole: the invariants I1 to I4 of domain.md, and one covered day."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chassis.decider import Codec
from contracts.entitlement import CoverageReserved, CoverageRules, CoverageStarted
from contracts.envelope import Role
from contracts.problems import Refusal
from services.entitlement import commands as c
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.ledger import Ledger
from services.entitlement.domain.situations import Active, Covering, Open, Owned, Pending, Reserved, Settled, Suspended
from tests.unit.entitlement.story import Story, purchase

SHOWS = [UUID(int=1), UUID(int=2)]
ANALYSTS = [UUID(int=11), UUID(int=12)]
CODEC = Codec(ENTITLEMENT.events)

minutes = st.sampled_from([1, 17, 60, 300])
lengths = st.sampled_from([1, 30, 90, 240, 480])
steps = st.sampled_from([1, 5, 30, 60, 240]).map(lambda count: timedelta(minutes=count))


class AddOn(RuleBasedStateMachine):
    """Time only goes forward; whatever the domain refuses changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.now = datetime(2026, 6, 1, 8, tzinfo=UTC)
        self.serial = 100

    def tell(self, command) -> None:
        before = self.story.state
        try:
            self.story.when(command)
        except Refusal:
            assert self.story.state == before

    def ident(self) -> UUID:
        self.serial += 1
        return UUID(int=self.serial)

    @rule(by=steps)
    def time_passes(self, by):
        self.now += by

    @initialize(editing=st.sampled_from([0, 3600]), granted=st.sampled_from([180, 540]), ready=st.integers(0, 9))
    def buy(self, editing, granted, ready):
        self.tell(purchase(at=self.now, granted_minutes=granted, rules=CoverageRules(post_production_s=editing)))
        self.tell(c.Activate(at=self.now, base_package_active=ready > 0))
        if ready > 1:
            self.reserve(SHOWS[0], ahead=60, length=granted // ready, again=False)
        if ready > 3:
            self.the_window_opens(ANALYSTS[0], late=ready)

    @precondition(lambda self: isinstance(self.story.state, Pending))
    @rule()
    def activate(self):
        self.tell(c.Activate(at=self.now, base_package_active=True))

    @precondition(lambda self: isinstance(self.story.state, Active | Reserved))
    @rule(reason=st.sampled_from(["unpaid", "base_package_lapsed"]))
    def suspend(self, reason):
        self.tell(c.Suspend(at=self.now, reason=reason))

    @precondition(lambda self: isinstance(self.story.state, Suspended))
    @rule()
    def reinstate(self):
        self.tell(c.Reinstate(at=self.now, base_package_active=True))

    @precondition(lambda self: isinstance(self.story.state, Active | Reserved))
    @rule(show=st.sampled_from(SHOWS), ahead=minutes, length=lengths, again=st.booleans())
    def reserve(self, show, ahead, length, again):
        starts_at = self.now + timedelta(minutes=ahead)
        self.tell(
            c.ReserveCoverage(
                at=self.now,
                show_id=show,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=length),
                base_package_active=True,
                platform_access=True,
                awaits_answer=again,
            )
        )

    @precondition(lambda self: isinstance(self.story.state, Reserved))
    @rule(show=st.sampled_from(SHOWS), ahead=minutes, length=lengths)
    def retime(self, show, ahead, length):
        starts_at = self.now + timedelta(minutes=ahead)
        ends_at = starts_at + timedelta(minutes=length)
        self.tell(
            c.RetimeReservation(at=self.now, show_id=show, starts_at=starts_at, ends_at=ends_at, platform_access=True)
        )

    @precondition(lambda self: isinstance(self.story.state, Reserved))
    @rule()
    def release(self):
        self.tell(c.ReleaseReservation(at=self.now, reason="moved"))

    @precondition(lambda self: self.bound)
    @rule(show=st.sampled_from([*SHOWS, None, None]))
    def cancel(self, show):
        self.tell(c.CancelCoverage(at=self.now, show_id=show or self.bound, reason="storm"))

    @precondition(lambda self: self.bound)
    @rule(analyst=st.sampled_from(ANALYSTS))
    def check_in(self, analyst):
        self.tell(c.StartCoverage(at=self.now, show_id=self.bound, analyst_id=analyst))

    @precondition(lambda self: isinstance(self.story.state, Covering))
    @rule(analyst=st.sampled_from(ANALYSTS))
    def check_out(self, analyst):
        self.tell(c.EndCoverage(at=self.now, show_id=self.bound, analyst_id=analyst))

    @precondition(lambda self: self.bound)
    @rule(ago=st.integers(min_value=0, max_value=120))
    def show_ends(self, ago):
        self.tell(c.NoteShowEnded(at=self.now, show_id=self.bound, ended_at=self.now - timedelta(minutes=ago)))

    @precondition(lambda self: isinstance(self.story.state, Covering))
    @rule(thresholds=st.sampled_from([0, 10, 30, 60]))
    def clock_reports(self, thresholds):
        self.tell(c.ReportThreshold(at=self.now, remaining_minutes=thresholds))

    @rule(command=st.sampled_from([c.OpenCoverage, c.CloseCoverage, c.ForfeitRest, c.Expire]))
    def a_clock_fires_at_any_time(self, command):
        self.tell(command(at=self.now))

    @precondition(lambda self: isinstance(self.story.state, Covering))
    @rule(later=st.sampled_from([0, 1, 45]))
    def the_window_closes(self, later):
        self.now = max(self.now, self.story.state.closes_at) + timedelta(minutes=later)
        self.tell(c.CloseCoverage(at=self.now))

    @precondition(lambda self: isinstance(self.story.state, Covering))
    @rule(told=st.booleans(), later=st.integers(min_value=0, max_value=90))
    def the_hours_run_out(self, told, later):
        self.now = max(self.now, self.story.state.cap_at) + timedelta(minutes=later)
        if told:
            self.tell(c.ReportThreshold(at=self.now, remaining_minutes=0))

    @precondition(lambda self: isinstance(self.story.state, Reserved))
    @rule(analyst=st.sampled_from(ANALYSTS), late=st.sampled_from([0, 0, 7, 1500]))
    def the_window_opens(self, analyst, late):
        self.now = max(self.now, self.story.state.reservation.opens_at)
        self.tell(c.OpenCoverage(at=self.now))
        self.now += timedelta(minutes=late)
        self.tell(c.StartCoverage(at=self.now, show_id=self.bound, analyst_id=analyst))

    @rule(length=minutes)
    def log_work(self, length):
        self.tell(
            c.LogWork(
                at=self.now,
                work_id=self.ident(),
                duty="D2",
                activity="preparation",
                of_seat=True,
                started_at=self.now - timedelta(minutes=length),
                ended_at=self.now,
            )
        )

    @rule(length=minutes)
    def authorise_overtime(self, length):
        self.tell(c.AuthoriseOvertime(at=self.now, minutes=length, reason="encore", by="carla", role=Role.CUSTOMER))

    @rule(
        source=st.sampled_from(["available", "consumed", "forfeited", "reserved"]),
        reached=st.sampled_from(["available", "consumed", "forfeited", "reserved"]),
        amount=st.integers(min_value=-1, max_value=600 * 60_000),
    )
    def correct(self, source, reached, amount):
        self.tell(
            c.CorrectConsumption(
                at=self.now,
                correction_id=self.ident(),
                source=source,
                target=reached,
                moved_ms=amount,
                reason="a dispute",
                by="sven",
                role=Role.SUPERVISOR,
            )
        )

    @property
    def bound(self) -> UUID | None:
        """The show whose window is coming or open; also one that was missed, whose messages may come late."""
        state = self.story.state
        reservation = getattr(state, "reservation", None) or getattr(state, "missed", None)
        return reservation.show_id if reservation else None

    @property
    def ledger(self) -> Ledger:
        state = self.story.state
        return state.ledger if isinstance(state, Owned) else Ledger()

    @invariant()
    def granted_is_where_it_can_be(self):
        ledger = self.ledger
        assert ledger.granted == ledger.available + ledger.reserved + ledger.consumed + ledger.forfeited

    @invariant()
    def no_account_is_overdrawn(self):
        ledger = self.ledger
        assert min(ledger.available, ledger.reserved, ledger.consumed, ledger.forfeited) >= 0
        assert ledger.consumed + ledger.reserved <= ledger.granted
        assert 0 <= ledger.overage_consumed <= ledger.overage_authorised

    @invariant()
    def hours_are_reserved_exactly_while_there_is_a_reservation(self):
        state = self.story.state
        bound = getattr(state, "reservation", None) is not None
        assert bound == (self.ledger.reserved > 0)

    @invariant()
    def a_grant_covers_one_show_on_one_day(self):
        started = [event for event in self.story.events if isinstance(event, CoverageStarted)]
        assert len(started) <= 1
        reserved = [event for event in self.story.events if isinstance(event, CoverageReserved)]
        assert all(event.reserved_ms <= self.ledger.granted for event in reserved)

    @invariant()
    def a_running_window_never_goes_beyond_the_cap(self):
        state = self.story.state
        if isinstance(state, Covering):
            assert state.metered_from >= state.started_at
        if isinstance(state, Open | Covering):
            assert state.ledger.left >= 0
        if isinstance(state, Settled):
            assert state.ledger.reserved == 0

    def teardown(self):
        """A replay of the stored history gives the same state (I17)."""
        stored = [(event.tag(), CODEC.encode(event)) for event in self.story.events]
        assert ENTITLEMENT.fold(CODEC.decode(tag, payload) for tag, payload in stored) == self.story.state


AddOn.TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
test_any_sequence_of_commands_keeps_the_ledger_whole = AddOn.TestCase

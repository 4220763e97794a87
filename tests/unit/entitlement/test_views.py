"""What is shown of an entitlement: the right at a moment, the balance, the ledger with its evidence, the card."""

import msgspec
import pytest

from chassis.decider import Codec
from contracts import entitlement
from contracts.envelope import events_of
from services.entitlement import commands as c
from services.entitlement.domain.access import CUSTOMER_ACCESS
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.rights import balance, coverage_right
from services.entitlement.domain.situations import Entitlement
from services.entitlement.domain.terms import SERVICE_TERMS
from services.entitlement.views.cards import card
from services.entitlement.views.ledger import LedgerEntry, entries
from tests.unit.entitlement.story import (
    EARLIER,
    SHOW,
    Story,
    active,
    check_in,
    closes,
    covering,
    left,
    opens,
    overtime,
    paris,
    reserved,
    show_ends,
    work,
)
from tests.unit.entitlement.test_clock import recorded

CODEC = Codec(ENTITLEMENT.events)


def ledger(story: Story) -> list[LedgerEntry]:
    records = [
        msgspec.structs.replace(recorded(event, nr), payload=CODEC.encode(event))
        for nr, event in enumerate(story.events, 1)
    ]
    return entries(records, CODEC)


def settled() -> Story:
    story = covering("09:00", "13:00")
    story.when(show_ends("13:00"))
    story.when(closes("13:30"))
    return story


# --- the right


@pytest.mark.parametrize(
    ("clock", "reason"),
    [("08:29", "OUTSIDE_COVERAGE"), ("08:30", "COVERED"), ("13:29", "COVERED"), ("13:30", "OUTSIDE_COVERAGE")],
)
def test_a_duty_may_be_done_from_thirty_minutes_before_to_thirty_minutes_after(clock, reason):
    right = coverage_right(reserved("09:00", "13:00").state, paris(clock))
    assert (right.allowed, right.reason) == (reason == "COVERED", reason)


def test_an_overrunning_show_stays_covered_until_the_hours_are_spent():
    story = covering("09:00", "13:00")
    assert coverage_right(story.state, paris("13:45")).reason == "COVERED"
    assert coverage_right(story.state, paris("17:30")).reason == "COVERAGE_EXHAUSTED"
    story.when(show_ends("13:05"))
    assert coverage_right(story.state, paris("13:35")).reason == "OUTSIDE_COVERAGE"


def test_the_remaining_minutes_run_down_with_the_meter():
    story = covering("09:00", "13:00")
    assert coverage_right(story.state, paris("09:30")).remaining_minutes == 480


def test_there_is_no_right_without_a_reservation():
    assert coverage_right(active().state, paris("10:00")).reason == "NO_RESERVATION"
    after = coverage_right(settled().state, paris("10:00"))
    assert (after.reason, after.show_id) == ("OUTSIDE_COVERAGE", SHOW)


def test_there_is_no_right_while_suspended():
    story = reserved()
    story.when(c.Suspend(at=EARLIER, reason="unpaid"))
    assert coverage_right(story.state, paris("10:00")).reason == "ENTITLEMENT_SUSPENDED"


def test_a_window_that_is_open_and_empty_is_covered():
    story = reserved()
    story.when(opens())
    assert coverage_right(story.state, paris("08:31")).allowed


# --- the balance


def test_the_balance_shows_what_the_meter_has_used_so_far():
    found = balance(covering("09:00", "13:00").state, paris("10:00"))
    assert (found.running_ms, found.left_minutes, found.ledger.consumed) == (90 * 60_000, 450, 0)


def test_the_meter_shown_stands_still_at_the_cap():
    story = covering()
    story.when(left(0, "17:30"))
    assert balance(story.state, paris("18:00")).running_ms == 540 * 60_000


def test_overtime_is_part_of_what_is_left():
    story = active()
    story.when(overtime(30, "08:00"))
    assert balance(story.state, paris("09:00")).left_minutes == 570


# --- the ledger


def test_the_ledger_sums_to_what_was_granted():
    story = settled()
    assert ledger(story)[-1].hours == card(story.state).hours
    total: dict[str, int] = {}
    for entry in ledger(story):
        for move in entry.moves:
            total[move.source] = total.get(move.source, 0) - move.ms
            total[move.target] = total.get(move.target, 0) + move.ms
    assert sum(total.values()) == 0
    assert -total["purchase"] == 540 * 60_000


def test_every_consumed_minute_has_its_evidence():
    [consumed] = [entry for entry in ledger(settled()) if entry.type.endswith("hours_consumed.v1")]
    assert (consumed.worked.started_at, consumed.worked.ended_at) == (paris("08:30"), paris("13:30"))
    assert [evidence.type.split(".")[1] for evidence in consumed.evidence] == [
        "coverage_window_opened",
        "coverage_started",
        "coverage_window_closing",
        "coverage_ended",
    ]


def test_logged_work_is_its_own_evidence():
    story = active()
    story.when(work("10:00", 45))
    [entry] = [entry for entry in ledger(story) if entry.worked]
    assert [evidence.event_id for evidence in entry.evidence] == [entry.event_id]


def test_overtime_is_in_the_ledger_beside_the_accounts():
    story = covering()
    story.when(overtime(30, "17:25"))
    story.when(show_ends("17:20"))
    story.when(closes("17:50"))
    [entry] = [entry for entry in ledger(story) if entry.type.endswith("overtime_consumed.v1")]
    assert (entry.moves, entry.overage_ms) == ((), 20 * 60_000)


def test_a_reservation_before_is_no_evidence_of_a_later_day():
    story = reserved()
    story.when(check_in("08:10"))
    story.when(c.ReleaseReservation(at=paris("08:20"), reason="moved"))
    later = covering("09:00", "13:00").events[2:]
    story.events += later
    assert not [
        evidence
        for entry in ledger(story)
        for evidence in entry.evidence
        if evidence.type.endswith("early_check_in_noted.v1") and entry.type.endswith("hours_consumed.v1")
    ]


# --- the shapes


def test_the_state_kept_in_the_list_is_read_back_as_it_was():
    decoder = msgspec.json.Decoder(Entitlement)
    for story in (active(), reserved(), covering(), settled()):
        assert decoder.decode(msgspec.json.encode(story.state)) == story.state


def test_every_event_of_the_service_belongs_to_one_aggregate():
    known = [*SERVICE_TERMS.events, *CUSTOMER_ACCESS.events, *ENTITLEMENT.events]
    shared = {"entitlement.reservation_refused.v1"}
    assert sorted(known) == sorted([*events_of(entitlement), *shared])

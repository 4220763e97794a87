"""From a run of show to what follows from it: preparation slots, conflicts, back-to-back sessions. Pure.

Source: duties.md L7, L8, Q21, Q22; the arithmetic is in `timing`.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.scheduling import CoverageTerms, SessionTimes
from services.scheduling import commands as c
from services.scheduling.domain.ids import training_id_of
from services.scheduling.domain.plan import Plan
from services.scheduling.domain.retiming import live_slots, pairs, timing_terms
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.timing import Claim, prep_conflicts, prep_slots

MOST_CONFLICTS: Final = 200
"""How many collisions are told of; a show of many stages has thousands, and one seat can serve none of them."""


def prep_of(show_id: UUID, run: RunOfShow, terms: CoverageTerms, at: datetime) -> c.PlanPrep:
    """The slots of all sessions that have not begun, at the times now expected, and what collides with them."""
    times, rules = run.expected_times(), timing_terms(terms)
    ahead = [slot for slot in live_slots(run.plan, times) if UUID(slot.id) not in run.actual]
    speakers = {it.session_id: it.speaker_ids for it in run.plan.sessions}
    slots = tuple(
        c.PlannedSlot(
            session_id=UUID(slot.session),
            stage_id=UUID(slot.stage),
            starts_at=slot.window.opens_at,
            ends_at=slot.window.closes_at,
            speaker_ids=speakers[UUID(slot.session)],
        )
        for slot in prep_slots(ahead, rules)
    )
    conflicts = tuple(
        c.PlannedConflict(session_id=UUID(it.session), other_session_id=UUID(it.other), live=it.claim is Claim.LIVE)
        for it in prep_conflicts(ahead, rules)[:MOST_CONFLICTS]
    )
    return c.PlanPrep(
        at=at,
        show_id=show_id,
        slots=slots,
        conflicts=conflicts,
        compressed=_compressed(run.plan, times, terms),
        no_show_grace_s=terms.no_show_grace_s,
    )


def _compressed(plan: Plan, times: dict[UUID, SessionTimes], terms: CoverageTerms) -> tuple[c.Compression, ...]:
    """Sessions whose preparation an overrun has cut short, by what is left of it."""
    return tuple(
        c.Compression(session_id=UUID(it.following), previous_session_id=UUID(it.previous), left_s=it.gap_s)
        for it, live in pairs(plan, times, terms)
        if live
    )


def back_to_back_of(show_id: UUID, run: RunOfShow, terms: CoverageTerms, at: datetime) -> c.FindBackToBack:
    """All pairs of sessions without the minimum break, as things stand."""
    found = tuple(
        c.BackToBackPair(
            training_id=training_id_of(show_id, UUID(it.previous), UUID(it.following)),
            stage_id=UUID(it.stage),
            first_session_id=UUID(it.previous),
            second_session_id=UUID(it.following),
            gap_s=it.gap_s,
            live=live,
        )
        for it, live in pairs(run.plan, run.expected_times(), terms)
    )
    return c.FindBackToBack(at=at, show_id=show_id, pairs=found)

"""What a late session does to the rest of its stage, and what falls with it. Pure arithmetic over a plan.

Changeovers are kept, longer pauses and breaks give way, hard starts hold. Source: features.md S2 to S4, S22;
domain.md U1; duties.md Q21, D16.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from contracts.scheduling import CoverageTerms, Session, SessionKind, SessionTimes
from services.scheduling.domain.plan import Plan, slot_of
from services.scheduling.domain.situations import Value
from services.scheduling.timing import BackToBack, Slot, Terms, TimeRemaining, back_to_back, time_remaining

CHANGEOVER: Final = timedelta(minutes=5)
"""What is kept of the pause between two sessions when the first overruns; a shorter pause is kept whole (U1)."""

SHORTEST_BREAK: Final = timedelta(minutes=5)
"""What is left of a break at least."""


class Actual(Value, frozen=True):
    """When a session really ran; without an end it is running."""

    began_at: datetime
    ended_at: datetime | None = None


class Expected(Value, frozen=True):
    """When each session of one stage is expected to run, and the hard starts that stand in the way."""

    times: tuple[SessionTimes, ...]
    broken_hard_starts: tuple[UUID, ...] = ()


def expected(sessions: Sequence[Session], actual: Mapping[UUID, Actual]) -> Expected:
    """The times of one stage's sessions, given in the order they start."""
    times, broken = list[SessionTimes](), list[UUID]()
    previous: tuple[Session, datetime] | None = None
    for session in sessions:
        starts_at, ends_at, holds = _one(session, actual.get(session.session_id), previous)
        if not holds:
            broken.append(session.session_id)
        times.append(SessionTimes(session_id=session.session_id, starts_at=starts_at, ends_at=ends_at))
        previous = (session, ends_at)
    return Expected(times=tuple(times), broken_hard_starts=tuple(broken))


def _one(
    session: Session, real: Actual | None, previous: tuple[Session, datetime] | None
) -> tuple[datetime, datetime, bool]:
    length = session.ends_at - session.starts_at
    if real is not None:
        return real.began_at, real.ended_at or real.began_at + length, True
    starts_at = _pushed(session, previous)
    if session.hard_start and starts_at > session.starts_at:
        return session.starts_at, session.ends_at, False
    if session.kind is SessionKind.BREAK:
        return starts_at, max(session.ends_at, starts_at + min(length, SHORTEST_BREAK)), True
    return starts_at, starts_at + length, True


def _pushed(session: Session, previous: tuple[Session, datetime] | None) -> datetime:
    if previous is None:
        return session.starts_at
    before, over_at = previous
    kept = min(max(session.starts_at - before.ends_at, timedelta(0)), CHANGEOVER)
    return max(session.starts_at, over_at + kept) if over_at > before.ends_at else session.starts_at


def live_slots(plan: Plan, times: Mapping[UUID, SessionTimes]) -> list[Slot]:
    """The plan's slots at the times now expected."""
    found = list[Slot]()
    for session in plan.sessions:
        slot, now = slot_of(session), times.get(session.session_id)
        if now is None:
            found.append(slot)
        elif now.ends_at > now.starts_at:
            found.append(
                Slot(id=slot.id, stage=slot.stage, starts_at=now.starts_at, ends_at=now.ends_at, session=slot.session)
            )
    return found


def timing_terms(terms: CoverageTerms) -> Terms:
    """The terms of a reservation in the words of the arithmetic, which counts in minutes."""
    return Terms(prep_min=-(-terms.prep_s // 60), break_min=-(-terms.back_to_back_s // 60))


def pairs(plan: Plan, times: Mapping[UUID, SessionTimes], terms: CoverageTerms) -> list[tuple[BackToBack, bool]]:
    """All back-to-back sessions as things stand, and whether each is so only live, not by the plan."""
    rules = timing_terms(terms)
    planned = {(it.previous, it.following) for it in back_to_back(plan.slots(), rules)}
    now = back_to_back(live_slots(plan, times), rules)
    return [(it, (it.previous, it.following) not in planned) for it in now]


def remaining(plan: Plan, times: Mapping[UUID, SessionTimes], session: Session, at: datetime) -> TimeRemaining:
    """How long a session still has; the next hard start on its stage stops it in any case."""
    now = times.get(session.session_id)
    hard = [
        it.starts_at
        for it in plan.sessions
        if it.stage_id == session.stage_id and it.hard_start and it.starts_at >= session.ends_at
    ]
    retimed = now.ends_at if now is not None and now.ends_at != session.ends_at else None
    return time_remaining(at, session.ends_at, retimed_end=retimed, hard_stop=min(hard, default=None))


class KnockOn(Value, frozen=True):
    """What one overrun would lead to. `coverage_short_s` is by how much the show would outlast its coverage, or 0."""

    moves: tuple[SessionTimes, ...]
    broken_hard_starts: tuple[UUID, ...]
    compressed_prep: tuple[UUID, ...]
    ends_at: datetime
    coverage_short_s: int


def knock_on(
    plan: Plan,
    actual: Mapping[UUID, Actual],
    session: Session,
    delay: timedelta,
    terms: CoverageTerms,
    closes_at: datetime | None,
) -> KnockOn:
    """What happens if a session ends later than now expected by `delay`. Source: features.md S22."""
    stage = [it for it in plan.sessions if it.stage_id == session.stage_id]
    before = {it.session_id: it for it in expected(stage, actual).times}
    now = before[session.session_id]
    assumed = {**actual, session.session_id: Actual(began_at=now.starts_at, ended_at=now.ends_at + delay)}
    after = expected(stage, assumed)
    moves = tuple(it for it in after.times if it != before[it.session_id])
    compressed = tuple(
        UUID(pair.following) for pair, live in pairs(plan, {it.session_id: it for it in after.times}, terms) if live
    )
    others = [it.ends_at for it in plan.sessions if it.stage_id != session.stage_id]
    ends_at = max([*others, *(it.ends_at for it in after.times)])
    margin = timedelta(seconds=terms.margin_after_s)
    short = 0 if closes_at is None else max(0, int((ends_at + margin - closes_at).total_seconds()))
    return KnockOn(
        moves=moves,
        broken_hard_starts=after.broken_hard_starts,
        compressed_prep=compressed,
        ends_at=ends_at,
        coverage_short_s=short,
    )

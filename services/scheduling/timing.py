"""The arithmetic of a show's time: coverage, back-to-back sessions, preparation slots, time remaining. Pure.

Durations elapse (clock changes included); every instant is aware UTC. Not in here: the ledger of hours, which belongs
to entitlement, and local times, which `chassis.clock` turns into instants.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from chassis.clock import as_utc, elapsed, elapsed_ms
from contracts.problems import Refusal

_MINUTE_MS = 60_000


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the service description a contract may change.

    Source: duties.md L2, L5, L6 (coverage), L7 (preparation), L8 and Q21 (back-to-back), Q1 (margins count).
    """

    limit_min: int = 540
    margin_min: int = 30
    prep_min: int = 15
    break_min: int = 15
    includes_margins: bool = True


TERMS = Terms()


class ShowTimesInvalid(Refusal):
    """The show does not end after it starts."""

    code, status = "SHOW_TIMES_INVALID", 422
    fr = "L'événement ne finit pas après son début."


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A half-open interval [opens_at, closes_at) of instants."""

    opens_at: datetime
    closes_at: datetime

    @property
    def ms(self) -> int:
        return elapsed_ms(self.opens_at, self.closes_at)

    @property
    def minutes(self) -> int:
        """Whole minutes, rounded up, so that 540 minutes and a second are 541. Source: duties.md Q10."""
        return minutes_up(self.ms)

    def contains(self, moment: datetime) -> bool:
        return self.opens_at <= moment < self.closes_at

    def overlaps(self, other: "Window") -> bool:
        return self.opens_at < other.closes_at and other.opens_at < self.closes_at


def minutes_up(ms: int) -> int:
    """Milliseconds as whole minutes, rounded up once. Source: duties.md Q10."""
    return -(-ms // _MINUTE_MS)


def coverage_window(start: datetime, end: datetime, terms: Terms = TERMS) -> Window:
    """From the margin before the show's start to the margin after its end. Raises ShowTimesInvalid.

    Source: duties.md L5, L6.
    """
    if as_utc(end) <= as_utc(start):
        raise ShowTimesInvalid(starts_at=start.isoformat(), ends_at=end.isoformat())
    margin = timedelta(minutes=terms.margin_min)
    return Window(opens_at=as_utc(start) - margin, closes_at=as_utc(end) + margin)


def needed_ms(window: Window, terms: Terms = TERMS) -> int:
    """What a coverage window draws from a grant: all of it, or the show alone where margins do not count (Q1)."""
    return window.ms - (0 if terms.includes_margins else 2 * terms.margin_min * _MINUTE_MS)


def covered_day(start: datetime, zone: ZoneInfo) -> date:
    """The one day a grant is spent on: the local date on which coverage starts. Source: duties.md Q4."""
    return start.astimezone(zone).date()


class Covered(msgspec.Struct, frozen=True, kw_only=True, tag="covered"):
    """One seat covers all of it.

    `left_min` is what remains for preparation and editing; 0 is worth a warning (domain.md section 5, Q2).
    """

    window: Window
    needed_min: int
    limit_min: int
    left_min: int


class Split(msgspec.Struct, frozen=True, kw_only=True, tag="split"):
    """Several seats in sequence cover all of it: contiguous windows, cut where no session is running."""

    windows: tuple[Window, ...]
    needed_min: int
    limit_min: int

    @property
    def seats(self) -> int:
        return len(self.windows)


class Partial(msgspec.Struct, frozen=True, kw_only=True, tag="partial"):
    """One seat covers a part only, and the customer has to say which.

    `earliest` and `latest` are the first and the last window of full length; any between will do. `split` is the way
    to cover everything with more seats, or None where no cut between sessions makes the parts short enough.
    """

    window: Window
    needed_min: int
    limit_min: int
    earliest: Window
    latest: Window
    split: Split | None


Verdict: TypeAlias = Covered | Split | Partial


def verdict(
    start: datetime,
    end: datetime,
    terms: Terms = TERMS,
    *,
    sessions: Iterable["Slot"] = (),
    seats: int = 1,
) -> Verdict:
    """Whether `seats` seats of one grant each cover the show. Never truncates silently. Raises ShowTimesInvalid.

    Source: duties.md Q5.
    """
    window = coverage_window(start, end, terms)
    needed, limit = needed_ms(window, terms), terms.limit_min * _MINUTE_MS
    if needed <= limit:
        left = (limit - needed) // _MINUTE_MS
        return Covered(window=window, needed_min=minutes_up(needed), limit_min=terms.limit_min, left_min=left)
    length = timedelta(milliseconds=window.ms - needed + limit)
    split = _split(window, length, sessions, needed, terms)
    if split is not None and split.seats <= seats:
        return split
    return Partial(
        window=window,
        needed_min=minutes_up(needed),
        limit_min=terms.limit_min,
        earliest=Window(opens_at=window.opens_at, closes_at=window.opens_at + length),
        latest=Window(opens_at=window.closes_at - length, closes_at=window.closes_at),
        split=split,
    )


def _split(window: Window, longest: timedelta, slots: Iterable["Slot"], needed: int, terms: Terms) -> Split | None:
    """Cut as late as possible each time, which needs the fewest seats. Each further seat has no margin of its own."""
    part = min(longest, timedelta(minutes=terms.limit_min))
    cuts = [*quiet_moments(slots, window), window.closes_at]
    windows, opens_at = list[Window](), window.opens_at
    while opens_at < window.closes_at:
        within = [cut for cut in cuts if opens_at < cut <= opens_at + part]
        if not within:
            return None
        windows.append(Window(opens_at=opens_at, closes_at=max(within)))
        opens_at = max(within)
    return Split(windows=tuple(windows), needed_min=minutes_up(needed), limit_min=terms.limit_min)


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a stage's rundown, as far as time is concerned.

    `session` is false for breaks and clips (Q21). `ends_at` lies after `starts_at`.
    """

    id: str
    stage: str
    starts_at: datetime
    ends_at: datetime
    session: bool = True

    @property
    def window(self) -> Window:
        return Window(opens_at=self.starts_at, closes_at=self.ends_at)


def quiet_moments(slots: Iterable[Slot], within: Window) -> list[datetime]:
    """The boundaries of sessions inside `within` at which no session of any stage is running, ascending."""
    sessions = sorted((slot for slot in slots if slot.session), key=lambda slot: slot.starts_at)
    quiet, busy_until = set[datetime](), None
    for slot in sessions:
        if busy_until is None or slot.starts_at >= busy_until:
            quiet |= {slot.starts_at} if busy_until is None else {busy_until, slot.starts_at}
        busy_until = slot.ends_at if busy_until is None else max(busy_until, slot.ends_at)
    if busy_until is not None:
        quiet.add(busy_until)
    return sorted(moment for moment in quiet if within.opens_at < moment < within.closes_at)


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Two items of one stage at the same time: an error of the rundown. Source: duties.md D2."""

    stage: str
    first: str
    second: str
    overlap_s: int


class BackToBack(msgspec.Struct, frozen=True, kw_only=True):
    """Two sessions of one stage with less than the minimum break between them. Source: duties.md L8, Q21."""

    stage: str
    previous: str
    following: str
    gap_s: int


def by_stage(slots: Iterable[Slot]) -> dict[str, list[Slot]]:
    """The slots of each stage in the order they start."""
    stages = defaultdict[str, list[Slot]](list)
    for slot in sorted(slots, key=lambda slot: (slot.stage, slot.starts_at, slot.ends_at)):
        stages[slot.stage].append(slot)
    return dict(stages)


def overlaps(slots: Iterable[Slot]) -> list[Overlap]:
    """Every item that starts before an earlier one of its stage has ended, with the one that ends last."""
    found = list[Overlap]()
    for stage, items in by_stage(slots).items():
        longest = items[0]
        for slot in items[1:]:
            seconds = int(elapsed(slot.starts_at, min(longest.ends_at, slot.ends_at)).total_seconds())
            if slot.starts_at < longest.ends_at:
                found.append(Overlap(stage=stage, first=longest.id, second=slot.id, overlap_s=seconds))
            longest = max(longest, slot, key=lambda item: item.ends_at)
    return found


def back_to_back(slots: Iterable[Slot], terms: Terms = TERMS) -> list[BackToBack]:
    """Consecutive sessions of one stage less than the minimum break apart, strictly.

    Breaks and clips are not sessions: a ten-minute break between two sessions leaves them back-to-back. Sessions that
    overlap are an error of their own (`overlaps`) and not listed.
    """
    found = list[BackToBack]()
    for stage, items in by_stage(slot for slot in slots if slot.session).items():
        for previous, following in pairwise(items):
            gap = elapsed(previous.ends_at, following.starts_at)
            if timedelta(0) <= gap < timedelta(minutes=terms.break_min):
                seconds = int(gap.total_seconds())
                found.append(BackToBack(stage=stage, previous=previous.id, following=following.id, gap_s=seconds))
    return found


class PrepSlot(msgspec.Struct, frozen=True, kw_only=True):
    """When the speakers of a session are prepared: [opens_at, closes_at), which ends as the session starts (L7)."""

    session: str
    stage: str
    window: Window


def prep_slots(slots: Iterable[Slot], terms: Terms = TERMS) -> list[PrepSlot]:
    """One slot per session, ascending."""
    length = timedelta(minutes=terms.prep_min)
    return [
        PrepSlot(
            session=slot.id,
            stage=slot.stage,
            window=Window(opens_at=slot.starts_at - length, closes_at=slot.starts_at),
        )
        for slot in sorted(slots, key=lambda slot: (slot.starts_at, slot.stage))
        if slot.session
    ]


class Claim(StrEnum):
    """What else one analyst would have to do during a preparation slot."""

    LIVE = "live"
    PREP = "prep"


class PrepConflict(msgspec.Struct, frozen=True, kw_only=True):
    """One analyst cannot be in two places: a warning, never a refusal. Code `PREP_CONFLICT`. Source: duties.md L7."""

    session: str
    window: Window
    other: str
    claim: Claim


def prep_conflicts(slots: Sequence[Slot], terms: Terms = TERMS) -> list[PrepConflict]:
    """What collides with each preparation slot if a single analyst serves all the stages of `slots`.

    A session on air during the slot is a `live` conflict; another session's slot is a `prep` conflict, named once.
    """
    found, preps = list[PrepConflict](), prep_slots(slots, terms)
    sessions = [slot for slot in slots if slot.session]
    for index, prep in enumerate(preps):
        live = (slot.id for slot in sessions if slot.id != prep.session and slot.window.overlaps(prep.window))
        also = (other.session for other in preps[index + 1 :] if other.window.overlaps(prep.window))
        found += [PrepConflict(session=prep.session, window=prep.window, other=it, claim=Claim.LIVE) for it in live]
        found += [PrepConflict(session=prep.session, window=prep.window, other=it, claim=Claim.PREP) for it in also]
    return found


class SeatParallel(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions on two stages at once, which one seat cannot operate. Code `SEAT_PARALLEL`. Source: duties.md Q22."""

    first: str
    second: str
    window: Window


def parallel_sessions(slots: Iterable[Slot]) -> list[SeatParallel]:
    """Every pair of sessions on different stages that are on air at the same time, by start."""
    found, running = list[SeatParallel](), list[Slot]()
    for slot in sorted((slot for slot in slots if slot.session), key=lambda slot: (slot.starts_at, slot.stage)):
        running = [other for other in running if other.ends_at > slot.starts_at]
        found += [
            SeatParallel(
                first=other.id,
                second=slot.id,
                window=Window(opens_at=slot.starts_at, closes_at=min(other.ends_at, slot.ends_at)),
            )
            for other in running
            if other.stage != slot.stage
        ]
        running.append(slot)
    return found


class Basis(StrEnum):
    """What an answer to a time check rests on. Source: duties.md D16."""

    PLANNED = "planned"
    RETIMED = "retimed"
    HARD_STOP = "hard_stop"


class TimeRemaining(msgspec.Struct, frozen=True, kw_only=True):
    """`remaining_s` is rounded down, so that nobody is promised more than there is, and negative once it is over."""

    remaining_s: int
    ends_at: datetime
    basis: Basis


def time_remaining(
    now: datetime,
    planned_end: datetime,
    *,
    retimed_end: datetime | None = None,
    hard_stop: datetime | None = None,
) -> TimeRemaining:
    """How long a speaker still has: to the re-timed end if there is one, else the planned; a hard stop comes first.

    Source: duties.md D16.
    """
    ends_at, basis = (planned_end, Basis.PLANNED) if retimed_end is None else (retimed_end, Basis.RETIMED)
    if hard_stop is not None and hard_stop < ends_at:
        ends_at, basis = hard_stop, Basis.HARD_STOP
    return TimeRemaining(remaining_s=elapsed_ms(now, ends_at) // 1000, ends_at=as_utc(ends_at), basis=basis)

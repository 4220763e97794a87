"""A recording as it stands: its segments, its gaps, its situation, and the account of what was live. No decisions."""

from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from contracts.stage.values import SegmentCause

TOLERANCE_MS: Final = 2000
"""How much may be missing beyond the known gaps: starting and closing a file takes a moment. Source: features.md M12."""

EXPECTED_CAUSES: Final = frozenset({SegmentCause.SESSION_END.value, SegmentCause.STREAM_END.value})
"""Ends of a segment after which nothing is missing."""

_MS: Final = timedelta(milliseconds=1)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Where the file is for good, and what it holds."""

    key: str
    sha256: str
    size_bytes: int
    duration_ms: int
    frames: int
    salvaged: bool


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """How a segment ended; `cause` is as the stage named it."""

    at: datetime
    last_frame: int
    frames: int
    cause: str


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch recorded into one file. It is open, then closed, then kept or lost."""

    segment_id: UUID
    file: str
    first_frame: int
    opened_at: datetime
    closed: Closed | None = None
    kept: Kept | None = None
    lost: str | None = None

    @property
    def settled(self) -> bool:
        return self.kept is not None or self.lost is not None

    @property
    def span_ms(self) -> int:
        """How long it was recorded by the events' clock; 0 while it is open."""
        return 0 if self.closed is None else between_ms(self.opened_at, self.closed.at)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Time of the session that no file holds."""

    after_segment_id: UUID
    gap_ms: int
    cause: str


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """What every situation of a recording knows. Segments are in the order they were opened."""

    recording_id: UUID
    show_id: UUID
    stage_id: UUID
    run_id: UUID
    session_id: UUID
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    ended_at: datetime | None = None
    skipped: str | None = None

    def segment(self, segment_id: UUID) -> Segment | None:
        return next((one for one in self.segments if one.segment_id == segment_id), None)

    @property
    def kept(self) -> tuple[Segment, ...]:
        return tuple(one for one in self.segments if one.kept is not None)

    @property
    def recorded_ms(self) -> int:
        return sum(one.kept.duration_ms for one in self.segments if one.kept is not None)

    @property
    def gaps_ms(self) -> int:
        return sum(gap.gap_ms for gap in self.gaps)

    @property
    def live_ms(self) -> int:
        """From the first recorded moment to the end, by the events' clock, as far as it is known now.

        A file that ended as it should ends the account. After one that broke off the session went on until its end.
        """
        if not self.segments:
            return 0
        last = self.segments[-1]
        ends = [one.closed.at for one in self.segments if one.closed is not None]
        if self.ended_at is not None and broke_off(last):
            ends.append(self.ended_at)
        return between_ms(self.segments[0].opened_at, max(ends)) if ends else 0


class Unknown(msgspec.Struct, frozen=True):
    """Nothing was recorded."""


class Recording(msgspec.Struct, frozen=True):
    """The session is live."""

    tape: Tape


class Ended(msgspec.Struct, frozen=True):
    """The session is over; its files are being taken into the store."""

    tape: Tape


class Finalised(msgspec.Struct, frozen=True):
    """What was live is what was recorded plus the gaps."""

    tape: Tape


class Incomplete(msgspec.Struct, frozen=True):
    """More is missing than the gaps explain."""

    tape: Tape


class Quarantined(msgspec.Struct, frozen=True):
    """Nobody gets anything of it; facts about its files are still noted."""

    tape: Tape
    reason: str


Situation: TypeAlias = Unknown | Recording | Ended | Finalised | Incomplete | Quarantined
Known: TypeAlias = Recording | Ended | Finalised | Incomplete | Quarantined


def broke_off(segment: Segment) -> bool:
    """Whether a closed segment ended before it should have."""
    return segment.closed is not None and segment.closed.cause not in EXPECTED_CAUSES


def between_ms(earlier: datetime, later: datetime) -> int:
    """Whole milliseconds from one instant to a later one; 0 when the clocks disagree about which is later."""
    return max(0, (later - earlier) // _MS)

"""The newest events as this process recorded them, for those who follow the log: they need not ask for what just went out.

Only what the database has acknowledged is in here, and no gap: where another process recorded in between, it begins anew.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from chassis.appends import Draft
from contracts.envelope import Recorded

MOST_EVENTS = 1_000
MOST_BYTES = 4 * 2**20


class Fresh:
    """A bounded tail of the log, in pieces as they were recorded."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[int, Sequence[Draft], datetime, int]] = deque()
        """Position of the first event, the events, their instant, their bytes."""
        self._end = 1
        """The position that would follow."""
        self._events = self._bytes = 0

    def add(self, last: int, drafts: Sequence[Draft], at: datetime) -> None:
        """Takes what was recorded up to position `last`. What comes late, behind a later piece, is left out."""
        first = last - len(drafts) + 1
        if not drafts or first < self._end:
            return
        if first > self._end:
            self._pieces.clear()
            self._events = self._bytes = 0
        size = sum(len(draft.payload) for draft in drafts)
        self._pieces.append((first, drafts, at, size))
        self._end = last + 1
        self._events += len(drafts)
        self._bytes += size
        while len(self._pieces) > 1 and (self._events > MOST_EVENTS or self._bytes > MOST_BYTES):
            _, gone, _, size = self._pieces.popleft()
            self._events -= len(gone)
            self._bytes -= size

    def after(self, position: int, limit: int) -> list[Recorded]:
        """The events that follow a position, at most `limit`; none where the first of them is not in here."""
        if not self._pieces or not self._pieces[0][0] - 1 <= position < self._end - 1:
            return []
        found: list[Recorded] = []
        for first, drafts, at, _ in self._pieces:
            for nr in range(max(0, position + 1 - first), len(drafts)):
                if len(found) == limit:
                    return found
                found.append(_recorded(first + nr, drafts[nr], at))
        return found


def _recorded(position: int, draft: Draft, at: datetime) -> Recorded:
    return Recorded(
        position=position,
        stream=draft.stream,
        version=draft.version,
        type=draft.type,
        payload=draft.payload,
        metadata=draft.metadata,
        recorded_at=at,
    )

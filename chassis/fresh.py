"""The newest events as this process recorded them, for those who follow the log: they need not ask for what just went out.

Only what the database has acknowledged is in here, and no gap: where another process recorded in between, it begins anew.
"""

from collections.abc import Sequence
from datetime import datetime

from chassis.appends import Draft
from contracts.envelope import Recorded

MOST_EVENTS = 1_000
MOST_BYTES = 4 * 2**20


class Fresh:
    """A bounded tail of the log."""

    def __init__(self) -> None:
        self._records: list[Recorded] = []
        self._end = 1
        """The position that would follow."""
        self._bytes = 0
        self._early: tuple[int, Sequence[Draft], datetime] | None = None
        """What came before its predecessor: the answers to two transactions may overtake one another."""

    def add(self, last: int, drafts: Sequence[Draft], at: datetime) -> None:
        """Takes what was recorded up to position `last`.

        A gap is another process's once a second piece comes behind it; what then comes late is left out.
        """
        first = last - len(drafts) + 1
        if not drafts or first < self._end:
            return
        early, self._early = self._early, None
        if first == self._end:
            self._take(last, drafts, at)
            if early is not None:
                self.add(*early)
        elif early is None:
            self._early = (last, drafts, at)
        else:
            self._records.clear()
            self._bytes = 0
            self._take(*early)
            self.add(last, drafts, at)

    def _take(self, last: int, drafts: Sequence[Draft], at: datetime) -> None:
        first = last - len(drafts) + 1
        self._records += [_recorded(position, draft, at) for position, draft in enumerate(drafts, first)]
        self._bytes += sum(len(draft.payload) for draft in drafts)
        self._end = last + 1
        self._forget()

    def _forget(self) -> None:
        """Lets the oldest go until the rest fits."""
        gone = max(0, len(self._records) - MOST_EVENTS)
        self._bytes -= sum(len(record.payload) for record in self._records[:gone])
        while self._bytes > MOST_BYTES:
            self._bytes -= len(self._records[gone].payload)
            gone += 1
        del self._records[:gone]

    def after(self, position: int, limit: int) -> list[Recorded]:
        """The events that follow a position, at most `limit`; none where the first of them is not in here."""
        begin = position + 1 - (self._end - len(self._records))
        return self._records[begin : begin + limit] if begin >= 0 else []


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

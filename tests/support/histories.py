"""What ought to have happened compared with what did, and the load under which it is compared."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from itertools import pairwise
from uuid import UUID, uuid4

from chassis.faults import Fault
from chassis.handle import Handler
from chassis.store import Store
from contracts.envelope import Recorded
from contracts.problems import Refusal
from tests.support.toy import COUNTER, Raise, cause

NONE = {"lost": 0, "repeated": 0, "foreign": 0, "reordered": 0}


def faults(expected: Sequence[Hashable], found: Sequence[Hashable]) -> dict[str, int]:
    """How many of the expected are lost, repeated, foreign or out of order in what was found."""
    wanted, had = Counter(expected), Counter(found)
    order = {each: nr for nr, each in enumerate(expected)}
    places = [order[each] for each in dict.fromkeys(found) if each in order]
    return {
        "lost": len(wanted.keys() - had.keys()),
        "repeated": sum(count - 1 for count in had.values()),
        "foreign": len(had.keys() - wanted.keys()),
        "reordered": sum(one > other for one, other in pairwise(places)),
    }


class Recording:
    """Records events in bursts, so that single messages and atomic batches both happen, from its making to its `end`.

    `acknowledged` keeps the ids of what was acknowledged.
    """

    def __init__(self, handler: Handler) -> None:
        self.acknowledged: list[UUID] = []
        self._handler = handler
        self._ends = False
        self._running = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Ends it behind the command under way. One that was cancelled might be recorded later: the head would not be final."""
        self._ends = True
        await self._running

    async def _run(self) -> None:
        while not self._ends:
            for _ in range(random.choice([1, 1, 3, 60])):
                with contextlib.suppress(Fault, Refusal):
                    outcome = await self._handler.run(COUNTER, uuid4(), Raise(by=1), cause())
                    self.acknowledged += [event for _, event in outcome.events]
            await asyncio.sleep(0.02)


async def until_reached(position: Callable[[], Awaitable[int]], total: int, patience_s: float = 90) -> None:
    async with asyncio.timeout(patience_s):
        while True:
            with contextlib.suppress(Fault):
                if await position() >= total:
                    return
            await asyncio.sleep(0.1)


async def everything(store: Store) -> list[Recorded]:
    """The whole log, in order."""
    records: list[Recorded] = []
    while more := await store.read(records[-1].position if records else 0):
        records += more
    return records

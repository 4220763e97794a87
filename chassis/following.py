"""The trail as it grows, as server-sent events: what is recorded already, then what comes, without a gap in between.

An event's id is its position in the log, so `Last-Event-ID` is all a client has to remember. The log itself is read, not
the broker: positions are dense and in commit order, so "everything after n" is complete whichever moment it is asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from chassis.faults import Unreachable
from chassis.store import Store
from contracts.envelope import Recorded
from contracts.problems import Busy

BATCH: Final = 200
"""Events read and held at once for one client; a slow one makes us read later, never hold more."""
HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 900.0
"""After so long a stream ends and the client comes back with its token: one that expired meanwhile is refused then."""
RECONNECT_MS: Final = 2000
MOST_STREAMS: Final = 200

Read = Callable[[int, int], Awaitable[Sequence[Recorded]]]


@dataclass(frozen=True)
class Following:
    """What one client follows. `read(after, limit)` gives its part of the log; `until` is where it wants to end."""

    read: Read
    after: int
    until: int | None = None


class Followers:
    """The clients that follow one service's trail. `draining` is set when the process is asked to end."""

    def __init__(
        self, most: int = MOST_STREAMS, heartbeat_s: float = HEARTBEAT_S, longest_s: float = LONGEST_S
    ) -> None:
        self._most, self._heartbeat_s, self._longest_s = most, heartbeat_s, longest_s
        self.open = 0

    def follow(
        self, store: Store, wanted: Following, draining: asyncio.Event, encode: Callable[[Recorded], bytes]
    ) -> AsyncGenerator[bytes, None]:
        """Server-sent events, some at a time. Raises Busy when too many follow already."""
        if self.open >= self._most:
            raise Busy(following=self.open)
        return self._send(store, wanted, draining, encode)

    async def _send(
        self, store: Store, wanted: Following, draining: asyncio.Event, encode: Callable[[Recorded], bytes]
    ) -> AsyncGenerator[bytes, None]:
        clock = asyncio.get_running_loop().time
        ends = clock() + self._longest_s
        after, until = wanted.after, wanted.until
        with self._counted(), suppress(Unreachable):  # the database is away: the client comes back with its last id
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            while not draining.is_set() and clock() < ends and (until is None or after < until):
                head = await store.head()
                found = await wanted.read(after, BATCH)
                told = [record for record in found if until is None or record.position <= until]
                if told:
                    yield b"".join(event(record, encode) for record in told)
                full = len(found) == BATCH
                after = found[-1].position if full else max([head, after, *(record.position for record in found)])
                if full or (until is not None and after >= until):
                    continue
                if not await self._grows(store, after, draining):
                    yield b": nothing new\n\n"

    async def _grows(self, store: Store, after: int, draining: asyncio.Event) -> bool:
        """Waits until the log goes on, the process ends, or a heartbeat is due (False)."""
        grown = asyncio.create_task(store.wait_beyond(after, patience_s=self._heartbeat_s))
        ending = asyncio.create_task(draining.wait())
        try:
            await asyncio.wait({grown, ending}, return_when=asyncio.FIRST_COMPLETED)
            return ending.done() or grown.result()
        finally:
            for task in (grown, ending):
                task.cancel()
            await asyncio.gather(grown, ending, return_exceptions=True)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


def event(record: Recorded, encode: Callable[[Recorded], bytes]) -> bytes:
    """One server-sent event without a name, so that it reaches `onmessage`; JSON holds no line break."""
    return f"id: {record.position}\ndata: ".encode() + encode(record) + b"\n\n"

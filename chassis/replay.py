"""The whole log folded to the state of every resource as of a position: bulk reading for rebuilds, checks and forensics.

One resource is `Handler.state`. Here the database joins the events of a stretch of the log by stream, and a whole list of
them is decoded in one call, which is what makes a million events a second of one core possible.
"""

import asyncio
import functools
import operator
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from chassis import tenancy
from chassis.decider import Codec, Decider
from chassis.faults import Unreachable
from chassis.writer import CONNECTION_LOST
from contracts.envelope import Event, aggregate_of

STRETCH = 50_000
"""Positions per query: enough that its cost disappears, few enough that a stretch fits in memory."""
_JOINED = """
    SELECT stream, max(version) AS version, bool_and(type = ANY ($3)) AS known,
           string_agg(payload, ','::bytea ORDER BY position) AS payloads, count(*) AS events
      FROM log.events WHERE position > $1 AND position <= $2 GROUP BY stream
"""
_APART = "SELECT type, payload FROM log.events WHERE position > $1 AND position <= $2 AND stream = $3 ORDER BY position"


class States(msgspec.Struct, frozen=True, kw_only=True):
    """Every resource as of `position`, by stream name, with its version. `events` is how many led there."""

    position: int
    events: int
    by_stream: Mapping[str, tuple[Any, int]]


class Replay:
    """Folds a service's log. Streams of an aggregate that is not among `deciders` are left out."""

    def __init__(self, pool: asyncpg.Pool, codec: Codec, deciders: Sequence[Decider[Any, Any]]) -> None:
        self._pool, self._codec = pool, codec
        self._deciders = {decider.name: decider for decider in deciders}
        self._lists = {decider.name: _list_decoder(decider) for decider in deciders}
        self._tags = sorted({tag for decider in deciders for tag in decider.events})

    async def states(self, *, upto: int | None = None) -> States:
        """Of every tenant: this is the house's own work.

        Raises UnknownEvent where the log holds a type this program does not know, Unreachable without a database.
        """
        with tenancy.seeing_all():
            return await self._states(upto)

    async def _states(self, upto: int | None) -> States:
        head = int(await self._ask(self._pool.fetchval, "SELECT position FROM log.head"))
        end = head if upto is None else min(upto, head)
        states: dict[str, tuple[Any, int]] = {}
        events, after = 0, 0
        coming = self._stretch(after, end)
        while after < end:
            rows, start = await coming, after
            after = min(after + STRETCH, end)
            coming = self._stretch(after, end)
            await asyncio.sleep(0)  # the next stretch is asked for before this one is folded
            await asyncio.sleep(0)
            for row in rows:
                events += await self._fold(row, start, after, states)
        await coming
        return States(position=end, events=events, by_stream=states)

    def _stretch(self, after: int, end: int) -> "asyncio.Task[list[Any]]":
        upto = min(after + STRETCH, end)
        return asyncio.ensure_future(self._ask(self._pool.fetch, _JOINED, after, upto, self._tags))

    async def _fold(self, row: Any, start: int, upto: int, states: dict[str, tuple[Any, int]]) -> int:
        stream = row["stream"]
        name, _ = aggregate_of(stream)
        decider = self._deciders.get(name)
        if decider is None:
            return 0
        state, _ = states.get(stream) or (decider.initial, 0)
        events: Sequence[Event]
        if row["known"]:
            events = self._lists[name](b"[%b]" % row["payloads"])
        else:  # a retired type, for the upcasters; or one newer than this program
            found = await self._ask(self._pool.fetch, _APART, start, upto, stream)
            events = [self._codec.decode(each["type"], each["payload"]) for each in found]
        states[stream] = (functools.reduce(decider.evolve, events, state), row["version"])
        return int(row["events"])

    async def _ask(self, ask: Callable[..., Awaitable[Any]], query: str, *args: object) -> Any:
        try:
            return await ask(query, *args, timeout=60)
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost


def _list_decoder(decider: Decider[Any, Any]) -> Callable[[bytes], Sequence[Event]]:
    events = functools.reduce(operator.or_, decider.events.values())
    return msgspec.json.Decoder(list[events]).decode  # type: ignore[valid-type]

"""The whole log folded to the state of every resource as of a position: bulk reading for rebuilds, checks and forensics.

One resource is `Handler.state`. Here the database joins the events of a stretch of the log by stream, and a whole list of
them is decoded in one call, which is what makes a million events a second of one core possible.
"""

import asyncio
import contextlib
import functools
import operator
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from chassis import tenancy
from chassis.decider import Codec, Decider, UnknownEvent
from chassis.faults import Fault, Unreachable
from chassis.writer import CONNECTION_LOST
from contracts.envelope import Event, aggregate_of

STRETCH = 50_000
"""Positions per query: enough that its cost disappears, few enough that a stretch fits in memory."""
PATIENCE_S = 60
# Joined in the order of the log, without a sort by stream. SQL does not promise that order, so the versions come along.
_JOINED = """
    SELECT stream, array_agg(version) AS versions, bool_and(type = ANY ($3)) AS known,
           string_agg(payload, ','::bytea) AS payloads
      FROM (SELECT * FROM log.events WHERE position > $1 AND position <= $2 ORDER BY position) AS in_order
     GROUP BY stream
"""
_PLAN = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_sort = off"
_APART = "SELECT version, type, payload FROM log.events WHERE position > $1 AND position <= $2 AND stream = $3 ORDER BY position"

_IN_ORDER = "SELECT position, stream, version, type, payload FROM log.events WHERE position > $1 AND position <= $2 ORDER BY position"


class States(msgspec.Struct, frozen=True, kw_only=True):
    """Every resource as of `position`, by stream name, with its version. `events` is how many led there."""

    position: int
    events: int
    by_stream: Mapping[str, tuple[Any, int]]


class DoesNotFold(msgspec.Struct, frozen=True, kw_only=True):
    """An event that stops a replay. `why` names the kind of trouble and no value of the event's: it may be a name."""

    position: int
    stream: str
    type: str
    why: str


class Replay:
    """Folds a service's log. Streams of an aggregate that is not among `deciders` are left out."""

    def __init__(self, pool: asyncpg.Pool, codec: Codec, deciders: Sequence[Decider[Any, Any]]) -> None:
        self._pool, self._codec = pool, codec
        self._deciders = {decider.name: decider for decider in deciders}
        self._lists = {decider.name: _list_decoder(decider) for decider in deciders}
        self._tags = sorted({tag for decider in deciders for tag in decider.events})

    async def states(self, *, upto: int | None = None) -> States:
        """Of every tenant: this is the house's own work.

        Raises UnknownEvent where the log holds a type this program does not know, Unreachable without a database, Fault
        where the versions of a stream do not follow each other.
        """
        with tenancy.seeing_all():
            return await self._states(upto)

    async def _states(self, upto: int | None) -> States:
        head = int(await self._ask(self._pool.fetchval, "SELECT position FROM log.head"))
        end = head if upto is None else min(upto, head)
        states: dict[str, tuple[Any, int]] = {}
        events = 0
        async with self._joined(end) as stretch:
            coming = stretch(0)
            for start in range(0, end, STRETCH):
                rows = await coming
                coming = stretch(start + STRETCH)
                await asyncio.sleep(0)  # the next stretch is asked for before this one is folded
                await asyncio.sleep(0)
                for row in rows:
                    events += await self._fold(row, start, min(start + STRETCH, end), states)
            await coming
        return States(position=end, events=events, by_stream=states)

    async def first_fault(self, *, upto: int) -> DoesNotFold | None:
        """The first event that cannot be read or folded; None when all can. Slower: it goes event by event, in log order."""
        with tenancy.seeing_all():
            states: dict[str, tuple[Any, int]] = {}
            for after in range(0, upto, STRETCH):
                rows = await self._ask(self._pool.fetch, _IN_ORDER, after, min(after + STRETCH, upto))
                for row in rows:
                    if (why := self._trouble(row, states)) is not None:
                        return DoesNotFold(position=row["position"], stream=row["stream"], type=row["type"], why=why)
                await asyncio.sleep(0)
        return None

    def _trouble(self, row: Any, states: dict[str, tuple[Any, int]]) -> str | None:
        stream = row["stream"]
        decider = self._deciders.get(aggregate_of(stream)[0])
        if decider is None:
            return None
        try:
            state, version = states.get(stream) or (decider.initial, 0)
            if row["version"] != version + 1:
                return f"version {row['version']} comes after version {version}"
            state = decider.evolve(state, self._codec.decode(row["type"], row["payload"]))
            states[stream] = (state, row["version"])
        except UnknownEvent:
            return "a type this program does not know"
        except Exception as trouble:  # noqa: BLE001 - whatever stops the fold is the answer
            return type(trouble).__name__
        return None

    @contextlib.asynccontextmanager
    async def _joined(self, end: int) -> "AsyncIterator[Callable[[int], asyncio.Task[list[Any]]]]":
        """A connection of its own that fetches the stretch after a position."""
        async with contextlib.AsyncExitStack() as stack:
            connection = await self._ask(stack.enter_async_context, self._pool.acquire())
            await self._ask(stack.enter_async_context, connection.transaction(readonly=True))
            await self._ask(connection.execute, _PLAN)
            joined = await self._ask(connection.prepare, _JOINED)

            def stretch(after: int) -> "asyncio.Task[list[Any]]":
                return asyncio.ensure_future(self._ask(joined.fetch, after, min(after + STRETCH, end), self._tags))

            yield stretch

    async def _fold(self, row: Any, start: int, upto: int, states: dict[str, tuple[Any, int]]) -> int:
        stream = row["stream"]
        name, _ = aggregate_of(stream)
        decider = self._deciders.get(name)
        if decider is None:
            return 0
        state, version = states.get(stream) or (decider.initial, 0)
        versions, follow = row["versions"], list(range(version + 1, version + 1 + len(row["versions"])))
        events: Sequence[Event]
        if row["known"] and versions == follow:
            events = self._lists[name](b"[%b]" % row["payloads"])
        else:  # joined in another order; or a retired type, for the upcasters; or one newer than this program
            found = await self._ask(self._pool.fetch, _APART, start, upto, stream)
            if (versions := [each["version"] for each in found]) != follow:
                raise Fault(f"{stream}: after version {version} come {versions[:10]}")
            events = [self._codec.decode(each["type"], each["payload"]) for each in found]
        states[stream] = (functools.reduce(decider.evolve, events, state), versions[-1])
        return len(versions)

    async def _ask(self, ask: Callable[..., Awaitable[Any]], *args: object) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await ask(*args)
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost


def _list_decoder(decider: Decider[Any, Any]) -> Callable[[bytes], Sequence[Event]]:
    events = functools.reduce(operator.or_, decider.events.values())
    return msgspec.json.Decoder(list[events]).decode  # type: ignore[valid-type]

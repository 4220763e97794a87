"""Read models: each follows the log and keeps its cursor in the transaction of its rows.

A query of one resource is a fold (`Handler.state`); only queries of many need a projection (design.md section 2).
What a batch of events changes goes to the database together (`chassis/changes.py`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from chassis import observe
from chassis.changes import Changes, Elsewhere
from chassis.decider import Codec, UnknownEvent
from chassis.faults import Unreachable
from chassis.store import CONNECTION_LOST, GATHER_S, Store
from contracts.envelope import Event, Recorded
from contracts.problems import PositionAhead

log = structlog.get_logger(__name__)

RETRY_S = 1.0
QUIET_S = 1.0
FLUSH_AFTER = 500
"""Events without any effect on a view after which its cursor is moved anyway; a restart reads them again, harmlessly."""


class Projection(Protocol):
    """A view: `apply` writes what one event changes, through what it may use as a connection in a transaction.

    What is executed may reach the database later, in its order and with its neighbours; what is looked up is as it leaves it.
    At an event that only a newer program can read, a view waits for that program. One that must not wait has a true
    attribute `goes_back`: it goes on, remembers the place, and is brought back there once the event can be read; for
    it, applying events again has to lead to the same rows.
    """

    name: str

    async def apply(self, db: Any, event: Event, about: Recorded) -> None: ...


@dataclass(frozen=True)
class _Place:
    """How far a projection is: `stored` is its cursor in the database, behind which up to `seen` nothing changed it."""

    stored: int
    seen: int


def _at(position: int) -> _Place:
    """Where the database knows of all that was seen."""
    return _Place(position, position)


class Projector:
    """Keeps the projections of one service current; `wait` lets a client that has just written see its write."""

    def __init__(self, store: Store, pool: asyncpg.Pool, codec: Codec, projections: Sequence[Projection]) -> None:
        self._store, self._pool, self._codec = store, pool, codec
        self._projections = projections
        self._positions: dict[str, int] = dict.fromkeys((p.name for p in projections), 0)
        self._moved = asyncio.Condition()
        self._stuck: dict[str, str] = {}
        """Projections that failed on an event, until they get past it."""
        self._waiting: dict[str, int] = {}
        """By projection, the last event met that this program is too old for."""
        self._away: set[str] = set()
        """Projections whose database does not answer."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for projection in self._projections:
                tasks.create_task(self._follow(projection), name=f"projection-{projection.name}")

    async def wait(self, position: int, timeout_s: float = 5.0) -> None:
        """Returns when every projection has seen `position`.

        Raises PositionAhead for one the log has not reached, Unreachable when they do not get there in time.
        """
        if position > self._store.known_head and position > (newest := await self._store.head()):
            raise PositionAhead(newest=newest)
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: all(p >= position for p in self._positions.values()))
        except TimeoutError as late:
            raise Unreachable(f"the read models have not reached position {position}") from late

    async def check(self) -> None:
        """Readiness: raises Unreachable while a projection cannot go on, and says why."""
        if self._away:
            raise Unreachable("the database does not answer")
        if self._stuck:
            raise Unreachable("; ".join(f"{name}: {why}" for name, why in self._stuck.items()))

    def lag(self) -> dict[str, int]:
        """Events each projection is behind the newest position this process knows of."""
        return {name: max(0, self._store.known_head - position) for name, position in self._positions.items()}

    async def _follow(self, projection: Projection) -> None:
        while True:
            try:
                place = _at(await self._position(projection.name))
                self._away.discard(projection.name)
                await self._seen(projection.name, place.seen)
                while True:
                    if not await self._store.wait_beyond(place.seen, patience_s=QUIET_S, gather_s=GATHER_S):
                        place = await self._flushed(projection.name, place)
                        continue
                    before, place = place, await self._apply(projection, place)
                    if place.seen == before.seen:  # an event that only a newer program can read
                        await asyncio.sleep(RETRY_S)
                    await self._seen(projection.name, place.seen)
                    self._stuck.pop(projection.name, None)
            except (Unreachable, *CONNECTION_LOST):
                self._away.add(projection.name)
            except Exception as fault:
                self._stuck[projection.name] = repr(fault)
                log.exception("projection_failed", projection=projection.name)
            await asyncio.sleep(RETRY_S)

    async def _apply(self, projection: Projection, place: _Place) -> _Place:
        """Applies the next events, and moves the cursor with what they change; another process may have done it already."""
        records = await self._store.news(place.seen)
        seen, skipped = place.seen, None
        try:
            async with Changes(self._pool, projection.name, place.stored) as changes:
                for record in records:
                    try:
                        event = self._codec.decode(record.type, record.payload)
                    except UnknownEvent:
                        self._unknown(projection, record)
                        changes.needed = True  # a newer program may have moved the cursor on
                        if not getattr(projection, "goes_back", False):
                            break
                        skipped = skipped or record.position
                    else:
                        await projection.apply(changes, event, record)
                    seen = record.position
                if changes.needed or seen - place.stored >= FLUSH_AFTER:
                    await changes.move(seen, skipped)
                    return _at(seen)
        except Elsewhere as elsewhere:
            return _at(elsewhere.position)
        return _Place(place.stored, seen)

    async def _flushed(self, name: str, place: _Place) -> _Place:
        """Moves the cursor behind what changed nothing."""
        if place.seen == place.stored:
            return place
        try:
            async with Changes(self._pool, name, place.stored) as changes:
                await changes.move(place.seen)
        except Elsewhere as elsewhere:
            return _at(elsewhere.position)
        return _at(place.seen)

    def _unknown(self, projection: Projection, record: Recorded) -> None:
        if self._waiting.get(projection.name) != record.position:
            self._waiting[projection.name] = record.position
            observe.unknown_events_total.labels(f"projection {projection.name}", record.type).inc()
            log.error("unknown_event", projection=projection.name, type=record.type, position=record.position)

    async def _position(self, name: str) -> int:
        async with self._pool.acquire() as db:
            await db.execute("INSERT INTO public.projections VALUES ($1, 0) ON CONFLICT DO NOTHING", name)
            row: Any = await db.fetchrow("SELECT position, skipped_at FROM public.projections WHERE name = $1", name)
            if row["skipped_at"] is None or not await self._readable(row["skipped_at"]):
                return int(row["position"])
            back = await db.fetchval(
                "UPDATE public.projections SET position = skipped_at - 1, skipped_at = NULL"
                " WHERE name = $1 AND skipped_at IS NOT NULL RETURNING position",
                name,
            )
            log.info("projection_goes_back", projection=name, position=back)
            return int(row["position"] if back is None else back)

    async def _readable(self, position: int) -> bool:
        records = await self._store.read(position - 1, 1)
        return bool(records) and self._codec.knows(records[0].type)

    async def _seen(self, name: str, position: int) -> None:
        async with self._moved:
            self._positions[name] = position
            self._moved.notify_all()

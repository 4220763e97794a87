"""Read models: each follows the log and keeps its cursor in the transaction of its rows.

A query of one resource is a fold (`Handler.state`); only queries of many need a projection (design.md section 2).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg
import structlog

from chassis import observe
from chassis.decider import Codec, UnknownEvent
from chassis.faults import Unreachable
from chassis.store import CONNECTION_LOST, GATHER_S, Store
from contracts.envelope import Event, Recorded
from contracts.problems import PositionAhead

log = structlog.get_logger(__name__)

RETRY_S = 1.0


class Projection(Protocol):
    """A view: `apply` writes what one event changes, through the connection of the surrounding transaction.

    At an event that only a newer program can read, a view waits for that program. One that must not wait has a true
    attribute `goes_back`: it goes on, remembers the place, and is brought back there once the event can be read; for
    it, applying events again has to lead to the same rows.
    """

    name: str

    async def apply(self, db: Any, event: Event, about: Recorded) -> None: ...


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
                position = await self._position(projection.name)
                self._away.discard(projection.name)
                await self._seen(projection.name, position)
                while True:
                    await self._store.wait_beyond(position, gather_s=GATHER_S)
                    reached = await self._apply(projection, position)
                    if reached == position:  # an event that only a newer program can read
                        await asyncio.sleep(RETRY_S)
                    position = reached
                    await self._seen(projection.name, position)
                    self._stuck.pop(projection.name, None)
            except (Unreachable, *CONNECTION_LOST):
                self._away.add(projection.name)
            except Exception as fault:
                self._stuck[projection.name] = repr(fault)
                log.exception("projection_failed", projection=projection.name)
            await asyncio.sleep(RETRY_S)

    async def _apply(self, projection: Projection, position: int) -> int:
        """Applies the next events and moves the cursor with them; another process may have done it already.

        The commit does not wait for the disk: what a crash takes, rows and cursor alike, is made again from the log.
        """
        records = await self._store.news(position)
        if not records:
            return position
        reached = records[-1].position
        async with self._pool.acquire() as db, db.transaction():
            held: Any = await db.fetchrow(
                "SELECT position, skipped_at, set_config('synchronous_commit', 'off', true)"
                " FROM public.projections WHERE name = $1 FOR UPDATE",
                projection.name,
            )
            if held["position"] != position:
                return int(held["position"])
            skipped = held["skipped_at"]
            for record in records:
                try:
                    event = self._codec.decode(record.type, record.payload)
                except UnknownEvent:
                    self._unknown(projection, record)
                    if not getattr(projection, "goes_back", False):
                        reached = record.position - 1
                        break
                    skipped = skipped or record.position
                    continue
                await projection.apply(db, event, record)
            await db.execute(
                "UPDATE public.projections SET position = $2, skipped_at = $3 WHERE name = $1",
                projection.name, reached, skipped,
            )  # fmt: skip
        return reached

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

"""Our store, and plain asyncpg without one, as contestants in a process of their own.

Scenes: `distinct` (a stream per writer), `racing` (all on one stream; who loses tries again with the version the conflict
names), `queued` (all on one stream, versions handed out by a queue in the process, which is how Handler's callers meet).
The contestant `proven` has the Merkle log running beside its writers.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import asyncpg
import uuid6
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.store.sample import METADATA, PAYLOAD, SHOW, TENANT, TYPE, Stopwatch, metadata, task, tell
from chassis import tenancy
from chassis.audit import AuditLog
from chassis.faults import Conflict
from chassis.store import Append, Draft, Store, open_store

PERIOD_S = 1.5
"""The Merkle log takes in what is new about once in this time. After so long what is hashed during a run is, on the average, as much
as what is recorded in it."""

One = Callable[[], Awaitable[object]]
"""One acknowledged append of one writer."""


async def drive(writers: list[One], seconds: float, postmaster: int) -> dict[str, float]:
    """Closed loops: each writer appends again as soon as it was answered."""
    watch = Stopwatch(postmaster)
    end = watch.started + seconds

    async def loop(one: One) -> None:
        while (at := time.perf_counter()) < end:
            await one()
            watch.latencies.append(time.perf_counter() - at)

    await asyncio.gather(*(loop(one) for one in writers))
    return watch.figures()


class Stream:
    """One stream of our store and the version its writers know."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._name = f"session-{uuid6.uuid7()}"
        self._version = 0

    def _change(self, after: int) -> Append:
        draft = Draft(stream=self._name, version=after + 1, type=TYPE, payload=PAYLOAD, metadata=metadata())
        return Append(drafts=(draft,), expect={self._name: after}, tenant=TENANT)

    async def alone(self) -> None:
        await self._store.append(self._change(self._version))
        self._version += 1

    async def queued(self) -> None:
        self._version += 1
        await self._store.append(self._change(self._version - 1))

    def racer(self) -> One:
        known = 0

        async def one() -> None:
            nonlocal known
            while True:
                try:
                    await self._store.append(self._change(known))
                except Conflict as conflict:
                    known = conflict.found
                else:
                    known += 1
                    return

        return one


def writers(store: Store, scene: str, count: int) -> list[One]:
    if scene == "distinct":
        return [Stream(store).alone for _ in range(count)]
    stream = Stream(store)
    return [stream.racer() if scene == "racing" else stream.queued for _ in range(count)]


def plain(pool: asyncpg.Pool) -> One:
    """The same row by a plain INSERT, each writer through the pool."""
    stream, version = str(uuid4()), 0
    statement = (
        "INSERT INTO plain (stream, version, type, tenant, show, payload, metadata, recorded_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())"
    )

    async def one() -> None:
        nonlocal version
        version += 1
        await pool.execute(statement, stream, version, TYPE, TENANT, SHOW, PAYLOAD, METADATA)

    return one


@contextlib.asynccontextmanager
async def proving(store: Store, pool: asyncpg.Pool) -> AsyncIterator[None]:
    """The Merkle log, caught up and running, as a service has it."""
    tenancy.sees_all_from_here()
    audit = AuditLog("chassis", store, pool, Ed25519PrivateKey.generate(), _nowhere)
    await audit.extend()
    beside = asyncio.create_task(audit.run())
    try:
        yield
    finally:
        beside.cancel()


async def _nowhere(_: str) -> None: ...


async def main() -> None:
    asked = task()
    count, seconds, postmaster = asked["writers"], asked["seconds"], asked["postmaster"]
    if asked["contestant"] == "plain":
        async with asyncpg.create_pool(asked["url"], min_size=count, max_size=count) as pool:
            tell(await drive([plain(pool) for _ in range(count)], seconds, postmaster))
        return
    async with (
        tenancy.open_pool(asked["url"], min_size=0, max_size=2) as pool,
        open_store(asked["url"], pool) as store,
    ):
        await asyncio.gather(*(one() for one in writers(store, "distinct", 64)))  # connects, prepares
        async with proving(store, pool) if asked["contestant"] == "proven" else contextlib.nullcontext():
            if asked["contestant"] == "proven":
                await drive(writers(store, asked["scene"], count), PERIOD_S, postmaster)
            tell(await drive(writers(store, asked["scene"], count), seconds, postmaster))


if __name__ == "__main__":
    uvloop.run(main())

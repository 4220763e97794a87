"""Replay of a log to the state of every stream: ours, the library's repository, and COPY out as the limit."""

import datetime as dt
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.rounds import Contestant
from bench.store.sample import METADATA, SHOW, TENANT, own_seconds, task, tell
from bench.store.server import Server
from chassis.decider import Codec, Decider
from chassis.replay import Replay
from contracts.envelope import Event

STREAMS = 1_000
RUN = Callable[[list[str], dict[str, Any]], Awaitable[dict[str, float]]]
LIBRARY_SHARE = 10
"""The library gets a tenth of the events: at its rate the rest would only cost time."""


class Joined(Event, frozen=True, kw_only=True, tag="bench.presenter_joined.v1"):
    show_id: UUID
    presenter: str


class Left(Event, frozen=True, kw_only=True, tag="bench.presenter_left.v1"):
    show_id: UUID
    presenter: str


class Room(msgspec.Struct, frozen=True):
    present: int = 0
    latest: dt.datetime | None = None


def evolve(room: Room, event: Joined | Left) -> Room:
    if type(event) is Joined:
        return Room(room.present + 1, event.at)
    return Room(room.present - 1, event.at)


def decide(command: object, room: Room) -> Sequence[Event]:
    raise NotImplementedError(command, room)  # nothing is decided here


EVENTS = {event.tag(): event for event in (Joined, Left)}
ROOM = Decider("room", Room(), decide, evolve, EVENTS)

FILL = """
    INSERT INTO log.events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
    SELECT n, 'room-' || lpad(((n - 1) % $2)::text, 36, '0'), (n - 1) / $2 + 1, e.tag, $3, $4::uuid,
           convert_to('{"type":"' || e.tag || '","at":"2026-06-10T09:00:00Z","show_id":"' || $4::uuid::text
                      || '","presenter":"presenter-' || n % 97 || '"}', 'UTF8'), $5, now()
      FROM generate_series(1, $1::bigint) n,
           LATERAL (SELECT CASE WHEN (n - 1) / $2 % 2 = 0 THEN 'bench.presenter_joined.v1' ELSE 'bench.presenter_left.v1' END) e (tag)
"""


async def contestants(house: Server, events: int, run: RUN) -> dict[str, Contestant]:
    """Fills a log of its own and a library database with the same facts, and answers who replays them."""
    admin = await asyncpg.connect(house.url("postgres"))
    await admin.execute("CREATE DATABASE replayed TEMPLATE regie_chassis")
    await admin.close()
    url = house.url("replayed")
    log = await asyncpg.connect(url)
    await log.execute("TRUNCATE log.events")
    await log.execute(FILL, events, STREAMS, TENANT, SHOW, METADATA, timeout=300)
    await log.execute("UPDATE log.head SET position = $1", events)
    await log.execute("VACUUM ANALYZE log.events", timeout=300)
    await log.close()
    module = [sys.executable, "-m", "bench.store.replay"]
    ours = {"contestant": "ours", "url": url, "events": events}
    library = {**house.parts, "database": "library_replay", "events": events // LIBRARY_SHARE}
    admin = await asyncpg.connect(house.url("postgres"))
    await admin.execute("CREATE DATABASE library_replay")
    await admin.close()
    await run([sys.executable, "-m", "bench.store.library_replay"], {**library, "fill": True})
    return {
        "ours": lambda: run(module, ours),
        "sequential read": lambda: run(module, {**ours, "contestant": "read"}),
        "COPY out": lambda: run(module, {**ours, "contestant": "copy"}),
        "eventsourcing": lambda: run([sys.executable, "-m", "bench.store.library_replay"], {**library, "fill": False}),
    }


async def ours(asked: dict[str, Any]) -> int:
    async with asyncpg.create_pool(asked["url"], min_size=2, max_size=2) as pool:
        found = await Replay(pool, Codec(EVENTS), [ROOM]).states()
    assert found.events == asked["events"], "every event was folded"
    assert {version for _, version in found.by_stream.values()} == {asked["events"] // STREAMS}
    return found.events


async def read(asked: dict[str, Any]) -> int:
    """The log page by page as a relay reads it: whole records, metadata decoded."""
    from chassis.store import Store  # noqa: PLC0415 - the others need it not

    after = count = 0
    async with asyncpg.create_pool(asked["url"], min_size=1, max_size=1) as pool:
        store = Store(asked["url"], pool)
        while records := await store.read(after, 5_000):
            count += len(records)
            after = records[-1].position
    return count


async def copy(asked: dict[str, Any]) -> int:
    """What the database can give at all: binary COPY of the same columns, thrown away."""
    connection = await asyncpg.connect(asked["url"])

    async def nowhere(data: bytes) -> None: ...

    query = "SELECT stream, version, type, payload FROM log.events ORDER BY position"
    status = await connection.copy_from_query(query, output=nowhere, format="binary")
    await connection.close()
    return int(status.split()[1])


async def main() -> None:
    asked = task()
    work = {"ours": ours, "read": read, "copy": copy}[asked["contestant"]]
    own, started = own_seconds(), time.perf_counter()
    count = await work(asked)
    took = time.perf_counter() - started
    assert count == asked["events"]
    tell({"rate": count / took, "per_core": count / (own_seconds() - own)})


if __name__ == "__main__":
    uvloop.run(main())

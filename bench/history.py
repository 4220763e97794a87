"""`make bench-history`: what it costs to see a show as it was, in logs of very different lengths.

Three logs, 1e5, 1e6 and 1e7 events, in one PostgreSQL; questions are interleaved.
"""

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import uvloop

from bench.history_load import EVENTS_A_SHOW, fill, show_of
from bench.report import Panel, Report, Row, grid, plain, write
from bench.rounds import Figures, interleaved
from chassis import tenancy
from chassis.decider import Codec, Decider
from chassis.handle import Handler
from chassis.migrate import CHASSIS_SQL, migrate
from chassis.store import AsOf, Store
from contracts.envelope import Event
from regie.embedded.postgres import Postgres
from regie.embedded.provision import database_of, ensure_database, owner_of, provision, role_of
from regie.home import Home

SERVICE = "stage"


class Told(Event, frozen=True, kw_only=True, tag="bench.told.v1"):
    by: int


SHOW: Decider[None, int] = Decider(
    "show", 0, lambda _, __: [], lambda state, event: state + event.by, {Told.tag(): Told}
)
CODEC = Codec({Told.tag(): Told})


class Bench:
    """An embedded PostgreSQL of the benchmark's own, and databases in it."""

    def __init__(self, server: Postgres, home: Home) -> None:
        self._server, self._home = server, home

    async def database(self, name: str) -> tuple[str, str]:
        """An empty, migrated database: the owner's URL and the service's."""
        connection = await asyncpg.connect(self._server.url())
        await ensure_database(connection, name, owner_of(SERVICE), role_of(SERVICE))
        await connection.close()
        found = database_of(self._server, self._home, SERVICE, name)
        await migrate(found.owner_url, urlsplit(found.url).username or "", [CHASSIS_SQL])
        return found.owner_url, found.url


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    path = Path(tempfile.mkdtemp(prefix="regie-bench-"))
    home = Home(path).create()
    server = Postgres(home)
    await server.start()
    try:
        await provision(server, home, SERVICE)
        yield Bench(server, home)
    finally:
        await server.stop()
        shutil.rmtree(path)


class Log:
    """One filled log and the questions that are asked of it."""

    def __init__(self, store: Store, events: int, at_once: int) -> None:
        self._store, self._shows, self._at_once = store, events // EVENTS_A_SHOW, at_once
        self._events = events
        self._draw = random.Random(7)

    async def ask(self, questions: int) -> Figures:
        """Milliseconds, medians: a show as of a position and an instant, first and again, and all its events."""
        taken: dict[str, list[float]] = {}
        for _ in range(questions):
            handler, number = Handler(self._store, CODEC), self._draw.randrange(self._shows)
            show, at = show_of(number), self._point(number)
            asked = {
                "as of a position, first look": handler.state(SHOW, show, tenant="acme", as_of=AsOf(position=at)),
                "as of a position": handler.state(SHOW, show, tenant="acme", as_of=AsOf(position=at)),
                "as of an instant": handler.state(SHOW, show, tenant="acme", as_of=await self._instant(at)),
                "all events of the show": self._store.of_show(show, tenant="acme", limit=1000),
            }
            for what, question in asked.items():
                begun = time.perf_counter()
                answer = await question
                taken.setdefault(what, []).append((time.perf_counter() - begun) * 1000)
                found = len(answer) if isinstance(answer, list) else answer[1]
                assert found == (EVENTS_A_SHOW if isinstance(answer, list) else EVENTS_A_SHOW // 2), (what, found)
        return {what: median(times) for what, times in taken.items()}

    def _point(self, number: int) -> int:
        """The position of the event in the middle of a show."""
        block, column = divmod(number, self._at_once)
        return block * self._at_once * EVENTS_A_SHOW + (EVENTS_A_SHOW // 2 - 1) * self._at_once + column + 1

    async def _instant(self, position: int) -> AsOf:
        [record] = await self._store.read(position - 1, 1)
        return AsOf(at=record.recorded_at)


async def looking_back(made: Bench, sizes: Sequence[int], at_once: int, questions: int) -> dict[int, dict[str, float]]:
    """The medians by length of the log."""
    async with AsyncExitStack() as stack:
        logs = {}
        for size in sizes:
            owner, url = await made.database(f"log_{at_once}_{size}")
            begun = time.perf_counter()
            await fill(owner, size, at_once)
            print(
                f"{size:>10,} events, {at_once} shows side by side: filled in {time.perf_counter() - begun:.0f} s",
                flush=True,
            )
            pool = await stack.enter_async_context(tenancy.open_pool(url, min_size=1, max_size=1))
            logs[size] = Log(Store(url, pool), size, at_once)
        names = {str(size): size for size in sizes}
        measured = await interleaved(
            {name: partial(logs[size].ask, questions) for name, size in names.items()}, rounds=7
        )
        metrics = measured.rounds[next(iter(names))][0]
        return {size: {what: measured.value(name, what) for what in metrics} for name, size in names.items()}


async def lengths(made: Bench, counts: Sequence[int]) -> dict[int, float]:
    """Milliseconds to fold a stream of so many events: what a snapshot could save at most."""
    owner, url = await made.database("streams")
    db = await asyncpg.connect(owner)
    for start, count in zip([sum(counts[:nr]) for nr in range(len(counts))], counts, strict=True):
        await db.execute(
            "INSERT INTO log.events SELECT $1 + n, 'show-' || $2::text, n, 'bench.told.v1', 'acme', NULL,"
            " '{\"type\":\"bench.told.v1\",\"at\":\"2026-06-10T09:00:00Z\",\"by\":1}',"
            " convert_to('{\"id\":\"' || $3 || '\",\"tenant\":\"acme\",\"actor\":{\"id\":\"a\",\"role\":\"analyst\"},"
            "\"correlation\":\"' || $3 || '\",\"causation\":\"' || $3 || '\",\"command\":\"Tell\"}', 'UTF8'), now()"
            " FROM generate_series(1, $4) AS n",
            start, str(count), str(uuid4()), count,
        )  # fmt: skip
    await db.execute("VACUUM (ANALYZE) log.events")
    await db.close()
    async with tenancy.open_pool(url, min_size=1, max_size=1) as pool:
        store, found = Store(url, pool), {}
        for count in counts:
            times = []
            for _ in range(9):
                begun = time.perf_counter()
                state, _ = await Handler(store, CODEC).state(SHOW, str(count), tenant="acme")
                times.append((time.perf_counter() - begun) * 1000)
                assert state == count
            found[count] = median(times)
        return found


async def main(*, quick: bool, folder: Path | None) -> None:
    sizes = (2_000, 4_000, 20_000) if quick else (100_000, 1_000_000, 10_000_000)
    counts = (10, 100, 1000) if quick else (100, 1000, 10_000, 100_000)
    tenancy.sees_all_from_here()
    async with bench() as made:
        found = await looking_back(made, sizes, 10, 5 if quick else 60)
        streams = await lengths(made, counts)
    report = _report(found, streams)
    write(report, folder) if folder else write(report)


def _report(found: dict[int, dict[str, float]], streams: dict[int, float]) -> Report:
    small, *_, large = found
    rows = [
        Row(
            metric=f"{what}, log of {large:,} (ms)", ours=found[large][what],
            reference=f"the same in a log of {small:,} (ms)", reference_value=found[small][what], goal="<= 1.3",
        )
        for what in found[large]
    ]  # fmt: skip
    groups = {f"log of {size:,}": figures for size, figures in found.items()}
    return Report(
        name="history",
        title="Looking back",
        command="make bench-history",
        rows=rows,
        panels=[Panel(title="State of one show", unit="ms", groups=groups)],
        packages=["asyncpg", "msgspec"],
        sections={
            "Method": METHOD,
            "Snapshots": SNAPSHOTS.format(
                table=grid(("events in the stream", "ms"), [(f"{n:,}", plain(ms)) for n, ms in streams.items()])
            ),
            "The Merkle log": "What it costs appends at full speed is measured by `make bench-store`: see `docs/benchmarks/store-profile.md`.",
        },
    )


METHOD = f"""
Shows have {EVENTS_A_SHOW} events and run ten at a time, then the next ten: events that belong together were recorded at about the same
time, and stream ids are time-ordered (UUIDv7), so they stand together in the table and its indexes. Each question is about a show drawn at
random and the middle of its history; "first look" is the first question about that show, the others follow it. Answers are checked.
"""
SNAPSHOTS = """
There are none. This is what reading a stream from its first event costs, with a cold cache in the service:

{table}

A show of a full day has hundreds of events in its longest stream; commands work on the state kept in memory, so only the first command
after a restart and questions about the past pay this. A snapshot would save a few milliseconds there and cost a write, a table and a
second way to the same state that can be wrong.
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.history", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny logs: shows that it runs; figures mean nothing")
    parser.add_argument("--out", type=Path, help="the folder to write to instead of docs/benchmarks")
    arguments = parser.parse_args()
    uvloop.run(main(quick=arguments.quick, folder=arguments.out))

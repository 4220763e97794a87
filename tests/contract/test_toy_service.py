"""The chassis on a real server: generated requests against the contract, raw bytes, and a graceful end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
CONFIG = Path(__file__).parent / "schemathesis.toml"


class Served(NamedTuple):
    process: asyncio.subprocess.Process
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def end(self, sig: int = signal.SIGTERM) -> str:
        """Everything the process still printed, after it has ended by itself."""
        self.process.send_signal(sig)
        out, _ = await asyncio.wait_for(self.process.communicate(), 15)
        return out.decode()


@pytest.fixture
async def served(free_port: Callable[[], int], request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The toy service; sabotaged where a test asks for that by an indirect parameter."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.toy_server",
        str(port),
        *getattr(request, "param", ()),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    served = Served(process, port, (await process.stdout.readline()).decode().strip())
    await _until_live(served.url)
    yield served
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _until_live(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(200):
            try:
                if (await client.get("/health/live")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    pytest.fail("the toy service does not answer")


async def _schemathesis(served: Served, *options: str) -> tuple[int | None, str]:
    """Exit status and output of generated requests against every operation, with every check."""
    command = ["-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{served.url}/openapi.json"]
    common = ["--checks", "all", "--header", f"Authorization: Bearer {served.token}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        *common,
        *options,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out = (await process.communicate())[0].decode()
    return process.returncode, out


async def test_generated_requests_find_nothing_the_contract_does_not_say(served: Served) -> None:
    status, out = await _schemathesis(served, "--max-examples", "10")
    assert status == 0, out
    assert "7 selected / 7 total" in out
    assert "Authentication failed" not in out


@pytest.mark.parametrize("served", [["--sabotaged"]], indirect=True)
async def test_generated_requests_find_an_answer_the_contract_does_not_allow(served: Served) -> None:
    status, out = await _schemathesis(served, "--phases", "coverage", "--include-operation-id", "lie")
    assert status == 1, out
    assert "Response violates schema" in out


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET //shows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n", b"401"),
        (b"BREW /shows HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n", b"400"),
        (
            b"POST /shows HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
        (b"POST /shows HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
    ],
)
async def test_no_bytes_make_the_server_stumble(served: Served, raw: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.split(b" ", 2)[1] == status, answer[:200]


async def test_head_of_an_endless_stream_ends(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url, timeout=5) as client:
        answer = await client.head("/ticks")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_graceful_end_finishes_requests_ends_streams_and_runs_the_hooks(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url, timeout=10) as client:
        async with client.stream("GET", "/ticks") as ticks:
            lines = ticks.aiter_lines()
            assert await anext(lines) == "data: tick"
            slow = asyncio.create_task(client.get("/slow"))
            await asyncio.sleep(0.2)
            served.process.send_signal(signal.SIGTERM)
            rest = [line async for line in lines]
        assert (await slow).text == "done"
    assert [line for line in rest if line][-1] == "data: bye"
    out, _ = await asyncio.wait_for(served.process.communicate(), 15)
    assert (served.process.returncode, out) == (0, b"shut down\n")


async def test_an_interrupt_ends_it_as_well(served: Served) -> None:
    assert await served.end(signal.SIGINT) == "shut down\n"
    assert served.process.returncode == 0

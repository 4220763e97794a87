"""The chassis on a real server: generated requests against the contract, raw bytes, and a graceful end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.contract.fuzz.real import identities
from tests.support.served import Served, served_toy

ROOT = Path(__file__).parent.parent.parent
CONFIG = Path(__file__).parent / "schemathesis.toml"


@pytest.fixture
async def served(free_port: Callable[[], int], request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The toy service; sabotaged where a test asks for that by an indirect parameter."""
    async with served_toy(free_port(), *getattr(request, "param", ())) as toy:
        yield toy


async def _schemathesis(served: Served, folder: Path, *options: str) -> tuple[int | None, str]:
    """Exit status and output of generated requests against every operation, with every check."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.read_text() + identities(folder, acme=served.token, globex=served.stranger))
    command = ["-m", "schemathesis.cli", "--config-file", str(config), "run", f"{served.url}/openapi.json"]
    common = ["--checks", "all"]
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


async def test_generated_requests_find_nothing_the_contract_does_not_say(served: Served, tmp_path: Path) -> None:
    status, out = await _schemathesis(served, tmp_path, "--max-examples", "10")
    assert status == 0, out
    assert "7 selected / 7 total" in out
    assert "Authentication failed" not in out


@pytest.mark.parametrize(
    ("served", "options", "found"),
    [
        (["--sabotaged"], ["--phases", "coverage", "--include-operation-id", "lie"], "Response violates schema"),
        (["--stumbling"], ["--max-examples", "25", "--include-operation-id", "planShow"], "Server error"),
        (
            ["--deaf"],
            ["--phases", "coverage", "--include-operation-id", "listShows"],
            "Schema-violating request accepted",
        ),
        (["--indiscreet"], ["--max-examples", "25"], "Object-level authorization bypass"),
        (["--open"], ["--phases", "coverage", "--include-operation-id", "listShows"], "API accepts"),
        (["--nameless"], ["--phases", "coverage", "--include-operation-id", "seeShow"], "does not say what it is"),
        (["--tired"], ["--phases", "stateful", "--max-examples", "10", "--no-shrink"], "Server error"),
    ],
    indirect=["served"],
)
async def test_generated_requests_find_each_sabotage(
    served: Served, tmp_path: Path, options: list[str], found: str
) -> None:
    status, out = await _schemathesis(served, tmp_path, *options)
    assert status == 1, out
    assert found in out


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

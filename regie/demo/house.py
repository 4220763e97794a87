"""The house the demo plays in: one that runs already (REGIE_HOME), or one of its own for the length of the story."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from regie.home import home_from
from regie.plan import OFFSETS, ROOT, is_free

START_WITHIN_S = 120.0


class NoHouse(Exception):  # noqa: N818
    """No running house was found, or our own did not start."""


@contextlib.asynccontextmanager
async def attach(environ: Mapping[str, str] = os.environ) -> AsyncIterator[dict[str, Any]]:
    """The endpoints of a house (regie/up.py): the running one of REGIE_HOME, otherwise one of our own."""
    running = _running(home_from(environ).endpoints)
    if running is not None:
        yield running
        return
    async with own_house(environ) as endpoints:
        yield endpoints


@contextlib.asynccontextmanager
async def own_house(environ: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
    """A house in a temporary folder on free ports, stopped and removed afterwards. Raises NoHouse with its log."""
    with tempfile.TemporaryDirectory(prefix="regie-demo-") as folder:
        home, ready = Path(folder) / "home", Path(folder) / "ready.json"
        env = {**environ, "REGIE_HOME": str(home), "REGIE_PORT": str(free_block())}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "regie", "up", "--ready-file", str(ready), env=env, cwd=ROOT, start_new_session=True
        )
        try:
            yield await _ready(process, ready)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await process.wait()


async def _ready(process: asyncio.subprocess.Process, ready: Path) -> dict[str, Any]:
    for _ in range(int(START_WITHIN_S * 10)):
        if process.returncode is not None:
            raise NoHouse(f"`regie up` ended with status {process.returncode}")
        if (found := _read(ready)) is not None:
            return found
        await asyncio.sleep(0.1)
    raise NoHouse(f"`regie up` was not ready within {START_WITHIN_S:g} s")


def _running(endpoints: Path) -> dict[str, Any] | None:
    """The endpoints of a house whose process is alive; a file left behind by a crash does not count."""
    found = _read(endpoints)
    if found is None:
        return None
    try:
        os.kill(int(found["pid"]), 0)
    except OSError:
        return None
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found


def free_block() -> int:
    """A base port with every port of a house free beside it. Raises NoHouse when there is none."""
    for base in range(18400, 28400, 20):
        if all(is_free(base + offset) for offset in OFFSETS.values()):
            return base
    raise NoHouse("no free block of ports on loopback")

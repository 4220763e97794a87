import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.stage.engine.client import EngineClient, EngineGone, launch
from services.stage.engine.protocol import Applied, RecState

from .conftest import Stage, alive, gone
from .film import gaps, watch

ROOT = Path(__file__).resolve().parents[3]


async def test_a_recording_decodes_after_the_engine_was_killed(stage: Stage) -> None:
    path = stage.directory / "killed.mp4"
    await stage.do("source.add", id="red", color="#FF0000")
    await stage.take("red")
    await stage.do("rec.start", id="r", path=str(path))
    await asyncio.sleep(3.2)
    frames = (await stage.state())["recs"]["r"]["frames"]
    os.kill(stage.pid, signal.SIGKILL)
    await gone(stage.pid)
    film = watch(path)
    assert gaps(film.times) == []
    assert frames - 51 <= len(film.times) <= frames + 2, "at most the last two seconds are lost"
    assert all(abs(luma - 81) < 3 for luma, _, _ in film.colours)


async def test_a_killed_engine_is_started_anew_on_the_same_socket(start: Callable[..., Any]) -> None:
    first = await start()
    os.kill(first.pid, signal.SIGKILL)
    await gone(first.pid)
    with pytest.raises(EngineGone):
        await first.client.ask("late", "state")
    second = await start()
    assert second.pid != first.pid
    assert (await second.state())["scene"] == {"layout": "slate", "sources": []}


async def test_the_engine_outlives_the_service_that_started_it_and_is_found_again(start: Callable[..., Any]) -> None:
    stage = await start("unused")
    socket = stage.directory / "engine.sock"
    script = (
        "import asyncio, sys, time; from services.stage.engine.client import launch;"
        "print(asyncio.run(launch(sys.argv[1], '320x180', 25, sys.argv[2])), flush=True); time.sleep(60)"
    )
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(socket), str(stage.directory / "engine.log")),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    assert service.stdout is not None
    pid = int(await service.stdout.readline())
    os.killpg(service.pid, signal.SIGKILL)
    await service.wait()
    await asyncio.sleep(0.3)
    assert alive(pid)
    assert await launch(socket, "320x180", 25, stage.directory / "other.log") == pid
    client = await EngineClient.connect(socket)
    assert client.hello.pid == pid
    assert isinstance(await client.ask("end", "quit"), Applied)
    await gone(pid)
    await client.close()


async def test_a_second_engine_on_the_same_socket_is_refused(stage: Stage) -> None:
    command = [sys.executable, "-m", "services.stage.engine", "--socket", str(stage.socket), "--size", "320x180"]
    second = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, timeout=20, check=False)
    assert second.returncode == 3
    assert (await stage.state())["blank"] is False


@pytest.mark.parametrize("way", ["signal", "quit"])
async def test_ending_finalises_the_recording_and_cleans_up(stage: Stage, way: str) -> None:
    path = stage.directory / "ended.mp4"
    assert (stage.socket.stat().st_mode & 0o777) == 0o600
    assert int(stage.pid_file.read_text()) == stage.pid
    await stage.do("rec.start", id="r", path=str(path))
    await asyncio.sleep(0.4)
    if way == "signal":
        os.kill(stage.pid, signal.SIGTERM)
    else:
        await stage.do("quit")
    closed = await stage.heard(RecState, id="r", state="closed")
    await gone(stage.pid)
    assert len(watch(path).times) == closed.frames > 5
    assert not stage.socket.exists()
    assert not stage.pid_file.exists()
    assert all(json.loads(line)["what"] for line in stage.log.splitlines())

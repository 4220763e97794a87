import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest_asyncio

from services.stage.engine.protocol import ClipEnded, Levels, RecState, SourceState
from services.stage.ingest.client import IngestClient, launch
from services.stage.ingest.protocol import Hello, Publisher

from .conftest import Stage, arguments_of, gone
from .film import gaps, shoot, watch

CANARY, KEY = "canary-51c0de-key", "good-9d1e-key"


class Presenter:
    """An encoder in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def publish(cls, port: int, key: str, seconds: float) -> "Presenter":
        script = str(Path(__file__).with_name("publisher.py"))
        pipe, silent = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            sys.executable, script, str(seconds), stdin=pipe, stdout=silent, stderr=silent
        )
        assert process.stdin is not None
        process.stdin.write(f"rtmp://127.0.0.1:{port}/live/{key}\n".encode())
        await process.stdin.drain()
        return cls(process)

    async def leave(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class Door:
    """Ingest with its controller."""

    def __init__(self, hello: Hello, client: IngestClient, log: Path) -> None:
        self.hello, self.client, self.log = hello, client, log
        self.events = client.events()

    async def next(self) -> Publisher:
        return await asyncio.wait_for(anext(self.events), 10)


@pytest_asyncio.fixture
async def door(short: Path) -> AsyncIterator[Door]:
    async def authorize(key: str) -> str | None:
        return "camera" if key == KEY else None

    log = short / "ingest.log"
    hello = await launch(0, short / "in", short / "ingest.sock", log)
    client = await IngestClient.connect(short / "ingest.sock", authorize)
    yield Door(hello, client, log)
    await client.close()
    os.kill(hello.pid, signal.SIGTERM)
    await gone(hello.pid)
    assert not (short / "ingest.sock").exists()


async def recorded_while_live(stage: Stage, source: str) -> tuple[Path, RecState]:
    """A second of programme during which the source stayed live.

    A presenter's encoder that gets no processor for two seconds is told as stalled, and the slate is shown, as it should
    be; such a recording says nothing about the camera's picture, so another one is made.
    """
    for attempt in range(5):
        path, recording, mark = stage.directory / f"camera-{attempt}.mp4", f"r-{attempt}", len(stage.told)
        await stage.do("rec.start", id=recording, path=str(path))
        await asyncio.sleep(1)
        await stage.do("rec.stop", id=recording)
        closed = await stage.heard(RecState, id=recording, state="closed")
        if not any(isinstance(event, SourceState) and event.id == source for event in stage.told[mark:]):
            return path, closed
        await stage.heard(SourceState, id=source, state="live", after=mark)
    raise AssertionError("the source never stayed live for a second")


async def test_a_presenter_with_the_right_key_is_seen_and_heard_leaves_and_comes_back(stage: Stage, door: Door) -> None:
    port = door.hello.port
    await stage.do("source.add", id="cam", url=f"unix:{stage.directory}/in/camera.sock")
    await stage.take("cam")
    await stage.heard(SourceState, id="cam", state="lost")
    presenter = await Presenter.publish(port, KEY, 30)
    assert await door.next() == Publisher(source_id="camera", state="connected")
    await stage.heard(SourceState, id="cam", state="live")
    second = await Presenter.publish(port, KEY, 2)
    assert await asyncio.wait_for(second.process.wait(), 10) != 0, "one publisher a key"
    path, closed = await recorded_while_live(stage, "cam")
    await presenter.leave()
    assert await door.next() == Publisher(source_id="camera", state="gone")
    mark = len(stage.told)
    await stage.heard(SourceState, id="cam", state="lost")
    again = await Presenter.publish(port, KEY, 30)
    assert await door.next() == Publisher(source_id="camera", state="connected")
    await stage.heard(SourceState, id="cam", state="live", after=mark)
    await again.leave()

    film = watch(path)
    assert closed.frames == len(film.colours)
    assert gaps(film.times) == []
    assert all(165 < luma < 190 for luma, _, _ in film.colours)
    assert len({round(luma, 2) for luma, _, _ in film.colours}) > len(film.colours) // 2, "the picture moves"
    middle = film.sound[9600:-9600]
    assert 0.15 < float((middle**2).mean() ** 0.5) < 0.25, "the tone is heard at its level"
    assert abs(middle[:, None] if middle.ndim > 1 else middle).max() < 0.35, "without clicks"


async def test_live_is_told_with_the_first_frame_that_shows_the_presenter(stage: Stage, door: Door) -> None:
    """Sound and pictures that cannot be decoded yet come earlier: until there is a picture, the slate is on air."""
    await stage.do("source.add", id="cam", url=f"unix:{stage.directory}/in/camera.sock")
    await stage.take("cam")
    path = stage.directory / "arrival.mp4"
    await stage.do("rec.start", id="r", path=str(path))
    presenter = await Presenter.publish(door.hello.port, KEY, 30)
    live = await stage.heard(SourceState, id="cam", state="live")
    await asyncio.sleep(0.4)
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    await presenter.leave()
    lumas = [luma for luma, _, _ in watch(path).colours]
    arrival = live.frame - closed.first_frame
    assert 0 < arrival < len(lumas)
    assert max(lumas[:arrival]) < 100, "the slate until then"
    assert lumas[arrival] > 165, "and the presenter from then on"


async def test_a_wrong_key_is_refused_before_any_media_and_told_to_nobody(stage: Stage, door: Door) -> None:
    presenter = await Presenter.publish(door.hello.port, CANARY, 5)
    assert await asyncio.wait_for(presenter.process.wait(), 10) != 0
    await door.client.close()
    alone = await Presenter.publish(door.hello.port, KEY, 5)
    assert await asyncio.wait_for(alone.process.wait(), 10) != 0, "without a controller nobody is let in"
    log = door.log.read_text()
    assert log.count("a publisher is refused") == 2
    assert CANARY not in log
    assert KEY not in log
    assert list((stage.directory / "in").iterdir()) == []
    assert CANARY not in arguments_of(door.hello.pid)


async def test_a_clip_plays_once_from_its_start_and_reports_its_end(stage: Stage) -> None:
    clip = shoot(stage.directory / "clip.mp4", 1.0)
    path = stage.directory / "recorded.mp4"
    await stage.do("rec.start", id="r", path=str(path))
    played = await stage.do("clip.play", id="jingle", path=str(clip))
    await stage.take("jingle")
    ended = await stage.heard(ClipEnded, id="jingle")
    assert ended.reason == "played"
    assert 25 <= ended.frame - played.frame <= 45
    await stage.heard(SourceState, id="jingle", state="eof")
    await stage.do("clip.stop", id="jingle")
    await stage.do("rec.stop", id="r")
    await stage.heard(RecState, id="r", state="closed")
    film = watch(path)
    assert sum(luma > 150 for luma, _, _ in film.colours) >= 25
    loud = (abs(film.sound) > 0.02).sum() / 48000
    assert 0.85 < loud < 1.15
    assert len([event for event in stage.told if isinstance(event, ClipEnded)]) == 1


async def test_a_clip_that_is_stopped_or_cannot_be_read_says_so(stage: Stage) -> None:
    clip = shoot(stage.directory / "clip.mp4", 3.0)
    await stage.do("clip.play", id="long", path=str(clip))
    await stage.heard(SourceState, id="long", state="live")
    await stage.do("clip.stop", id="long")
    assert (await stage.heard(ClipEnded, id="long")).reason == "stopped"
    broken = stage.directory / "broken.mp4"
    broken.write_bytes(os.urandom(20000))
    await stage.do("clip.play", id="broken", path=str(broken))
    assert (await stage.heard(ClipEnded, id="broken")).reason == "failed"


async def test_a_missing_file_shows_the_slate_until_it_is_there_and_is_heard_as_loud_as_set(stage: Stage) -> None:
    path = stage.directory / "later.mp4"
    await stage.do("source.add", id="film", url=str(path), loop=True)
    await stage.take("film")
    assert (await stage.heard(SourceState, id="film", state="lost")).reason == "no such file or directory"
    shoot(stage.directory / "made.mp4", 1.0).rename(path)
    live = await stage.heard(SourceState, id="film", state="live")
    await stage.heard(Levels, after=stage.told.index(live) + 2)
    loud = [event.left_dbfs for event in stage.told if isinstance(event, Levels)][-1]
    await stage.do("audio.set", id="film", gain_db=-12)
    mark = len(stage.told)
    await stage.heard(Levels, after=mark + 2)
    quiet = [event.left_dbfs for event in stage.told[mark:] if isinstance(event, Levels)][-1]
    assert -15 < loud < -12.5, "RMS of a sine with amplitude 0.3, looping"
    assert -13.5 < quiet - loud < -10.5

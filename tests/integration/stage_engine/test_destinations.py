import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from regie.rtmp_receiver import RtmpReceiver
from services.stage.engine.protocol import DestState, RecState, SourceState

from .conftest import Stage, arguments_of
from .film import gaps, watch

CANARY = "canary-7f3a91-key"


@pytest_asyncio.fixture
async def receivers(short: Path) -> AsyncIterator[list[RtmpReceiver]]:
    both = [RtmpReceiver(), RtmpReceiver()]
    for number, receiver in enumerate(both):
        await receiver.start(0, [f"key-{number}"], short / f"received{number}")
    yield both
    for receiver in both:
        await receiver.stop()


async def test_one_destination_dies_and_recovers_while_the_other_and_the_recording_have_no_gap(
    stage: Stage, receivers: list[RtmpReceiver]
) -> None:
    dying, steady = receivers
    await stage.do("source.add", id="red", color="#FF0000")
    await stage.do("source.add", id="blue", color="#0000FF")
    await stage.take("red")
    path = stage.directory / "whole.mp4"
    await stage.do("rec.start", id="r", path=str(path))
    await stage.do("dest.add", id="dying", url=dying.url("key-0"))
    await stage.do("dest.add", id="steady", url=steady.url("key-1"))
    for name in ("dying", "steady"):
        assert (await stage.heard(DestState, id=name, state="connected")).attempt == 1
    await asyncio.sleep(0.5)
    cut = await stage.take("blue")
    killed = len(stage.told)
    await dying.stop()
    down = await stage.heard(DestState, id="dying", state="down", after=killed)
    assert down.reason
    second = await stage.heard(DestState, id="dying", state="down", after=stage.told.index(down) + 1)
    assert (second.attempt, second.reason) == (1, "connection refused")
    await dying.start(dying.port, ["key-0"], stage.directory / "received0")
    back = await stage.heard(DestState, id="dying", state="connected", after=stage.told.index(second))
    assert back.attempt > 1
    await asyncio.sleep(0.7)
    assert (await stage.state())["dests"]["steady"] == {"state": "connected", "attempt": 1}
    for name in ("dying", "steady"):
        await stage.do("dest.remove", id=name)
        await stage.heard(DestState, id=name, state="closed")
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    await asyncio.sleep(0.2)

    (steadily,) = (watch(file) for file in steady.files)
    assert steadily.codecs == ("h264", "aac")
    assert steadily.size == (320, 180)
    assert gaps(steadily.times) == []
    assert steadily.times[-1] * 25 > back.frame - cut, "it received until long after the other came back"
    assert len(steadily.sound) / 48000 == pytest.approx(steadily.times[-1], abs=0.15)
    recorded = watch(path)
    assert gaps(recorded.times) == []
    before, after = (watch(file) for file in dying.files)
    assert gaps(before.times) == gaps(after.times) == []
    assert abs(after.colours[0][0] - 41) < 3, "a sink begins at a key frame and shows what is on air now"
    first_blue = next(n for n, (luma, _, _) in enumerate(recorded.colours) if luma < 60)
    assert first_blue + closed.first_frame == cut


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        continue
    writer.close()


async def test_a_server_that_refuses_or_never_answers_is_down_with_its_reason_and_the_key_is_told_to_nobody(
    stage: Stage, receivers: list[RtmpReceiver]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    deaf = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    urls = {
        "deaf": f"rtmp://127.0.0.1:{deaf.sockets[0].getsockname()[1]}/live/{CANARY}",
        "refused": receivers[0].url(CANARY),
        "nobody": f"rtmp://127.0.0.1:{nobody}/live/{CANARY}?token={CANARY}",
        "nowhere": f"rtmp://no-such-host.invalid/live/{CANARY}",
        "unencrypted": f"rtmps://127.0.0.1:{receivers[0].port}/live/{CANARY}",
    }
    for name, url in urls.items():
        await stage.do("dest.add", id=name, url=url)
    await stage.ask("dest.add", id="refused", url=urls["nobody"])
    await stage.ask("dest.add", id="user", url=f"rtmp://user:{CANARY}@127.0.0.1:{nobody}/live/{CANARY}")
    await stage.ask("dest.add", id="bad", url=f"rtmp://{CANARY}:x/live/{CANARY}")
    await stage.ask("dest.add", id=7, url=urls["nobody"])
    await stage.do("source.add", id="away", url=f"rtmp://127.0.0.1:{nobody}/live/{CANARY}")
    for name in urls:
        await stage.heard(DestState, id=name, state="down", attempt=1)
    await stage.heard(DestState, id="refused", state="down", attempt=2)
    refused = await stage.heard(DestState, id="refused", state="down")
    assert refused.reason == "refused: NetStream.Publish.BadName Stream name is not allowed"
    assert not any(event for event in stage.told if isinstance(event, DestState) and event.state == "connected")
    told = repr([*stage.told, await stage.state(), await stage.do("stats")]) + stage.log
    assert (await stage.heard(DestState, id="deaf", state="down")).reason == "no answer to handshake in 5 s"
    deaf.close()
    assert receivers[0].refused >= 2
    assert "dest.state" in stage.log
    assert CANARY not in told + arguments_of(stage.pid)
    assert receivers[0].files == []


async def test_an_engine_that_is_allowed_nothing_inside_reaches_nothing_inside(start: Callable[..., Any]) -> None:
    """Destinations and feeds that name this machine: its servers are never touched, and the reason is told."""
    hits: list[int] = []
    inside = await asyncio.start_server(lambda _, writer: (hits.append(1), writer.close()), "127.0.0.1", 0)
    port = inside.sockets[0].getsockname()[1]
    stage = await start(allow="")
    for name, host in (("v4", "127.0.0.1"), ("name", "localhost"), ("mapped", "[::ffff:127.0.0.1]")):
        await stage.do("dest.add", id=name, url=f"rtmp://{host}:{port}/live/{CANARY}")
        down = await stage.heard(DestState, id=name, state="down")
        assert down.reason == "the host is, or resolves to, an address that is not public"
    await stage.do("source.add", id="feed", url=f"rtmp://localhost:{port}/live/{CANARY}")
    lost = await stage.heard(SourceState, id="feed", state="lost")
    assert lost.reason == "the host is, or resolves to, an address that is not public"
    assert await stage.ask("dest.add", id="short", url=f"rtmp://2130706433:{port}/live/{CANARY}")
    assert hits == []
    (await asyncio.open_connection("127.0.0.1", port))[1].close()
    await asyncio.sleep(0.1)
    assert hits == [1]
    inside.close()

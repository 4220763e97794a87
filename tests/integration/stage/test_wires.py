"""What goes over RTMP: the programme to a destination that is lost and comes back, and a presenter through our ingest."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import av

from regie.rtmp_receiver import RtmpReceiver
from tests.integration.stage.conftest import ROOT, Service, Show
from tests.integration.stage.test_show import armed, go_live, scene
from tests.support.requests import ANY_VERSION

PUBLISHER = ROOT / "tests" / "integration" / "stage_engine" / "publisher.py"
KEY, NEXT_KEY = "canary-key-1", "canary-key-2"


def codecs(path: Path) -> set[str]:
    with av.open(str(path)) as film:
        return {stream.codec_context.name for stream in film.streams}


async def test_a_destination_receives_the_programme_is_lost_and_recovers(service: Service) -> None:
    show, receiver = Show(), RtmpReceiver()
    await receiver.start(keys=[KEY, NEXT_KEY], directory=service.home / "received")
    base, lease = await armed(service, show)
    address = receiver.url(KEY).removesuffix(f"/{KEY}")
    made = await service.post(f"{base}/destinations", 201, name="tube", url=address, stream_key=KEY)
    one = f"{base}/destinations/{made['id']}"
    await service.post(f"{one}/enabling")
    await go_live(service, base, lease, show)
    await service.until(f"{base}/destinations", lambda all_: all_[0]["status"] == "CONNECTED")
    await receiver.stop()
    await service.until(f"{base}/destinations", lambda all_: all_[0]["status"] in ("RECONNECTING", "FAILED"))
    await receiver.start()
    await service.until(f"{base}/destinations", lambda all_: all_[0]["status"] == "CONNECTED")
    await service.post(f"{one}/key", lease=lease, stream_key=NEXT_KEY)
    async with asyncio.timeout(15):
        while not receiver.files_of(NEXT_KEY):  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.05)
    await service.until(f"{base}/destinations", lambda all_: all_[0]["status"] == "CONNECTED")
    await asyncio.sleep(1.5)
    await service.post(f"{base}/end-stream", lease=lease, headers=ANY_VERSION)
    await service.until(base, lambda stage: not stage["engine_up"])
    await receiver.stop()
    assert codecs(receiver.files_of(NEXT_KEY)[0]) == {"h264", "aac"}
    told = [entry["type"] for entry in await service.trail(show)]
    assert "stage.destination_recovered.v1" in told
    assert told.count("stage.stream_started.v1") == 1
    assert not any(secret in service.log for secret in (KEY, NEXT_KEY))


async def test_a_presenter_publishes_with_their_key_and_returns_after_a_drop(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    path = f"{base}/presenters/{show.ada}"
    wire = await service.post(f"{path}/feed", feed="ingest")
    again = await service.post(f"{path}/feed", feed="ingest")
    assert again["stream_key"] != wire["stream_key"]
    await service.until(f"{base}/on-air", lambda air: not air["pending"])
    stranger = await publish(f"{again['url']}/{wire['stream_key']}")
    speaker = await publish(f"{again['url']}/{again['stream_key']}")
    await service.until(f"{base}/presenters", lambda all_: status(all_, show) == "CONNECTED")
    await service.post(f"{path}/tech-check", 200, light=True, video=True, audio=True)
    await service.post(f"{path}/readiness", 200)
    await service.post(f"{path}/on-stage", lease=lease)
    await service.until(f"{base}/presenters", lambda all_: status(all_, show) == "ON_STAGE")
    await service.post(f"{base}/preview", 200, lease=lease, **scene("full", show.ada))
    await service.post(f"{base}/take", lease=lease)
    speaker.send_signal(signal.SIGKILL)
    await speaker.wait()
    await service.until(f"{base}/presenters", lambda all_: status(all_, show) == "DROPPED")
    speaker = await publish(f"{again['url']}/{again['stream_key']}")
    await service.until(f"{base}/presenters", lambda all_: status(all_, show) == "ON_STAGE")
    for one in (speaker, stranger):
        if one.returncode is None:
            one.kill()
        await one.wait()
    assert all(key not in service.log for key in (wire["stream_key"], again["stream_key"]))
    assert all(again["stream_key"] not in str(entry) for entry in await service.trail(show))


def status(presenters: list[dict[str, str]], show: Show) -> str:
    return next(one["status"] for one in presenters if one["presenter_id"] == str(show.ada))


async def publish(url: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(sys.executable, str(PUBLISHER), "60", stdin=PIPE, stderr=PIPE)
    assert process.stdin is not None
    process.stdin.write(f"{url}\n".encode())
    await process.stdin.drain()
    return process

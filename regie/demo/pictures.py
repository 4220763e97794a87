"""What the demo's people bring: a speaker's camera and microphone over RTMP, a clip, a logo; all synthetic, all real media.

The speaker's stream key is handed to the publisher in memory and stands in no argument list.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import imageio_ffmpeg

from chassis.outbound import Outbound
from regie.demo.client import StepFailed
from services.stage.engine.rtmp.publisher import DestinationFault, Publisher

LOOPBACK = Outbound.allowing("127.0.0.0/8")
SIZE, RATE = "640x360", 25
_X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50"]
_AAC = ["-c:a", "aac", "-ar", "48000", "-ac", "2"]


@contextlib.asynccontextmanager
async def camera(url: str, tone_hz: int, pattern: str = "testsrc2") -> AsyncIterator[None]:
    """A speaker on the air towards `url` for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-re",
        "-f", "lavfi", "-i", f"{pattern}=size={SIZE}:rate={RATE}", "-f", "lavfi", "-i", f"sine=frequency={tone_hz}:sample_rate=48000",
        *_X264, *_AAC, "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1",
        stdout=asyncio.subprocess.PIPE, limit=4 * 1024 * 1024,
    )  # fmt: skip
    sending = asyncio.create_task(_send(process, url))
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(process: asyncio.subprocess.Process, url: str) -> None:
    """FLV tags from ffmpeg to the ingest, connecting again when it goes away."""
    assert process.stdout is not None
    await process.stdout.readexactly(13)
    headers: dict[int, bytes] = {}
    while process.returncode is None:
        publisher = Publisher(url, LOOPBACK)
        try:
            await asyncio.to_thread(publisher.open)
            for kind, payload in headers.items():
                await asyncio.to_thread(publisher.write, kind, 0, payload)
            while True:
                kind, stamp, payload = await _tag(process.stdout)
                if payload[1:2] == b"\x00" and kind in (8, 9):
                    headers[kind] = payload  # the decoder's configuration: a new connection needs it again
                await asyncio.to_thread(publisher.write, kind, stamp, payload)
        except DestinationFault:
            await asyncio.sleep(0.5)
        finally:
            await asyncio.to_thread(publisher.close, politely=True)


async def _tag(stream: asyncio.StreamReader) -> tuple[int, int, bytes]:
    head = await stream.readexactly(11)
    payload = await stream.readexactly(int.from_bytes(head[1:4], "big"))
    await stream.readexactly(4)
    return head[0], int.from_bytes(head[4:7], "big") | head[7] << 24, payload


async def clip(path: Path, seconds: int) -> Path:
    """A short film with sound."""
    await _make(
        path, "-f", "lavfi", "-i", f"smptehdbars=size={SIZE}:rate={RATE}", "-f", "lavfi", "-i", "sine=frequency=660:sample_rate=48000",
        "-t", str(seconds), *_X264, *_AAC,
    )  # fmt: skip
    return path


async def logo(path: Path) -> Path:
    """A small picture in one colour."""
    await _make(path, "-f", "lavfi", "-i", "color=c=0x0055aa:size=160x90", "-frames:v", "1")
    return path


async def _make(path: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments, str(path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate()
    if process.returncode:
        raise StepFailed(f"ffmpeg could not make {path.name}: {complaint.decode(errors='replace')[-300:]}")

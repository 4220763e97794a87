"""Films made to exhaust whoever looks at them: the look ends within its limits, and says so."""

import contextlib
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.media.content import LOOKING, NotAcceptable, check_video
from services.media.editor import Exhausted, Limits
from services.media.editor.ffmpeg import run
from tests.integration.media_editor.film import make

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Half a second of picture, its index before its media."""
    return make(
        tmp_path_factory.mktemp("film") / "a.mp4", "-movflags", "faststart", seconds=0.5, sound=False
    ).read_bytes()


def patched(film: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """The film with other bytes at an offset behind the name of a box."""
    at = film.index(box) + 4 + offset
    return film[:at] + value + film[at + len(value) :]


def with_tracks(film: bytes, times: int) -> bytes:
    """The film with its track repeated so often."""
    moov = film.index(b"moov") - 4
    trak = film.index(b"trak") - 4
    (whole,), (part,) = struct.unpack_from(">I", film, moov), struct.unpack_from(">I", film, trak)
    more = film[trak : trak + part] * times
    grown = film[:trak] + more + film[trak:]
    return grown[:moov] + struct.pack(">I", whole + len(more)) + grown[moov + 4 :]


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "a picture of 65535 by 65535": lambda film: patched(film, b"avc1", 24, b"\xff\xff\xff\xff"),
    "four billion samples": lambda film: patched(film, b"stsz", 8, b"\xff\xff\xff\xff"),
    "four billion sample times": lambda film: patched(film, b"stts", 4, b"\xff\xff\xff\xff"),
    "four billion chunks": lambda film: patched(film, b"stco", 4, b"\xff\xff\xff\xff"),
    "samples of 4 GB": lambda film: patched(film, b"stsz", 4, b"\xff\xff\xff\xff"),
    "a thousand years": lambda film: patched(film, b"mvhd", 16, b"\xff\xff\xff\xff"),
    "no time base": lambda film: patched(film, b"mdhd", 12, b"\0\0\0\0"),
    "two thousand tracks": lambda film: with_tracks(film, 2000),
    "a box in itself": lambda film: film + struct.pack(">I4s", 16, b"moov") * 50_000,
    "parameters of 4 GB": lambda film: patched(film, b"avcC", -8, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_refused_or_harmless_within_the_limits(bomb: str, film: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bomb.mp4"
    path.write_bytes(BOMBS[bomb](film))
    began = time.monotonic()
    with contextlib.suppress(NotAcceptable):
        await check_video(path)
    assert time.monotonic() - began < PATIENCE_S


async def test_the_film_itself_is_fine(film: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film)
    await check_video(path)
    assert LOOKING.cpu_s
    assert LOOKING.memory_bytes


FOREVER = ("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=60", "-f", "null", "-")


async def test_a_process_that_takes_too_much_time_is_ended() -> None:
    with pytest.raises(Exhausted, match="stopped after its 1 s"):
        await run(FOREVER, limits=Limits(time_s=1))


async def test_a_process_that_takes_too_much_of_the_processor_is_ended() -> None:
    with pytest.raises(Exhausted, match="1 s of the processor"):
        await run(FOREVER, limits=Limits(time_s=60, cpu_s=1))


async def test_a_process_that_takes_too_much_memory_is_ended() -> None:
    hoarding = ("-f", "lavfi", "-i", "testsrc2=size=7680x4320", "-vf", "reverse", "-t", "20", "-f", "null", "-")
    with pytest.raises(Exhausted, match="memory"):
        await run(hoarding, limits=Limits(time_s=60, memory_bytes=1024**3))

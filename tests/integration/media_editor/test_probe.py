"""What the editor says about media, whole, broken and hostile."""

import asyncio
import http.server
import threading
from pathlib import Path

import pytest

from services.media.editor import BadMedia, EditorFault, Limits, check_integrity, probe
from tests.integration.media_editor import film
from tests.integration.media_editor.conftest import cut_short


async def test_a_whole_recording_is_described_by_its_packets(talk: Path):
    seen = await probe(talk)
    assert (seen.container, seen.complete, seen.faults) == ("mov,mp4,m4a,3gp,3g2,mj2", True, ())
    assert seen.video is not None
    assert (seen.video.codec, seen.video.width, seen.video.height) == ("h264", 320, 180)
    assert (seen.video.rate, seen.video.frames) == (30, 120)
    assert seen.audio is not None
    assert (seen.audio.codec, seen.audio.rate_hz, seen.audio.channels) == ("aac", 48000, 1)
    assert seen.duration_s == pytest.approx(4.0, abs=0.05)


async def test_a_rate_printed_as_29_97_is_the_exact_fraction(originals: Path):
    seen = await probe(originals / "ntsc.mp4")
    assert seen.video is not None
    assert (seen.video.fps_num, seen.video.fps_den) == (30000, 1001)


@pytest.mark.parametrize("name", ["portrait.mkv", "feed.flv", "crash.mp4", "mute.mp4"])
async def test_every_kind_of_original_is_whole_and_sound(originals: Path, name: str):
    seen = await probe(originals / name)
    assert seen.complete, seen.faults
    assert (seen.audio is None) == (name == "mute.mp4")
    assert await check_integrity(originals / name) == []


async def test_a_recording_broken_off_in_a_fragment_tells_how_much_there_is(broken_off: Path):
    seen = await probe(broken_off)
    assert not seen.complete
    assert "the recording was never closed (mfra is missing)" in seen.faults
    assert seen.video is not None
    assert 60 <= seen.video.frames < 120
    assert seen.duration_s == pytest.approx(seen.video.frames / 30, abs=0.1)


async def test_a_recording_broken_off_between_two_fragments_is_not_complete_either(originals: Path, tmp_path: Path):
    content = (originals / "crash.mp4").read_bytes()
    last_fragment = content.rfind(b"moof") - 4
    tidy = tmp_path / "tidy.mp4"
    tidy.write_bytes(content[:last_fragment])
    seen = await probe(tidy)
    assert seen.faults == ("the recording was never closed (mfra is missing)",)
    assert not seen.complete


async def test_a_hole_in_a_recording_is_named(talk: Path, tmp_path: Path):
    holed = tmp_path / "holed.mkv"
    cut = r"select='not(between(n\,30\,59))'"
    await asyncio.to_thread(film.ask, "-i", str(talk), "-an", "-vf", cut, "-fps_mode", "passthrough", str(holed))
    seen = await probe(holed)
    assert [fault for fault in seen.faults if fault.startswith("no video from 0.9")], seen.faults


async def test_damage_in_the_middle_shows_only_when_all_is_decoded(talk: Path, tmp_path: Path):
    damaged = scratch(talk, tmp_path / "damaged.mp4")
    assert await check_integrity(talk) == []
    assert await check_integrity(damaged) != []


def scratch(whole: Path, damaged: Path) -> Path:
    content = bytearray(whole.read_bytes())
    middle = content.find(b"mdat") + 3000
    content[middle : middle + 400] = b"\xa5" * 400
    damaged.write_bytes(content)
    return damaged


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 5000, b"ffconcat version 1.0\nfile talk.mp4\n"])
async def test_what_is_no_media_is_blamed_on_the_input(tmp_path: Path, content: bytes):
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(content)
    with pytest.raises(BadMedia, match=r"fake\.mp4 is not a recording"):
        await probe(fake)
    assert len(await check_integrity(fake)) == 1


async def test_a_missing_original_is_our_fault_and_not_the_inputs(tmp_path: Path):
    with pytest.raises(EditorFault, match="not on this disk") as fault:
        await probe(tmp_path / "gone.mp4")
    assert not isinstance(fault.value, BadMedia)


@pytest.fixture
def inner_server():
    """A server that must never be called: it counts the requests that reach it."""
    calls: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_error(404)

        def log_message(self, *_args: object):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", calls
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ts"])
async def test_a_playlist_that_points_at_a_server_is_refused_and_nobody_is_called(
    inner_server, tmp_path: Path, name: str
):
    address, calls = inner_server
    playlist = tmp_path / name
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{address}/secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(BadMedia):
        await probe(playlist)
    assert calls == []
    await asyncio.to_thread(unfenced, playlist)
    assert calls != [], "the trap does not work, so its silence proves nothing"


def unfenced(playlist: Path):
    """Open the playlist as a careless editor would."""
    command = ["-protocol_whitelist", "file,http,tcp", "-f", "hls", "-i", str(playlist), "-f", "null", "-"]
    with pytest.raises(Exception, match="non-zero exit"):
        film.ask(*command)


async def test_a_name_that_looks_like_an_address_is_only_a_name(tmp_path: Path):
    with pytest.raises(EditorFault, match="not on this disk"):
        await probe(Path("http://127.0.0.1:1/x.mp4"))
    odd = tmp_path / "concat:a|b %d -i é.mp4"
    film.make(odd, seconds=0.5)
    assert (await probe(odd)).complete


async def test_a_probe_that_takes_too_long_is_stopped(talk: Path):
    with pytest.raises(EditorFault, match="was stopped after its 0"):
        await probe(talk, limits=Limits(time_s=0.0))


async def test_a_truncated_mp4_without_its_index_is_no_recording(talk: Path, tmp_path: Path):
    with pytest.raises(BadMedia, match="moov"):
        await probe(cut_short(talk, tmp_path / "headless.mp4", 0.5))

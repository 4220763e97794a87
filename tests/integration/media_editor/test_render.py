"""Edits: exact to the frame, joined, levelled, the same every time, and nothing left behind when they fail."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from services.media.editor import (
    BadEdit,
    BadMedia,
    Chapter,
    EditorFault,
    Edl,
    Limits,
    Segment,
    check_integrity,
    probe,
    render,
    sha256_of,
)
from services.media.editor.ffmpeg import executable
from tests.integration.media_editor import film


def edit(*stretches: tuple[Path, float, float], **options) -> Edl:
    return Edl(
        segments=tuple(Segment(source=path, start_s=start, end_s=end) for path, start, end in stretches), **options
    )


@pytest.mark.parametrize(
    ("start_s", "end_s", "first", "last"),
    [(0, 1, 0, 29), (1, 2, 30, 59), (1.5, 2.7, 45, 80), (0.51, 0.99, 16, 29), (1.7, 1.71, 51, 51), (3.5, 4, 105, 119)],
)
async def test_a_trim_shows_exactly_the_frames_of_its_stretch(talk, tmp_path, start_s, end_s, first, last):
    done = await render(edit((talk, start_s, end_s)), tmp_path / "trim.mp4")
    assert await film.numbers(done.path) == list(range(first, last + 1))
    assert done.video.frames == last - first + 1


async def test_a_trim_is_exact_at_a_rate_of_29_97(originals, tmp_path):
    done = await render(edit((originals / "ntsc.mp4", 1.0, 3.0)), tmp_path / "trim.mp4")
    assert await film.numbers(done.path) == list(range(30, 90))
    assert (done.video.fps_num, done.video.fps_den) == (30000, 1001)


async def test_pieces_are_joined_over_a_gap_frame_by_frame(talk, tmp_path):
    done = await render(edit((talk, 0.5, 1.0), (talk, 3.0, 3.4), (talk, 0.0, 0.1)), tmp_path / "joined.mp4")
    assert await film.numbers(done.path) == [*range(15, 30), *range(90, 102), *range(3)]
    assert await check_integrity(done.path) == []


async def test_sound_stays_with_its_picture_over_a_join(talk, tmp_path):
    done = await render(edit((talk, 0.5, 1.2), (talk, 1.7, 3.0)), tmp_path / "joined.mp4")
    expected_s = 0.7 + (film.SILENCE_UNTIL_S - 1.7)
    assert await film.sound_begins_s(done.path) == pytest.approx(expected_s, abs=0.005)


async def test_originals_of_other_shape_rate_and_without_sound_are_fitted_in(originals, tmp_path):
    stretches = [(originals / "talk.mp4", 2, 3), (originals / "portrait.mkv", 1, 2), (originals / "mute.mp4", 0, 1)]
    done = await render(edit(*stretches), tmp_path / "mixed.mp4")
    assert (done.video.width, done.video.height, done.video.rate, done.video.frames) == (320, 180, 30, 90)
    seen = await probe(done.path)
    assert seen.complete
    assert seen.audio is not None
    assert done.duration_s == pytest.approx(3.0, abs=0.001)


async def test_an_edit_carries_its_title_and_chapters_whatever_they_are_spelt_with(talk, tmp_path):
    chapters = (Chapter(start_s=0, title="Début; a=b #1 \\"), Chapter(start_s=0.5, title="Questions"))
    done = await render(edit((talk, 1, 2), title="L'été = 100 % ; fin", chapters=chapters), tmp_path / "c.mp4")
    written = await film.metadata(done.path)
    assert r"title=L'été \= 100 % \; fin" in written
    assert r"title=Début\; a\=b \#1 \\" in written
    assert "START=24000\nEND=48000\ntitle=Questions" in written


async def test_a_level_is_measured_and_then_reached(talk, tmp_path):
    stretch = (talk, 2.0, 4.0)
    done = await render(edit(stretch, loudness_lufs=-23), tmp_path / "quiet.mp4")
    assert done.measured_lufs == pytest.approx(-11, abs=2)
    again = await render(edit((done.path, 0.0, 2.0), loudness_lufs=-23), tmp_path / "again.mp4")
    assert again.measured_lufs == pytest.approx(-23, abs=0.7)


@pytest.mark.parametrize("name", ["mute.mp4", "talk.mp4"])
async def test_silence_cannot_be_levelled_and_is_left_alone(originals, tmp_path, name):
    done = await render(edit((originals / name, 0, 1), loudness_lufs=-16), tmp_path / "silent.mp4")
    assert done.measured_lufs is None
    assert done.video.frames == 30


async def test_the_same_list_gives_the_same_bytes_after_the_derived_file_is_lost(originals, tmp_path):
    stretches = [(originals / "talk.mp4", 0.4, 2.6), (originals / "crash.mp4", 1.0, 2.0)]
    edl = edit(*stretches, title="Session 1", loudness_lufs=-16, chapters=(Chapter(start_s=0, title="Talk"),))
    first = await render(edl, tmp_path / "a" / "vod.mp4")
    first.path.unlink()
    second = await render(edl, tmp_path / "b" / "rebuilt.mp4")
    assert second.sha256 == first.sha256 == await sha256_of(second.path)
    assert (second.recipe, second.ffmpeg) == (first.recipe, first.ffmpeg)
    other = await render(edit(*stretches, title="Session 2"), tmp_path / "other.mp4")
    assert other.sha256 != first.sha256


async def test_originals_are_not_touched_and_nothing_else_is_left(talk, tmp_path):
    before = await sha256_of(talk)
    await render(edit((talk, 0, 1)), tmp_path / "done.mp4")
    assert await sha256_of(talk) == before
    assert [path.name for path in tmp_path.iterdir()] == ["done.mp4"]


async def test_progress_only_grows_and_ends_at_one(talk, tmp_path):
    shares: list[float] = []
    await render(edit((talk, 0, 4), loudness_lufs=-16), tmp_path / "done.mp4", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


async def test_a_salvaged_end_can_be_cut_but_not_beyond(broken_off, tmp_path):
    there = await probe(broken_off)
    done = await render(edit((broken_off, 1.0, 2.0)), tmp_path / "saved.mp4")
    assert done.video.frames == 30
    with pytest.raises(BadMedia, match="ends at"):
        await render(edit((broken_off, 1.0, there.duration_s + 0.5)), tmp_path / "more.mp4")
    assert not (tmp_path / "more.mp4").exists()


async def test_a_stretch_between_two_frames_is_refused(talk, tmp_path):
    with pytest.raises(BadEdit, match="no frame"):
        await render(edit((talk, 1.001, 1.002)), tmp_path / "nothing.mp4")


async def test_sound_alone_is_no_programme(tmp_path):
    tone = tmp_path / "tone.wav"
    film.ask("-f", "lavfi", "-i", "sine=duration=1", str(tone))
    with pytest.raises(BadMedia, match="no picture"):
        await render(edit((tone, 0, 1)), tmp_path / "out.mp4")


async def test_a_cancelled_render_kills_its_own_child_and_leaves_nothing(talk, tmp_path):
    edl = edit(*[(talk, 0, 4)] * 60)
    started = asyncio.Event()
    rendering = asyncio.create_task(render(edl, tmp_path / "long.mp4", progress=lambda _share: started.set()))
    await asyncio.wait_for(started.wait(), 60)
    assert len(children()) == 1
    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering
    assert children() == []
    assert list(tmp_path.iterdir()) == []


async def test_a_render_out_of_time_is_stopped_and_leaves_nothing(talk, tmp_path):
    edl = edit(*[(talk, 0, 4)] * 100)
    with pytest.raises(EditorFault, match="was stopped after its 1 s") as fault:
        await render(edl, tmp_path / "long.mp4", limits=Limits(time_s=1))
    assert not isinstance(fault.value, BadMedia)
    assert children() == []
    assert list(tmp_path.iterdir()) == []


async def test_a_render_killed_from_outside_is_a_fault_that_names_the_signal(talk, tmp_path):
    def kill_it(_share: float) -> None:
        for child in children():
            os.kill(child, 9)

    with pytest.raises(EditorFault, match="killed by signal 9"):
        await render(edit(*[(talk, 0, 4)] * 60), tmp_path / "long.mp4", progress=kill_it)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="the tool that ties a child's life to its parent's is absent"
)
async def test_a_service_that_is_killed_takes_its_ffmpeg_with_it(talk, tmp_path):
    script = (
        "import asyncio, pathlib, sys\n"
        "from services.media.editor import Edl, Segment, render\n"
        "edl = Edl(segments=(Segment(source=pathlib.Path(sys.argv[1]), start_s=0, end_s=4),) * 100)\n"
        "asyncio.run(render(edl, pathlib.Path(sys.argv[2]), progress=lambda share: print(share, flush=True)))\n"
    )
    command = [sys.executable, "-c", script, str(talk), str(tmp_path / "long.mp4")]
    service = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert service.stdout is not None
    await asyncio.wait_for(service.stdout.readline(), 60)
    (orphan,) = children(service.pid)
    service.kill()
    await service.wait()
    assert await asyncio.to_thread(ends_within, 20, orphan)


def ends_within(seconds: float, process: int) -> bool:
    """Wait for the end of a process that is not our child; one that nobody has collected yet has ended too."""
    for _ in range(int(seconds * 20)):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def children(of: int | None = None) -> list[int]:
    """Return the ffmpeg processes that a process, or else this one, has started and that still run."""
    found = []
    for task in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((task / "stat").read_text().rpartition(")")[2].split()[1])
            program = (task / "cmdline").read_bytes().split(b"\0")[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == (of or os.getpid()) and program == executable().encode():
            found.append(int(task.name))
    return found

"""Packaging without encoding: salvage, joining a recorder's pieces, stills."""

from pathlib import Path

import pytest

from services.media.editor import BadMedia, EditorFault, check_integrity, poster, probe, remux
from tests.integration.media_editor import film


async def test_a_recording_that_was_never_closed_is_salvaged_without_its_damaged_end(broken_off: Path, tmp_path: Path):
    there = await probe(broken_off)
    saved = await remux([broken_off], tmp_path / "saved.mp4")
    assert there.video is not None
    assert saved.video.frames == there.video.frames
    assert await film.numbers(saved.path) == list(range(saved.video.frames))
    assert await check_integrity(saved.path) == []


async def test_the_pieces_of_a_recorder_are_joined_packet_by_packet(originals: Path, broken_off: Path, tmp_path: Path):
    whole = originals / "crash.mp4"
    joined = await remux([whole, broken_off, whole], tmp_path / "joined.mp4")
    kept = (await probe(broken_off)).video
    assert kept is not None
    assert await film.numbers(joined.path) == [*range(120), *range(kept.frames), *range(120)]
    assert await check_integrity(joined.path) == []


async def test_copying_twice_gives_the_same_bytes(originals: Path, tmp_path: Path):
    first = await remux([originals / "feed.flv"], tmp_path / "a.mp4")
    assert (await remux([originals / "feed.flv"], tmp_path / "b.mp4")).sha256 == first.sha256


async def test_pieces_coded_differently_are_not_copied_together(originals: Path, tmp_path: Path):
    with pytest.raises(BadMedia, match="not coded like"):
        await remux([originals / "talk.mp4", originals / "portrait.mkv"], tmp_path / "out.mp4")
    with pytest.raises(EditorFault, match="nothing"):
        await remux([], tmp_path / "out.mp4")
    assert film.names_in(tmp_path) == []


async def test_names_with_quotes_and_spaces_can_be_joined(talk: Path, tmp_path: Path):
    odd = tmp_path / "it's 'odd' \\ here.mp4"
    odd.hardlink_to(talk)
    assert (await remux([odd, odd], tmp_path / "out.mp4")).video.frames == 240


@pytest.mark.parametrize(("at_s", "number"), [(0, 0), (1.0, 30), (1.02, 30), (3.99, 119)])
async def test_a_still_is_the_picture_on_the_screen_at_that_time(talk: Path, tmp_path: Path, at_s: float, number: int):
    still = await poster(talk, at_s, tmp_path / "still.jpg")
    assert still.read_bytes().startswith(b"\xff\xd8")
    assert await film.numbers(still) == [number]


async def test_there_is_no_still_after_the_end(talk: Path, tmp_path: Path):
    with pytest.raises(BadMedia, match="shows nothing at 4"):
        await poster(talk, 4.5, tmp_path / "still.jpg")

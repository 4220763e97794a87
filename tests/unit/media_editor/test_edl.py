"""An edit list is checked before anything is read, and its cuts are exact arithmetic."""

import itertools
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.media.editor import BadEdit, Chapter, Edl, Segment
from services.media.editor.edl import MAX_SEGMENTS, check
from services.media.editor.graph import SAMPLE_RATE_HZ, Cut, Picture, cut_exactly, filter_graph
from services.media.editor.render import _chapter_file

TALK = Path("talk.mp4")
NTSC = Fraction(30000, 1001)


def stretch(start_s: float, end_s: float) -> Segment:
    return Segment(source=TALK, start_s=start_s, end_s=end_s)


def cut(start_s: float, end_s: float, rate: Fraction = Fraction(30)) -> Cut:
    return cut_exactly(stretch(start_s, end_s), rate, has_sound=True)


def test_an_edit_of_several_stretches_lasts_as_long_as_they_do():
    edl = Edl(segments=(stretch(0, 1.5), stretch(10, 12)), chapters=(Chapter(start_s=0, title="a"),))
    check(edl)
    assert edl.duration_s == 3.5


@pytest.mark.parametrize(
    "segment", [stretch(2, 1), stretch(1, 1), stretch(-1, 1), stretch(0, float("inf")), stretch(float("nan"), 1)]
)
def test_a_stretch_that_does_not_run_forwards_is_refused(segment: Segment):
    with pytest.raises(BadEdit, match="segment 2 does not run forwards"):
        check(Edl(segments=(stretch(0, 1), segment)))


@pytest.mark.parametrize("count", [0, MAX_SEGMENTS + 1])
def test_an_edit_has_at_least_one_stretch_and_an_upper_limit(count: int):
    with pytest.raises(BadEdit, match=f"not {count}"):
        check(Edl(segments=(stretch(0, 1),) * count))


@pytest.mark.parametrize("starts", [(0.0, 0.0), (1.0, 0.5), (0.0, 3.0), (-1.0,), (float("nan"),)])
def test_chapters_follow_one_another_within_the_edit(starts: tuple[float, ...]):
    with pytest.raises(BadEdit, match="chapters start"):
        check(Edl(segments=(stretch(0, 3),), chapters=tuple(Chapter(start_s=at, title="x") for at in starts)))


@pytest.mark.parametrize("lufs", [0.0, -41.0, float("nan")])
def test_a_level_nobody_can_mean_is_refused(lufs: float):
    with pytest.raises(BadEdit, match="LUFS"):
        check(Edl(segments=(stretch(0, 1),), loudness_lufs=lufs))


@pytest.mark.parametrize("title", ["two\nlines", "nul\0", "bell\a"])
def test_titles_are_one_line(title: str):
    with pytest.raises(BadEdit, match="one line"):
        check(Edl(segments=(stretch(0, 1),), title=title))
    with pytest.raises(BadEdit, match="one line"):
        check(Edl(segments=(stretch(0, 1),), chapters=(Chapter(start_s=0, title=title),)))


@pytest.mark.parametrize(
    ("start_s", "end_s", "rate", "first", "frames"),
    [
        (0, 1, Fraction(30), 0, 30),
        (0.01, 1, Fraction(30), 1, 29),
        (0.1, 0.2, Fraction(30), 3, 3),
        (1.0, 1.001, Fraction(30), 30, 1),
        (1.001, 1.002, Fraction(30), 31, 0),
        (1 / 3, 2 / 3, Fraction(30), 10, 10),
        (33.366667, 66.733333, NTSC, 1000, 1000),
    ],
)
def test_a_cut_holds_the_frames_shown_within_its_stretch(start_s, end_s, rate, first, frames):
    made = cut(start_s, end_s, rate)
    assert (made.first, made.frames) == (first, frames)


@given(st.lists(st.integers(0, 200_000), min_size=2, max_size=30, unique=True), st.sampled_from([Fraction(25), NTSC]))
def test_neighbouring_cuts_share_no_frame_and_lose_none(milliseconds: list[int], rate: Fraction):
    marks = [at / 1000 for at in sorted(milliseconds)]
    cuts = [cut(start, end, rate) for start, end in itertools.pairwise(marks)]
    whole = cut(marks[0], marks[-1], rate)
    assert sum(piece.frames for piece in cuts) == whole.frames
    assert all(piece.first + piece.frames == after.first for piece, after in itertools.pairwise(cuts))


def test_reading_begins_half_a_frame_early_so_that_rounding_decides_nothing():
    made = cut(1, 2)
    assert made.seek_s == pytest.approx(29.5 / 30)
    assert made.lead_s == pytest.approx(0.5 / 30)
    assert (cut(0, 1).seek_s, cut(0, 1).lead_s) == (0, 0)


def test_over_many_joins_sound_is_never_a_whole_sample_from_its_picture():
    cuts = [cut(at, at + 0.5, NTSC) for at in range(50)]
    graph = filter_graph(cuts, Picture(width=320, height=180, rate=NTSC), sound_finish="", with_picture=True)
    samples = sum(int(piece.partition("[")[0]) for piece in graph.split("apad,atrim=end_sample=")[1:])
    frames = sum(piece.frames for piece in cuts)
    assert abs(samples - frames * SAMPLE_RATE_HZ / NTSC) < 1


def test_a_source_without_sound_gets_silence_and_the_measuring_pass_gets_no_picture():
    mute = cut_exactly(stretch(0, 1), Fraction(30), has_sound=False)
    picture = Picture(width=320, height=180, rate=Fraction(30))
    graph = filter_graph([mute, cut(0, 1)], picture, sound_finish="loudnorm=I=-16", with_picture=False)
    assert "anullsrc" in graph
    assert "[0:a:0]" not in graph
    assert ":v:0]" not in graph
    assert "concat=n=2:v=0:a=1[joined];[joined]loudnorm=I=-16,aresample" in graph


def test_a_title_cannot_break_out_of_the_chapter_file():
    chapters = (Chapter(start_s=0, title="a=b;#\\"), Chapter(start_s=1, title="[CHAPTER]"))
    lines = _chapter_file(Edl(segments=(stretch(0, 2.5),), chapters=chapters)).split("\n")
    assert lines == [
        ";FFMETADATA1",
        *("[CHAPTER]", "TIMEBASE=1/1000", "START=0", "END=1000", "title=a\\=b\\;\\#\\\\ "),
        *("[CHAPTER]", "TIMEBASE=1/1000", "START=1000", "END=2500", "title=[CHAPTER]"),
        "",
    ]

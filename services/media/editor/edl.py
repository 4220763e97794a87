"""The edit decision list: which stretches of which originals, in which order; an original is never touched."""

import math
import re
from itertools import pairwise
from pathlib import Path

import msgspec

from services.media.editor.ffmpeg import EditorFault

MAX_SEGMENTS = 200
LOUDNESS_RANGE_LUFS = (-40.0, -5.0)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadEdit(EditorFault):
    """The edit list contradicts itself; nothing was read or written."""


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stretch [start_s, end_s) of one original, in seconds from that original's first instant."""

    source: Path
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long the stretch is as asked for, before its ends are moved to frame boundaries."""
        return self.end_s - self.start_s


class Chapter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named place in the finished recording, in seconds from its beginning; it lasts until the next."""

    start_s: float
    title: str


class Edl(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Segments in playing order, and how the result is to be dressed.

    `loudness_lufs` is the integrated loudness aimed at (EBU R 128 says -23, streaming services use -14 to -16); without
    it the level stays as recorded. Source: D17; rows M3, M4 and M7 of the feature table.
    """

    segments: tuple[Segment, ...]
    title: str | None = None
    loudness_lufs: float | None = None
    chapters: tuple[Chapter, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long the result is as asked for."""
        return sum(segment.duration_s for segment in self.segments)


def check(edl: Edl) -> None:
    """Raise `BadEdit` with the first contradiction in the list itself; the originals are not looked at."""
    if not 1 <= len(edl.segments) <= MAX_SEGMENTS:
        raise BadEdit(f"an edit has 1 to {MAX_SEGMENTS} segments, not {len(edl.segments)}")
    for number, segment in enumerate(edl.segments, 1):
        if not (_finite(segment.start_s, segment.end_s) and 0 <= segment.start_s < segment.end_s):
            raise BadEdit(f"segment {number} does not run forwards: {segment.start_s} s to {segment.end_s} s")
    low, high = LOUDNESS_RANGE_LUFS
    if edl.loudness_lufs is not None and not low <= edl.loudness_lufs <= high:
        raise BadEdit(f"a loudness of {edl.loudness_lufs} LUFS is not between {low:g} and {high:g}")
    if any(_CONTROL.search(title) for title in (edl.title or "", *(chapter.title for chapter in edl.chapters))):
        raise BadEdit("a title is one line without control characters")
    _check_chapters(edl)


def _check_chapters(edl: Edl) -> None:
    starts = [chapter.start_s for chapter in edl.chapters]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise BadEdit("chapters start one after the other")
    if starts and not (_finite(*starts) and starts[0] >= 0 and starts[-1] < edl.duration_s):
        raise BadEdit(f"chapters start within the {edl.duration_s:g} s of the edit")


def _finite(*numbers: float) -> bool:
    return all(math.isfinite(number) for number in numbers)

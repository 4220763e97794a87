"""Rendering an edit list: exact cuts, joined, levelled, with chapters; the same list gives the same bytes."""

import asyncio
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from services.media.editor.edl import BadEdit, Edl, Segment, check
from services.media.editor.ffmpeg import (
    USUAL,
    BadMedia,
    EditorFault,
    Limits,
    Progress,
    Ran,
    progress_of,
    run,
    untrusted,
    version,
)
from services.media.editor.files import appearing_whole, sha256_of
from services.media.editor.graph import Cut, Picture, cut_exactly, filter_graph
from services.media.editor.probe import Probe, Video, probe

RECIPE = "h264-veryfast-crf20-aac160-v1"
"""The name of the encoding below. Change it whenever an option changes: rendered bytes depend on every one of them."""

THREADS = 2
"""x264 gives the same bytes for the same number of threads, whatever the machine; so the number is fixed."""

REPRODUCIBLE = (
    *("-map_metadata:g", "-1", "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1"),
    *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
)
"""Nothing of the day, the machine or the original's comments. (`-map_metadata -1` would take the chapters' titles too.)"""

_MEASURE_SHARE = 0.3
_TRUE_PEAK_DBTP, _LOUDNESS_RANGE_LU = -1.5, 11


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file, and what is needed to make or check it again: its digest, recipe and ffmpeg version.

    `measured_lufs` is the loudness before levelling; it is absent if no level was asked for or there was only silence.
    `faults` are what the decoder complained about in the originals; the pictures asked for are all there nevertheless.
    """

    path: Path
    sha256: str
    size_bytes: int
    duration_s: float
    video: Video
    recipe: str
    ffmpeg: str
    measured_lufs: float | None = None
    faults: tuple[str, ...] = ()


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that has been checked against its originals."""

    edl: Edl
    cuts: Sequence[Cut]
    picture: Picture
    limits: Limits
    progress: Progress | None


class _Level(msgspec.Struct, frozen=True):
    """What the first loudnorm pass has measured, in the words in which the second wants it back."""

    input_i: str
    input_tp: str
    input_lra: str
    input_thresh: str
    target_offset: str


async def render(edl: Edl, output: Path, *, limits: Limits = USUAL, progress: Progress | None = None) -> Rendered:
    """Cut and join the segments into an MP4 (H.264, AAC, index first) which appears under its name when finished.

    Every cut is exact to the frame: a segment shows the frames whose time lies in [start_s, end_s), on the frame grid of
    the first original; other originals are fitted into its picture size and rate. Everything is encoded anew: cutting
    between keyframes without encoding joins two stream set-ups in one track, which not every player takes. The same
    list, originals and ffmpeg give the same bytes. `progress` receives the share done, from 0 to 1.

    Raises `BadEdit` (the list), `BadMedia` (an original is unfit or too short), `EditorFault` (time, disk, ffmpeg).
    Source: D17; rows M3, M4, M7, M14 of the feature table.
    """
    check(edl)
    probes = {
        source: await probe(source, limits=limits) for source in {segment.source: None for segment in edl.segments}
    }
    picture = _picture(edl, probes)
    cuts = [_cut(segment, probes[segment.source], picture) for segment in edl.segments]
    job = _Job(edl=edl, cuts=cuts, picture=picture, limits=limits, progress=progress)
    level = await _measure(job)
    async with appearing_whole(output) as draft:
        ran = await _encode(job, level, draft.absolute())
        rendered = await describe(draft, output, limits=limits, recipe=RECIPE, faults=ran.faults())
        _all_there(rendered, cuts)
    if progress is not None:
        progress(1.0)
    return msgspec.structs.replace(rendered, measured_lufs=float(level.input_i) if level else None)


async def describe(draft: Path, output: Path, *, limits: Limits, recipe: str, faults: tuple[str, ...]) -> Rendered:
    """Look at what was just written, before it gets its name; raises `EditorFault` if it is not a whole recording."""
    written = await probe(draft, limits=limits)
    if written.video is None or not written.complete:
        raise EditorFault(f"what was written is not a whole recording: {', '.join(written.faults) or 'no picture'}")
    return Rendered(
        path=output,
        sha256=await sha256_of(draft),
        size_bytes=(await asyncio.to_thread(draft.stat)).st_size,
        duration_s=written.duration_s,
        video=written.video,
        recipe=recipe,
        ffmpeg=version(),
        faults=faults,
    )


def _picture(edl: Edl, probes: dict[Path, Probe]) -> Picture:
    """Return the frame of the result: that of the first original, with even sides because 4:2:0 needs them."""
    for source, seen in probes.items():
        if seen.video is None:
            raise BadMedia(f"{source.name} has no picture")
    video = probes[edl.segments[0].source].video
    assert video is not None
    return Picture(width=video.width & ~1, height=video.height & ~1, rate=video.rate)


def _cut(segment: Segment, seen: Probe, picture: Picture) -> Cut:
    """Move a segment's ends onto the frame grid; raises `BadMedia` if the original ends before it."""
    frame_s = float(1 / picture.rate)
    if segment.end_s > seen.duration_s + frame_s:
        raise BadMedia(f"{segment.source.name} ends at {seen.duration_s:g} s, before {segment.end_s:g} s")
    cut = cut_exactly(segment, picture.rate, has_sound=seen.audio is not None)
    if cut.frames == 0:
        raise BadEdit(f"no frame lies between {segment.start_s:g} s and {segment.end_s:g} s")
    return cut


async def _measure(job: _Job) -> _Level | None:
    """Measure the loudness of the joined sound; nothing if no level is asked for or there is nothing but silence."""
    if job.edl.loudness_lufs is None or not any(cut.has_sound for cut in job.cuts):
        return None
    asked = f"{_target(job.edl)}:print_format=json"
    graph = filter_graph(job.cuts, job.picture, sound_finish=asked, with_picture=False)
    arguments = ["-v", "info", "-nostats", "-progress", "pipe:1", *_inputs(job.cuts, sound_only=True)]
    arguments += ["-filter_complex", graph, "-map", "[sound]", "-f", "null", "-"]
    done = progress_of(job.edl.duration_s, job.progress, until=_MEASURE_SHARE)
    ran = await run(arguments, limits=job.limits, on_line=done)
    if ran.code != 0:
        raise EditorFault(f"the loudness could not be measured: {ran.complaint()}")
    level = _level(ran)
    return level if math.isfinite(float(level.input_i)) else None


def _level(ran: Ran) -> _Level:
    """Find the JSON object that loudnorm prints between the lines of the log."""
    text = "\n".join(ran.log)
    begin = text.rfind("{\n")
    try:
        return msgspec.convert(json.JSONDecoder().raw_decode(text[begin:])[0], _Level)
    except (ValueError, msgspec.ValidationError) as unreadable:
        raise EditorFault(f"loudnorm did not say what it measured: {ran.complaint()}") from unreadable


def _target(edl: Edl) -> str:
    return f"loudnorm=I={edl.loudness_lufs:g}:TP={_TRUE_PEAK_DBTP}:LRA={_LOUDNESS_RANGE_LU}"


def _levelled(edl: Edl, level: _Level | None) -> str:
    """Return the filter of the second pass: one constant gain where the true peak allows it, limited where not."""
    if level is None:
        return ""
    measured = f"measured_I={level.input_i}:measured_TP={level.input_tp}:measured_LRA={level.input_lra}"
    return f"{_target(edl)}:{measured}:measured_thresh={level.input_thresh}:offset={level.target_offset}:linear=true"


async def _encode(job: _Job, level: _Level | None, draft: Path) -> Ran:
    graph = filter_graph(job.cuts, job.picture, sound_finish=_levelled(job.edl, level), with_picture=True)
    with tempfile.TemporaryDirectory(prefix="regie-edit-") as folder:
        chapters = Path(folder) / "chapters"
        chapters.write_text(_chapter_file(job.edl), encoding="utf-8")
        arguments = ["-v", "error", "-nostats", "-progress", "pipe:1", *_inputs(job.cuts, sound_only=False)]
        arguments += ["-protocol_whitelist", "file", "-f", "ffmetadata", "-i", f"file:{chapters}"]
        arguments += ["-filter_complex_threads", "1", "-filter_complex", graph, "-map", "[picture]", "-map", "[sound]"]
        arguments += ["-map_chapters", str(len(job.cuts)), *_encoding(job.picture), *_titles(job.edl), f"file:{draft}"]
        done = progress_of(job.edl.duration_s, job.progress, since=_MEASURE_SHARE if level else 0.0)
        ran = await run(arguments, limits=job.limits, on_line=done)
    if ran.code != 0:
        raise EditorFault(f"rendering stopped: {ran.complaint()}")
    return ran


def _inputs(cuts: Sequence[Cut], *, sound_only: bool) -> list[str]:
    arguments: list[str] = []
    for cut in cuts:
        seek = ["-ss", f"{cut.seek_s:.6f}"] if cut.seek_s else []
        skip = ["-vn"] if sound_only else []
        arguments += [*seek, "-t", f"{cut.read_s:.6f}", *skip, *untrusted(cut.source)]
    return arguments


def _encoding(picture: Picture) -> list[str]:
    keyframe_distance = str(round(picture.rate * 2))
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads:v", str(THREADS),
        "-g", keyframe_distance, "-c:a", "aac", "-b:a", "160k", "-threads:a", "1",
        *REPRODUCIBLE, "-movflags", "+faststart", "-f", "mp4",
    ]  # fmt: skip


def _titles(edl: Edl) -> list[str]:
    return ["-metadata", f"title={edl.title}"] if edl.title else []


def _chapter_file(edl: Edl) -> str:
    """Return the chapters in ffmpeg's metadata format; each ends where the next begins, the last with the edit."""
    lines = [";FFMETADATA1"]
    starts = [round(chapter.start_s * 1000) for chapter in edl.chapters]
    for chapter, start, end in zip(edl.chapters, starts, [*starts[1:], round(edl.duration_s * 1000)], strict=False):
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}", f"title={_escaped(chapter.title)}"]
    return "\n".join([*lines, ""])


def _escaped(title: str) -> str:
    """Return a title in ffmpeg's notation, which loses the line break after a final backslash however it is written."""
    return "".join(f"\\{sign}" if sign in "=;#\\" else sign for sign in title) + (" " if title.endswith("\\") else "")


def _all_there(rendered: Rendered, cuts: Sequence[Cut]) -> None:
    expected = sum(cut.frames for cut in cuts)
    if rendered.video.frames == expected:
        return
    said = f" ({'; '.join(rendered.faults[:3])})" if rendered.faults else ""
    raise BadMedia(f"of {expected} frames only {rendered.video.frames} could be made{said}")

"""The filter graph of an edit: pure text out of cuts, and the arithmetic that makes a cut exact."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from services.media.editor.edl import Segment

SAMPLE_RATE_HZ = 48_000
GRID_TOLERANCE = 1e-3
"""How far a time may miss a frame, in frames, and still mean it: seconds are decimal, frame times are not."""

_SPARE_FRAMES = 2
_READ_MARGIN_S = 1.0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The frame of the result: even sides in pixels, and the exact frame rate."""

    width: int
    height: int
    rate: Fraction


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A segment on the frame grid: `frames` frames from frame number `first` on.

    Reading begins at `seek_s`, half a frame before the first frame, so that no rounding of time stamps can decide
    whether that frame is in; the first frame then lies `lead_s` after the point of entry.
    """

    source: Path
    first: int
    frames: int
    seek_s: float
    lead_s: float
    read_s: float
    has_sound: bool


def cut_exactly(segment: Segment, rate: Fraction, *, has_sound: bool) -> Cut:
    """Return the frames whose times lie in [start_s, end_s): number k is shown at k / rate.

    A time that misses a frame by less than a thousandth of a frame means that frame.
    """
    first, after = _frame_at(segment.start_s, rate), _frame_at(segment.end_s, rate)
    half_s = float(1 / (2 * rate)) if first else 0.0
    frames = max(0, after - first)
    return Cut(
        source=segment.source,
        first=first,
        frames=frames,
        seek_s=float(first / rate) - half_s,
        lead_s=half_s,
        read_s=float(frames / rate) + _READ_MARGIN_S,
        has_sound=has_sound,
    )


def filter_graph(cuts: Sequence[Cut], picture: Picture, *, sound_finish: str, with_picture: bool) -> str:
    """Return ffmpeg's filter text: input i is cut i, the outputs are `[picture]` (if wanted) and `[sound]`.

    Every piece is brought to its exact number of frames and samples before joining, so that sound and picture cannot
    drift apart over many joins. `sound_finish` is one more filter for the joined sound, or empty.
    """
    pieces, labels = [], ""
    samples_before, frames_before = 0, 0
    for number, cut in enumerate(cuts):
        frames_before += cut.frames
        samples_after = round(frames_before * SAMPLE_RATE_HZ / picture.rate)
        if with_picture:
            pieces.append(_picture_piece(number, cut, picture))
            labels += f"[p{number}]"
        pieces.append(_sound_piece(number, cut, samples_after - samples_before))
        labels += f"[s{number}]"
        samples_before = samples_after
    kinds, outputs = (1, "[picture][joined]") if with_picture else (0, "[joined]")
    pieces.append(f"{labels}concat=n={len(cuts)}:v={kinds}:a=1{outputs}")
    finish = ",".join([*([sound_finish] if sound_finish else []), f"aresample={SAMPLE_RATE_HZ}"])
    pieces.append(f"[joined]{finish},aformat=sample_fmts=fltp:channel_layouts=stereo[sound]")
    return ";".join(pieces)


def _frame_at(time_s: float, rate: Fraction) -> int:
    return math.ceil(Fraction(time_s) * rate - Fraction(GRID_TOLERANCE))


def _picture_piece(number: int, cut: Cut, picture: Picture) -> str:
    width, height = picture.width, picture.height
    steps = [
        f"setpts=PTS-{cut.lead_s:.9f}/TB",
        f"fps={picture.rate.numerator}/{picture.rate.denominator}:start_time=0:round=near",
        f"tpad=stop={_SPARE_FRAMES}:stop_mode=clone",
        f"trim=end_frame={cut.frames}",
        f"scale={width}:{height}:force_original_aspect_ratio=decrease:flags=bicubic+bitexact",
        f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2",
        "setsar=1",
        "format=yuv420p",
    ]
    return f"[{number}:v:0]{','.join(steps)}[p{number}]"


def _sound_piece(number: int, cut: Cut, samples: int) -> str:
    """Return the sound of a cut at its exact length: gaps become silence, and so does a source without sound."""
    shape = f"aformat=sample_fmts=fltp:sample_rates={SAMPLE_RATE_HZ}:channel_layouts=stereo"
    if not cut.has_sound:
        return f"anullsrc=r={SAMPLE_RATE_HZ}:cl=stereo,atrim=end_sample={samples},{shape}[s{number}]"
    steps = [
        f"atrim=start={cut.lead_s:.9f}",
        f"asetpts=PTS-{cut.lead_s:.9f}/TB",
        f"aresample={SAMPLE_RATE_HZ}:async=1:first_pts=0",
        shape,
        "apad",
        f"atrim=end_sample={samples}",
    ]
    return f"[{number}:a:0]{','.join(steps)}[s{number}]"

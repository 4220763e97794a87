"""The top level of an MP4 file: whether it ends where it says it does, which ffmpeg only hints at."""

import struct
from pathlib import Path

import msgspec

_NAMES_BEFORE_MEDIA = {
    b"ftyp",
    b"styp",
    b"moov",
    b"moof",
    b"mdat",
    b"free",
    b"skip",
    b"wide",
    b"pdin",
    b"sidx",
    b"uuid",
}


MAX_BOXES = 1_000_000
"""Source: judgement; nine hours of fragments of one second have some sixty thousand."""


class Boxes(msgspec.Struct, frozen=True, kw_only=True):
    """The top-level boxes found, in file order, and what is wrong with them."""

    names: tuple[bytes, ...]
    faults: tuple[str, ...]


def read_boxes(path: Path) -> Boxes:
    """Walk the top-level boxes of an ISO base media file; only headers are read.

    A fragmented file without its closing `mfra` index was never closed: its recorder was killed, and whatever it had
    not yet flushed is lost. Source: ISO/IEC 14496-12, 4.2 (box header), 8.8.9 (mfra).
    """
    names: list[bytes] = []
    faults: list[str] = []
    size = path.stat().st_size
    with path.open("rb") as stream:
        at = 0
        while at < size:
            stream.seek(at)
            length, name = _header(stream.read(16), size - at)
            if length is None or (not names and name not in _NAMES_BEFORE_MEDIA):
                faults.append(f"no box at byte {at}")
                break
            names.append(name)
            if len(names) > MAX_BOXES:
                faults.append(f"more than {MAX_BOXES} boxes")
                break
            if at + length > size:
                faults.append(
                    f"the last box, {name.decode('latin-1')}, lacks {at + length - size} of its {length} bytes"
                )
            at += length
    return Boxes(names=tuple(names), faults=tuple(faults + _missing(names)))


def _header(head: bytes, left: int) -> tuple[int | None, bytes]:
    """Return the whole length of a box and its name; no length if these bytes cannot begin a box."""
    if len(head) < 8:
        return None, b""
    length, name = struct.unpack(">I4s", head[:8])
    if length == 1:
        length = struct.unpack(">Q", head[8:16])[0] if len(head) == 16 else 0
        return (length if length >= 16 else None), name
    if length == 0:
        return left, name
    return (length if length >= 8 else None), name


def _missing(names: list[bytes]) -> list[str]:
    if b"moov" not in names:
        return ["the index (moov) is missing"]
    if b"moof" in names and b"mfra" not in names:
        return ["the recording was never closed (mfra is missing)"]
    return []

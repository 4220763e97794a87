"""Looking at what somebody uploaded: what it really is, whatever it was called. Pictures by their structure, video by ffmpeg.

Not in here: what is done with it.
"""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Final

from contracts.media import AssetKind
from services.media.editor import BadMedia, EditorFault, Exhausted, Limits, probe

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
MP4: Final = "video/mp4"
PDF: Final = "application/pdf"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ANYTHING: Final = "application/octet-stream"

ACCEPTED: Final = (PNG, JPEG, MP4, PDF, PPTX, ANYTHING)
"""What a client may call its body; the last one means: look yourself."""

SUFFIX: Final = {PNG: ".png", JPEG: ".jpg", MP4: ".mp4", PDF: ".pdf", PPTX: ".pptx"}

_PICTURES: Final = frozenset({PNG, JPEG})
FITS: Final = {
    AssetKind.LOGO: _PICTURES,
    AssetKind.BANNER: _PICTURES,
    AssetKind.OVERLAY: _PICTURES,
    AssetKind.SLATE: _PICTURES,
    AssetKind.BACKGROUND: _PICTURES | {MP4},
    AssetKind.CLIP: frozenset({MP4}),
    AssetKind.SLIDES: _PICTURES | {PDF, PPTX},
}
"""What each kind of asset can be. Source: duties.md K3, D12; what the programme engine can show."""

MAX_SIDE: Final = 8192
"""A picture's longest side. Source: judgement; twice 4K."""
MAX_PIXELS: Final = 40_000_000
"""Of a picture in all: what the programme engine decodes (`services/stage/engine/overlays.py`), so that what is accepted
here is not refused on air."""

MAX_CHUNKS: Final = 100_000
"""Parts of a PNG or JPEG. Source: judgement; a picture as large as an upload has some thousand."""
MAX_DIRECTORY_BYTES: Final = 1_000_000
MAX_UNPACKED_BYTES: Final = 1_000_000_000
"""Of a presentation: its list of members, and what they come to unpacked. We unpack nothing; whoever gets it will."""

LOOKING: Final = Limits(time_s=60, cpu_s=60, memory_bytes=2 * 1024**3)
"""What looking at an uploaded video may take."""

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_NO_SIZE: Final = frozenset({0xC4, 0xC8, 0xCC})


class NotAcceptable(Exception):  # noqa: N818 - becomes a refusal where it is known which request it was
    """The content is not what it should be; says why, for the one who sent it."""


def look(body: bytes, kind: AssetKind, declared: str) -> str:
    """The media type of an uploaded file. Raises NotAcceptable when it is mislabelled, unfit for the kind, or a bad picture.

    A video is checked by `check_video` once it lies on disk.
    """
    found = _magic(body)
    if found is None:
        raise NotAcceptable("is neither PNG, JPEG, MP4, PDF nor PowerPoint")
    if declared not in (found, ANYTHING):
        raise NotAcceptable(f"is {found}, not {declared}")
    if found not in FITS[kind]:
        raise NotAcceptable(f"is {found}, and a {kind.value} is one of {', '.join(sorted(FITS[kind]))}")
    if found in _PICTURES:
        _check_size(_png_size(body) if found == PNG else _jpeg_size(body))
    return found


async def check_video(path: Path) -> None:
    """Raises NotAcceptable unless the file is a whole video."""
    try:
        seen = await probe(path, limits=LOOKING)
    except BadMedia as unreadable:
        raise NotAcceptable(f"is a damaged MP4: {unreadable.reason}") from unreadable
    except Exhausted as bomb:
        raise NotAcceptable("is an MP4 that takes more time or memory to look at than any clip needs") from bomb
    except EditorFault as broken:
        raise NotAcceptable(f"is an MP4 nobody can read: {broken.reason}") from broken
    if seen.video is None:
        raise NotAcceptable("is an MP4 without a picture")
    if not seen.complete:
        raise NotAcceptable(f"is a damaged MP4: {'; '.join(seen.faults)}")


def _magic(body: bytes) -> str | None:
    head = body[:1024]
    if head.startswith(_PNG_MAGIC):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head[4:8] == b"ftyp":
        return MP4
    if b"%PDF-" in head:
        return PDF
    return PPTX if head.startswith(b"PK\x03\x04") and _is_presentation(body) else None


def _is_presentation(body: bytes) -> bool:
    """Whether it is an archive with a presentation in it. Raises NotAcceptable for one nobody should unpack."""
    if _directory_bytes(body) > MAX_DIRECTORY_BYTES:
        raise NotAcceptable("is an archive with too many members")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    if any(member.filename.startswith(("/", "\\")) or ".." in member.filename for member in members):
        raise NotAcceptable("is an archive whose members lead out of it")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise NotAcceptable("is an archive that unpacks to more than anybody wants")
    return any(member.filename == "ppt/presentation.xml" for member in members)


def _directory_bytes(body: bytes) -> int:
    """How long the list of members says it is; it is read whole. Source: APPNOTE.TXT 6.3.10, section 4.3.16."""
    end = body.rfind(b"PK\x05\x06", -65_557)
    return int.from_bytes(body[end + 12 : end + 16], "little") if end >= 0 else 0


def _png_size(content: bytes) -> tuple[int, int]:
    """Walk the chunks to the end, checking each one's checksum. Source: PNG specification, section 5."""
    at, size = len(_PNG_MAGIC), (0, 0)
    for nr in range(MAX_CHUNKS):
        length = int.from_bytes(content[at : at + 4], "big")
        name, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        crc = content[at + 8 + length : at + 12 + length]
        if zlib.crc32(name + data).to_bytes(4, "big") != crc or (name == b"IHDR") != (nr == 0):
            break
        if name == b"IHDR":
            size = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
        if name == b"IEND":
            return size
        at += 12 + length
    raise NotAcceptable("is a damaged PNG")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Walk the marker segments to the frame header. Source: ITU-T T.81, annex B."""
    at = 2
    ends = content.rstrip(b"\0").endswith(b"\xff\xd9")
    for _ in range(MAX_CHUNKS):
        if not ends or at + 9 > len(content) or content[at] != 0xFF:
            break
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = (int.from_bytes(content[at + n : at + n + 2], "big") for n in (5, 7))
            return width, height
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise NotAcceptable("is a damaged JPEG")


def _check_size(size: tuple[int, int]) -> None:
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise NotAcceptable(f"measures {size[0]} x {size[1]}; a side has 1 to {MAX_SIDE} pixels")
    if size[0] * size[1] > MAX_PIXELS:
        raise NotAcceptable(f"has {size[0] * size[1]} pixels; {MAX_PIXELS} can be shown")

"""Files made to hurt whoever looks at them: each is refused by name, and soon."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.media import AssetKind
from services.media import content
from services.media.content import ANYTHING, JPEG, PNG, PPTX, NotAcceptable, look
from services.media.editor.boxes import read_boxes
from services.media.places import OutsideSharedFolder, inside

PATIENCE_S = 10.0
"""Far more than any of these takes; the attacks they stand for would take minutes."""
TENS_OF_MB = 30_000_000


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *between: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND")


def jpeg(segments: bytes) -> bytes:
    return b"\xff\xd8" + segments + b"\xff\xd9"


def archive(members: dict[str, bytes], *, directory_bytes: int | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in members.items():
            packed.writestr(name, body)
    body = bytearray(out.getvalue())
    if directory_bytes is not None:
        end = body.rfind(b"PK\x05\x06")
        body[end + 12 : end + 16] = struct.pack("<I", directory_bytes)
    return bytes(body)


def unpacks_to(size: int) -> bytes:
    """An archive that says one of its members is so large."""
    body = bytearray(archive({"ppt/presentation.xml": b"x", "ppt/media/a.png": b"y"}))
    entry = body.rfind(b"PK\x01\x02")
    body[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(body)


HOSTILE: dict[str, tuple[Callable[[], bytes], AssetKind, str, str]] = {
    "endless width": (lambda: png(2**31 - 1, 1), AssetKind.LOGO, PNG, "a side has 1 to 8192"),
    "no width": (lambda: png(0, 10), AssetKind.LOGO, PNG, "a side has 1 to 8192"),
    "too many pixels": (lambda: png(8000, 8000), AssetKind.LOGO, PNG, "64000000 pixels"),
    "a second header": (lambda: png(4, 4, chunk(b"IHDR", bytes(13))), AssetKind.LOGO, PNG, "damaged PNG"),
    "a million chunks": (lambda: png(4, 4, chunk(b"teXt") * 1_000_000), AssetKind.LOGO, PNG, "damaged PNG"),
    "a chunk beyond the end": (
        lambda: png(4, 4)[:33] + b"\xff\xff\xff\xffIDAT" + bytes(100),
        AssetKind.LOGO,
        PNG,
        "damaged PNG",
    ),
    "a million segments": (
        lambda: jpeg(b"\xff\xe0\x00\x02" * 1_000_000) + bytes(TENS_OF_MB),
        AssetKind.LOGO,
        JPEG,
        "damaged JPEG",
    ),
    "segments of no length": (lambda: jpeg(b"\xff\xe0\x00\x00" * 1_000_000), AssetKind.LOGO, JPEG, "damaged JPEG"),
    "too many pixels in a JPEG": (
        lambda: jpeg(b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 8000, 8000) + bytes(20)),
        AssetKind.LOGO,
        JPEG,
        "64000000 pixels",
    ),
    "ten thousand members": (
        lambda: archive({f"m{nr:09}{'x' * 90}": b"" for nr in range(10_000)}),
        AssetKind.SLIDES,
        PPTX,
        "too many members",
    ),
    "a directory of 4 GB": (
        lambda: archive({"ppt/presentation.xml": b""}, directory_bytes=2**32 - 1),
        AssetKind.SLIDES,
        PPTX,
        "too many members",
    ),
    "a member that leads out": (
        lambda: archive({"ppt/presentation.xml": b"", "../../etc/cron.d/x": b""}),
        AssetKind.SLIDES,
        PPTX,
        "lead out of it",
    ),
    "an absolute member": (
        lambda: archive({"ppt/presentation.xml": b"", "/etc/passwd": b""}),
        AssetKind.SLIDES,
        PPTX,
        "lead out of it",
    ),
    "unpacks to gigabytes": (lambda: unpacks_to(2_000_000_000), AssetKind.SLIDES, PPTX, "unpacks to more"),
    "a spreadsheet": (lambda: archive({"xl/workbook.xml": b""}), AssetKind.SLIDES, ANYTHING, "is neither"),
    "an archive cut off": (
        lambda: archive({"ppt/presentation.xml": b"x" * 1000})[:-30],
        AssetKind.SLIDES,
        ANYTHING,
        "is neither",
    ),
    "nothing": (lambda: b"", AssetKind.SLIDES, ANYTHING, "is neither"),
    "vector graphics": (
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        AssetKind.LOGO,
        ANYTHING,
        "is neither",
    ),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_file_is_refused_by_name_and_soon(attack: str) -> None:
    make, kind, declared, said = HOSTILE[attack]
    body = make()
    began = time.process_time()
    with pytest.raises(NotAcceptable, match=said):
        look(body, kind, declared)
    assert time.process_time() - began < PATIENCE_S


def test_the_largest_picture_and_an_honest_presentation_pass() -> None:
    assert look(png(8000, 5000), AssetKind.LOGO, PNG) == PNG
    slides = archive({"ppt/presentation.xml": b"<p/>", "ppt/slides/slide1.xml": b"<p/>" * 10_000})
    assert look(slides, AssetKind.SLIDES, PPTX) == PPTX


def test_what_media_takes_the_engine_shows() -> None:
    from services.stage.engine.overlays import MAX_PICTURE_PIXELS

    assert content.MAX_PIXELS <= MAX_PICTURE_PIXELS


def test_a_film_of_nothing_but_boxes_is_left_early(tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(struct.pack(">I4s", 8, b"free") * 1_100_000)
    began = time.process_time()
    assert any("more than" in fault for fault in read_boxes(path).faults)
    assert time.process_time() - began < PATIENCE_S


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "a\\..\\..\\secret",
        "a/\0.mp4",
        "",
        ".",
        "..",
        "link/passwd",
        "%2e%2e/%2e%2e/secret/../../..",
    ],
)
def test_no_name_leads_out_of_the_shared_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "link").symlink_to("/etc")
    with pytest.raises(OutsideSharedFolder):
        inside(folder, name)

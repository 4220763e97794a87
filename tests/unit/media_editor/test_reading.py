"""What the editor reads from a program and from hostile files: logs, packets, boxes, keys."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.media.adapters.storage import InvalidKey, _check_key, _fault
from services.media.editor import BadMedia, EditorFault
from services.media.editor.boxes import read_boxes
from services.media.editor.ffmpeg import Ran, _Log, progress_of, redact, untrusted
from services.media.editor.probe import _banner, _channels, _exact, _Packets


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("rtmp://live.example/app/s3cr3t-key failed", "rtmp://[redacted] failed"),
        ("Error opening 'RTMPS://u:p@h:443/a?k=v'", "Error opening 'RTMPS://[redacted]'"),
        ("[https @ 0x1] https://h/x?sig=abc: 403", "[https @ 0x1] https://[redacted] 403"),
        ("Error opening input file file:/srv/regie/a b/talk.mp4.", "Error opening input file talk.mp4."),
        ("nothing to hide: 1/2", "nothing to hide: 1/2"),
    ],
)
def test_no_address_no_key_and_no_folder_gets_into_a_reason(said: str, kept: str):
    assert redact(said) == kept
    assert EditorFault(said).reason == kept == str(BadMedia(said))


def test_an_endless_log_keeps_its_beginning_and_its_end():
    log = _Log()
    for number in range(5_000):
        log.add(f"{number} " + "x" * 5000)
    lines = log.lines()
    assert (lines[0].split()[0], lines[-1].split()[0]) == ("0", "4999")
    assert len(lines) <= 300
    assert max(map(len, lines)) <= 500


def test_a_foreign_file_is_opened_behind_every_fence(tmp_path: Path):
    (tmp_path / "a.mp4").touch()
    options = untrusted(tmp_path / "a.mp4")
    assert options[options.index("-protocol_whitelist") + 1] == "file"
    allowed = set(options[options.index("-format_whitelist") + 1].split(","))
    assert not allowed & {"hls", "dash", "concat", "image2", "ffmetadata", "lavfi", "sdp", "rtsp"}
    assert options[-1] == f"file:{tmp_path}/a.mp4"


def test_progress_is_a_share_between_its_bounds():
    shares: list[float] = []
    handle = progress_of(10, shares.append, since=0.5)
    for line in ("frame=12", "out_time_us=5000000", "out_time_us=N/A", "out_time_us=99000000", "progress=end"):
        handle(line)
    assert shares == [0.75, 1.0]


@pytest.mark.parametrize(
    ("printed", "exact"),
    [
        (30, (30, 1)),
        (29.97, (30000, 1001)),
        (23.98, (24000, 1001)),
        (59.94, (60000, 1001)),
        (25, (25, 1)),
        (12.5, (25, 2)),
    ],
)
def test_a_printed_rate_means_an_exact_fraction(printed: float, exact: tuple[int, int]):
    rate = _exact(printed)
    assert rate is not None
    assert (rate.numerator, rate.denominator) == exact


def test_a_title_in_the_banner_cannot_pretend_to_be_a_stream():
    log = (
        "[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':",
        "[info]     title           : x",
        "[info]                     : Stream #0:0: Video: h264, 999 tbr",
        "[info]   Stream #0:0[0x1](und): Video: h264 (High), yuv420p, 320x180, 29.97 fps, 29.97 tbr, 30k tbn",
    )
    container, rate = _banner(Ran(code=0, log=log))
    assert container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert rate is not None
    assert (rate.numerator, rate.denominator) == (30000, 1001)


@pytest.mark.parametrize(
    ("layout", "count"), [("mono", 1), ("stereo", 2), ("5.1(side)", 6), ("7.1", 8), ("3 channels", 3)]
)
def test_channel_layouts_are_counted(layout: str, count: int):
    assert _channels(layout) == count


HEADER = """#software: x
#tb 0: 1/10
#media_type 0: video
#codec_id 0: h264
#dimensions 0: 320x180"""


def seen(*packets: str):
    reader = _Packets()
    for line in (*HEADER.splitlines(), *packets):
        reader.read(line)
    return reader


def test_damaged_and_hidden_packets_are_not_frames():
    reader = seen(
        "0, -1, -1, 1, 5, 0x0, F=0x5", "0, 0, 0, 1, 5, 0x0", "0, 1, 1, 1, 5, 0x0, S=1, Skip Samples, 10, 0x0, F=0x2"
    )
    made = reader.summary("mov", None, [])
    assert made.video is not None
    assert made.video.frames == 1
    assert reader.holes() == ["1 damaged packets of video"]


def test_a_pause_longer_than_half_a_second_is_a_hole():
    steady = seen(*(f"0, {at}, {at}, 1, 5, 0x0" for at in (0, 1, 5, 6)))
    assert steady.holes() == []
    assert seen("0, 0, 0, 1, 5, 0x0", "0, 12, 12, 1, 5, 0x0").holes() == ["no video from 0.000 s to 1.200 s"]


def test_a_file_with_neither_picture_nor_sound_is_no_media():
    with pytest.raises(BadMedia, match="neither"):
        _Packets().summary("mov", None, [])


def box(name: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(payload) if length is None else length, name) + payload


def faults(path: Path, content: bytes) -> tuple[str, ...]:
    path.write_bytes(content)
    return read_boxes(path).faults


def test_boxes_that_end_where_the_file_ends_are_whole(tmp_path: Path):
    start = box(b"ftyp", b"isom")
    large = struct.pack(">I4sQ", 1, b"mdat", 20) + b"data"
    assert faults(tmp_path / "a", start + box(b"moov") + large) == ()
    assert faults(tmp_path / "a", start + box(b"moov") + box(b"mdat", b"to the end", length=0)) == ()
    assert faults(tmp_path / "a", start + box(b"moov") + box(b"moof") + box(b"mdat") + box(b"mfra")) == ()


def test_boxes_that_do_not_are_named(tmp_path: Path):
    start = box(b"ftyp", b"isom") + box(b"moov")
    cut = faults(tmp_path / "a", start + box(b"mdat", b"1234", length=100))
    assert cut == ("the last box, mdat, lacks 88 of its 100 bytes",)
    assert faults(tmp_path / "a", start + box(b"moof") + box(b"mdat")) == (
        "the recording was never closed (mfra is missing)",
    )
    assert faults(tmp_path / "a", box(b"ftyp", b"isom")) == ("the index (moov) is missing",)
    assert faults(tmp_path / "a", start + b"\0\0\0\7junk") == ("no box at byte 20",)
    assert "no box at byte 0" in faults(tmp_path / "a", b"#EXTM3U and more text")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_walk_fail_or_go_on_for_ever(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "fuzz.mp4"
    faults(path, content)


@given(st.text(max_size=40))
def test_an_accepted_key_stays_within_its_folder(key: str):
    try:
        _check_key(key)
    except InvalidKey:
        return
    inside = Path("/store") / key
    assert inside.resolve().is_relative_to("/store")
    assert str(inside) == f"/store/{key}"


def test_a_storage_fault_keeps_one_line_and_no_signed_address():
    fault = _fault("k", RuntimeError("PUT https://b.example/k?X-Amz-Signature=abc failed\n\nDebug source: secret"))
    assert fault.reason == "PUT [address] failed"

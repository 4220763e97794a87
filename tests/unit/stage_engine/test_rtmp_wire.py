import random
import struct

import pytest

from services.stage.engine.rtmp import amf, flv
from services.stage.engine.rtmp.chunks import AUDIO, SET_CHUNK_SIZE, VIDEO, ChunkReader, Message, WireError, chunked


def feed_in_pieces(data: bytes, seed: int = 1) -> list[Message]:
    reader, found, chance = ChunkReader(), [], random.Random(seed)
    while data:
        size = chance.choice((1, 2, 3, 11, 200, 5000))
        found += reader.feed(data[:size])
        data = data[size:]
    return found


@pytest.mark.parametrize("number", [3, 6, 63])
@pytest.mark.parametrize("timestamp", [0, 40, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 1000])
def test_a_message_arrives_as_it_was_sent(number: int, timestamp: int, size: int) -> None:
    message = Message(VIDEO, timestamp, 1, bytes(index % 251 for index in range(size)))
    assert feed_in_pieces(chunked(message, number, 128) * 2) == [message, message]


def test_interleaved_streams_and_a_changed_chunk_size_are_told_apart() -> None:
    sound, picture = Message(AUDIO, 10, 1, b"s" * 300), Message(VIDEO, 12, 1, b"p" * 300)
    size = Message(SET_CHUNK_SIZE, 0, 0, struct.pack(">I", 4096))
    first, second = chunked(sound, 4, 128), chunked(picture, 6, 128)
    mixed = first[: 12 + 128] + second[: 12 + 128] + first[12 + 128 :] + second[12 + 128 :]
    data = mixed + chunked(size, 2, 128) + chunked(picture, 6, 4096)
    assert feed_in_pieces(data) == [sound, picture, size, picture]


def test_a_header_that_is_left_out_repeats_the_time_step() -> None:
    head = bytes([4]) + (100).to_bytes(3, "big") + (1).to_bytes(3, "big") + bytes([AUDIO]) + struct.pack("<I", 1)
    stepped = bytes([0x44]) + (20).to_bytes(3, "big") + (1).to_bytes(3, "big") + bytes([AUDIO])
    short = bytes([0x84]) + (30).to_bytes(3, "big")
    data = head + b"a" + stepped + b"b" + bytes([0xC4]) + b"c" + short + b"d" + bytes([0xC4]) + b"e"
    assert [(m.timestamp, m.payload) for m in feed_in_pieces(data)] == [
        (100, b"a"),
        (120, b"b"),
        (140, b"c"),
        (170, b"d"),
        (200, b"e"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        bytes([0xC4]) + bytes(20),
        bytes([4]) + bytes(3) + b"\xff\xff\xff" + bytes(20),
        chunked(Message(AUDIO, 0, 1, bytes(300)), 4, 128)[:140] + chunked(Message(AUDIO, 0, 1, bytes(9)), 4, 128),
    ],
    ids=["continues nothing", "too long", "interrupts itself"],
)
def test_what_cannot_be_rtmp_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        list(ChunkReader().feed(data))


def test_noise_never_does_more_than_be_refused() -> None:
    chance = random.Random(7)
    for _ in range(300):
        reader = ChunkReader()
        try:
            for _ in range(20):
                list(reader.feed(chance.randbytes(chance.randint(1, 400))))
        except WireError:
            continue


def test_amf_values_survive_the_way_there_and_back() -> None:
    values = ["connect", 1.0, {"app": "live", "nested": {"yes": True, "no": False}}, None, "é" * 40000]
    assert amf.decode(amf.encode(*values)) == values
    assert amf.decode(flv.metadata({"width": 640.0})) == ["onMetaData", {"width": 640.0}]


@pytest.mark.parametrize("data", [b"\x02\x00\x09abc", b"\x03\x00\x01a", b"\x00\x01", b"\x63", b"\x03\x00\x01a" * 20])
def test_amf_that_is_cut_short_or_strange_is_refused(data: bytes) -> None:
    with pytest.raises(amf.AmfError):
        amf.decode(data)


def test_an_flv_tag_holds_its_time_in_four_bytes_and_its_own_size() -> None:
    tag = flv.tag(9, 0x12345678, b"xyz")
    assert tag[:11] == b"\x09\x00\x00\x03\x34\x56\x78\x12\x00\x00\x00"
    assert tag[11:] == b"xyz" + struct.pack(">I", 14)


def test_headers_and_key_frames_are_recognised() -> None:
    assert flv.is_video_header(flv.video_header(b"\x01avcc"))
    assert flv.is_audio_header(flv.audio_header(b"\x11\x90"))
    assert flv.is_key_frame(flv.video(b"idr", key=True))
    assert not flv.is_key_frame(flv.video(b"p", key=False))
    assert not flv.is_key_frame(flv.video_header(b"\x01avcc"))
    assert not flv.is_key_frame(b"")

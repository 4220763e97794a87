"""FLV tags and the audio and video payloads that FLV and RTMP share.

Source: Adobe Flash Video File Format Specification 10.1, annex E.
"""

import struct
from typing import Any

from services.stage.engine.rtmp import amf

HEADER = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
AVC, AAC = 7, 10


def tag(kind: int, timestamp_ms: int, payload: bytes) -> bytes:
    """One tag with the size of itself behind it; `kind` is 8 sound, 9 picture, 18 data, as in RTMP."""
    stamp = timestamp_ms & 0xFFFFFFFF
    head = bytes([kind]) + len(payload).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
    head += bytes([stamp >> 24, 0, 0, 0])
    return head + payload + struct.pack(">I", len(head) + len(payload))


def video_header(avcc: bytes) -> bytes:
    return b"\x17\x00\x00\x00\x00" + avcc


def video(data: bytes, *, key: bool) -> bytes:
    """One access unit with length-prefixed NAL units and no reordering."""
    return (b"\x17" if key else b"\x27") + b"\x01\x00\x00\x00" + data


def audio_header(config: bytes) -> bytes:
    return b"\xaf\x00" + config


def audio(data: bytes) -> bytes:
    return b"\xaf\x01" + data


def metadata(values: dict[str, Any]) -> bytes:
    return amf.encode("onMetaData") + amf.ecma_array(values)


def is_video_header(payload: bytes) -> bool:
    """Whether this is a decoder configuration, in the classic form or the extended one of Enhanced RTMP."""
    if len(payload) < 2:
        return False
    if payload[0] & 0x80:
        return payload[0] & 0x0F == 0
    return payload[0] & 0x0F == AVC and payload[1] == 0


def is_audio_header(payload: bytes) -> bool:
    return len(payload) >= 2 and payload[0] >> 4 == AAC and payload[1] == 0


def is_key_frame(payload: bytes) -> bool:
    return bool(payload) and payload[0] >> 4 & 0x07 == 1 and not is_video_header(payload)

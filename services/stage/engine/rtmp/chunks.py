"""RTMP messages and the chunks they travel in, without sockets.

Source: Adobe's Real Time Messaging Protocol specification 1.0, sections 5.2 (handshake) and 5.3 (chunking).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND_AMF3, COMMAND = 8, 9, 18, 17, 20
HANDSHAKE_SIZE = 1536
EXTENDED = 0xFFFFFF
MAX_MESSAGE = 8 * 1024 * 1024
MAX_STREAMS = 64


class WireError(ValueError):
    """The peer does not speak RTMP."""


class Message(NamedTuple):
    """One whole message; `timestamp` in ms modulo 2^32."""

    kind: int
    timestamp: int
    stream: int
    payload: bytes


class _Stream:
    """What the chunks of one chunk stream leave out because the chunk before said it."""

    __slots__ = ("body", "extended", "kind", "length", "step", "stream", "timestamp")

    def __init__(self) -> None:
        self.timestamp = self.step = self.length = self.kind = self.stream = 0
        self.extended = False
        self.body = bytearray()


class ChunkReader:
    """Turns received bytes into messages; takes the sender's chunk size changes into account itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._chunk_size = 128
        self.received = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now; raises WireError at bytes that cannot be RTMP."""
        self._buffer += data
        self.received += len(data)
        at = 0
        while (step := self._chunk(at)) is not None:
            at, message = step
            if message is None:
                continue
            if message.kind == SET_CHUNK_SIZE and len(message.payload) >= 4:
                self._chunk_size = max(1, int.from_bytes(message.payload[:4], "big") & 0x7FFFFFFF)
            yield message
        del self._buffer[:at]

    def _chunk(self, at: int) -> tuple[int, Message | None] | None:
        """Read one chunk at the offset; None while it is not complete."""
        head = self._head(at)
        if head is None:
            return None
        form, number, at = head
        known = self._streams.get(number)
        if known is None:
            # A stream has to begin with form 0, but servers exist that begin with form 1 (pyrtmp does).
            if form > 1 or len(self._streams) >= MAX_STREAMS:
                raise WireError("a chunk refers to a stream that never began")
            known = _Stream()
        fields = self._fields(known, form, at)
        if fields is None:
            return None
        at, timestamp, step, length, kind, stream, extended = fields
        size = min(self._chunk_size, length - len(known.body))
        if len(self._buffer) < at + size:
            return None
        self._streams[number] = known
        known.timestamp, known.step, known.length = timestamp, step, length
        known.kind, known.stream, known.extended = kind, stream, extended
        known.body += self._buffer[at : at + size]
        if len(known.body) < length:
            return at + size, None
        message = Message(kind, timestamp, stream, bytes(known.body))
        known.body = bytearray()
        return at + size, message

    def _head(self, at: int) -> tuple[int, int, int] | None:
        """Form, chunk stream number and where the message header begins."""
        buffer = self._buffer
        if at >= len(buffer):
            return None
        form, number = buffer[at] >> 6, buffer[at] & 0x3F
        if number > 1:
            return form, number, at + 1
        if len(buffer) < at + 2 + number:
            return None
        high = buffer[at + 2] * 256 if number else 0
        return form, buffer[at + 1] + high + 64, at + 2 + number

    def _fields(self, known: _Stream, form: int, at: int) -> tuple[int, int, int, int, int, int, bool] | None:
        """The message header after inheritance: offset, timestamp, step, length, kind, stream, extended."""
        buffer = self._buffer
        size = (11, 7, 3, 0)[form]
        if len(buffer) < at + size:
            return None
        step, length, kind, stream, extended = known.step, known.length, known.kind, known.stream, known.extended
        if form < 3:
            step = int.from_bytes(buffer[at : at + 3], "big")
            extended = step == EXTENDED
        if form < 2:
            length, kind = int.from_bytes(buffer[at + 3 : at + 6], "big"), buffer[at + 6]
        if form == 0:
            stream = int.from_bytes(buffer[at + 7 : at + 11], "little")
        at += size
        if extended:
            if len(buffer) < at + 4:
                return None
            step = int.from_bytes(buffer[at : at + 4], "big")
            at += 4
        begins = not known.body
        if length > MAX_MESSAGE or (not begins and form != 3):
            raise WireError("a message is too long or interrupted by another")
        timestamp = known.timestamp
        if begins:
            timestamp = step if form == 0 else timestamp + step
        return at, timestamp & 0xFFFFFFFF, step, length, kind, stream, extended


def chunked(message: Message, number: int, chunk_size: int) -> bytes:
    """The bytes of one message, with a full header and absolute time, so that each stands for itself."""
    timestamp = message.timestamp & 0xFFFFFFFF
    extension = struct.pack(">I", timestamp) if timestamp >= EXTENDED else b""
    head = min(timestamp, EXTENDED).to_bytes(3, "big") + len(message.payload).to_bytes(3, "big")
    head += bytes([message.kind]) + struct.pack("<I", message.stream) + extension
    parts = [bytes([number]), head, message.payload[:chunk_size]]
    for at in range(chunk_size, len(message.payload), chunk_size):
        parts += [bytes([0xC0 | number]), extension, message.payload[at : at + chunk_size]]
    return b"".join(parts)

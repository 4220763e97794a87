"""The server's side of one RTMP connection that publishes. Source: RTMP 1.0, section 7.2."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from typing import Any

from services.stage.engine.rtmp import amf
from services.stage.engine.rtmp.chunks import (
    ACKNOWLEDGEMENT,
    AUDIO,
    COMMAND,
    COMMAND_AMF3,
    DATA,
    HANDSHAKE_SIZE,
    PEER_BANDWIDTH,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    VIDEO,
    WINDOW_SIZE,
    ChunkReader,
    Message,
    WireError,
    chunked,
)

WINDOW = 2_500_000
CHUNK_SIZE = 4096
MAX_BEFORE_PUBLISH = 64 * 1024
SILENT_S = 10.0
APPLICATION = "live"
STREAM = 1


class Session:
    """One connection: first `key`, then `accept` or `refuse`, then `media`. Raises WireError, OSError, TimeoutError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._in, self._out = reader, writer
        self._chunks = ChunkReader()
        self._chunk_size = 128
        self._acknowledged = 0
        self._early: list[Message] = []

    async def key(self) -> str:
        """Shake hands and talk until the client asks to publish; returns the stream key, without its query."""
        await self._shake_hands()
        while self._chunks.received < MAX_BEFORE_PUBLISH:
            messages = await self._read()
            for index, message in enumerate(messages):
                key = self._answer(message)
                if key is not None:
                    self._early = messages[index + 1 :]
                    return key
            await self._out.drain()
        raise WireError("too much was said before a stream was published")

    async def accept(self) -> None:
        self._say(USER_CONTROL, struct.pack(">HI", 0, STREAM))
        self._status("status", "NetStream.Publish.Start", "publishing")
        await self._out.drain()

    async def refuse(self, code: str, description: str) -> None:
        self._status("error", code, description)
        await self._out.drain()

    async def media(self) -> AsyncIterator[Message]:
        """Sound, picture and data messages until the client ends; raises TimeoutError when it falls silent."""
        messages, self._early = self._early, []
        while True:
            for message in messages:
                if message.kind in {AUDIO, VIDEO, DATA}:
                    yield message
                elif message.kind == COMMAND and _name(message) in {"deleteStream", "closeStream", "FCUnpublish"}:
                    return
            try:
                async with asyncio.timeout(SILENT_S):
                    messages = await self._read()
            except EOFError:
                return
            self._acknowledge()

    async def _shake_hands(self) -> None:
        if await self._in.readexactly(1) != b"\x03":
            raise WireError("not RTMP")
        theirs = await self._in.readexactly(HANDSHAKE_SIZE)
        self._out.write(b"\x03" + bytes(8) + os.urandom(HANDSHAKE_SIZE - 8) + theirs)
        await self._out.drain()
        await self._in.readexactly(HANDSHAKE_SIZE)

    async def _read(self) -> list[Message]:
        data = await self._in.read(65536)
        if not data:
            raise EOFError
        return list(self._chunks.feed(data))

    def _answer(self, message: Message) -> str | None:
        """Answer one message before publication; returns the key when it asks to publish."""
        if message.kind in {AUDIO, VIDEO}:
            raise WireError("media came before a stream was published")
        if message.kind not in {COMMAND, COMMAND_AMF3}:
            return None
        values = amf.decode(message.payload[message.kind == COMMAND_AMF3 :])
        transaction = values[1] if len(values) > 1 else 0
        match values[:1]:
            case ["connect"]:
                self._connect(values, transaction)
            case ["createStream"]:
                self._command("_result", transaction, None, STREAM)
            case ["publish"]:
                if len(values) < 4 or not isinstance(values[3], str):
                    raise WireError("publish without a name")
                return values[3].partition("?")[0]
        return None

    def _connect(self, values: list[Any], transaction: Any) -> None:
        wanted = values[2] if len(values) > 2 and isinstance(values[2], dict) else {}
        if str(wanted.get("app", "")).partition("?")[0].strip("/") != APPLICATION:
            raise WireError("unknown application")
        self._say(WINDOW_SIZE, struct.pack(">I", WINDOW))
        self._say(PEER_BANDWIDTH, struct.pack(">IB", WINDOW, 2))
        self._say(SET_CHUNK_SIZE, struct.pack(">I", CHUNK_SIZE))
        self._chunk_size = CHUNK_SIZE
        properties = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}
        information = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "connected",
            "objectEncoding": 0,
        }
        self._command("_result", transaction, properties, information)

    def _status(self, level: str, code: str, description: str) -> None:
        information = {"level": level, "code": code, "description": description}
        self._command("onStatus", 0, None, information, stream=STREAM)

    def _command(self, *values: Any, stream: int = 0) -> None:
        self._out.write(chunked(Message(COMMAND, 0, stream, amf.encode(*values)), 3, self._chunk_size))

    def _say(self, kind: int, payload: bytes) -> None:
        self._out.write(chunked(Message(kind, 0, 0, payload), 2, self._chunk_size))

    def _acknowledge(self) -> None:
        if self._chunks.received - self._acknowledged >= WINDOW // 2:
            self._acknowledged = self._chunks.received
            self._say(ACKNOWLEDGEMENT, struct.pack(">I", self._acknowledged & 0xFFFFFFFF))


def _name(message: Message) -> str:
    try:
        return str(amf.decode(message.payload)[0])
    except (amf.AmfError, IndexError):
        return ""

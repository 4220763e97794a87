"""Hands one publisher's media on as an FLV byte stream over a Unix socket, to whoever connects and whenever."""

import asyncio
import os
from pathlib import Path

from services.stage.engine.rtmp import flv
from services.stage.engine.rtmp.chunks import AUDIO, DATA, VIDEO, Message

MAX_UNSENT = 8 * 1024 * 1024
SET_DATA_FRAME = b"\x02\x00\x0d@setDataFrame"


class Relay:
    """Each reader gets the stream's headers first and then everything from the next key frame on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._headers: dict[int, bytes] = {}
        self._waiting: set[asyncio.StreamWriter] = set()
        self._reading: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._join, str(self._path))
        finally:
            os.umask(before)

    def close(self) -> None:
        """End all readers' streams."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)
        for writer in self._waiting | self._reading:
            writer.close()
        self._waiting.clear()
        self._reading.clear()

    def feed(self, message: Message) -> None:
        payload = message.payload.removeprefix(SET_DATA_FRAME) if message.kind == DATA else message.payload
        if not payload:
            return
        if _is_header(message.kind, payload):
            self._headers[message.kind] = payload
        tag = flv.tag(message.kind, message.timestamp, payload)
        if self._waiting and self._may_begin(message.kind, payload):
            for writer in self._waiting:
                self._send(writer, self._opening(message.timestamp))
            self._reading |= self._waiting
            self._waiting.clear()
        for writer in list(self._reading):
            self._send(writer, tag)

    def _may_begin(self, kind: int, payload: bytes) -> bool:
        if VIDEO in self._headers:
            return kind == VIDEO and flv.is_key_frame(payload)
        return kind == AUDIO and not flv.is_audio_header(payload)

    def _opening(self, timestamp: int) -> bytes:
        parts = [
            flv.tag(kind, timestamp, self._headers[kind]) for kind in (DATA, VIDEO, AUDIO) if kind in self._headers
        ]
        return flv.HEADER + b"".join(parts)

    def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if writer.is_closing() or writer.transport.get_write_buffer_size() > MAX_UNSENT:
            writer.transport.abort()
            self._reading.discard(writer)
            return
        writer.write(data)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a reader until it hangs up; what it says means nothing."""
        self._waiting.add(writer)
        try:
            while await reader.read(1024):
                continue
        except ConnectionError:
            return
        finally:
            self._waiting.discard(writer)
            self._reading.discard(writer)
            writer.close()


def _is_header(kind: int, payload: bytes) -> bool:
    if kind == VIDEO:
        return flv.is_video_header(payload)
    return kind == DATA or flv.is_audio_header(payload)

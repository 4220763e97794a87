"""A small RTMP server that takes publications in and writes each to an FLV file: a destination for demo and tests.

Built on `pyrtmp`, so that what the engine sends is read by code that is not ours. Not for production.
"""

import argparse
import asyncio
import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

from bitstring import BitStream
from pyrtmp import StreamClosedException
from pyrtmp.amf.serializers import AMF0Serializer
from pyrtmp.flv import FLVMediaType, FLVWriter
from pyrtmp.messages import Chunk
from pyrtmp.session_manager import SessionManager

_root_handlers, _root_level = list(logging.root.handlers), logging.root.level
from pyrtmp.rtmp import RTMPProtocol, SimpleRTMPController  # noqa: E402 - see below

# Importing it turns the whole process's logging to DEBUG on stderr; that is undone here, and its own loggers are
# silenced, because they print what clients say, keys included.
logging.root.handlers[:] = _root_handlers
logging.root.setLevel(_root_level)
for _name in ("rtmp", "messages", "messages.command", "messages.data"):
    logging.getLogger(f"pyrtmp.{_name}").setLevel(logging.CRITICAL + 1)

APPLICATION = "live"


class Publication:
    """One publication of one key, from its beginning to its end, in one file."""

    def __init__(self, key: str, path: Path) -> None:
        self.key, self.path = key, path
        self.tags = 0
        self._flv = FLVWriter()
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._file.write(self._flv.write_header())

    def write(self, chunk: Any, kind: FLVMediaType, payload: bytes) -> None:
        if not self._file.closed:
            self._file.write(self._flv.write(chunk.timestamp, payload, kind))
            self.tags += 1

    @property
    def open(self) -> bool:
        return not self._file.closed

    def close(self) -> None:
        self._file.close()


class RtmpReceiver:
    """Accepts publications of the given keys, one at a time each; the n-th of a key goes to `<directory>/<n>-....flv`.

    File names hold the key's place in the list of keys, never the key. May be stopped and started again, on the same
    port, and then goes on counting.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._directory = Path()
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.publications: list[Publication] = []
        self.refused = 0

    async def start(self, port: int = 0, keys: Collection[str] = (), directory: Path | str | None = None) -> None:
        """Listen on 127.0.0.1; port 0 = any free one, and the same again after a stop."""
        self._keys = list(keys) or self._keys
        self._directory = self._directory if directory is None else Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RTMPProtocol(controller=_Controller(self)), "127.0.0.1", port or self._port
        )
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Go away at once, as a server that dies does: connections are reset, the port is free again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)
        for publication in self.publications:
            publication.close()

    @property
    def port(self) -> int:
        return self._port

    @property
    def files(self) -> list[Path]:
        """All files so far, in the order in which the publications began."""
        return [publication.path for publication in self.publications]

    def url(self, key: str) -> str:
        return f"rtmp://127.0.0.1:{self._port}/{APPLICATION}/{key}"

    def files_of(self, key: str) -> list[Path]:
        return [publication.path for publication in self.publications if publication.key == key]

    def began(self, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)

    def ended(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)

    def publish(self, key: str) -> Publication | None:
        """Begin a publication; None when the key is unknown or already publishing."""
        busy = any(each.key == key and each.open for each in self.publications)
        if key not in self._keys or busy:
            self.refused += 1
            return None
        number = len(self.files_of(key)) + 1
        name = f"{number:03}-key{self._keys.index(key)}-{os.getpid()}-{self._port}.flv"
        publication = Publication(key, self._directory / name)
        self.publications.append(publication)
        return publication


class _Controller(SimpleRTMPController):  # type: ignore[misc]
    """One connection: pyrtmp speaks the protocol, this decides about the key and writes the media."""

    def __init__(self, receiver: RtmpReceiver) -> None:
        self._receiver = receiver
        self._publication: Publication | None = None
        self._application = ""

    async def on_handshake(self, session: SessionManager) -> None:
        self._receiver.began(session.writer)
        await super().on_handshake(session)

    async def on_nc_connect(self, session: SessionManager, message: Any) -> None:
        self._application = str(message.command_object.get("app", ""))
        await super().on_nc_connect(session, message)

    async def on_ns_publish(self, session: SessionManager, message: Any) -> None:
        known = self._application == APPLICATION
        self._publication = self._receiver.publish(message.publishing_name) if known else None
        if self._publication is None:
            session.write_chunk_to_stream(_refusal(message.msg_stream_id))
            await session.drain()
            raise StreamClosedException
        await super().on_ns_publish(session, message)

    async def on_metadata(self, session: SessionManager, message: Any) -> None:  # noqa: ARG002 - pyrtmp's signature
        self._write(message, FLVMediaType.OBJECT, message.to_raw_meta())

    async def on_video_message(self, session: SessionManager, message: Any) -> None:  # noqa: ARG002
        self._write(message, FLVMediaType.VIDEO, message.payload)

    async def on_audio_message(self, session: SessionManager, message: Any) -> None:  # noqa: ARG002
        self._write(message, FLVMediaType.AUDIO, message.payload)

    async def on_unknown_message(self, session: SessionManager, message: Any) -> None:
        """Say nothing about what is not needed here: FCPublish and the like carry the key."""

    async def cleanup(self, session: SessionManager) -> None:
        if self._publication is not None:
            self._publication.close()
        self._receiver.ended(session.writer)

    def _write(self, chunk: Any, kind: FLVMediaType, payload: bytes) -> None:
        if self._publication is None:
            raise StreamClosedException
        self._publication.write(chunk, kind, payload)


def _refusal(stream: int) -> Chunk:
    data = BitStream()
    information = {"level": "error", "code": "NetStream.Publish.BadName", "description": "Stream name is not allowed"}
    for value in ("onStatus", 0, None, information):
        AMF0Serializer.create_object(data, value)
    return Chunk(
        chunk_type=0,
        chunk_id=3,
        timestamp=0,
        msg_length=len(data.bytes),
        msg_type_id=0x14,
        msg_stream_id=stream,
        payload=data.bytes,
    )


async def _serve(port: int, keys: list[str], directory: Path) -> None:
    receiver = RtmpReceiver()
    await receiver.start(port, keys, directory)
    print(f"listening on rtmp://127.0.0.1:{receiver.port}/{APPLICATION}/<key>", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await receiver.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="regie.rtmp_receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=1936)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument(
        "--keys-from", type=argparse.FileType(), required=True, help="a file with one key a line, - = stdin"
    )
    options = parser.parse_args()
    keys = [line.strip() for line in options.keys_from if line.strip()]
    try:
        asyncio.run(_serve(options.port, keys, options.directory))
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()

"""Accepts publishers, lets in whom the controller allows, one a source, and relays their media."""

import asyncio
from pathlib import Path

from services.stage.engine.log import Log
from services.stage.engine.rtmp.amf import AmfError
from services.stage.engine.rtmp.chunks import WireError
from services.stage.ingest.control import Control
from services.stage.ingest.protocol import Publisher
from services.stage.ingest.relay import Relay
from services.stage.ingest.session import Session

HELLO_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 64


class Ingest:
    """Listens on loopback; each connection is a task of its own."""

    def __init__(self, directory: Path, control: Control, log: Log) -> None:
        self._directory, self._control, self._log = directory, control, log
        self._connections: set[asyncio.Task[None]] = set()
        self.publishing: set[str] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Listen on 127.0.0.1; returns the port, chosen by the system for 0."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._publisher(Session(reader, writer))
        except (WireError, AmfError, EOFError, OSError, TimeoutError) as error:
            self._log.say("a connection ended", reason=type(error).__name__)
        except asyncio.CancelledError:
            self._log.say("a connection is closed with the server")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _publisher(self, session: Session) -> None:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            key = await session.key()
            source = await self._control.authorize(key)
        if source is None:
            self._log.say("a publisher is refused")
            await session.refuse("NetStream.Publish.Denied", "not allowed")
            return
        if source in self.publishing:
            self._log.say("a second publisher is refused", source_id=source)
            await session.refuse("NetStream.Publish.BadName", "already publishing")
            return
        self.publishing.add(source)
        relay = Relay(self._directory / f"{source}.sock")
        try:
            await relay.open()
            await session.accept()
            self._log.say("publisher connected", source_id=source)
            self._control.tell(Publisher(source_id=source, state="connected"))
            async for message in session.media():
                relay.feed(message)
        finally:
            relay.close()
            self.publishing.discard(source)
            self._log.say("publisher gone", source_id=source)
            self._control.tell(Publisher(source_id=source, state="gone"))

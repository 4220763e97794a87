"""A TCP proxy between a client and a server whose network a test can cut, swallow and heal."""

import asyncio
import contextlib
import socket
import struct
from typing import Self

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of no time at all: closing sends RST, as a firewall does, and no goodbye."""


class Proxy:
    """Forwards a port of 127.0.0.1 to another. `cut` resets, `swallow` forwards nothing, `heal` forwards again.

    What was on its way when the network began to swallow arrives after it healed, as TCP does it.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset what is connected, and whoever comes."""
        self._cut = True
        self._reset_all()

    def swallow(self) -> None:
        """Take connections and bytes, and pass nothing on."""
        self._flows.clear()

    def heal(self) -> None:
        self._cut = False
        self._flows.set()

    def _reset_all(self) -> None:
        for end in self._ends:
            _reset(end)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = {writer}
        self._ends |= ends
        try:
            await self._flows.wait()
            with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled by the end of the test alone
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                ends.add(far_writer)
                self._ends |= ends
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            for end in ends:
                end.close()
            self._ends -= ends
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is not None and peer.fileno() >= 0:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()

"""Runs an application on uvicorn with uvloop and httptools, and ends it gracefully.

On SIGTERM or SIGINT `app.state.draining` is set at once: streams end themselves and `/health/ready` says no, while
requests in flight finish. Without that, one open event stream keeps the process alive for ever, since uvicorn runs the
shutdown hooks only after connections have closed (measured.md part D section 3).
"""

import asyncio
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn
import uvloop
from litestar import Litestar

from chassis.http.guard import SWEEP_S, USUAL, Door, Limits

GRACEFUL_S: Final = 5
BACKLOG: Final = 512


class Server(uvicorn.Server):
    """A uvicorn server that tells the application when it is asked to end."""

    def __init__(self, app: Litestar, *, host: str, port: int, limits: Limits = USUAL) -> None:
        self._door = Door(limits)  # its `protocol` is called as the class would be
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="uvloop",
                http=self._door.protocol,  # type: ignore[arg-type]
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACEFUL_S,
                backlog=BACKLOG,
            )
        )
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep, self._loop.time())

    def _sweep(self, last: float) -> None:
        assert self._loop is not None
        now = self._loop.time()
        self._door.sweep(now, now - last)
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep, now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal.signal's signature
        """Unlike uvicorn's own, this does not raise the signal again afterwards: a graceful end is exit code 0."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.state.draining.set)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def serve(app: Litestar, host: str, port: int, *, limits: Limits = USUAL) -> None:
    """Serve until SIGTERM or SIGINT, then return once everything has ended."""
    server = Server(app, host=host, port=port, limits=limits)
    uvloop.run(server.serve())

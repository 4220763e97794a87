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

GRACEFUL_S: Final = 5


class Server(uvicorn.Server):
    """A uvicorn server that tells the application when it is asked to end."""

    def __init__(self, app: Litestar, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACEFUL_S,
            )
        )
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal.signal's signature
        """Unlike uvicorn's own, this does not raise the signal again afterwards: a graceful end is exit code 0."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.state.draining.set)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def serve(app: Litestar, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then return once everything has ended."""
    server = Server(app, host=host, port=port)
    uvloop.run(server.serve())

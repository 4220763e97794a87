"""An application on a real socket, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from litestar import Litestar

from chassis.http import Server


@contextlib.asynccontextmanager
async def serving(app: Litestar, port: int) -> AsyncIterator[tuple[str, Server]]:
    """Its URL and its server, which `should_exit` ends; signals are left to the test runner."""
    server = Server(app, host="127.0.0.1", port=port)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag and no event
            await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        app.state.draining.set()
        server.should_exit = True
        await asyncio.wait_for(running, 15)

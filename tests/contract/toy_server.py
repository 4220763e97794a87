"""The toy service on a real socket, with one stream that never ends of itself.

`python -m tests.contract.toy_server PORT [--sabotaged]` prints a token for everything it does, then serves until told to
stop. Sabotaged, it has one operation whose answers its contract does not allow.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, get
from litestar.response import Stream

from chassis.http import serve
from tests.unit.chassis_http import toy


@get("/ticks", public=True, include_in_schema=False)
async def ticks(request: Request[Any, Any, Any]) -> Stream:
    """Tick until the process drains."""
    draining = request.app.state.draining

    async def each() -> AsyncIterator[bytes]:
        while not draining.is_set():
            yield b"data: tick\n\n"
            await asyncio.wait({asyncio.create_task(draining.wait())}, timeout=0.05)
        yield b"data: bye\n\n"

    return Stream(each(), media_type="text/event-stream")


@get("/slow", public=True, include_in_schema=False)
async def slow() -> str:
    """Answer after a while."""
    await asyncio.sleep(0.5)
    return "done"


@get("/liar", operation_id="lie", scopes=["toy:read"])
async def liar() -> Response[toy.Show]:
    """Promise a show and answer something else."""
    return Response({"id": 7})  # type: ignore[arg-type]


async def said_goodbye() -> None:
    print("shut down", flush=True)  # noqa: T201 - a test reads it


if __name__ == "__main__":
    print(toy.token(exp=int(time.time()) + 3600), flush=True)  # noqa: T201 - a test reads it
    more = [liar] if "--sabotaged" in sys.argv else []
    app = toy.app(
        handlers=[*toy.HANDLERS, ticks, slow, *more], verifier=toy.verifier(clock=time.time), on_shutdown=[said_goodbye]
    )
    serve(app, "127.0.0.1", int(sys.argv[1]))

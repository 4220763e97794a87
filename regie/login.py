"""The local issuer's address on loopback: its metadata and its keys, as an identity provider has them. Tokens are given by
`regie token` alone, so there is no endpoint that gives any.

Source: OpenID Connect Discovery 1.0, RFC 8414.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, get

from chassis.http import Server
from regie.issuer import Issuer


class _Quiet(Server):
    """A server whose process has its own way with signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def application(issuer: Issuer) -> Litestar:
    @get(["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"], sync_to_thread=False)
    def metadata() -> dict[str, Any]:
        return issuer.metadata()

    @get("/jwks.json", sync_to_thread=False)
    def keys() -> dict[str, Any]:
        return issuer.keys()

    return Litestar([metadata, keys], openapi_config=None, logging_config=None)


@contextlib.asynccontextmanager
async def answering(issuer: Issuer, host: str, port: int) -> AsyncIterator[None]:
    """While this lasts, the issuer is found at its address."""
    server = _Quiet(application(issuer), host=host, port=port)
    running = asyncio.create_task(server.serve(), name="issuer")
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn offers a flag and no event
            await asyncio.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        await running

"""A list that goes on: the same resource as one page of JSON, or as server-sent events to who asks for them.

Not in here: what is sent; that is an iterator of the caller's. Source: WHATWG HTML, section 9.2 (server-sent events).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, Generic, TypeVar

import structlog
from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Message, Send

T = TypeVar("T")

EVENT_STREAM: Final = "text/event-stream"
SLOW_CLIENT_S: Final = 30.0
"""A client that takes nothing for so long is let go; it comes back with Last-Event-ID."""

log = structlog.get_logger(__name__)


def wants_events(request: Request[Any, Any, Any]) -> bool:
    """Whether the client prefers server-sent events to JSON."""
    return request.accept.best_match(["application/json", EVENT_STREAM]) == EVENT_STREAM


class Followed(Response[T], Generic[T]):
    """One page, or everything that follows. Make it with `page=` or with `events=`."""

    def __init__(self, page: T | None = None, *, events: AsyncIterator[bytes] | None = None) -> None:
        headers = {"Vary": "Accept"} if events is None else {"Vary": "Accept", "X-Accel-Buffering": "no"}
        super().__init__(page, headers=headers)  # type: ignore[arg-type]  # never read where events are sent
        self._events = events

    def to_asgi_response(self, request: Any, **how: Any) -> ASGIResponse:  # type: ignore[override]
        if self._events is None:
            return super().to_asgi_response(request=request, **how)
        headers = {**(how.get("headers") or {}), **self.headers}
        return _Bounded(iterator=self._events, headers=headers, media_type=EVENT_STREAM, status_code=200)


class _Bounded(ASGIStreamingResponse):
    """Sends as fast as the client reads, holding one chunk at a time, and gives up on one that does not read."""

    async def _stream(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SLOW_CLIENT_S):
                await send(message)

        try:
            await super()._stream(in_time)
        except TimeoutError:
            log.info("slow_client_let_go", after_s=SLOW_CLIENT_S)

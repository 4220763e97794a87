"""What a connection may cost before and around a request: the size of its head, how slow it may be, how many there are.

uvicorn leaves these to a proxy. Here a client that sends its head or body drop by drop, reads its answer so, or opens
hundreds of connections, is ended without holding up anybody else, and what is wrong with a head is answered as a problem.
Not in here: limits of one operation (body size, media type), which the application knows.
"""

import asyncio
import secrets
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chassis.http import problems
from chassis.http.languages import preferred
from chassis.http.problems import HeadTooLarge, Malformed, TooManyConnections, TooSlowClient, UrlTooLong
from contracts.problems import Refusal

SWEEP_S: Final = 1.0
REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds.

    `head_s` is from the first byte (of a new connection: from its beginning) to the end of the headers. A body may rest
    for `grace_s` in all, beside which `body_per_s` bytes must come each second, as long as we take them. An answer nobody
    reads is given up after `unread_s`; a body nobody wants is read on for `linger_s`, so that its sender sees the answer.
    """

    connections: int = 1000
    head_bytes: int = 32 * 1024
    headers: int = 100
    url_bytes: int = 16 * 1024
    head_s: float = 10.0
    grace_s: float = 15.0
    body_per_s: float = 1024.0
    unread_s: float = 30.0
    linger_s: float = 2.0


USUAL: Final = Limits()


class Door:
    """All connections of one server, and who of them waits for what. `sweep` is called about once a second."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self.limits = limits
        self.guarded: set[Guarded] = set()

    def protocol(self, **arguments: Any) -> "Guarded":
        """What uvicorn makes for each connection."""
        return Guarded(self, **arguments)

    def admit(self, newcomer: "Guarded") -> None:
        """Where the house is full, whoever has shown the least for longest makes room: first half a head, then idlers."""
        self.guarded.add(newcomer)
        if len(self.guarded) > self.limits.connections:
            waiting = [each for each in self.guarded if each.may_go() and each is not newcomer]
            leaves = min(waiting, key=lambda each: (not each.in_head, each.since), default=newcomer)
            leaves.turn_away(TooManyConnections())

    def sweep(self, now: float, elapsed_s: float) -> None:
        for each in tuple(self.guarded):
            each.check(now, elapsed_s)


class Guarded(HttpToolsProtocol):
    """uvicorn's connection with limits. `since` is when what it waits for now began."""

    def __init__(self, door: Door, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._door, self._limits = door, door.limits
        self.in_head, self.since = True, self.loop.time()
        self._head_bytes = 0
        self._body_open = False
        self._body_bytes, self._body_s = 0, 0.0
        self._unread_since: float | None = None
        self._refusal: Refusal | None = None
        self._closes_at: float | None = None

    # --- how it goes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._door.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.guarded.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        if self.in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.in_head and self._head_bytes > self._limits.head_bytes:
            self.turn_away(HeadTooLarge(limit_bytes=self._limits.head_bytes), linger=True)

    def on_message_begin(self) -> None:
        self.in_head, self.since = True, self.loop.time()
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            self._refuse(UrlTooLong(limit_bytes=self._limits.url_bytes))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > self._limits.headers:
            self._refuse(HeadTooLarge(limit_headers=self._limits.headers))

    def on_headers_complete(self) -> None:
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
        if size > self._limits.head_bytes:
            self._refuse(HeadTooLarge(limit_bytes=self._limits.head_bytes))
        if hosts != 1 and self.parser.get_http_version() == "1.1":
            self._refuse(Malformed("A request names its host once."))
        super().on_headers_complete()
        self.in_head, self.since = False, self.loop.time()
        self._body_open, self._body_bytes, self._body_s = True, 0, 0.0

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_open = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    # --- how it ends

    def may_go(self) -> bool:
        """Whether no request of this connection is being worked on."""
        return self.in_head or self.cycle is None or bool(self.cycle.response_complete)

    def check(self, now: float, elapsed_s: float) -> None:
        """End the connection where it has been too slow. `elapsed_s` is how long ago the last check was."""
        limits = self._limits
        if self.transport.is_closing():
            return
        if self._closes_at is not None:
            if now > self._closes_at:
                self.transport.abort()
            return
        if self._unread_since is not None and now - self._unread_since > limits.unread_s:
            self.transport.abort()
        elif self.in_head and now - self.since > limits.head_s:
            self.turn_away(TooSlowClient("The headers did not come in time."))
        elif self._body_open and self.cycle is not None and self.cycle.response_complete:
            if now - self.since > limits.linger_s:
                self.transport.close()
        elif self._body_open and not self.flow.read_paused:
            self._body_s += elapsed_s
            if self._body_bytes < (self._body_s - limits.grace_s) * limits.body_per_s:
                self.turn_away(TooSlowClient("The body came too slowly."))

    def _refuse(self, refusal: Refusal) -> None:
        """From within the parser: it is stopped, and `send_400_response` answers."""
        self._refusal = refusal
        raise _HeadRefused

    def send_400_response(self, msg: str) -> None:
        self.turn_away(self._refusal or Malformed(msg), linger=True)

    def turn_away(self, refusal: Refusal, *, linger: bool = False) -> None:
        """Answer, if no answer has begun that this would break into, and close.

        Closing while more comes in resets the connection, and the answer is lost; who is still sending is given
        `linger_s` to see it.
        """
        self._refusal = refusal
        busy = self.cycle is not None and not self.cycle.response_complete
        if not (busy and (self.cycle.response_started or self.pipeline)):
            self.transport.write(self._written(refusal))
        if linger and not busy and self.transport.can_write_eof():
            self.transport.write_eof()
            self._closes_at = self.loop.time() + self._limits.linger_s
        else:
            self.transport.close()

    def _written(self, refusal: Refusal) -> bytes:
        asked = dict(self.headers or ()).get(b"accept-language", b"").decode("latin-1")
        trace = secrets.token_hex(16)
        path = self.url.decode("ascii", "replace").partition("?")[0] if self.headers is not None else ""
        body, headers = problems.encode(refusal, instance=path[:200], trace=trace, language=preferred(asked))
        lines = [
            f"HTTP/1.1 {refusal.status} {REASONS[refusal.status]}",
            f"Content-Type: {problems.MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            f"traceparent: 00-{trace}-{secrets.token_hex(8)}-01",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class _HeadRefused(Exception):  # noqa: N818 - ends the parser's work, nothing else
    """What is wrong is kept in the connection."""

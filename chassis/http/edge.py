"""The outermost layer: trace context, metrics, HEAD, OPTIONS, conditional answers and safe headers, for every answer.

It wraps the whole application, routing included, so that unknown paths and faults are treated the same.
"""

import time
from typing import Any, Final

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Histogram

from chassis import observe
from chassis.http import problems
from chassis.http.deadlines import Deadline, Deadlines
from chassis.http.problems import Malformed, TooSlow, with_head
from chassis.http.trace import TraceContext, begin

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
_VARY: Final = (b"vary", b"Authorization")
_UNROUTED: Final = "(unrouted)"

LIMIT_S: Final = 60.0
"""How long an answer may take to begin after the last piece of the request has come."""


class Edge:
    """ASGI in, ASGI out; whatever `app` raises is answered as a problem. `methods` are those of each path template."""

    def __init__(self, app: ASGIApp, *, service: str, methods: dict[str, set[str]], limit_s: float = LIMIT_S) -> None:
        self._app, self._service, self._deadlines = app, service, Deadlines(limit_s)
        self._allow = {path: ", ".join(with_head(known | {"OPTIONS"})).encode() for path, known in methods.items()}
        observe.requests_open.labels(service).set_function(self._deadlines.open)
        self._seconds: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        exchange = _Exchange(scope, headers, send, self._allow, self._deadlines.one())
        began = time.perf_counter()
        marked = observe.current_trace.set(exchange.trace.trace)
        try:
            await self._answer(exchange, receive)
        finally:
            observe.current_trace.reset(marked)
            self._timed(exchange, time.perf_counter() - began)

    def _timed(self, exchange: "_Exchange", seconds: float) -> None:
        which = (exchange.method, str(exchange.scope.get("path_template") or _UNROUTED), exchange.status)
        histogram = self._seconds.get(which)
        if histogram is None:
            method, route, status = which
            histogram = observe.requests_seconds.labels(self._service, method, route, str(status))
            self._seconds[which] = histogram
        histogram.observe(seconds)

    async def _answer(self, exchange: "_Exchange", receive: Receive) -> None:
        try:
            with exchange.deadline:
                _refuse_nul_in_address(exchange.scope)
                await self._app(exchange.scope, exchange.receiving(receive), exchange.send)
        except Exception as fault:
            if exchange.status:
                observe.faults_total.labels(self._service, type(fault).__name__).inc()
                observe.logger("regie.http").error("fault", path=exchange.scope["path"], exc_info=fault)
                raise
            if exchange.deadline.passed:
                observe.logger("regie.http").warning("too slow", path=exchange.scope["path"])
                fault = TooSlow()
            request: Any = Request(exchange.scope)
            refusal = problems.answer(request, fault).to_asgi_response(app=None, request=request)
            await refusal(exchange.scope, receive, exchange.send)


def _refuse_nul_in_address(scope: Any) -> None:
    """Raises Malformed for a U+0000, which PostgreSQL's text cannot hold."""
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise Malformed("U+0000 is not a character of any name here.")


class _Exchange:
    """One request and its answer. `status` is 0 until the answer has begun."""

    def __init__(
        self, scope: Any, headers: dict[bytes, bytes], send: Send, allow: dict[str, bytes], deadline: Deadline
    ) -> None:
        self.method: str = scope["method"]
        self.scope: Any = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.trace: TraceContext = begin(headers.get(b"traceparent", b"").decode("latin-1"))
        self.scope["regie.trace"] = self.trace
        self.scope["regie.headers"] = []
        self.status = 0
        self.deadline = deadline
        self._if_none_match = headers.get(b"if-none-match")
        self._send: Any = send
        self._allow = allow
        self._bodiless = self.method == "HEAD"
        self._closed = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._bodiless:
            await self._send(message)
        elif not self._closed:
            self._closed = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, message: Any) -> None:
        headers = list(message["headers"])
        known = dict(headers)
        status = message["status"]
        tag = known.get(b"etag")
        kept = known.get(b"cache-control") != b"no-store"
        if tag is not None and kept and status == 200 and self.scope["method"] == "GET" and self._is_known(tag):
            status, self._bodiless = 304, True
            headers = [(name, value) for name, value in headers if name not in (b"content-length", b"content-type")]
        if self.method == "OPTIONS":
            headers = [(name, value) for name, value in headers if name != b"allow"]
            headers.append((b"allow", self._allow.get(str(self.scope.get("path_template")), b"OPTIONS")))
        headers.append((b"traceparent", self.trace.traceparent.encode()))
        headers.append(_NO_SNIFF)
        headers += self.scope["regie.headers"]
        if b"cache-control" not in known:
            headers += [_NO_STORE] if tag is None else [_REVALIDATE, _VARY]
        self.status = status
        self.deadline.lift()
        await self._send({**message, "status": status, "headers": headers})

    def _is_known(self, tag: bytes) -> bool:
        """Weak comparison. Source: RFC 9110 section 13.1.2."""
        if self._if_none_match is None:
            return False
        named = [candidate.strip().removeprefix(b"W/") for candidate in self._if_none_match.split(b",")]
        return tag.removeprefix(b"W/") in named or named == [b"*"]

    def receiving(self, receive: Receive) -> Receive:
        """Each piece that comes gives the answer its whole time again.

        For HEAD, the client "leaves" once its answer is complete, which ends a handler that streams for ever.
        """

        async def next_piece() -> Any:
            if self.method == "HEAD" and self._closed:
                return {"type": "http.disconnect"}
            message: Any = await receive()
            if message["type"] == "http.request" and not self.status:
                self.deadline.postpone()
            return message

        return next_piece

"""The W3C trace context of a request: read from `traceparent`, or begun here; answered, logged and recorded.

The correlation id that events carry is the trace id written as a UUID, so a log line, a problem document, an event and
a caller's own trace all name the same 128 bits. Source: W3C Trace Context level 1, section 3.2.
"""

import re
import secrets
from typing import Final
from uuid import UUID

import msgspec

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z"
)


class TraceContext(msgspec.Struct, frozen=True, kw_only=True):
    """`span` is ours, new for each request; `parent` the caller's, if there was one."""

    trace: str
    span: str
    parent: str | None = None
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        """What we send on: the caller's trace, our span."""
        return f"00-{self.trace}-{self.span}-{self.flags}"

    @property
    def correlation(self) -> UUID:
        return UUID(int=int(self.trace, 16))


def begin(traceparent: str | None = None) -> TraceContext:
    """Continue the caller's trace; a missing or malformed header begins a new one, as the specification demands."""
    span = secrets.token_hex(8)
    match = _TRACEPARENT.match(traceparent) if traceparent else None
    if match is None:
        return TraceContext(trace=secrets.token_hex(16), span=span)
    return TraceContext(trace=match[1], span=span, parent=match[2], flags=match[3])

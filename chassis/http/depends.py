"""What every handler may ask for by name: who calls, why, against which version, as of when.

A handler writes `me: NamedDependency[Caller]` and so on; `PROVIDED` is the list. Nothing is computed for a handler that
does not ask.
"""

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode
from uuid import uuid4

import msgspec
from litestar import Request
from litestar.di import Provide
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import Scope

from chassis.auth import Caller
from chassis.handle import ANY_VERSION, Cause
from chassis.http.gate import caller_in
from chassis.http.prefer import provide_prefer
from chassis.http.problems import FieldError, NoSuchPage, PreconditionRequired
from chassis.http.sparse import provide_fields
from chassis.http.trace import TraceContext
from chassis.store import AsOf, Key
from contracts.problems import Invalid, StaleVersion

IdempotencyKey = Key
MAX_PAGE: Final = 200

_ETAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"\Z')
_KEY: Final = re.compile(r'(?:"([\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))\Z')
_POSITION: Final = re.compile(r"@(\d{1,18})\Z")

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The version you have seen, as the ETag gave it: the command is refused if it has changed since. "
        "`*` where you mean it whatever has happened: it is refused only if there is nothing.",
        schema_extra={"pattern": r'^("[0-9]{1,18}"|\*)$'},
    ),
]
IdempotencyHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Chosen by you, once per intention. Repeating a request with its key returns the first answer.",
        schema_extra={"pattern": r'^("[!#-~]{1,255}"|[!#-~]{1,255})$'},
    ),
]
AsOfText = Annotated[
    str | None,
    QueryParameter(
        name="as_of",
        description="The resource as it was: an instant (RFC 3339), or `@` and a log position.",
        schema_extra={"anyOf": [{"format": "date-time"}, {"pattern": "^@[0-9]{1,18}$"}]},
    ),
]
SeenPosition = Annotated[
    int,
    HeaderParameter(
        name="Regie-Position",
        ge=0,
        le=2**62,
        description="A position you have been told of; the answer shows at least what was recorded up to there.",
    ),
]
PageLimit = Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_PAGE, description="How many items at most.")]
PageCursor = Annotated[
    str, QueryParameter(name="cursor", max_length=512, description="`next` of the page before; empty for the first.")
]


Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A datetime field of a request: RFC 3339 with an offset; a local time without one is refused."""


class NextLink:
    """Tells the client, as `Link: <...>; rel="next"`, under which query the list goes on. Source: RFC 8288."""

    def __init__(self, scope: Any = None) -> None:
        self._scope = scope

    def tell(self, **query: Any) -> None:
        """The same request with these parameters instead."""
        if self._scope is None:
            return
        kept = parse_qsl(self._scope["query_string"].decode("ascii"), keep_blank_values=True)
        merged = [(name, value) for name, value in kept if name not in query] + list(query.items())
        link = f'<{quote(self._scope["path"])}?{urlencode(merged)}>; rel="next"'
        self._scope["regie.headers"].append((b"link", link.encode()))


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a list. `after` is the sort key of the last item already seen, None on the first page."""

    limit: int = 50
    after: tuple[Any, ...] | None = None
    link: NextLink = msgspec.field(default_factory=NextLink)


def provide_me(scope: Scope) -> Caller:
    return caller_in(scope)


def provide_trace(scope: Scope) -> TraceContext:
    trace: TraceContext = scope["regie.trace"]  # type: ignore[typeddict-item]
    return trace


def provide_cause(scope: Scope) -> Cause:
    """Why a command is run: this caller's request is both what it follows from and what directly caused it."""
    caller, trace = caller_in(scope), provide_trace(scope)
    return Cause(
        tenant=caller.tenant,
        actor=caller.actor(),
        correlation=trace.correlation,
        causation=uuid4(),
        traceparent=trace.traceparent,
    )


def provide_expect(scope: Scope, if_match: IfMatch = None) -> int | None:
    """The version named in If-Match, ANY_VERSION for `*`; None without it. Source: RFC 9110 section 13.1.1."""
    if if_match is None:
        if scope["regie.rule"].if_match:  # type: ignore[typeddict-item]
            raise PreconditionRequired
        return None
    if if_match.strip() == "*":
        return ANY_VERSION
    match = _ETAG.match(if_match.strip())
    if match is None:
        raise Invalid(
            errors=[FieldError(place="header", field="If-Match", rule='must be one entity-tag, such as "7", or *')]
        )
    if match[1] or not match[2].isdigit() or len(match[2]) > 18:
        raise StaleVersion("No version of this resource has that entity-tag.", expected=if_match)
    return int(match[2])


async def provide_key(request: Request[Any, Any, Any], idempotency_key: IdempotencyHeader = None) -> Key | None:
    """The Idempotency-Key with a fingerprint of who asked for what, so that a reuse for something else is seen."""
    if idempotency_key is None:
        return None
    match = _KEY.match(idempotency_key)
    if match is None:
        rule = "must be 1 to 255 visible ASCII characters"
        raise Invalid(errors=[FieldError(place="header", field="Idempotency-Key", rule=rule)])
    scope = request.scope
    parts = (request.method, scope["path"], scope["query_string"].decode("latin-1"), caller_in(scope).subject)
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(b"\n" + await request.body())
    return Key(text=match[1] or match[2], fingerprint=digest.digest())


def provide_as_of(as_of_text: AsOfText = None) -> AsOf | None:
    """The point in history asked for; None is now."""
    return None if as_of_text is None else parse_as_of(as_of_text)


def parse_as_of(text: str) -> AsOf:
    """Raises Invalid unless `text` is an aware RFC 3339 instant or `@<position>`."""
    position = _POSITION.match(text)
    if position is not None:
        return AsOf(position=int(position[1]))
    try:
        return AsOf(at=msgspec.convert(text, Instant))
    except msgspec.ValidationError:
        rule = "must be an RFC 3339 instant with an offset, or @ and a position"
        raise Invalid(errors=[FieldError(place="query", field="as_of", rule=rule)]) from None


def parse_instant(field: str, text: str) -> datetime:
    """Raises Invalid, naming the query parameter, unless `text` is an aware RFC 3339 instant."""
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        rule = "must be an RFC 3339 instant with an offset"
        raise Invalid(errors=[FieldError(place="query", field=field, rule=rule)]) from None


def provide_seen(regie_position: SeenPosition = 0) -> int | None:
    return regie_position or None


def provide_paging(scope: Scope, limit: PageLimit = 50, cursor: PageCursor = "") -> Paging:
    return Paging(limit=limit, after=read_cursor(cursor) if cursor else None, link=NextLink(scope))


def provide_next_link(scope: Scope) -> NextLink:
    return NextLink(scope)


def write_cursor(*sort_key: Any) -> str:
    """An opaque cursor that points behind the item with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(sort_key)).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Any, ...]:
    """The sort key a cursor points behind. Raises NoSuchPage for one that never was ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        after = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[Any, ...])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise NoSuchPage from None
    return after


PROVIDED: Final = {
    "me": Provide(provide_me, sync_to_thread=False),
    "cause": Provide(provide_cause, sync_to_thread=False),
    "trace": Provide(provide_trace, sync_to_thread=False),
    "expect": Provide(provide_expect, sync_to_thread=False),
    "key": Provide(provide_key),
    "as_of": Provide(provide_as_of, sync_to_thread=False),
    "seen": Provide(provide_seen, sync_to_thread=False),
    "paging": Provide(provide_paging, sync_to_thread=False),
    "fields": Provide(provide_fields, sync_to_thread=False),
    "prefer": Provide(provide_prefer, sync_to_thread=False),
    "next_link": Provide(provide_next_link, sync_to_thread=False),
}

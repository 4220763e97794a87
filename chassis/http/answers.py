"""How handlers answer: receipts of commands, versioned resources, pages of lists."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar import Response
from litestar.types import Send

from chassis.handle import Outcome
from chassis.http.depends import Paging, write_cursor

T = TypeVar("T")


class EventName(msgspec.Struct, frozen=True, kw_only=True):
    """An event a command led to: its tag and its id on the stream."""

    type: str
    id: UUID


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The durable answer to a command: what was recorded, and where.

    `version` is the resource's new version (also the ETag), `position` the place in this service's log. A live action is
    accepted, not done: its success or failure follows as an event.
    """

    id: Annotated[str, msgspec.Meta(description="The resource the command was for.")]
    stream: str
    version: int
    position: int
    events: tuple[EventName, ...]


class Plain(Response[T], Generic[T]):
    """An answer of ours in JSON; what else the library could add to one is used by no route of ours."""

    def __init__(self, content: T, *, headers: Mapping[str, str], status_code: int | None = None) -> None:
        self.content, self.headers, self.status_code = content, dict(headers), status_code

    async def go_out(self, route_status: int, send: Send) -> None:
        """Sends status, headers and JSON; the status is the route's where the answer has none of its own."""
        body = msgspec.json.encode(self.content)
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        lines += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self.status_code or route_status, "headers": lines})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class Answer(Plain[Receipt]):
    """A receipt with ETag and Regie-Position; with Location where something was created."""


class Versioned(Plain[T], Generic[T]):
    """A resource with its version as ETag; a matching If-None-Match is answered 304 by the chassis."""


class Tagged(Response[T], Generic[T]):
    """What follows from several resources, or never changes; its ETag is of the content, and no version for If-Match."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `next` is the `cursor` of the following page, null on the last one."""

    items: list[T]
    next: str | None = None


def etag(version: int) -> str:
    return f'"{version}"'


def receipt(
    outcome: Outcome, ident: UUID | str, *, location: str | None = None, status_code: int | None = None
) -> Answer:
    """Answer a command. The status is the route's unless given; give `location` where something was created."""
    headers = {"ETag": etag(outcome.version), "Regie-Position": str(outcome.position)}
    if location is not None:
        headers["Location"] = location
    if outcome.replayed:
        headers["Idempotency-Replayed"] = "true"
    body = Receipt(
        id=str(ident),
        stream=outcome.stream,
        version=outcome.version,
        position=outcome.position,
        events=tuple(EventName(type=tag, id=event) for tag, event in outcome.events),
    )
    return Answer(body, headers=headers, status_code=status_code)


def versioned(body: T, version: int, *, and_more: bool = False) -> Versioned[T]:
    """`and_more` where the body also shows what others know, such as names that may be forgotten: its version cannot vouch
    for that, so nobody may keep it and it is always answered whole.
    """
    kept = {"Cache-Control": "no-store"} if and_more else {}
    return Versioned(body, headers={"ETag": etag(version), **kept})


def tagged(body: T, *, beside: Sequence[str] = ()) -> Tagged[T]:
    """`beside` names fields that differ at each look and mean nothing alone, such as the moment of the look."""
    same = body if not beside else {name: getattr(body, name) for name in body.__struct_fields__ if name not in beside}  # type: ignore[attr-defined]
    digest = hashlib.sha256(msgspec.json.encode(same)).hexdigest()[:32]
    return Tagged(body, headers={"ETag": f'W/"{digest}"' if beside else f'"{digest}"'})


def page(found: Sequence[T], paging: Paging, sort_key: Any) -> Page[T]:
    """The page out of `limit + 1` found items; `sort_key(item)` is the tuple the list is ordered by."""
    items = list(found[: paging.limit])
    cursor = write_cursor(*sort_key(items[-1])) if len(found) > paging.limit else None
    if cursor is not None:
        paging.link.tell(cursor=cursor)
    return Page(items=items, next=cursor)

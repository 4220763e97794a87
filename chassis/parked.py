"""What no policy could handle, over HTTP: see it, have it tried again, or give it up; by who may mend it.

A parked message is never removed: its row says who settled it, when, how and why. Trying again is `chassis.inbox`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis import observe
from chassis.faults import Unreachable
from chassis.http import Caller, Fields, Paging, Sparse, refuses, some_of
from chassis.http.listing import Order, Whole
from chassis.inbox import Inbox, ParkedBehind, StillParked
from chassis.store import Store
from contracts.envelope import Recorded
from contracts.problems import NotFound

LARGEST: Final = 2**63 - 1
"""No position of a log is beyond PostgreSQL's bigint."""

Inboxes = Mapping[str, Inbox]
Settled = Annotated[bool, QueryParameter(description="Those that were settled, instead of those that are open.")]


class ParkedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a policy could not handle: where it came from, which policy, why, and what became of it.

    `tries` counts rounds, each of several attempts. An `error` that begins with `WAITS` has no fault of its own: an
    earlier message of its show is parked.
    """

    source: str
    position: int
    event_id: UUID
    type: str
    show: UUID | None
    policy: str
    error: str
    tries: int
    parked_at: datetime
    settled_as: str | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    note: str | None = None


class Drop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a message is given up; kept with it."""

    reason: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages were settled: the one named, and those that waited behind it."""

    settled: int


BY_PARKING: Final = Order(
    name="parked",
    by=(("parked_at", datetime), ("source", str), ("position", Whole), ("policy", str)),
    key=lambda parked: (parked.parked_at, parked.source, parked.position, parked.policy),
)


def parked_summary(service: str, waiting: int) -> str:
    """A line for readiness, and the metric. The service can work, so it stays ready."""
    observe.parked_open.labels(service).set(waiting)
    return f"ok, but {waiting} messages are parked" if waiting else "ok"


def _parked(row: Any) -> ParkedMessage:
    record = msgspec.json.decode(row["message"], type=Recorded)
    kept = {name: row[name] for name in ("source", "position", "policy", "error", "tries", "parked_at", "settled_as")}
    return ParkedMessage(
        event_id=record.metadata.id,
        type=record.type,
        show=record.metadata.show,
        settled_by=row["settled_by"],
        settled_at=row["settled_at"],
        note=row["note"] or None,
        **kept,
    )


def parked_handlers(service: str) -> Sequence[HTTPRouteHandler]:
    """The routes of one service; they need its `inboxes` dependency."""
    scopes, tags = [f"{service}:admin"], ["Audit trail"]
    path = "/parked/{source:str}/{position:int}/{policy:str}"

    @get("/parked", operation_id="listParked", scopes=scopes, tags=tags)
    async def list_parked(
        trail_store: NamedDependency[Store],
        me: NamedDependency[Caller],
        paging: NamedDependency[Paging],
        fields: NamedDependency[Fields],
        settled: Settled = False,
    ) -> Sparse[ParkedMessage]:
        """List the events of your tenant that a policy of this service could not handle, oldest first.

        They are kept for ever; once retried or dropped, under `settled=true`. A refusal is named by its code.
        """
        which = "IS NOT NULL" if settled else "IS NULL"
        query = f"SELECT * FROM log.parked WHERE tenant = $1 AND settled_at {which}"  # noqa: S608 - one of two
        found = await BY_PARKING.fetch(trail_store, query, paging, me.tenant)
        return some_of(BY_PARKING.page([_parked(row) for row in found], paging), fields)

    @post(f"{path}/retry", operation_id="retryParked", scopes=scopes, tags=tags, status_code=200,
          responses=refuses(NotFound, ParkedBehind, StillParked))  # fmt: skip
    async def retry_parked(
        trail_store: NamedDependency[Store], inboxes: NamedDependency[Inboxes], me: NamedDependency[Caller],
        source: FromPath[str], position: FromPath[int], policy: FromPath[str],
    ) -> Mended:  # fmt: skip
        """Run a policy again on an event it could not handle, then on what waited behind it.

        Its effects are recorded once, however often you ask. Of what is settled already there is nothing to retry.
        """
        inbox = await _inbox(inboxes, trail_store, me, source, position, policy)
        return Mended(settled=await inbox.retry(position, policy, by=me.subject))

    @post(f"{path}/drop", operation_id="dropParked", scopes=scopes, tags=tags, status_code=200,
          responses=refuses(NotFound))  # fmt: skip
    async def drop_parked(
        trail_store: NamedDependency[Store], inboxes: NamedDependency[Inboxes], me: NamedDependency[Caller],
        source: FromPath[str], position: FromPath[int], policy: FromPath[str], data: JSONBody[Drop],
    ) -> Mended:  # fmt: skip
        """Give up on an event that a policy could not handle, then handle what waited behind it.

        The event stays in the log, the decision and its reason stay with the parked message.
        """
        inbox = await _inbox(inboxes, trail_store, me, source, position, policy)
        return Mended(settled=await inbox.drop(position, policy, by=me.subject, reason=data.reason))

    return [list_parked, retry_parked, drop_parked]


async def _inbox(inboxes: Inboxes, store: Store, me: Caller, source: str, position: int, policy: str) -> Inbox:
    """The inbox a parked message of the caller's tenant came through. Raises NotFound for anybody else's."""
    query = (
        "SELECT FROM log.parked"
        " WHERE source = $1 AND position = $2 AND policy = $3 AND tenant = $4 AND settled_at IS NULL"
    )
    if position > LARGEST or not await store.fetch(query, source, position, policy, me.tenant):
        raise NotFound
    if source not in inboxes:
        raise Unreachable(f"nothing of {source} is read now")
    return inboxes[source]

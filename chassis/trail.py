"""The audit trail of one service over HTTP: the log after a position, a show's part of it, one resource's part.

Only what the caller's tenant owns is shown. The trail is the stored bytes: `data` is the event as it was recorded.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, QueryParameter

from chassis.audit import AuditLog
from chassis.denials import Denial, Denials
from chassis.evidence import ConsistencyProof, InclusionProof
from chassis.following import Followers, Following
from chassis.handle import utc_now
from chassis.http import AsOf, Caller, FieldError, NextLink, Page, Paging, Tagged, refuses, tagged
from chassis.http.depends import parse_instant
from chassis.http.follow import Followed, wants_events
from chassis.http.listing import Order
from chassis.store import Store
from chassis.tiles import tile_handlers
from contracts.envelope import Actor, Mode, Recorded
from contracts.problems import Busy, Invalid, NotFound

After = Annotated[int, QueryParameter(ge=0, le=2**62, description="Only entries behind this position of the log.")]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many entries at most.")]
Until = Annotated[
    int, QueryParameter(ge=0, le=2**62, description="Nothing behind this position; a stream ends there. 0: no end.")
]
LastEventId = Annotated[
    int,
    HeaderParameter(
        name="Last-Event-ID", ge=0, le=2**62, description="The id of the last server-sent event you have; as `after`."
    ),
]
Size = Annotated[int, QueryParameter(ge=0, le=2**62, description="Events under the checkpoint; 0 for the newest.")]
Since = Annotated[
    str | None,
    QueryParameter(description="An instant (RFC 3339); a day ago if absent.", schema_extra={"format": "date-time"}),
]
Position = Annotated[int, QueryParameter(ge=1, le=2**62, description="A position of the log.")]


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded event: where it stands, who caused it, and what it says."""

    position: int
    id: UUID
    type: str
    stream: str
    version: int
    recorded_at: str
    show: UUID | None
    actor: Actor
    mode: Mode
    command: str
    correlation: UUID
    causation: UUID
    data: dict[str, Any]


class TrailPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries by position, ascending. `next_after` continues where this page ends; null at the end of the log."""

    entries: list[TrailEntry]
    next_after: int | None


class SignedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement of what the log was at a size. `note` is a C2SP signed note, `verifier` the key to check it with."""

    note: str
    verifier: str


def entry(record: Recorded) -> TrailEntry:
    meta = record.metadata
    return TrailEntry(
        position=record.position,
        id=meta.id,
        type=record.type,
        stream=record.stream,
        version=record.version,
        recorded_at=record.recorded_at.isoformat(),
        show=meta.show,
        actor=meta.actor,
        mode=meta.mode,
        command=meta.command,
        correlation=meta.correlation,
        causation=meta.causation,
        data=msgspec.json.decode(record.payload),
    )


def trail_handlers(service: str) -> Sequence[HTTPRouteHandler]:
    """The trail's routes of one service; they need its `house` dependency."""
    scopes, followers = [f"{service}:read"], Followers()
    following = [_log_handler(scopes, followers), _show_handler(scopes, followers)]
    return [*following, *_denial_handlers(service), *_audit_handlers(scopes), *tile_handlers(scopes)]


def _log_handler(scopes: Sequence[str], followers: Followers) -> HTTPRouteHandler:
    @get("/events", operation_id="listEvents", scopes=scopes, tags=["Audit trail"], responses=refuses(Busy))
    async def list_events(
        request: Request[Any, Any, Any],
        trail_store: NamedDependency[Store],
        me: NamedDependency[Caller],
        next_link: NamedDependency[NextLink],
        after: After = 0,
        limit: Limit = 100,
        until: Until = 0,
        last_event_id: LastEventId = 0,
    ) -> Followed[TrailPage]:
        """List this service's log as your tenant may see it, by position; or follow it.

        Everything after a position is a complete answer: positions are dense and in commit order. With
        `Accept: text/event-stream` the answer goes on: each entry is one server-sent event whose id is its position, what
        is recorded already first and then what comes, without a gap. Come back with Last-Event-ID (or `after`) where a
        stream has ended; `limit` is for pages alone.
        """
        after = max(after, last_event_id)

        async def read(behind: int, most: int) -> Sequence[Recorded]:
            return await trail_store.read(behind, most, tenant=me.tenant)

        if not wants_events(request):
            return Followed(_page(await read(after, limit), limit, until, next_link))
        return _followed(request, trail_store, followers, Following(read=read, after=after, until=until or None))

    return list_events


def _show_handler(scopes: Sequence[str], followers: Followers) -> HTTPRouteHandler:
    @get(
        "/shows/{show_id:uuid}/events",
        operation_id="listShowEvents",
        scopes=scopes,
        tags=["Audit trail"],
        responses=refuses(Busy),
    )
    async def list_show_events(
        request: Request[Any, Any, Any],
        trail_store: NamedDependency[Store],
        me: NamedDependency[Caller],
        as_of: NamedDependency[AsOf | None],
        next_link: NamedDependency[NextLink],
        show_id: FromPath[UUID],
        after: After = 0,
        limit: Limit = 100,
        until: Until = 0,
        last_event_id: LastEventId = 0,
    ) -> Followed[TrailPage]:
        """List what this service recorded about one show of yours, by position, up to a point in history if you name one.

        A show nothing was recorded about, or that is not yours, has an empty list. With `Accept: text/event-stream` it is
        followed, as `listEvents` is; a point in history cannot be.
        """
        after = max(after, last_event_id)

        async def read(behind: int, most: int) -> Sequence[Recorded]:
            return await trail_store.of_show(show_id, tenant=me.tenant, after=behind, limit=most, as_of=as_of)

        if not wants_events(request):
            return Followed(_page(await read(after, limit), limit, until, next_link))
        if as_of is not None:
            raise Invalid(errors=[FieldError(place="query", field="as_of", rule="the past cannot be followed")])
        return _followed(request, trail_store, followers, Following(read=read, after=after, until=until or None))

    return list_show_events


def _denial_handlers(service: str) -> Sequence[HTTPRouteHandler]:
    @get("/denials", operation_id="listDenials", scopes=[f"{service}:inspect"], tags=["Audit trail"])
    async def list_denials(
        denials: NamedDependency[Denials],
        me: NamedDependency[Caller],
        paging: NamedDependency[Paging],
        since: Since = None,
    ) -> Page[Denial]:
        """List who tried at this service what they may not: your tenant's callers, and strangers; newest first.

        Attempts are counted by the minute. A token is never kept.
        """
        start = utc_now() - timedelta(days=1) if since is None else parse_instant("since", since)
        found = await denials.newest(me.tenant, start, paging.limit + 1, NEWEST_DENIALS.after(paging))
        return NEWEST_DENIALS.page(found, paging)

    return [list_denials]


NEWEST_DENIALS: Final = Order(
    name="-minute",
    by=(("minute", datetime), ("tenant", str), ("subject", str), ("operation", str), ("reason", str)),
    key=lambda denial: (denial.minute, denial.tenant, denial.subject, denial.operation, denial.reason),
    descending=True,
)


def _audit_handlers(scopes: Sequence[str]) -> Sequence[HTTPRouteHandler]:
    @get(
        "/audit/checkpoint",
        operation_id="seeCheckpoint",
        scopes=scopes,
        tags=["Audit trail"],
        responses=refuses(NotFound),
    )
    async def see_checkpoint(audit: NamedDependency[AuditLog], size: Size = 0) -> Tagged[SignedCheckpoint]:
        """Show the newest signed checkpoint of this service's log, or the one of a size."""
        note = await audit.note(size or None)
        if note is None:
            raise NotFound
        return tagged(SignedCheckpoint(note=note, verifier=await audit.verifier()))

    @get(
        "/audit/inclusion",
        operation_id="proveInclusion",
        scopes=scopes,
        tags=["Audit trail"],
        responses=refuses(NotFound),
    )
    async def prove_inclusion(audit: NamedDependency[AuditLog], position: Position, size: Size = 0) -> InclusionProof:
        """Prove that the event at a position is in the signed log.

        The path is verified against the checkpoint's root as RFC 9162 section 2.1.3.2 says; leaf number is position - 1.
        """
        proof = await audit.inclusion(position, size or None)
        if proof is None:
            raise NotFound
        return proof

    @get(
        "/audit/consistency",
        operation_id="proveConsistency",
        scopes=scopes,
        tags=["Audit trail"],
        responses=refuses(NotFound),
    )
    async def prove_consistency(audit: NamedDependency[AuditLog], old: Position, new: Position) -> ConsistencyProof:
        """Prove that an earlier checkpoint's log is the beginning of a later one's: nothing was rewritten in between."""
        proof = await audit.consistency(old, new)
        if proof is None:
            raise NotFound
        return proof

    return [see_checkpoint, prove_inclusion, prove_consistency]


def _followed(
    request: Request[Any, Any, Any], store: Store, followers: Followers, wanted: Following
) -> Followed[TrailPage]:
    return Followed(events=followers.follow(store, wanted, request.app.state.draining, encoded_entry))


def encoded_entry(record: Recorded) -> bytes:
    return msgspec.json.encode(entry(record))


def _page(records: Sequence[Recorded], limit: int, until: int, link: NextLink) -> TrailPage:
    shown = [record for record in records if not until or record.position <= until]
    more = len(records) == limit == len(shown) and shown[-1].position != until
    next_after = shown[-1].position if more else None
    if next_after is not None:
        link.tell(after=next_after)
    return TrailPage(entries=[entry(record) for record in shown], next_after=next_after)

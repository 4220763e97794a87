"""The event store of one service: appends coalesced by one writer, reads by stream, by log position and by show.

PostgreSQL is the truth; positions are dense and in commit order (design.md section 3), so "everything after n" is a
complete answer. The SQL side is `chassis/sql/0001_log.sql`; deciding what to append is `chassis/handle.py`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from chassis.faults import Conflict, CursorMoved, Fault, KeyTaken, Unreachable
from contracts.envelope import Metadata, Recorded
from contracts.problems import Busy

log = structlog.get_logger(__name__)

MAX_WAITING = 10_000
"""Appends that may wait for the writer before callers are told to come back later."""
MAX_BATCH = 512
"""Appends that share one transaction."""

# InternalClientError is raised when the server dies in mid-call and belongs to none of the usual families.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    OSError,
    TimeoutError,
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event ready to be written: `version` is the one it will have in `stream`, counted from 1."""

    stream: str
    version: int
    type: str
    payload: bytes
    metadata: Metadata


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an Idempotency-Key was answered: `answer` is the encoded outcome, `position` the log's head at that time."""

    fingerprint: bytes
    answer: bytes
    position: int = 0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An Idempotency-Key with the fingerprint of the request it came with."""

    text: str
    fingerprint: bytes


class CursorMove(msgspec.Struct, frozen=True, kw_only=True):
    """The inbox of `source` goes from one position to a later one, in the transaction of the effects."""

    source: str
    came_from: int
    went_to: int


class Parking(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a policy could not handle, with the reason."""

    source: str
    position: int
    policy: str
    error: str
    message: bytes


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic change. `expect` names the current version (0: new) of every stream the decision was based on."""

    drafts: tuple[Draft, ...] = ()
    expect: Mapping[str, int] = {}
    tenant: str = ""
    key: Key | None = None
    answer: bytes = b""
    cursor: CursorMove | None = None
    parked: tuple[Parking, ...] = ()


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """A point in history: an instant of `recorded_at`, or a position of this service's log; both inclusive."""

    at: datetime | None = None
    position: int | None = None


class _Waiting:
    """An append in the queue, and the future of who waits for it."""

    __slots__ = ("append", "done")

    def __init__(self, append: Append, done: asyncio.Future[int]) -> None:
        self.append, self.done = append, done


_METADATA = msgspec.json.Decoder(Metadata)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_COLUMNS = "position, stream, version, type, payload, metadata, recorded_at"
_APPEND = "SELECT * FROM log.append({})".format(", ".join(f"${n}" for n in range(1, 27)))  # noqa: S608


def _recorded(row: Any) -> Recorded:
    return Recorded(
        position=row["position"],
        stream=row["stream"],
        version=row["version"],
        type=row["type"],
        payload=row["payload"],
        metadata=_METADATA.decode(row["metadata"]),
        recorded_at=row["recorded_at"],
    )


class Store:
    """Reads through a pool, writes through one coroutine with a connection of its own.

    Make it with `open_store`, which also starts the writer and stops it.
    """

    def __init__(self, url: str, pool: asyncpg.Pool) -> None:
        self._url = url
        self._pool = pool
        self._waiting: deque[_Waiting] = deque()
        self._more = asyncio.Event()
        self._grew = asyncio.Event()
        self._head = 0
        self._writer: asyncpg.Connection | None = None

    # --- writing

    async def append(self, append: Append) -> int:
        """Records the change and answers the position of its last event.

        Raises Conflict, KeyTaken or CursorMoved (nothing was recorded), Busy (too many wait), or Unreachable
        (the outcome is unknown to us; the same Idempotency-Key makes a repeat safe). A caller that is cancelled
        leaves the change whole: recorded or not at all.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Busy(waiting=len(self._waiting))
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(append, done))
        self._more.set()
        return await done

    async def write_forever(self) -> None:
        """The one writer: whatever waits while a commit is in flight shares the next transaction."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                await self._commit(self._next_batch())

    def _next_batch(self) -> list[_Waiting]:
        """Takes what may share a transaction: no two changes of one stream, key or source; the rest keeps its order."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        taken: set[object] = set()
        while self._waiting and len(batch) < MAX_BATCH:
            entry = self._waiting.popleft()
            if entry.done.cancelled():
                continue
            claims = _claims(entry.append)
            (later if claims & taken else batch).append(entry)
            taken |= claims
        self._waiting.extendleft(reversed(later))
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            row = await self._call([entry.append for entry in batch])
        except CONNECTION_LOST as lost:
            log.warning("store_unreachable", error=type(lost).__name__, waiting=len(batch))
            await self._drop_writer()
            _fail(batch, Unreachable("the database does not answer"))
        except (asyncpg.PostgresError, ValueError, TypeError, OverflowError) as refused:
            # Something in one of the appends is not storable: find it, so that its neighbours are not harmed.
            if len(batch) == 1:
                _fail(batch, Fault(f"not storable: {refused}"))
            else:
                for entry in batch:
                    await self._commit([entry])
        except Fault as fault:
            await self._drop_writer()
            _fail(batch, fault)
        except BaseException:
            _fail(batch, Unreachable("the writer was stopped"))
            raise
        else:
            self._settle(batch, row)

    async def _call(self, appends: Sequence[Append]) -> Any:
        if self._writer is None or self._writer.is_closed():
            self._writer = await asyncpg.connect(self._url, timeout=5, server_settings={"synchronous_commit": "on"})
            if await self._writer.fetchval("SHOW synchronous_commit") not in ("on", "remote_write", "remote_apply"):
                raise Fault("synchronous_commit must be on: an acknowledged event must survive a power cut")
        return await self._writer.fetchrow(_APPEND, *_arrays(appends), timeout=30)

    def _settle(self, batch: list[_Waiting], row: Any) -> None:
        position: int = row["base"]
        reasons = dict(
            zip(
                row["rejected"],
                zip(row["why"] or (), row["what"] or (), row["expected"] or (), row["actual"] or (), strict=True),
                strict=True,
            )
        )
        for nr, entry in enumerate(batch):
            if nr in reasons:
                if not entry.done.done():
                    entry.done.set_exception(_rejection(*reasons[nr]))
                continue
            position += len(entry.append.drafts)
            if not entry.done.done():
                entry.done.set_result(position)
        self._advance(position)

    def _advance(self, position: int) -> None:
        if position > self._head:
            self._head = position
            self._grew.set()
            self._grew = asyncio.Event()

    async def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.terminate()

    # --- reading

    @property
    def known_head(self) -> int:
        """The newest position this process has seen; `head` asks the database."""
        return self._head

    async def head(self) -> int:
        """The position of the last event, 0 for an empty log."""
        found = await self._fetch("SELECT position FROM log.head")
        self._advance(found[0]["position"])
        return int(found[0]["position"])

    async def stream(self, name: str, *, after: int = 0, as_of: AsOf | None = None) -> list[Recorded]:
        """A stream's events after a version, in order, up to a point in history."""
        as_of = as_of or AsOf()
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE stream = $1 AND version > $2"  # noqa: S608 - column list only
            " AND ($3::timestamptz IS NULL OR recorded_at <= $3) AND ($4::bigint IS NULL OR position <= $4) ORDER BY version",
            name, after, as_of.at, as_of.position,
        )  # fmt: skip
        return [_recorded(row) for row in rows]

    async def read(self, after: int, limit: int = 500, *, tenant: str | None = None) -> list[Recorded]:
        """The log after a position, ascending, no gaps; or one tenant's part of it."""
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE position > $1 AND ($3::text IS NULL OR tenant = $3)"  # noqa: S608
            " ORDER BY position LIMIT $2",
            after, limit, tenant,
        )  # fmt: skip
        if rows:
            self._advance(rows[-1]["position"])
        return [_recorded(row) for row in rows]

    async def of_show(
        self, show: UUID, *, tenant: str, after: int = 0, limit: int = 500, as_of: AsOf | None = None
    ) -> list[Recorded]:
        """What a tenant recorded of a show over all streams of this service, by position; nothing else is read."""
        as_of = as_of or AsOf()
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE show = $1 AND position > $2 AND tenant = $6"  # noqa: S608
            " AND ($4::timestamptz IS NULL OR recorded_at <= $4) AND ($5::bigint IS NULL OR position <= $5)"
            " ORDER BY position LIMIT $3",
            show, after, limit, as_of.at, as_of.position, tenant,
        )  # fmt: skip
        return [_recorded(row) for row in rows]

    async def answer(self, tenant: str, key: str) -> Answer | None:
        """What this Idempotency-Key was answered before, if it was."""
        rows = await self._fetch(
            "SELECT fingerprint, answer, position FROM log.answers WHERE tenant = $1 AND key = $2", tenant, key
        )
        return Answer(**dict(rows[0])) if rows else None

    async def cursor(self, source: str) -> int:
        rows = await self._fetch("SELECT position FROM log.cursors WHERE source = $1", source)
        return int(rows[0]["position"]) if rows else 0

    async def parked(self) -> list[dict[str, Any]]:
        """What no policy could handle, oldest first, with the message as it came."""
        query = (
            "SELECT source, position, policy, error, message, parked_at FROM log.parked ORDER BY parked_at LIMIT 1000"
        )
        return [dict(row) for row in await self._fetch(query)]

    async def wait_beyond(self, position: int, *, poll_s: float = 0.5, patience_s: float = 3600.0) -> bool:
        """Whether the log grew beyond `position` within `patience_s`; asks the database at least every `poll_s`."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while self._head <= position and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._grew.wait(), min(poll_s, patience_s))
            if self._head <= position:
                await self.head()
        return self._head > position

    async def _fetch(self, query: str, *args: object) -> list[Any]:
        try:
            return await self._pool.fetch(query, *args, timeout=30)
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost


@contextlib.asynccontextmanager
async def open_store(url: str, pool: asyncpg.Pool) -> AsyncIterator[Store]:
    """A store with its writer running."""
    store = Store(url, pool)
    writer = asyncio.create_task(store.write_forever(), name="store-writer")
    try:
        yield store
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer
        await store._drop_writer()  # noqa: SLF001


def _claims(append: Append) -> set[object]:
    claims: set[object] = set(append.expect)
    if append.key is not None:
        claims.add((append.tenant, append.key.text))
    if append.cursor is not None:
        claims.add((append.cursor.source,))
    return claims


def _rejection(why: str, what: str, expected: int, found: int) -> Fault:
    match why:
        case "version":
            return Conflict(what, expected, found)
        case "key":
            return KeyTaken(what)
        case _:
            return CursorMoved(what, expected, found)


def _fail(batch: Sequence[_Waiting], fault: Fault) -> None:
    for entry in batch:
        if not entry.done.done():
            entry.done.set_exception(fault)


def _arrays(appends: Sequence[Append]) -> list[list[Any]]:
    """The 26 arrays of log.append: events (8), expected versions (3), keys (5), cursors (4), parked messages (6)."""
    events: list[tuple[Any, ...]] = []
    expects: list[tuple[Any, ...]] = []
    keys: list[tuple[Any, ...]] = []
    cursors: list[tuple[Any, ...]] = []
    parked: list[tuple[Any, ...]] = []
    for nr, append in enumerate(appends):
        for draft in append.drafts:
            meta = draft.metadata
            row = (
                draft.stream,
                draft.version,
                draft.type,
                meta.tenant,
                meta.show,
                draft.payload,
                _ENCODER.encode(meta),
            )
            events.append((nr, *row))
        expects.extend((nr, stream, version) for stream, version in append.expect.items())
        if append.key is not None:
            keys.append((nr, append.tenant, append.key.text, append.key.fingerprint, append.answer))
        if append.cursor is not None:
            cursors.append((nr, append.cursor.source, append.cursor.came_from, append.cursor.went_to))
        parked.extend((nr, p.source, p.position, p.policy, p.error, p.message) for p in append.parked)
    tables = ((events, 8), (expects, 3), (keys, 5), (cursors, 4), (parked, 6))
    return [column for rows, width in tables for column in _columns(rows, width)]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]

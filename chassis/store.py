"""The event store of one service: appends, and reads by stream, by log position and by show.

PostgreSQL is the truth; positions are dense and in commit order (design.md section 3), so "everything after n" is a
complete answer. Writing is `chassis/writer.py`; the SQL side is `chassis/sql`; deciding what to append is `chassis/handle.py`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from chassis import tenancy
from chassis.appends import Answer, Append, CursorMove, Draft, Key, Parking
from chassis.faults import Unreachable
from chassis.fresh import Fresh
from chassis.writer import CONNECTION_LOST, Writer
from contracts.envelope import Metadata, Recorded

log = structlog.get_logger(__name__)

__all__ = [
    "CONNECTION_LOST",
    "GATHER_S",
    "Answer",
    "Append",
    "AsOf",
    "CursorMove",
    "Draft",
    "Key",
    "Parking",
    "Store",
    "open_store",
]

GATHER_S = 0.003
"""How long read models, policies and webhooks let new events wait for others: less than a frame of video. What was recorded
is on its way to partners and the answer to its caller by then, and under load one transaction takes in several events.
"""


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """A point in history: an instant of `recorded_at`, or a position of this service's log; both inclusive."""

    at: datetime | None = None
    position: int | None = None


_METADATA = msgspec.json.Decoder(Metadata)
_COLUMNS = "position, stream, version, type, payload, metadata, recorded_at"


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
    """Reads through a pool, writes through a writer with connections of its own.

    Make it with `open_store`, which also starts the writer and stops it.
    """

    def __init__(self, url: str, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._grew = asyncio.Event()
        self._head = 0
        self._fresh = Fresh()
        self._writer = Writer(url, self._grow)

    async def append(self, append: Append) -> int:
        """Records the change and answers the position of its last event. Raises as `Writer.append` says."""
        return await self._writer.append(append)

    async def write_forever(self) -> None:
        """Carries what is appended to the database until it is cancelled."""
        await self._writer.run()

    def _grow(self, position: int, drafts: Sequence[Draft], at: datetime | None) -> None:
        if at is not None:
            self._fresh.add(position, drafts, at)
        self._advance(position)

    def _advance(self, position: int) -> None:
        if position > self._head:
            self._head = position
            self._grew.set()
            self._grew = asyncio.Event()

    # --- reading

    @property
    def known_head(self) -> int:
        """The newest position this process has seen; `head` asks the database."""
        return self._head

    async def head(self) -> int:
        """The position of the last event, 0 for an empty log."""
        found = await self.fetch("SELECT position FROM log.head")
        self._advance(found[0]["position"])
        return int(found[0]["position"])

    async def stream(self, name: str, *, after: int = 0, as_of: AsOf | None = None) -> list[Recorded]:
        """A stream's events after a version, in order, up to a point in history: always a beginning of the stream.

        Instants are the server's clock; where it was set back, the stream ends before the first event of a later instant.
        """
        as_of = as_of or AsOf()
        rows = await self.fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE stream = $1 AND version > $2"  # noqa: S608 - column list only
            " AND ($3::timestamptz IS NULL OR recorded_at <= $3) AND ($4::bigint IS NULL OR position <= $4) ORDER BY version",
            name, after, as_of.at, as_of.position,
        )  # fmt: skip
        if as_of.at is not None:
            rows = [row for nr, row in enumerate(rows, after + 1) if row["version"] == nr]
        return [_recorded(row) for row in rows]

    async def read(self, after: int, limit: int = 500, *, tenant: str | None = None) -> list[Recorded]:
        """The log after a position, ascending, no gaps; or one tenant's part of it."""
        rows = await self.fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE position > $1 AND ($3::text IS NULL OR tenant = $3)"  # noqa: S608
            " ORDER BY position LIMIT $2",
            after, limit, tenant,
        )  # fmt: skip
        if rows:
            self._advance(rows[-1]["position"])
        return [_recorded(row) for row in rows]

    async def news(self, after: int, limit: int = 500) -> list[Recorded]:
        """The log after a position, as `read`, for the house's own followers: perhaps from this process's memory.

        What is compared with something else has to be asked for by `read`.
        """
        return (tenancy.sees_all() and self._fresh.after(after, limit)) or await self.read(after, limit)

    async def of_show(
        self, show: UUID, *, tenant: str, after: int = 0, limit: int = 500, as_of: AsOf | None = None
    ) -> list[Recorded]:
        """What a tenant recorded of a show over all streams of this service, by position; nothing else is read."""
        as_of = as_of or AsOf()
        rows = await self.fetch(
            f"SELECT {_COLUMNS} FROM log.events WHERE show = $1 AND position > $2 AND tenant = $6"  # noqa: S608
            " AND ($4::timestamptz IS NULL OR recorded_at <= $4) AND ($5::bigint IS NULL OR position <= $5)"
            " ORDER BY position LIMIT $3",
            show, after, limit, as_of.at, as_of.position, tenant,
        )  # fmt: skip
        return [_recorded(row) for row in rows]

    async def answer(self, tenant: str, key: str) -> Answer | None:
        """What this Idempotency-Key was answered before, if it was."""
        rows = await self.fetch(
            "SELECT fingerprint, answer, position FROM log.answers WHERE tenant = $1 AND key = $2", tenant, key
        )
        return Answer(**dict(rows[0])) if rows else None

    async def cursor(self, source: str) -> int:
        rows = await self.fetch("SELECT position FROM log.cursors WHERE source = $1", source)
        return int(rows[0]["position"]) if rows else 0

    async def parked(self, *, settled: bool = False) -> list[dict[str, Any]]:
        """What no policy could handle and nobody has settled, oldest first, with the message as it came; or the settled."""
        which = "IS NOT NULL" if settled else "IS NULL"
        query = f"SELECT * FROM log.parked WHERE settled_at {which} ORDER BY parked_at, position LIMIT 1000"  # noqa: S608
        return [dict(row) for row in await self.fetch(query)]

    async def parked_open(self) -> int:
        """How many messages wait to be settled."""
        return int((await self.fetch("SELECT count(*) AS open FROM log.parked WHERE settled_at IS NULL"))[0]["open"])

    async def parked_of(self, source: str) -> list[dict[str, Any]]:
        """What is parked of one source and open, by position."""
        query = "SELECT * FROM log.parked WHERE source = $1 AND settled_at IS NULL ORDER BY position, policy"
        return [dict(row) for row in await self.fetch(query, source)]

    async def settle_parked(self, source: str, position: int, policy: str, *, how: str, by: str, note: str) -> bool:
        """Marks an open row as `retried` or `dropped`, by whom and why; False when it is open no more."""
        query = "SELECT log.settle_parked($1, $2, $3, $4, $5, $6) AS done"
        return bool((await self.fetch(query, source, position, policy, how, by, note))[0]["done"])

    async def park_again(self, source: str, position: int, policy: str, error: str) -> bool:
        query = "SELECT log.park_again($1, $2, $3, $4) AS done"
        return bool((await self.fetch(query, source, position, policy, error))[0]["done"])

    async def wait_beyond(
        self, position: int, *, poll_s: float = 0.5, patience_s: float = 3600.0, gather_s: float = 0.0
    ) -> bool:
        """Whether the log grew beyond `position` within `patience_s`; asks the database at least every `poll_s`.

        Who has time waits `gather_s` longer after it did (GATHER_S).
        """
        deadline = asyncio.get_running_loop().time() + patience_s
        while self._head <= position and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(poll_s, patience_s)):
                    await self._grew.wait()
            if self._head <= position:
                await self.head()
        if gather_s and self._head > position:
            await asyncio.sleep(gather_s)
        return self._head > position

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """The rows of any other question to this service's database. Raises Unreachable."""
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

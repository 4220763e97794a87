"""Tamper evidence: a Merkle log over the stored bytes in position order, behind the write path.

Leaf n is event position n + 1; its bytes are all stored columns (`leaf_bytes`). About once a second, while there are new
events, the tree grows and a checkpoint over it is signed. Appends never wait for any of this. What the tree is made of
is `chassis/merkle.py`, how a checkpoint is written `chassis/notes.py`. Source: RFC 6962; C2SP tlog-tiles.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import Gauge

from chassis import merkle
from chassis.faults import Fault, Unreachable
from chassis.notes import Checkpoint, public_text, read, sign
from chassis.store import CONNECTION_LOST, Store

log = structlog.get_logger(__name__)

EVERY_S = 1.0
BATCH = 5000
BATCH_TILES = 16
_COLUMNS = "position, stream, version, type, tenant, show, payload, metadata, recorded_at"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

history_differs_at = Gauge(
    "regie_history_differs_at",
    "First position whose stored event is not the signed one; 0 while none differs.",
    ("log",),
)

Publish = Callable[[str], Awaitable[None]]


def leaf_bytes(row: Any) -> bytes:
    """The canonical bytes of a stored event: each column's bytes behind its length, in the order of the table.

    Integers and the instant (microseconds since 1970) are decimal text, an absent show is empty; payload and metadata
    are the bytes as stored. Anybody with the columns can compute this without our code.
    """
    show = row["show"]
    micros = (row["recorded_at"] - _EPOCH) // timedelta(microseconds=1)
    columns = (
        str(row["position"]), row["stream"], str(row["version"]), row["type"], row["tenant"],
        "" if show is None else str(show), row["payload"], row["metadata"], str(micros),
    )  # fmt: skip
    parts = [column.encode() if isinstance(column, str) else bytes(column) for column in columns]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """Shows that the event at `position` is in the log of the checkpoint over `size` events. Hashes are hex."""

    position: int
    size: int
    leaf_hash: str
    proof: list[str]
    note: str


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """Shows that the log over `old` events is a prefix of the one over `new`. Hashes are hex."""

    old: int
    new: int
    proof: list[str]
    old_note: str
    new_note: str


class HistoryChanged(Fault):
    """The log or its tree lacks what was signed, from `position` on: it was rewritten. Somebody has to look at it."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position


class AuditLog:
    """The tree of one service's log. `run` extends it; the rest answers for it."""

    def __init__(
        self, service: str, store: Store, pool: asyncpg.Pool, key: Ed25519PrivateKey, publish: Publish
    ) -> None:
        self._store, self._pool, self._key, self._publish = store, pool, key, publish
        self.origin = f"regie/{service}"

    def verifier(self) -> str:
        """The public key checkpoints are verified with, in C2SP form."""
        return public_text(self.origin, self._key.public_key())

    async def run(self) -> None:
        """Checks the whole history once, then extends the tree for ever.

        A difference is an alarm (`regie_history_differs_at`, an error in the log), not an outage: a show goes on.
        """
        size, checked = 0, False
        while True:
            try:
                if not checked:
                    await self._alarm(await self.first_difference())
                    checked = True
                if await self._store.wait_beyond(size, patience_s=EVERY_S):
                    size = await self.extend()
            except (Unreachable, *CONNECTION_LOST) as lost:
                log.info("audit_waits", reason=type(lost).__name__)
            except HistoryChanged as changed:
                await self._alarm(changed.position)
            except Exception:
                log.exception("audit_failed")
            await asyncio.sleep(EVERY_S)

    async def _alarm(self, position: int | None) -> None:
        history_differs_at.labels(self.origin).set(position or 0)
        if position is not None:
            log.error("history_changed", position=position)

    async def first_difference(self) -> int | None:
        """The first position whose stored event is not the one that was signed; None while all are as they were.

        Re-hashes everything: about a second for a million events (trust.md section 3).
        """
        async with self._pool.acquire() as db:
            size, _ = await self._newest(db)
            for start in range(0, size, BATCH_TILES * merkle.TILE_WIDTH):
                end = min(size, start + BATCH_TILES * merkle.TILE_WIDTH)
                found = await self._differs(db, start, end)
                if found is not None:
                    return found
        return None

    async def _differs(self, db: Any, start: int, end: int) -> int | None:
        """Compares the events behind `start` up to `end` with the leaves in their tiles."""
        rows = {row["position"]: row for row in await db.fetch(_EVENTS, start, end - start)}
        for number in range(start // merkle.TILE_WIDTH, -(-end // merkle.TILE_WIDTH)):
            tile = await db.fetchval(_TILE, 0, number) or b""
            first = number * merkle.TILE_WIDTH
            for index in range(first, min(end, first + merkle.TILE_WIDTH)):
                row, at = rows.get(index + 1), (index - first) * merkle.HASH
                if row is None or merkle.leaf_hash(leaf_bytes(row)) != tile[at : at + merkle.HASH]:
                    return index + 1
            await asyncio.sleep(0)
        return None

    async def extend(self) -> int:
        """Takes in what was recorded since the newest checkpoint and signs a new one; answers its size."""
        async with self._pool.acquire() as db:
            size, note = await self._newest(db)
            while rows := await self._rows(db, size):
                tails = await self._tails(db, size)
                leaves = [merkle.leaf_hash(leaf_bytes(row)) for row in rows]
                if rows[0]["position"] != size + 1 or rows[-1]["position"] != size + len(rows):
                    raise HistoryChanged(size + 1, "a position is missing from the log")
                changed = merkle.grow(tails, size, leaves)
                reached = size + len(rows)
                root = await _root(db, reached, changed)
                note = sign(Checkpoint(origin=self.origin, size=reached, root=root.hex()), self._key)
                if not await self._keep(db, size, reached, changed, root, note):
                    size, note = await self._newest(db)  # another process was faster
                    continue
                size = reached
                await self._publish(note)
        return size

    async def note(self, size: int | None = None) -> str | None:
        """The signed checkpoint over `size` events, or the newest; None where there is none."""
        async with self._pool.acquire() as db:
            if size is None:
                return (await self._newest(db))[1]
            found: str | None = await db.fetchval("SELECT note FROM log.audit_checkpoints WHERE size = $1", size)
            return found

    async def inclusion(self, position: int, size: int | None = None) -> InclusionProof | None:
        """None where the checkpoint does not exist or does not reach that far."""
        note = await self.note(size)
        if note is None:
            return None
        size = read(note, self._key.public_key()).size
        if not 1 <= position <= size:
            return None
        async with self._pool.acquire() as db:
            proof = await _with_nodes(db, lambda node: merkle.inclusion_proof(position - 1, size, node))
            leaf = await _with_nodes(db, lambda node: [node(0, position - 1)])
        return InclusionProof(
            position=position, size=size, leaf_hash=leaf[0].hex(), proof=[step.hex() for step in proof], note=note
        )

    async def consistency(self, old: int, new: int) -> ConsistencyProof | None:
        """None unless there are checkpoints of both sizes."""
        old_note, new_note = await self.note(old), await self.note(new)
        if old_note is None or new_note is None or old > new:
            return None
        async with self._pool.acquire() as db:
            proof = await _with_nodes(db, lambda node: merkle.consistency_proof(old, new, node))
        return ConsistencyProof(
            old=old, new=new, proof=[step.hex() for step in proof], old_note=old_note, new_note=new_note
        )

    async def _newest(self, db: Any) -> tuple[int, str | None]:
        row = await db.fetchrow("SELECT size, note FROM log.audit_checkpoints ORDER BY size DESC LIMIT 1")
        return (row["size"], row["note"]) if row else (0, None)

    async def _rows(self, db: Any, after: int) -> list[Any]:
        return list(await db.fetch(_EVENTS, after, BATCH))

    async def _tails(self, db: Any, size: int) -> dict[int, bytes]:
        """The incomplete last tile of each level of a tree over `size` leaves."""
        tails: dict[int, bytes] = {}
        level, count = 0, size
        while count:
            if width := count % merkle.TILE_WIDTH:
                number = count // merkle.TILE_WIDTH
                stored = await db.fetchval(_TILE, level, number)
                if stored is None or len(stored) < width * merkle.HASH:
                    raise HistoryChanged(1, f"tile {level}/{number} of the audit log is missing")
                tails[level] = stored[: width * merkle.HASH]
            level, count = level + 1, count // merkle.TILE_WIDTH
        return tails

    async def _keep(
        self, db: Any, size: int, reached: int, changed: dict[tuple[int, int], bytes], root: bytes, note: str
    ) -> bool:
        levels, numbers, hashes = zip(*((*at, tile) for at, tile in sorted(changed.items())), strict=True)
        kept: bool = await db.fetchval(
            "SELECT log.extend_audit($1, $2, $3, $4, $5, $6, $7)",
            size, reached, list(levels), list(numbers), list(hashes), root, note,
        )  # fmt: skip
        return kept


_EVENTS = f"SELECT {_COLUMNS} FROM log.events WHERE position > $1 ORDER BY position LIMIT $2"  # noqa: S608
_TILE = "SELECT hashes FROM log.audit_tiles WHERE level = $1 AND number = $2"


async def _root(db: Any, size: int, changed: dict[tuple[int, int], bytes]) -> bytes:
    return (await _with_nodes(db, lambda node: [merkle.root(size, node)], changed))[0]


async def _with_nodes(
    db: Any, compute: Callable[[merkle.NodeAt], list[bytes]], known: dict[tuple[int, int], bytes] | None = None
) -> list[bytes]:
    """Computes over stored tiles: a first pass finds out which nodes are needed, a second one has them."""
    needed: set[tuple[int, int]] = set()

    def note_down(level: int, index: int) -> bytes:
        needed.add((level, index))
        return b"\x00" * merkle.HASH

    compute(note_down)
    tiles = dict(known or {})
    for at in {merkle.tile_of(level, index) for level, index in needed} - tiles.keys():
        stored = await db.fetchval(_TILE, *at)
        if stored is None:
            raise HistoryChanged(1, f"tile {at[0]}/{at[1]} of the audit log is missing")
        tiles[at] = stored
    return compute(lambda level, index: merkle.node_in(tiles[merkle.tile_of(level, index)], level, index))

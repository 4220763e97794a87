"""Tamper evidence: a Merkle log over the stored bytes in position order, behind the write path.

Leaf n is event position n + 1; its bytes are all stored columns (`chassis/leaves.py`). About once a second, while there
are new events, the tree grows and a checkpoint over it is signed. Appends never wait for any of this. What the tree is
made of is `chassis/merkle.py`, how a checkpoint is written `chassis/notes.py`, what is proven `chassis/evidence.py`.
Source: RFC 6962; C2SP tlog-tiles.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import Gauge

from chassis import merkle
from chassis.evidence import TILE, Evidence, HistoryChanged, with_nodes
from chassis.faults import Unreachable
from chassis.notes import Checkpoint, sign
from chassis.store import CONNECTION_LOST, Store

log = structlog.get_logger(__name__)

EVERY_S = 1.0
BATCH = 16 * merkle.TILE_WIDTH
"""Events a checkpoint takes in at most."""
TURN = merkle.TILE_WIDTH
"""Leaves the tree takes in between two turns of the event loop: a fifth of a millisecond."""

history_differs_at = Gauge(
    "regie_history_differs_at",
    "First position whose stored event is not the signed one; 0 while none differs.",
    ("log",),
)

Publish = Callable[[str], Awaitable[None]]


class AuditLog(Evidence):
    """The tree of one service's log. `run` extends it; the rest answers for it."""

    def __init__(
        self, service: str, store: Store, pool: asyncpg.Pool, key: Ed25519PrivateKey, publish: Publish
    ) -> None:
        super().__init__(service, pool, key)
        self._store, self._publish = store, publish
        self.differs_at: int | None = None

    async def run(self) -> None:
        """Extends the tree for ever. That what was signed is still there is looked after by `chassis/recheck.py`."""
        size = 0
        while True:
            try:
                if await self._store.wait_beyond(size, patience_s=EVERY_S):
                    size = await self.extend()
            except (Unreachable, *CONNECTION_LOST) as lost:
                log.info("audit_waits", reason=type(lost).__name__)
            except HistoryChanged as changed:
                self.alarm(changed.position)
            except Exception:
                log.exception("audit_failed")
            await asyncio.sleep(EVERY_S)

    def alarm(self, position: int | None) -> None:
        """Says where the history first differs, or that it no longer does. An alarm, not an outage: a show goes on."""
        self.differs_at = position
        history_differs_at.labels(self.base).set(position or 0)
        if position is not None:
            log.error("history_changed", position=position)

    async def check(self) -> str:
        """Readiness: says where the history was rewritten. The service can work, so it stays ready."""
        if self.differs_at is None:
            return "ok"
        return f"ok, but the history was rewritten: position {self.differs_at} is not what was signed"

    async def extend(self) -> int:
        """Takes in what was recorded since the newest checkpoint, up to now, and signs a new one; answers its size.

        What comes in meanwhile is left for the next time: running after the head would take the processor from the
        appends, one small checkpoint after the other.
        """
        origin = await self.origin()
        async with self.pool.acquire() as db:
            upto = await db.fetchval("SELECT position FROM log.head")
            size, note = await self.newest(db)
            while size < upto:
                reached, changed = await self._grown(db, size, upto)
                root = await _root(db, reached, changed)
                note = sign(Checkpoint(origin=origin, size=reached, root=root.hex()), self._key)
                if not await self._keep(db, size, reached, changed, root, note):
                    size, note = await self.newest(db)  # another process was faster
                    continue
                size = reached
                await self._publish(note)
        return size

    async def _grown(self, db: Any, size: int, upto: int) -> tuple[int, dict[tuple[int, int], bytes]]:
        """The size of the next tree, and the tiles that are new or longer in it."""
        leaves = await self._leaves(db, size, min(BATCH, upto - size))
        tails = await self._tails(db, size)
        changed: dict[tuple[int, int], bytes] = {}
        for at in range(0, len(leaves), TURN * merkle.HASH):
            piece = leaves[at : at + TURN * merkle.HASH]
            changed |= merkle.grow(tails, size, piece)
            size += len(piece) // merkle.HASH
            await asyncio.sleep(0)
        return size, changed

    async def _leaves(self, db: Any, after: int, count: int) -> bytes:
        """The leaf hashes of what comes next, in one piece, made by the database: there, a core is free while appends are busy.

        Raises HistoryChanged where a position is missing.
        """
        row = await db.fetchrow("SELECT first, last, hashes FROM log.audit_leaves($1, $2)", after, count)
        if (row["first"], row["last"]) != (after + 1, after + count):
            raise HistoryChanged(after + 1, "a position is missing from the log")
        return bytes(row["hashes"])

    async def _tails(self, db: Any, size: int) -> dict[int, bytes]:
        """The incomplete last tile of each level of a tree over `size` leaves."""
        tails: dict[int, bytes] = {}
        level, count = 0, size
        while count:
            if width := count % merkle.TILE_WIDTH:
                number = count // merkle.TILE_WIDTH
                tile = await db.fetchval(TILE, level, number)
                if tile is None or len(tile) < width * merkle.HASH:
                    raise HistoryChanged(1, f"tile {level}/{number} of the audit log is missing")
                tails[level] = tile[: width * merkle.HASH]
            level, count = level + 1, count // merkle.TILE_WIDTH
        return tails

    async def _keep(
        self, db: Any, size: int, reached: int, changed: dict[tuple[int, int], bytes], root: bytes, note: str
    ) -> bool:
        levels, numbers, hashes = zip(*((*at, tile) for at, tile in sorted(changed.items())), strict=True)
        try:
            kept: bool = await db.fetchval(
                "SELECT log.extend_audit($1, $2, $3, $4, $5, $6, $7)",
                size, reached, list(levels), list(numbers), list(hashes), root, note,
            )  # fmt: skip
        except asyncpg.RaiseError as refused:
            raise HistoryChanged(size + 1, str(refused)) from refused
        return kept


async def _root(db: Any, size: int, changed: dict[tuple[int, int], bytes]) -> bytes:
    return (await with_nodes(db, lambda node: [merkle.root(size, node)], changed))[0]

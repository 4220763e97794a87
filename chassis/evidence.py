"""What can be shown about one service's log to somebody who does not trust us: checkpoints, proofs, the signed leaves.

Only reads; the tree grows in `chassis/audit.py`. Source: RFC 6962; C2SP tlog-tiles.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis import merkle
from chassis.epochs import origin_of
from chassis.faults import Fault
from chassis.leaves import COLUMNS, Stored, stored
from chassis.notes import public_text, read, sign_text

STRETCH = 16 * merkle.TILE_WIDTH
"""Events that are read at once."""


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


class Evidence:
    """The signed log of one service, to be read."""

    def __init__(self, service: str, pool: asyncpg.Pool, key: Ed25519PrivateKey) -> None:
        self.pool, self._key = pool, key
        self.base = f"regie/{service}"

    async def origin(self) -> str:
        """What the log is called in its present epoch. Source: `chassis/epochs.py`."""
        return origin_of(self.base, len(await self.epochs()) + 1)

    async def epochs(self) -> list[str]:
        """The signed statements of every restore to an older state, oldest first."""
        return [row["note"] for row in await self.pool.fetch("SELECT note FROM log.audit_epochs ORDER BY number")]

    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    async def verifier(self) -> str:
        """The public key checkpoints are verified with, in C2SP form."""
        return public_text(await self.origin(), self.public_key())

    def sign_text(self, text: str, origin: str) -> str:
        """A statement of this service's about its log, as a signed note."""
        return sign_text(text, origin, self._key)

    async def note(self, size: int | None = None) -> str | None:
        """The signed checkpoint over `size` events, or the newest; None where there is none."""
        async with self.pool.acquire() as db:
            if size is None:
                return (await self.newest(db))[1]
            found: str | None = await db.fetchval("SELECT note FROM log.audit_checkpoints WHERE size = $1", size)
            return found

    async def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile that are signed, as many as there are; none where there is no such tile."""
        found: bytes | None = await self.pool.fetchval(TILE, level, number)
        return found or b""

    async def inclusion(self, position: int, size: int | None = None) -> InclusionProof | None:
        """None where the checkpoint does not exist or does not reach that far."""
        note = await self.note(size)
        if note is None:
            return None
        size = read(note, self.public_key()).size
        if not 1 <= position <= size:
            return None
        async with self.pool.acquire() as db:
            proof = await with_nodes(db, lambda node: merkle.inclusion_proof(position - 1, size, node))
            leaf = await with_nodes(db, lambda node: [node(0, position - 1)])
        return InclusionProof(
            position=position, size=size, leaf_hash=leaf[0].hex(), proof=[step.hex() for step in proof], note=note
        )

    async def consistency(self, old: int, new: int) -> ConsistencyProof | None:
        """None unless there are checkpoints of both sizes."""
        old_note, new_note = await self.note(old), await self.note(new)
        if old_note is None or new_note is None or old > new:
            return None
        async with self.pool.acquire() as db:
            proof = await with_nodes(db, lambda node: merkle.consistency_proof(old, new, node))
        return ConsistencyProof(
            old=old, new=new, proof=[step.hex() for step in proof], old_note=old_note, new_note=new_note
        )

    async def stretches(self, size: int) -> AsyncIterator[tuple[dict[int, str], tuple[int, bytes], list[Stored]]]:
        """The log up to `size`, in stretches of whole tiles: checkpoints by size, the signed leaves, the events.

        The leaves are a first position and the hashes from there on, as many as are stored.
        """
        for start in range(0, size, STRETCH):
            end = min(size, start + STRETCH)
            async with self.pool.acquire() as db:
                notes = await db.fetch(
                    "SELECT size, note FROM log.audit_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size",
                    start, end,
                )  # fmt: skip
                tiles = await db.fetch(
                    "SELECT hashes FROM log.audit_tiles WHERE level = 0 AND number >= $1 AND number < $2 ORDER BY number",
                    start // merkle.TILE_WIDTH, -(-end // merkle.TILE_WIDTH),
                )  # fmt: skip
                events = await db.fetch(f"{EVENTS} AND position <= $2 ORDER BY position", start, end)
            hashes = b"".join(tile["hashes"] for tile in tiles)[: (end - start) * merkle.HASH]
            yield {row["size"]: row["note"] for row in notes}, (start + 1, hashes), [stored(row) for row in events]

    async def of_show(self, show: UUID, tenant: str, size: int) -> list[Stored]:
        """Every event a tenant recorded of a show, up to `size`, by position."""
        rows = await self.pool.fetch(
            f"SELECT {COLUMNS} FROM log.events WHERE show = $1 AND tenant = $2 AND position <= $3 ORDER BY position",  # noqa: S608
            show, tenant, size,
        )  # fmt: skip
        return [stored(row) for row in rows]

    async def beside(self, streams: Sequence[str], size: int) -> list[Any]:
        """Position, stream and version of every event of these streams up to `size`, by position."""
        query = (
            "SELECT position, stream, version FROM log.events WHERE stream = ANY ($1) AND position <= $2"
            " ORDER BY position"
        )
        return list(await self.pool.fetch(query, list(streams), size))

    async def paths(self, positions: Sequence[int], size: int) -> list[tuple[bytes, list[bytes]]]:
        """For each position its signed leaf and the path from there to the root over `size` events."""

        def each(node: merkle.NodeAt) -> list[bytes]:
            node = cache(node)  # neighbours share most of their way
            found = [(node(0, one - 1), merkle.inclusion_proof(one - 1, size, node)) for one in positions]
            return [step for leaf, proof in found for step in (leaf, *proof)]

        async with self.pool.acquire() as db:
            flat = iter(await with_nodes(db, each))
        lengths = [len(merkle.inclusion_proof(one - 1, size, lambda *_: b"")) for one in positions]
        return [(next(flat), [next(flat) for _ in range(length)]) for length in lengths]

    async def newest(self, db: Any) -> tuple[int, str | None]:
        """Size and note of the newest checkpoint; 0 and None before there is one."""
        row = await db.fetchrow("SELECT size, note FROM log.audit_checkpoints ORDER BY size DESC LIMIT 1")
        return (row["size"], row["note"]) if row else (0, None)


EVENTS = f"SELECT {COLUMNS} FROM log.events WHERE position > $1"  # noqa: S608
TILE = "SELECT hashes FROM log.audit_tiles WHERE level = $1 AND number = $2"


async def with_nodes(
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
        tile = await db.fetchval(TILE, *at)
        if tile is None:
            raise HistoryChanged(1, f"tile {at[0]}/{at[1]} of the audit log is missing")
        tiles[at] = tile
    return compute(lambda level, index: merkle.node_in(tiles[merkle.tile_of(level, index)], level, index))

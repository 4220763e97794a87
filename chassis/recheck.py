"""Compares the whole history with what was signed, again and again: a rewrite is found while the service runs.

A round takes the log in stretches: each event against its signed leaf, and what the leaves lead to against the signed
checkpoints, so that changing an event together with its leaf is no help. The database made the leaves that were signed
(`log.audit_leaves`); here they are made anew from the rows as they are read. The first round goes through at once; the
later ones are spread over a day, or faster where the log is short. What signs is `chassis/audit.py`.
"""

import asyncio

import structlog
from prometheus_client import Gauge

from chassis import merkle
from chassis.audit import AuditLog
from chassis.evidence import EVENTS
from chassis.faults import Unreachable
from chassis.leaves import leaf_of, stored
from chassis.notes import BadNote, read
from chassis.store import CONNECTION_LOST

log = structlog.get_logger(__name__)

ROUND_S = 86_400.0
STRETCH = 16 * merkle.TILE_WIDTH
"""Events compared at once: some 50 ms of work, a tile's worth between two turns of the event loop."""
PAUSE_MOST_S = 60.0
"""Between two stretches: a log of a hundred thousand events is compared every half hour, at a thousandth of a core."""
RETRY_S = 10.0

history_held_at = Gauge(
    "regie_history_held_at_seconds",
    "When the last comparison of the whole log with its signed checkpoints ended without a difference, in Unix time.",
    ("log",),
)


class Recheck:
    """Rounds over one service's history; `round_s` is how long one may take, however long the log is."""

    def __init__(self, audit: AuditLog, *, round_s: float = ROUND_S) -> None:
        self._audit, self._round_s = audit, round_s
        self._reached = 0

    async def run(self) -> None:
        within_s = 0.0
        while True:
            try:
                found = await self.first_difference(within_s)
                self._audit.alarm(found)
                if found is None:
                    history_held_at.labels(self._audit.base).set_to_current_time()
                within_s = self._round_s
                await asyncio.sleep(min(PAUSE_MOST_S, self._round_s))
            except (Unreachable, *CONNECTION_LOST) as lost:
                log.info("recheck_waits", reason=type(lost).__name__)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("recheck_failed")
                await asyncio.sleep(RETRY_S)

    async def first_difference(self, within_s: float = 0.0) -> int | None:
        """The first position whose stored event is not the one that was signed; None while all are as they were.

        Where an event and its leaf were changed together, it is the first position behind the last checkpoint that
        still holds. 0 seconds are at once: about two seconds of one core for a million events.
        """
        async with self._audit.pool.acquire() as db:
            size, _ = await self._audit.newest(db)
        if size < self._reached:
            return size + 1  # what we have seen signed is gone
        self._reached = size
        stretches = -(-size // STRETCH)
        edge = merkle.Frontier()
        for start in range(0, size, STRETCH):
            if within_s:
                await asyncio.sleep(min(PAUSE_MOST_S, within_s / stretches))
            found = await self._differs(start, min(size, start + STRETCH), edge)
            if found is not None:
                return found
        return None

    async def _differs(self, start: int, end: int, edge: merkle.Frontier) -> int | None:
        """Compares the events behind `start` up to `end`; `edge` is the tree over those before and grows with them."""
        async with self._audit.pool.acquire() as db:
            rows = {row["position"]: row for row in await db.fetch(f"{EVENTS} AND position <= $2", start, end)}
            tiles = {row["number"]: row["hashes"] for row in await db.fetch(_TILES, *_numbers(start, end))}
            signed = await db.fetchrow(_SIGNED, start, end)
        for position in range(start + 1, end + 1):
            row = rows.get(position)
            number, index = divmod(position - 1, merkle.TILE_WIDTH)
            if index == 0:
                await asyncio.sleep(0)
            at = index * merkle.HASH
            leaf = None if row is None else leaf_of(stored(row))
            if leaf is None or leaf != tiles.get(number, b"")[at : at + merkle.HASH]:
                return position
            edge.add(leaf)
            if signed and position == signed["size"] and not self._leads_to(edge, signed["note"]):
                return start + 1
        return None

    def _leads_to(self, edge: merkle.Frontier, note: str) -> bool:
        try:
            checkpoint = read(note, self._audit.public_key())
        except BadNote:
            return False
        return (checkpoint.size, checkpoint.root) == (edge.size, edge.root().hex())


_TILES = "SELECT number, hashes FROM log.audit_tiles WHERE level = 0 AND number >= $1 AND number < $2"
_SIGNED = "SELECT size, note FROM log.audit_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size DESC LIMIT 1"


def _numbers(start: int, end: int) -> tuple[int, int]:
    """The tiles that hold the leaves behind `start` up to `end`, the last one excluded."""
    return start // merkle.TILE_WIDTH, -(-end // merkle.TILE_WIDTH)

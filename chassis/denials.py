"""Who tried what they may not: counted by the minute, so that a flood of attempts is a few rows beside the log.

Kept apart from the events: nothing happened. Never holds a token, nor a name that only an unverified token claims.
Source: duties of an audit trail in design.md section 5; measured.md part D section 5.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import structlog

from chassis.faults import Unreachable
from chassis.handle import utc_now
from chassis.store import CONNECTION_LOST

log = structlog.get_logger(__name__)

EVERY_S = 1.0
"""How much a crash may lose."""
MOST_KINDS = 200
"""Different kinds of attempt remembered between two writings; what exceeds them is counted as `OTHERS`."""
LONGEST_NAME = 200
OTHERS = "(others)"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of denied attempt. Tenant and subject are empty unless a valid signature named them."""

    operation: str
    reason: str
    tenant: str = ""
    subject: str = ""


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of one caller at one operation within one minute, denied for one reason.

    `tenant` and `subject` are empty where no valid token named them. `reason` is a code: `MISSING_SCOPE`, `NOT_FOUND`
    (nothing under that id, or not this tenant's), or what is wrong with the token.
    """

    minute: datetime
    tenant: str
    subject: str
    operation: str
    reason: str
    first_at: datetime
    last_at: datetime
    attempts: int


_Counted = list[Any]  # first_at, last_at, attempts


class Denials:
    """Counts in memory, writes every second. Without a pool (an application that only describes itself) it counts only."""

    def __init__(self, pool: asyncpg.Pool | None = None, clock: Callable[[], datetime] = utc_now) -> None:
        self._pool, self._clock = pool, clock
        self._counted: dict[tuple[datetime, Attempt], _Counted] = {}

    def note(self, attempt: Attempt) -> None:
        """Never fails and never waits: it stands in the way of strangers."""
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        if len(attempt.subject) > LONGEST_NAME:
            attempt = msgspec.structs.replace(attempt, subject=attempt.subject[:LONGEST_NAME])
        if (minute, attempt) not in self._counted and len(self._counted) >= MOST_KINDS:
            attempt = Attempt(operation=OTHERS, reason=OTHERS)
        counted = self._counted.setdefault((minute, attempt), [now, now, 0])
        counted[1], counted[2] = now, counted[2] + 1

    async def run(self) -> None:
        """Writes down for ever, and a last time when it is ended."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self._try_to_write()
        finally:
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        try:
            await self.write()
        except (Unreachable, *CONNECTION_LOST) as lost:
            log.info("denials_wait", reason=type(lost).__name__)
        except asyncpg.PostgresError as refused:
            log.exception("denials_not_written", error=type(refused).__name__)

    async def write(self) -> None:
        """Adds what was counted to the table; keeps counting from nothing. What cannot be written stays counted."""
        if not self._counted or self._pool is None:
            return
        taken, self._counted = self._counted, {}
        try:
            await self._pool.execute("SELECT log.note_denials($1, $2, $3, $4, $5, $6, $7, $8)", *_columns(taken))
        except BaseException:
            self._put_back(taken)
            raise

    def _put_back(self, taken: dict[tuple[datetime, Attempt], _Counted]) -> None:
        for kind, (first, last, attempts) in taken.items():
            counted = self._counted.setdefault(kind, [first, last, 0])
            counted[0], counted[1] = min(first, counted[0]), max(last, counted[1])
            counted[2] += attempts

    async def newest(
        self, tenant: str, since: datetime, limit: int, behind: tuple[Any, ...] | None = None
    ) -> list[Denial]:
        """What this tenant's callers, and strangers, were denied since then, newest first.

        `behind` is minute, tenant, subject, operation and reason of the last one already seen.
        """
        if self._pool is None:
            raise Unreachable("this application only describes itself")
        with contextlib.suppress(Unreachable):
            await self._try_to_write()
        try:
            rows = await self._pool.fetch(
                "SELECT minute, tenant, subject, operation, reason, first_at, last_at, attempts FROM log.denials"
                " WHERE tenant IN ($1, '') AND last_at >= $2 AND ($4::timestamptz IS NULL"
                " OR (minute, tenant, subject, operation, reason) < ($4, $5::text, $6::text, $7::text, $8::text))"
                " ORDER BY minute DESC, tenant DESC, subject DESC, operation DESC, reason DESC LIMIT $3",
                tenant, since, limit, *(behind or (None,) * 5), timeout=30,
            )  # fmt: skip
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost
        return [Denial(**dict(row)) for row in rows]


def _columns(counted: dict[tuple[datetime, Attempt], _Counted]) -> list[list[Any]]:
    rows = [
        (minute, kind.tenant, kind.subject, kind.operation, kind.reason, *counts)
        for (minute, kind), counts in counted.items()
    ]
    return [list(column) for column in zip(*rows, strict=True)]

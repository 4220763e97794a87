"""What a projection changes at one batch of events: gathered, written in its order by few round trips, with its cursor.

A projection sees a connection; which of its statements go to the database together is decided here.
"""

import contextlib
from types import TracebackType
from typing import Any, Self

import asyncpg

from chassis.faults import Fault


class Elsewhere(Fault):
    """The cursor is not where this process left it: another one moved it, or somebody set it back."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the cursor is at {position}")
        self.position = position


class Changes:
    """One transaction, begun at the first need of the database; a batch that changes nothing needs none.

    Rows for one statement that follow one another are sent at once. Whoever asks sees everything written before.
    Everything but `execute` raises Elsewhere where the cursor of `name` is not at `position`.

    The commit does not wait for the disk: what a crash takes, rows and cursor alike, is made again from the log.
    """

    def __init__(self, pool: asyncpg.Pool, name: str, position: int) -> None:
        self._pool, self._name, self._position = pool, name, position
        self._gathered: list[tuple[str, list[tuple[Any, ...]]]] = []
        self._transaction = contextlib.AsyncExitStack()
        self._connection: Any = None
        self.needed = False
        """Whether the database has to hear of it now."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transaction.__aexit__(kind, fault, trace)

    async def execute(self, query: str, *args: Any) -> None:
        self.needed = True
        if not self._gathered or self._gathered[-1][0] != query:
            self._gathered.append((query, []))
        self._gathered[-1][1].append(args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        return await (await self._current()).fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await (await self._current()).fetchval(query, *args)

    async def move(self, position: int, skipped: int | None = None) -> None:
        """Writes what is left and moves the cursor; `skipped` is where the first unreadable event was passed over."""
        await (await self._current()).execute(
            "UPDATE public.projections SET position = $2, skipped_at = coalesce(skipped_at, $3) WHERE name = $1",
            self._name, position, skipped,
        )  # fmt: skip

    async def _current(self) -> Any:
        """The connection, once everything gathered is written."""
        self.needed = True
        if self._connection is None:
            self._connection = await self._begun()
        for query, rows in self._gathered:
            await self._connection.executemany(query, rows)
        self._gathered.clear()
        return self._connection

    async def _begun(self) -> Any:
        connection: Any = await self._transaction.enter_async_context(self._pool.acquire())
        await self._transaction.enter_async_context(connection.transaction())
        held = await connection.fetchrow(
            "SELECT position, set_config('synchronous_commit', 'off', true)"
            " FROM public.projections WHERE name = $1 FOR UPDATE",
            self._name,
        )
        if held["position"] != self._position:
            raise Elsewhere(int(held["position"]))
        return connection

"""The write side of the store: a bounded queue, and two lanes that carry it to the database in shared transactions.

What may share a transaction is decided in `chassis/batch.py`; the SQL side is `chassis/sql`. Nobody is told that an event
is recorded before its transaction is.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from chassis import appends
from chassis.appends import Append, Draft
from chassis.batch import Batch, Waiting, apart, next_batch
from chassis.faults import Conflict, CursorMoved, Fault, KeyTaken, Unreachable
from contracts.problems import Busy

log = structlog.get_logger(__name__)

MAX_WAITING = 10_000
"""Changes that may wait or be on their way before callers are told to come back later."""
MAX_WAITING_BYTES = 64 * 2**20
"""Bytes of them."""
SECOND_LANE = 16
"""Waiting changes from which a second transaction is filled while the first is on its way: for fewer, waiting and sharing
the next one is quicker than queueing for the log's head."""
PATIENCE_S = 30

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
# Something expected does not hold; log.append says what.
_DOES_NOT_HOLD = (asyncpg.SerializationError, asyncpg.UniqueViolationError)


class Writer:
    """Takes changes from many callers; `run` carries them to the database until it is cancelled.

    `grew` is told the log's newest position after each transaction, with the events that led there and their instant
    where both are known.
    """

    def __init__(self, url: str, grew: Callable[[int, Sequence[Draft], datetime | None], None]) -> None:
        self._grew = grew
        self._lanes = [_Lane(url), _Lane(url)]
        self._queue: deque[Waiting] = deque()
        self._outstanding = 0
        self._bytes = 0
        self._held: set[object] = set()
        self._flying = 0
        self._stuck = False
        self._idle: list[asyncio.Event] = []
        self._stopped = False

    async def append(self, append: Append) -> int:
        """Records the change and answers the position of its last event.

        Raises Conflict, KeyTaken or CursorMoved (nothing was recorded), Busy (too many wait), or Unreachable
        (the outcome is unknown to us; the same Idempotency-Key makes a repeat safe). A caller that is cancelled
        leaves the change whole: recorded or not at all.
        """
        if self._stopped:
            raise Unreachable("the writer was stopped")
        try:
            entry = Waiting(append, asyncio.get_running_loop().create_future())
        except (TypeError, ValueError) as unfit:
            raise Fault(f"not storable: {unfit}") from unfit
        if self._outstanding >= MAX_WAITING or (self._bytes and self._bytes + entry.size > MAX_WAITING_BYTES):
            raise Busy(waiting=self._outstanding)
        self._outstanding += 1
        self._bytes += entry.size
        self._queue.append(entry)
        self._call()
        return await entry.done

    async def run(self) -> None:
        """Works until it is cancelled; then nobody is left waiting."""
        try:
            async with asyncio.TaskGroup() as lanes:
                for lane in self._lanes:
                    lanes.create_task(self._carry(lane))
        finally:
            self._stopped = True
            for entry in self._queue:
                entry.refuse(Unreachable("the writer was stopped"))
            for lane in self._lanes:
                lane.drop()

    async def _carry(self, lane: "_Lane") -> None:
        called = asyncio.Event()
        while True:
            batch = self._next()
            if batch is None:
                called.clear()
                self._idle.append(called)
                await called.wait()
                continue
            self._flying += 1
            self._held |= batch.claims
            self._call()
            try:
                await self._record(lane, batch)
            finally:
                self._flying -= 1
                self._held -= batch.claims
                self._stuck = False
                self._gone(batch.entries)
            await asyncio.sleep(0)  # those who were just answered may have more for the next transaction

    def _call(self) -> None:
        """Wakes one lane, where all are idle or enough waits for a second transaction."""
        if self._idle and (
            len(self._idle) == len(self._lanes) or (len(self._queue) >= SECOND_LANE and not self._stuck)
        ):
            self._idle.pop().set()

    def _next(self) -> Batch | None:
        """What goes out now: everything, when nothing is on its way; else half, so that the lanes take turns."""
        if not self._queue or self._stuck or (self._flying and len(self._queue) < SECOND_LANE):
            return None
        batch, dropped = next_batch(self._queue, self._held, max(SECOND_LANE, (self._outstanding + 1) // 2))
        self._gone(dropped)
        if batch.entries:
            return batch
        self._stuck = bool(self._queue)  # everything waits for what the other lane carries
        return None

    def _gone(self, entries: Sequence[Waiting]) -> None:
        self._outstanding -= len(entries)
        self._bytes -= sum(entry.size for entry in entries)

    async def _record(self, lane: "_Lane", batch: Batch) -> None:
        try:
            if batch.simple and await self._all_hold(lane, batch):
                return
            for group in apart(batch.entries):
                await self._checked(lane, group)
        except asyncio.CancelledError:
            _refuse(batch.entries, Unreachable("the writer was stopped"))
            raise
        except Exception as unforeseen:  # the writer must outlive whatever one batch does to it
            log.exception("append_failed")
            lane.drop()
            _refuse(batch.entries, Fault(f"unforeseen: {type(unforeseen).__name__}"))
        finally:
            # What was about to conflict with a change that now was not recorded has another chance.
            self._queue.extendleft(reversed([entry for entry, _, _ in batch.doomed if not entry.done.done()]))
            self._gone([entry for entry, _, _ in batch.doomed if entry.done.done()])

    async def _all_hold(self, lane: "_Lane", batch: Batch) -> bool:
        """Records the batch the short way; False when something in it does not hold and nothing was recorded."""
        try:
            position, at = await lane.short(batch.entries)
        except _DOES_NOT_HOLD:
            return False
        except CONNECTION_LOST as lost:
            self._lost(lane, batch.entries, lost)
            return True
        except (asyncpg.PostgresError, ValueError, TypeError, OverflowError) as unfit:
            log.warning("append_not_storable", error=type(unfit).__name__, changes=len(batch.entries))
            return False
        except Fault as fault:
            lane.drop()
            _refuse(batch.entries, fault)
            return True
        self._grew(position, [draft for entry in batch.entries for draft in entry.append.drafts], at)
        await asyncio.sleep(0)  # the relay has its turn first: the answer to the caller takes longer than its message
        for entry in reversed(batch.entries):
            if not entry.done.done():
                entry.done.set_result(position)
            position -= len(entry.rows)
        for entry, stream, found in batch.doomed:
            entry.refuse(Conflict(stream, entry.append.expect[stream], found))
        return True

    async def _checked(self, lane: "_Lane", entries: list[Waiting]) -> None:
        """Records those of a group that hold, and tells the others by name what they met."""
        try:
            row = await lane.checked(entries)
        except CONNECTION_LOST as lost:
            self._lost(lane, entries, lost)
        except (asyncpg.PostgresError, ValueError, TypeError, OverflowError) as unfit:
            # Something in one of the changes is not storable: find it, so that its neighbours are not harmed.
            if len(entries) == 1:
                entries[0].refuse(Fault(f"not storable: {unfit}"))
                return
            middle = len(entries) // 2
            await self._checked(lane, entries[:middle])
            await self._checked(lane, entries[middle:])
        except Fault as fault:
            lane.drop()
            _refuse(entries, fault)
        else:
            self._settle(entries, row)

    def _settle(self, entries: Sequence[Waiting], row: Any) -> None:
        position: int = row["base"]
        found = zip(row["why"] or (), row["what"] or (), row["expected"] or (), row["actual"] or (), strict=True)
        reasons = dict(zip(row["rejected"], found, strict=True))
        for nr, entry in enumerate(entries):
            if nr in reasons:
                entry.refuse(_rejection(*reasons[nr]))
                continue
            position += len(entry.rows)
            if not entry.done.done():
                entry.done.set_result(position)
        self._grew(position, (), None)

    def _lost(self, lane: "_Lane", entries: Sequence[Waiting], lost: BaseException) -> None:
        log.warning("store_unreachable", error=type(lost).__name__, waiting=len(entries))
        lane.drop()
        _refuse(entries, Unreachable("the database does not answer"))


class _Lane:
    """One connection with its prepared statements; connects when it is needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def short(self, entries: Sequence[Waiting]) -> tuple[int, datetime]:
        """The position of the last event and the instant of all, everything recorded."""
        await self._connect()
        single = appends.one(entries[0].append, entries[0].rows) if len(entries) == 1 else None
        if single is not None:
            found: Any = await self._one.fetchrow(*single, timeout=PATIENCE_S)
        else:
            arguments = appends.many([entry.append for entry in entries], [entry.rows for entry in entries])
            found = await self._many.fetchrow(*arguments, timeout=PATIENCE_S)
        return found["here"], found["at"]

    async def checked(self, entries: Sequence[Waiting]) -> Any:
        await self._connect()
        arguments = appends.checked([entry.append for entry in entries], [entry.rows for entry in entries])
        return await self._all.fetchrow(*arguments, timeout=PATIENCE_S)

    async def _connect(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        connection = await asyncpg.connect(self._url, timeout=5, server_settings={"synchronous_commit": "on"})
        try:
            await _check_durable(connection)
            self._one = await connection.prepare(appends.ONE)
            self._many = await connection.prepare(appends.MANY)
            self._all = await connection.prepare(appends.CHECKED)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    def drop(self) -> None:
        """Forgets the connection; a statement under way may still commit or not."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*CONNECTION_LOST):
                connection.terminate()


async def _check_durable(connection: asyncpg.Connection) -> None:
    if await connection.fetchval("SHOW synchronous_commit") not in ("on", "remote_write", "remote_apply"):
        raise Fault("synchronous_commit must be on: an acknowledged event must survive a power cut")


def _rejection(why: str, what: str, expected: int, found: int) -> Fault:
    match why:
        case "version":
            return Conflict(what, expected, found)
        case "key":
            return KeyTaken(what)
        case _:
            return CursorMoved(what, expected, found)


def _refuse(entries: Sequence[Waiting], fault: Fault) -> None:
    for entry in entries:
        entry.refuse(fault)

"""Things to do at an instant: set and cancelled by events, kept in a table, fired once.

A timer is derived from the log (`timers(event)` is pure), so it can be rebuilt; firing it is a command with an
idempotency key of its own, so that a crash between the effect and the deletion changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from chassis.faults import Unreachable
from chassis.handle import Cause, Do, Handler, utc_now
from chassis.store import CONNECTION_LOST, Key
from contracts.envelope import Actor, Event, Recorded, Role
from contracts.problems import Busy, NewerHistory, Refusal

log = structlog.get_logger(__name__)

POLL_S = 0.25
"""How late a timer may fire at most, beside the load of the machine; margins of coverage are minutes."""


class Set(msgspec.Struct, frozen=True, kw_only=True):
    """Do `kind` for aggregate `ident` at `due_at`; a later Set with the same `id` replaces this one."""

    id: str
    due_at: datetime
    kind: str
    ident: UUID | str


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """The timer `id` is no longer wanted; there may be none."""

    id: str


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    due_at: datetime
    kind: str
    ident: str
    tenant: str
    cause: bytes


TimersOf = Callable[[Event, Recorded], Sequence[Set | Cancel]]
TimerCommands = Mapping[str, Callable[[Timer, datetime], Do]]


class TimerTable:
    """The projection that writes timers down."""

    name = "timers"
    goes_back = True

    def __init__(self, timers_of: TimersOf) -> None:
        self._timers_of = timers_of

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        for change in self._timers_of(event, about):
            if isinstance(change, Cancel):
                await db.execute("DELETE FROM public.timers WHERE id = $1", change.id)
                continue
            await db.execute(
                "INSERT INTO public.timers (id, due_at, kind, ident, tenant, cause) VALUES ($1, $2, $3, $4, $5, $6)"
                " ON CONFLICT (id) DO UPDATE SET due_at = $2, kind = $3, ident = $4, tenant = $5, cause = $6",
                change.id, change.due_at, change.kind, str(change.ident), about.metadata.tenant,
                msgspec.json.encode(_cause(change.kind, about)),
            )  # fmt: skip


class TimerRunner:
    """Fires what is due, oldest first."""

    def __init__(self, pool: asyncpg.Pool, handler: Handler, commands: TimerCommands) -> None:
        self._pool, self._handler, self._commands = pool, handler, commands

    async def run(self) -> None:
        while True:
            try:
                for timer in await self._due():
                    await self._fire(timer)
            except (Unreachable, Busy, *CONNECTION_LOST) as lost:
                log.warning("timers_wait", error=type(lost).__name__)
            except Exception:
                log.exception("timer_failed")
                await asyncio.sleep(1)
            await asyncio.sleep(POLL_S)

    async def _due(self) -> list[Timer]:
        rows = await self._pool.fetch(
            "SELECT * FROM public.timers WHERE due_at <= $1 ORDER BY due_at LIMIT 100", utc_now()
        )
        return [Timer(**dict(row)) for row in rows]

    async def _fire(self, timer: Timer) -> None:
        cause = msgspec.json.decode(timer.cause, type=Cause)
        text = f"timer:{timer.id}:{timer.due_at.isoformat()}"
        key = Key(text=text, fingerprint=sha256(text.encode()).digest())
        try:
            await self._handler.run_all([self._commands[timer.kind](timer, utc_now())], cause, key=key)
        except NewerHistory as newer:
            log.error("timer_kept", timer=timer.id, reason=str(newer), **newer.facts)  # noqa: TRY400 - no trace needed
            return
        except Refusal as refusal:
            if isinstance(refusal, Busy):
                raise
            log.info("timer_refused", timer=timer.id, code=refusal.code)
        await self._pool.execute("DELETE FROM public.timers WHERE id = $1 AND due_at = $2", timer.id, timer.due_at)


def _cause(kind: str, about: Recorded) -> Cause:
    meta = about.metadata
    return Cause(
        tenant=meta.tenant,
        actor=Actor(id=f"timer:{kind}", role=Role.SYSTEM),
        correlation=meta.correlation,
        causation=meta.id,
        mode=meta.mode,
        traceparent=meta.traceparent,
    )

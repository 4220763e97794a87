"""The webhooks of one service in its database: what they are, how far each has been told, attempts, and who did what.

Every change by a person or by the courier notes its action in the same transaction (`log.webhook_actions`, append-only).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from chassis.faults import Unreachable
from chassis.store import CONNECTION_LOST
from chassis.webhooks.post import Attempt
from contracts.envelope import Actor, Recorded

MOST_WEBHOOKS: Final = 100
"""Of one tenant in one service."""
KEPT_ATTEMPTS: Final = 1000
"""Of one webhook; older ones are dropped."""
_COLUMNS: Final = (
    "id, tenant, url, types, show, state, reason, version, cursor, failures, next_at, secret, old_secret_until,"
    " fingerprint, made_by, made_at"
)


class State(StrEnum):
    """Whether events are sent: `paused` by a person, `disabled` by us after too many failures or at the receiver's wish."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is the last position told. `secret` numbers the signing key in use; the one before is valid until
    `old_secret_until`.
    """

    id: UUID
    tenant: str
    url: str
    types: list[str]
    show: UUID | None
    state: State
    reason: str
    version: int
    cursor: int
    failures: int
    next_at: datetime | None
    secret: int
    old_secret_until: datetime | None
    fingerprint: bytes | None
    made_by: str
    made_at: datetime

    def wants(self, record: Recorded) -> bool:
        return (not self.types or record.type in self.types) and self.show in (None, record.metadata.show)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver one event. `message` is the `webhook-id`: the event's id, the same in every attempt."""

    nr: int
    position: int
    message: str
    type: str
    at: datetime
    status: int | None
    took_ms: int
    error: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done to a webhook, and by whom; the courier itself acts as `webhooks`."""

    nr: int
    at: datetime
    webhook: UUID
    action: str
    actor: str
    role: str
    detail: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from an attempt: told, to be tried again at `next_at`, or disabled for a reason."""

    told: bool = False
    next_at: datetime | None = None
    disabled: str = ""


class Table:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, hook: Hook, actor: Actor) -> bool:
        """False when the tenant has as many as it may. A repeat of the same id changes nothing."""
        values = msgspec.structs.asdict(hook)
        async with _transaction(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(7245004)")
            count = await connection.fetchval("SELECT count(*) FROM public.webhooks WHERE tenant = $1", hook.tenant)
            if count >= MOST_WEBHOOKS:
                return False
            made = await connection.fetchval(
                f"INSERT INTO public.webhooks ({_COLUMNS}) VALUES"  # noqa: S608 - column list only
                " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
                " ON CONFLICT DO NOTHING RETURNING id",
                *(values[name] for name in _COLUMNS.replace(" ", "").split(",")),
            )
            if made is not None:
                await _note(connection, hook, "registered", actor, f"from position {hook.cursor}")
        return True

    async def find(self, tenant: str | None, ident: UUID) -> Hook | None:
        query = f"SELECT {_COLUMNS} FROM public.webhooks WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)"  # noqa: S608
        rows = await self._fetch(query, ident, tenant)
        return _hook(rows[0]) if rows else None

    async def of_tenant(self, tenant: str, after: UUID | None, limit: int) -> list[Hook]:
        query = (
            f"SELECT {_COLUMNS} FROM public.webhooks WHERE tenant = $1 AND ($2::uuid IS NULL OR id > $2)"  # noqa: S608
            " ORDER BY id LIMIT $3"
        )
        return [_hook(row) for row in await self._fetch(query, tenant, after, limit)]

    async def active(self) -> set[UUID]:
        return {row["id"] for row in await self._fetch("SELECT id FROM public.webhooks WHERE state = 'active'")}

    async def change(self, hook: Hook, action: str, actor: Actor, detail: str = "", /, **fields: Any) -> Hook | None:
        """Sets fields of a webhook and answers it as it is then; None when it is gone."""
        named = ", ".join(f"{name} = ${number}" for number, name in enumerate(fields, 2))
        query = f"UPDATE public.webhooks SET {named}, version = version + 1 WHERE id = $1 RETURNING {_COLUMNS}"  # noqa: S608
        async with _transaction(self._pool) as connection:
            row = await connection.fetchrow(query, hook.id, *fields.values())
            if row is not None:
                await _note(connection, hook, action, actor, detail)
        return _hook(row) if row else None

    async def remove(self, hook: Hook, actor: Actor) -> None:
        async with _transaction(self._pool) as connection:
            if await connection.fetchval("DELETE FROM public.webhooks WHERE id = $1 RETURNING true", hook.id):
                await _note(connection, hook, "deleted", actor, "")

    async def skip(self, hook: Hook, position: int) -> None:
        """Nothing up to this position is wanted; without effect when the cursor was moved meanwhile."""
        query = "UPDATE public.webhooks SET cursor = $3 WHERE id = $1 AND cursor = $2"
        async with _transaction(self._pool) as connection:
            await connection.execute(query, hook.id, hook.cursor, position)

    async def settle(self, hook: Hook, record: Recorded, attempt: Attempt, verdict: Verdict, courier: Actor) -> None:
        """Notes an attempt and what follows from it, whole or not at all; a cursor moved meanwhile (a replay) stays."""
        async with _transaction(self._pool) as connection:
            cursor = record.position if verdict.told else hook.cursor
            row = await connection.fetchrow(
                "UPDATE public.webhooks SET cursor = $3, failures = $4, next_at = $5,"
                " state = CASE WHEN $6 = '' OR state <> 'active' THEN state ELSE 'disabled' END,"
                " reason = CASE WHEN $6 = '' OR state <> 'active' THEN reason ELSE $6 END,"
                " version = version + CASE WHEN $6 = '' THEN 0 ELSE 1 END"
                " WHERE id = $1 AND cursor = $2 RETURNING id",
                hook.id, hook.cursor, cursor, 0 if verdict.told else hook.failures + 1, verdict.next_at, verdict.disabled,
            )  # fmt: skip
            await self._note_attempt(connection, hook, record, attempt)
            if row is not None and verdict.disabled:
                await _note(connection, hook, "disabled", courier, verdict.disabled)

    async def _note_attempt(self, connection: Any, hook: Hook, record: Recorded, attempt: Attempt) -> None:
        await connection.execute(
            "INSERT INTO public.webhook_attempts (webhook, tenant, position, message, type, status, took_ms, error)"
            " SELECT id, tenant, $2, $3, $4, $5, $6, $7 FROM public.webhooks WHERE id = $1",
            hook.id, record.position, str(record.metadata.id), record.type, attempt.status, attempt.took_ms,
            attempt.error,
        )  # fmt: skip
        await connection.execute(
            "DELETE FROM public.webhook_attempts WHERE webhook = $1 AND nr <= (SELECT nr FROM public.webhook_attempts"
            " WHERE webhook = $1 ORDER BY nr DESC OFFSET $2 LIMIT 1)",
            hook.id, KEPT_ATTEMPTS,
        )  # fmt: skip

    async def deliveries(self, hook: Hook, before: int | None, limit: int) -> list[Delivery]:
        """The attempts of a webhook, newest first."""
        query = (
            "SELECT nr, position, message, type, at, status, took_ms, error FROM public.webhook_attempts"
            " WHERE webhook = $1 AND ($2::bigint IS NULL OR nr < $2) ORDER BY nr DESC LIMIT $3"
        )
        return [Delivery(**dict(row)) for row in await self._fetch(query, hook.id, before, limit)]

    async def actions(self, tenant: str, before: int | None, limit: int) -> list[Action]:
        """What was done to a tenant's webhooks, newest first; those that are gone included."""
        query = (
            "SELECT nr, at, webhook, action, actor, role, detail FROM log.webhook_actions"
            " WHERE tenant = $1 AND ($2::bigint IS NULL OR nr < $2) ORDER BY nr DESC LIMIT $3"
        )
        return [Action(**dict(row)) for row in await self._fetch(query, tenant, before, limit)]

    async def note(self, hook: Hook, action: str, actor: Actor, detail: str) -> None:
        """An action that changes nothing of the webhook."""
        async with _transaction(self._pool) as connection:
            await _note(connection, hook, action, actor, detail)

    async def _fetch(self, query: str, *args: object) -> list[Any]:
        try:
            return list(await self._pool.fetch(query, *args, timeout=30))
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost


@asynccontextmanager
async def _transaction(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    """One connection in one transaction. Raises Unreachable when the database is lost in it."""
    try:
        async with pool.acquire(timeout=5) as connection, connection.transaction():
            yield connection
    except CONNECTION_LOST as lost:
        raise Unreachable("the database does not answer") from lost


async def _note(connection: Any, hook: Hook, action: str, actor: Actor, detail: str) -> None:
    query = "SELECT log.note_webhook_action($1, $2, $3, $4, $5, $6)"
    await connection.execute(query, hook.tenant, hook.id, action, actor.id, str(actor.role), detail)


def _hook(row: Any) -> Hook:
    return Hook(**{**dict(row), "state": State(row["state"])})

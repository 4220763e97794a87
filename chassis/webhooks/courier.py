"""Delivers events to webhooks: in order for each, at least once, for as long as its schedule says.

One courier of a service is at work, whichever replica holds the lock. Each active webhook has a task of its own, so a
receiver that is slow or away holds up nobody else. An event is told before the next one is tried; the cursor moves in the
transaction that notes the attempt, so a crash repeats one message under the same id and loses none.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter

from chassis.faults import Unreachable
from chassis.outbound import Outbound
from chassis.store import CONNECTION_LOST, GATHER_S, Store
from chassis.vault import Vault
from chassis.webhooks.post import Attempt, Post
from chassis.webhooks.signing import signed_headers
from chassis.webhooks.table import Hook, State, Table, Verdict
from contracts.envelope import Actor, Recorded, Role, cloudevent_headers

log = structlog.get_logger(__name__)

attempts_total = Counter(
    "regie_webhook_attempts_total", "Attempts to deliver an event, by what came of it.", ("service", "outcome")
)
disabled_total = Counter("regie_webhooks_disabled_total", "Webhooks we gave up; somebody has to be told.", ("service",))

MEDIA_TYPE: Final = "application/cloudevents+json"
SYSTEM: Final = Actor(id="webhooks", role=Role.SYSTEM)
BATCH: Final = 200
POLL_S: Final = 2.0
"""How often changes made by another replica are looked for."""
SKIP: Final = 1000
"""So many positions without a wanted event are noted, so that a restart need not read them again."""
JITTER: Final = 0.2
OLD_KEYS: Final = 3
_LOCK: Final = 7_245_003


def schedule_of(text: str) -> tuple[float, ...]:
    """Pauses between attempts in seconds, from `REGIE_WEBHOOK_PAUSES_S`. Raises ValueError."""
    pauses = tuple(float(part) for part in text.split(","))
    if not all(0 < pause < 10**7 for pause in pauses):
        raise ValueError("pauses must be positive")
    return pauses


def secret_name(service: str, hook: UUID, number: int) -> str:
    """The name of a signing key in the vault."""
    return f"{service}/webhook/{hook}/{number}"


class Mail:
    """How a message of one service looks and is signed."""

    def __init__(self, service: str, vault: Vault, post: Post) -> None:
        self._service, self._vault, self._post = service, vault, post

    async def send(self, hook: Hook, record: Recorded) -> Attempt:
        return await self.send_body(hook, str(record.metadata.id), structured(self._service, record))

    async def send_body(self, hook: Hook, message_id: str, body: bytes) -> Attempt:
        now = datetime.now(UTC)
        headers = signed_headers(message_id, int(now.timestamp()), body, await self._keys(hook, now))
        headers |= {"content-type": MEDIA_TYPE, "user-agent": "Regie-Webhooks"}
        return await self._post.send(hook.url, headers, body)

    async def _keys(self, hook: Hook, now: datetime) -> list[str]:
        """The key in use, and those before it while they are still valid: the answer of a rotation may get lost."""
        numbers = [hook.secret]
        if hook.old_secret_until is not None and hook.old_secret_until > now:
            numbers += range(hook.secret - 1, max(0, hook.secret - OLD_KEYS - 1), -1)
        found = [await self._vault.secret(hook.tenant, secret_name(self._service, hook.id, n)) for n in numbers]
        if found[0] is None:
            raise Unreachable("the signing key is not in the vault")
        return [key for key in found if key is not None]


def structured(service: str, record: Recorded) -> bytes:
    """The event as a CloudEvent in structured JSON: the words of the stream's headers, with the payload as `data`."""
    headers = cloudevent_headers(service, record)
    envelope: dict[str, Any] = {
        name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")
    }
    envelope["datacontenttype"] = headers["content-type"]
    envelope["data"] = msgspec.Raw(record.payload)
    return msgspec.json.encode(envelope)


class Courier:
    """All webhooks of one service. `run` works for ever; `changed` wakes the task of one webhook."""

    def __init__(
        self,
        service: str,
        store: Store,
        pool: asyncpg.Pool,
        vault: Vault,
        outbound: Outbound,
        pauses_s: tuple[float, ...],
        jitter: Callable[[], float] = lambda: random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads load only
    ) -> None:
        self._service, self._store, self._pool, self._vault = service, store, pool, vault
        self.outbound, self._pauses_s, self._jitter = outbound, pauses_s, jitter
        self.table = Table(pool)
        self._changed: dict[UUID, asyncio.Event] = {}
        self._look = asyncio.Event()

    def changed(self, ident: UUID) -> None:
        """Somebody in this process changed this webhook."""
        self._look.set()
        if ident in self._changed:
            self._changed[ident].set()

    @asynccontextmanager
    async def mail(self) -> AsyncIterator[Mail]:
        async with Post(self.outbound) as post:
            yield Mail(self._service, self._vault, post)

    async def run(self) -> None:
        """Raises Unreachable when the database is lost; the caller starts it again."""
        try:
            async with self._pool.acquire() as sole, self.mail() as mail:
                while not await sole.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_S)
                try:
                    await self._look_after_all(sole, mail)
                finally:
                    sole.terminate()  # lets go of the lock, however this ended
        except CONNECTION_LOST as lost:
            raise Unreachable("the database does not answer") from lost

    async def _look_after_all(self, sole: Any, mail: Mail) -> None:
        tasks: dict[UUID, asyncio.Task[None]] = {}
        try:
            while True:
                await sole.fetchval("SELECT 1")  # while this connection lives, the lock is ours
                for ident in await self.table.active():
                    if ident not in tasks or tasks[ident].done():
                        tasks[ident] = asyncio.create_task(self._serve(ident, mail), name=f"webhook-{ident}")
                tasks = {ident: task for ident, task in tasks.items() if not task.done()}
                await _wait(self._look, POLL_S)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _serve(self, ident: UUID, mail: Mail) -> None:
        """One webhook, until it is not active any more."""
        changed = self._changed[ident] = asyncio.Event()
        try:
            while True:
                try:
                    return await self._deliver(ident, mail, changed)
                except Unreachable as lost:
                    log.info("webhook_waits", webhook=str(ident), reason=str(lost))
                except Exception:
                    log.exception("webhook_failed", webhook=str(ident))
                await _wait(changed, POLL_S)
        finally:
            self._changed.pop(ident, None)

    async def _deliver(self, ident: UUID, mail: Mail, changed: asyncio.Event) -> None:
        cursor = seen = -1
        while (hook := await self.table.find(None, ident)) is not None and hook.state is State.ACTIVE:
            pause_s = (hook.next_at - datetime.now(UTC)).total_seconds() if hook.next_at is not None else 0
            if pause_s > 0:
                await _wait(changed, min(pause_s, POLL_S))
                continue
            if hook.cursor != cursor:
                cursor = seen = hook.cursor
            record, seen = await self._next(hook, seen)
            if record is not None:
                attempt = await mail.send(hook, record)
                await self._settle(hook, record, attempt)
                continue
            if seen - cursor >= SKIP:
                await self.table.skip(hook, seen)
            await self._growth(seen, changed)

    async def _next(self, hook: Hook, seen: int) -> tuple[Recorded | None, int]:
        """The next event the webhook wants, and up to where there is nothing before it."""
        while True:
            head = await self._store.head()
            if hook.show is None:
                found = await self._store.read(seen, BATCH, tenant=hook.tenant)
            else:
                found = await self._store.of_show(hook.show, tenant=hook.tenant, after=seen, limit=BATCH)
            for record in found:
                if hook.wants(record):
                    return record, seen
                seen = record.position
            if len(found) < BATCH:
                return None, max(seen, head)

    async def _settle(self, hook: Hook, record: Recorded, attempt: Attempt) -> None:
        verdict = self.verdict(hook, attempt)
        outcome = "told" if verdict.told else "disabled" if verdict.disabled else "failed"
        attempts_total.labels(self._service, outcome).inc()
        if verdict.disabled:
            disabled_total.labels(self._service).inc()
            log.warning("webhook_disabled", webhook=str(hook.id), tenant=hook.tenant, reason=verdict.disabled)
        await self.table.settle(hook, record, attempt, verdict, SYSTEM)

    def verdict(self, hook: Hook, attempt: Attempt) -> Verdict:
        """Told; gone for good; or failed: again after the next pause of the schedule, and after the last one no more."""
        if attempt.taken:
            return Verdict(told=True)
        if attempt.gone:
            return Verdict(disabled="the receiver answered 410 Gone")
        if hook.failures >= len(self._pauses_s):
            why = attempt.error or f"status {attempt.status}"
            return Verdict(disabled=f"{hook.failures + 1} attempts failed, the last one: {why}")
        pause_s = max(self._pauses_s[hook.failures] * self._jitter(), attempt.retry_after_s)
        return Verdict(next_at=datetime.now(UTC) + timedelta(seconds=pause_s))

    async def _growth(self, seen: int, changed: asyncio.Event) -> None:
        """Waits until the log goes on, the webhook is changed, or it is time to look again."""
        growth = asyncio.create_task(self._store.wait_beyond(seen, poll_s=POLL_S, patience_s=POLL_S, gather_s=GATHER_S))
        change = asyncio.create_task(changed.wait())
        try:
            await asyncio.wait({growth, change}, return_when=asyncio.FIRST_COMPLETED)
            if growth.done():
                growth.result()
            changed.clear()
        finally:
            for task in (growth, change):
                task.cancel()
            await asyncio.gather(growth, change, return_exceptions=True)


async def _wait(event: asyncio.Event, most_s: float) -> None:
    try:
        async with asyncio.timeout(most_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()

"""Reacting to events, of other services or our own: the cursor moves in the transaction of the effects.

The inbox reads its source in order and unfiltered from `cursor + 1` and refuses anything but the next position, so a
duplicate, a gap or a second worker cannot cause a wrong effect. What a policy cannot handle is parked with its reason,
in the same transaction. Source: design.md section 4; measured.md part B.3 (what goes wrong otherwise).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from chassis import observe
from chassis.decider import Codec, UnknownEvent
from chassis.faults import CursorMoved, Fault, Unreachable
from chassis.handle import Cause, Do, Handler
from chassis.store import CursorMove, Parking, Store
from contracts.envelope import Actor, Event, Mode, Recorded, Role
from contracts.problems import Busy, Refusal
from contracts.upcasters import Upcasters, base_of

log = structlog.get_logger(__name__)

TRIES = 5
"""How often a policy that raises is tried before its message is parked."""
FLUSH_AFTER = 200
"""Positions without effect after which the cursor is moved anyway; until then a restart re-reads them, harmlessly."""
RETRY_S = 0.5

Then = Callable[[Any, Recorded], Awaitable[Sequence[Do]]]


class Policy(msgspec.Struct, frozen=True):
    """Whenever `on` happens, `then` says what to do. The name of `then` is a sentence and appears as the actor."""

    on: type[Event]
    then: Then

    @property
    def name(self) -> str:
        return self.then.__name__


class Source(Protocol):
    """A log to follow: batches in position order, without gaps; an empty batch now and then when nothing happens."""

    def follow(self, after: int) -> AsyncIterator[list[Recorded]]: ...


class OwnLog:
    """This service's own log as a source: no broker between."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        while True:
            grew = await self._store.wait_beyond(after, patience_s=1.0)
            records = await self._store.read(after) if grew else []
            if records:
                after = records[-1].position
            yield records


class Gap(Fault):
    """The source skipped a position; it is read again from the cursor."""


class Inbox:
    """One source, its policies and its cursor."""

    def __init__(
        self,
        name: str,
        source: Source,
        store: Store,
        handler: Handler,
        policies: Sequence[Policy],
        upcasters: Upcasters | None = None,
    ) -> None:
        self.name = name
        self._source, self._store, self._handler = source, store, handler
        self._policies: Mapping[str, list[Policy]] = _by_tag(policies)
        self._codec = Codec({policy.on.tag(): policy.on for policy in policies}, upcasters)
        self.position = 0
        self._failed_at, self._failures = 0, 0

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except (Unreachable, Gap, CursorMoved, Busy) as wait:
                log.info("inbox_restarts", source=self.name, reason=str(wait))
            except Exception:
                log.exception("inbox_failed", source=self.name)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        stored = self.position = await self._store.cursor(self.name)
        async for batch in self._source.follow(stored):
            for record in batch:
                if record.position != self.position + 1:
                    raise Gap(f"{self.name}: expected {self.position + 1}, got {record.position}")
                if await self._react(record, stored):
                    stored = record.position
                self.position = record.position
            if self.position > stored and (not batch or self.position - stored >= FLUSH_AFTER):
                await self._flush(stored)
                stored = self.position

    async def _react(self, record: Recorded, stored: int) -> bool:
        """Runs the policies on one event; True when the cursor moved with their effects."""
        policies = self._concerned(record)
        if not policies or record.metadata.mode is Mode.REPLAY:
            return False
        wanted, parked = await self._wanted(policies, record)
        if not wanted and not parked:
            return False
        move = CursorMove(source=self.name, came_from=stored, went_to=record.position)
        cause = _cause(policies, record)
        try:
            await self._effect(wanted, parked, record, cause, move)
        except (Unreachable, Busy, CursorMoved):
            raise
        except Exception as fault:
            # Not a refusal but a mistake of ours in deciding or writing: tried again, then parked, so that others go on.
            if self._failed_at != record.position:
                self._failed_at, self._failures = record.position, 0
            self._failures += 1
            if self._failures < TRIES:
                raise
            log.exception("effect_failed", source=self.name, position=record.position)
            parked += [self._parking(record, name, fault) for name in wanted]
            await self._handler.run_all([], cause, cursor=move, parked=tuple(parked))
        return True

    async def _effect(
        self,
        wanted: Mapping[str, Sequence[Do]],
        parked: list[Parking],
        record: Recorded,
        cause: Cause,
        move: CursorMove,
    ) -> None:
        try:
            dos = [do for dos in wanted.values() for do in dos]
            await self._handler.run_all(dos, cause, cursor=move, parked=tuple(parked))
        except Busy:
            raise
        except Refusal:
            agreed = await self._sift(wanted, parked, record, cause)
            await self._handler.run_all(agreed, cause, cursor=move, parked=tuple(parked))

    def _concerned(self, record: Recorded) -> Sequence[Policy]:
        """The policies about this event, whichever version it was written in.

        A version this program cannot read concerns them too: it is parked for each of them, not lost.
        """
        if record.type in self._policies:
            return self._policies[record.type]
        about = [
            policy for tag, known in self._policies.items() if base_of(tag) == base_of(record.type) for policy in known
        ]
        if self._codec.knows(record.type):
            try:
                return self._policies[self._codec.decode(record.type, record.payload).tag()]
            except UnknownEvent as misfit:
                log.warning("not_upcast", source=self.name, type=record.type, reason=str(misfit))
        if not about:
            return []
        observe.unknown_events_total.labels(f"inbox {self.name}", record.type).inc()
        log.error("unknown_event", source=self.name, type=record.type, position=record.position)
        return about

    async def _wanted(
        self, policies: Sequence[Policy], record: Recorded
    ) -> tuple[dict[str, Sequence[Do]], list[Parking]]:
        try:
            event = self._codec.decode(record.type, record.payload)
        except UnknownEvent as unreadable:
            return {}, [self._parking(record, policy.name, unreadable) for policy in policies]
        wanted: dict[str, Sequence[Do]] = {}
        parked: list[Parking] = []
        for policy in policies:
            try:
                if dos := await _tried(policy, event, record):
                    wanted[policy.name] = dos
            except (Unreachable, Busy):
                raise
            except Exception as fault:
                log.exception("policy_failed", policy=policy.name, source=self.name, position=record.position)
                parked.append(self._parking(record, policy.name, fault))
        return wanted, parked

    async def _sift(
        self, wanted: Mapping[str, Sequence[Do]], parked: list[Parking], record: Recorded, cause: Cause
    ) -> list[Do]:
        """Keeps what the domain accepts and parks the policies whose commands it refuses."""
        agreed: list[Do] = []
        for name, dos in wanted.items():
            try:
                await self._handler.rehearse([*agreed, *dos], cause)
            except Refusal as refusal:
                log.warning(
                    "policy_refused", policy=name, source=self.name, position=record.position, code=refusal.code
                )
                parked.append(self._parking(record, name, refusal))
            else:
                agreed.extend(dos)
        return agreed

    async def _flush(self, stored: int) -> None:
        move = CursorMove(source=self.name, came_from=stored, went_to=self.position)
        await self._handler.move_cursor(move)

    def _parking(self, record: Recorded, policy: str, fault: Exception) -> Parking:
        code = fault.code if isinstance(fault, Refusal) else type(fault).__name__
        return Parking(
            source=self.name,
            position=record.position,
            policy=policy,
            error=f"{code}: {fault}",
            message=msgspec.json.encode(record),
        )


async def _tried(policy: Policy, event: Event, record: Recorded) -> Sequence[Do]:
    for attempt in range(1, TRIES):
        try:
            return await policy.then(event, record)
        except (Unreachable, Busy):
            raise
        except Exception as fault:  # noqa: BLE001 - the last try below lets it out
            log.warning("policy_retry", policy=policy.name, attempt=attempt, error=repr(fault))
            await asyncio.sleep(0.05 * 2**attempt)
    return await policy.then(event, record)


def _by_tag(policies: Sequence[Policy]) -> dict[str, list[Policy]]:
    table: dict[str, list[Policy]] = {}
    for policy in policies:
        table.setdefault(policy.on.tag(), []).append(policy)
    return table


def _cause(policies: Sequence[Policy], record: Recorded) -> Cause:
    meta = record.metadata
    return Cause(
        tenant=meta.tenant,
        actor=Actor(id="policy:" + "+".join(policy.name for policy in policies), role=Role.SYSTEM),
        correlation=meta.correlation,
        causation=meta.id,
        mode=meta.mode,
        traceparent=meta.traceparent,
    )

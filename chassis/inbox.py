"""Reacting to events, of other services or our own: the cursor moves in the transaction of the effects.

The inbox reads its source in order and unfiltered from `cursor + 1` and refuses anything but the next position, so a
duplicate, a gap or a second worker cannot cause a wrong effect. What a policy cannot handle is parked with its reason,
in the same transaction. Source: design.md section 4; measured.md part B.3 (what goes wrong otherwise).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog

from chassis import observe
from chassis.appends import CursorMove, Key, Parking
from chassis.decider import Codec, UnknownEvent
from chassis.faults import CursorMoved, Fault, Unreachable
from chassis.handle import Cause, Do, Handler
from chassis.policy import TRIES, AfterParked, ParkedBehind, Policy, PolicyFailed, StillParked, Waits, error_text, tried
from chassis.store import GATHER_S, Store
from contracts.envelope import Actor, Mode, Recorded, Role
from contracts.problems import Busy, NotFound, Refusal
from contracts.upcasters import Upcasters, base_of

log = structlog.get_logger(__name__)

__all__ = ["AfterParked", "Inbox", "OwnLog", "ParkedBehind", "Policy", "StillParked"]

FLUSH_AFTER = 200
"""Positions without effect after which the cursor is moved anyway; until then a restart re-reads them, harmlessly."""
RETRY_S = 0.5


class Source(Protocol):
    """A log to follow: batches in position order, without gaps; an empty batch now and then when nothing happens."""

    def follow(self, after: int) -> AsyncIterator[list[Recorded]]: ...


class OwnLog:
    """This service's own log as a source: no broker between."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        while True:
            grew = await self._store.wait_beyond(after, patience_s=1.0, gather_s=GATHER_S)
            records = await self._store.news(after) if grew else []
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
        self._policies = _by(lambda tag: tag, policies)
        self._about = _by(base_of, policies)
        self._codec = Codec({policy.on.tag(): policy.on for policy in policies}, upcasters)
        self.position = 0
        self._failed_at, self._failures = 0, 0
        self._busy = asyncio.Lock()

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
                async with self._busy:
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
        waiting = await self._waiting(policies, record)
        wanted, parked = await self._wanted([p for p in policies if p not in waiting], record)
        parked += [self._parking(record, policy.name, Waits()) for policy in waiting]
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
        self._tell(parked)
        if waiting:
            # What they waited for may have been settled in the meantime, by another process.
            await self._release(record.metadata.show, by="inbox")
        return True

    def _tell(self, parked: Sequence[Parking]) -> None:
        for each in parked:
            observe.parked_total.labels(self.name, each.policy).inc()
            log.error("message_parked", source=self.name, position=each.position, policy=each.policy, reason=each.error)

    async def _waiting(self, policies: Sequence[Policy], record: Recorded) -> list[Policy]:
        """The policies that must not get ahead of something parked of the same show."""
        patient = [policy for policy in policies if policy.after_parked is AfterParked.WAIT_SHOW]
        if not patient or record.metadata.show is None:
            return []
        held = await self._shelf(record.metadata.show)
        return patient if any(row["position"] < record.position for row in held) else []

    async def _shelf(self, show: UUID | None) -> list[dict[str, Any]]:
        """What is parked of this source and one show, by position."""
        rows = await self._store.parked_of(self.name)
        return [row for row in rows if show is not None and _parked_record(row).metadata.show == show]

    # --- mending

    async def retry(self, position: int, policy: str, *, by: str) -> int:
        """Runs a policy again on what it could not handle, then on what waited behind; how many were settled.

        Raises NotFound where nothing of that name is open, ParkedBehind where it has to wait itself, and StillParked
        where it failed again. The effects are recorded once, whoever retries and however often.
        """
        async with self._busy:
            row = await self._parked_row(position, policy)
            show = _parked_record(row).metadata.show
            if self._is_patient(row):
                ahead = [other for other in await self._shelf(show) if other["position"] < position]
                if ahead:
                    raise ParkedBehind(position=ahead[0]["position"], policy=ahead[0]["policy"])
            if (error := await self._retried(row, by)) is not None:
                raise StillParked(error=error)
            return 1 + await self._release(show, by=by)

    async def drop(self, position: int, policy: str, *, by: str, reason: str) -> int:
        """Gives a parked message up, then handles what waited behind it; how many were settled. Raises NotFound."""
        async with self._busy:
            row = await self._parked_row(position, policy)
            if not await self._store.settle_parked(self.name, position, policy, how="dropped", by=by, note=reason):
                raise NotFound
            log.warning("parked_dropped", source=self.name, position=position, policy=policy, by=by, reason=reason)
            return 1 + await self._release(_parked_record(row).metadata.show, by=by)

    async def _release(self, show: UUID | None, *, by: str) -> int:
        """Handles in order what waits, up to the first that is parked for a reason of its own."""
        released = 0
        for row in await self._shelf(show):
            if not self._is_patient(row):
                continue
            if not row["error"].startswith(Waits.code) or await self._retried(row, by) is not None:
                break
            released += 1
        return released

    async def _retried(self, row: dict[str, Any], by: str) -> str | None:
        """Runs the policy of one row under an idempotency key of the row's own; the error if it failed."""
        record = _parked_record(row)
        where = (self.name, int(row["position"]), str(row["policy"]))
        policies = [p for p in self._concerned(record) if p.name == row["policy"]]
        try:
            wanted, parked = await self._wanted(policies, record)
            _check_it_ran(policies, parked)
            if dos := [do for dos in wanted.values() for do in dos]:
                # A space, because no client can send one in an Idempotency-Key.
                key = Key(text=f"parked {self.name} {where[1]} {where[2]}", fingerprint=b"parked")
                await self._handler.run_all(dos, _cause(policies, record), key=key)
        except (Unreachable, Busy, CursorMoved):
            raise
        except Exception as fault:
            log.warning("parked_again", source=self.name, position=where[1], policy=where[2], exc_info=True)
            error = str(fault) if isinstance(fault, PolicyFailed) else error_text(fault)
            await self._store.park_again(*where, error)
            return error
        await self._store.settle_parked(*where, how="retried", by=by, note="")
        log.info("parked_retried", source=self.name, position=where[1], policy=where[2], by=by)
        return None

    async def _parked_row(self, position: int, policy: str) -> dict[str, Any]:
        for row in await self._store.parked_of(self.name):
            if (row["position"], row["policy"]) == (position, policy):
                return row
        raise NotFound

    def _is_patient(self, row: dict[str, Any]) -> bool:
        candidates = self._concerned(_parked_record(row))
        return any(p.name == row["policy"] and p.after_parked is AfterParked.WAIT_SHOW for p in candidates)

    # --- reacting

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
        about = self._about.get(base_of(record.type), [])
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
                if dos := await tried(policy, event, record):
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
        return Parking(
            source=self.name,
            position=record.position,
            policy=policy,
            error=error_text(fault),
            message=msgspec.json.encode(record),
        )


def _check_it_ran(policies: Sequence[Policy], parked: Sequence[Parking]) -> None:
    if not policies:
        raise PolicyFailed("there is no such policy any more")
    if parked:
        raise PolicyFailed(parked[0].error)


def _parked_record(row: dict[str, Any]) -> Recorded:
    return msgspec.json.decode(row["message"], type=Recorded)


def _by(part: Callable[[str], str], policies: Sequence[Policy]) -> dict[str, list[Policy]]:
    """The policies by a part of the tag they are about."""
    table: dict[str, list[Policy]] = {}
    for policy in policies:
        table.setdefault(part(policy.on.tag()), []).append(policy)
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

"""Writes down what the engine did: reports and settlements of one stage, whatever the database does meanwhile."""

import asyncio
from typing import Any, Final
from uuid import UUID

import msgspec
import uuid6

from chassis import observe
from chassis.faults import Unreachable
from chassis.handle import Cause
from chassis.service import House
from contracts.envelope import Actor, Metadata, Recorded, Role
from contracts.problems import Busy, Refusal
from services.stage import commands as c
from services.stage.domain import STAGE
from services.stage.domain.state import StageRun

log = observe.logger("regie.stage.director")

RETRY_S: Final = 0.2
ACTOR: Final = Actor(id="stage-director", role=Role.SYSTEM)


class _HasEffect(msgspec.Struct):
    effect_id: UUID | None = None


_EFFECT: Final = msgspec.json.Decoder(_HasEffect)


class Pen:
    """One stage's. It never gives up: what is on air must be in the log, however late."""

    def __init__(self, house: House, stage_id: UUID, tenant: str) -> None:
        self._house, self._stage_id, self._tenant = house, stage_id, tenant
        self._origins: dict[UUID, Metadata] = {}
        self._last: Metadata | None = None

    def heard(self, record: Recorded) -> None:
        """Remember which event asked for which effect."""
        self._last = record.metadata
        effect_id = _EFFECT.decode(record.payload).effect_id
        if effect_id is not None:
            self._origins.setdefault(effect_id, record.metadata)

    async def state(self) -> StageRun:
        """The stage as it is; waits while the database is away."""
        while True:
            try:
                stage, _ = await self._house.handler.state(STAGE, self._stage_id, tenant=self._tenant)
            except (Unreachable, Busy) as lost:
                await self._wait("state", lost)
            else:
                return stage

    async def settle(self, command: c.Settle | c.SettleFailed) -> None:
        """Write down what became of an intent, as a consequence of the event that asked for it."""
        if command.effect_id not in self._origins:
            await self._recall()
        await self._write(command, self._origins.pop(command.effect_id, self._last))

    async def report(self, command: c.Command) -> None:
        """Write down something the engine did by itself."""
        await self._write(command, self._last)

    async def _write(self, command: c.Command, origin: Metadata | None) -> None:
        cause = self._cause(origin)
        while True:
            try:
                await self._house.handler.run(STAGE, self._stage_id, command, cause)
            except (Unreachable, Busy) as lost:
                await self._wait(type(command).__name__, lost)
            except Refusal as refusal:
                log.exception("report_refused", stage=str(self._stage_id), code=refusal.code)
                return
            else:
                return

    def _cause(self, origin: Metadata | None) -> Cause:
        fresh = uuid6.uuid7()
        return Cause(
            tenant=self._tenant,
            actor=ACTOR,
            correlation=origin.correlation if origin is not None else fresh,
            causation=origin.id if origin is not None else fresh,
            traceparent=origin.traceparent if origin is not None else None,
        )

    async def _recall(self) -> None:
        """After a restart: read who asked for what is still pending."""
        while True:
            try:
                records: list[Any] = list(await self._house.store.stream(STAGE.stream(self._stage_id)))
            except (Unreachable, Busy) as lost:
                await self._wait("recall", lost)
            else:
                break
        for record in records:
            self.heard(record)

    async def _wait(self, what: str, lost: Exception) -> None:
        log.info("director_waits", stage=str(self._stage_id), what=what, reason=str(lost))
        await asyncio.sleep(RETRY_S)

"""Follows the log and has a keeper for every stage that needs an engine. Also knows who may publish to the ingest."""

import asyncio
from typing import Final
from uuid import UUID

from chassis import observe
from chassis.faults import Unreachable
from chassis.service import House
from contracts import stage as e
from contracts.envelope import Recorded
from services.stage.adapters.asks import presenter_key
from services.stage.director.keeper import Keeper
from services.stage.domain import STAGE
from services.stage.views import stages_with_engine

log = observe.logger("regie.stage.director")

RESTART_S: Final = 1.0
_PREFIX: Final = STAGE.stream("")
_STARTS: Final = {e.SessionArmed.tag(), e.StreamStartRequested.tag(), e.EngineLost.tag()}


class Director:
    """One for the service. Stages never wait for each other."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._keepers: dict[UUID, Keeper] = {}

    async def run(self) -> None:
        """Take up every stage that has or needs an engine, then follow the log."""
        store = self._house.store
        position = await store.head()
        await self._house.projector.wait(position)
        async with asyncio.TaskGroup() as tasks:
            for wanted in await stages_with_engine(self._house.db):
                self._take_up(wanted.stage_id, wanted.tenant, tasks)
            while True:
                for record in await self._news(position):
                    self._follow(record, tasks)
                    position = record.position

    async def _news(self, position: int) -> list[Recorded]:
        """What was recorded since. A database that is away keeps us from news, not from what is on air."""
        try:
            await self._house.store.wait_beyond(position)
            return await self._house.store.news(position)
        except Unreachable as lost:
            log.info("director_waits", reason=str(lost))
            await asyncio.sleep(RESTART_S)
            return []

    async def authorise(self, key: str) -> str | None:
        """The name under which a presenter with this ingest key publishes; None for a key nobody has now."""
        fingerprint = self._house.sealed.fingerprint(key)
        for keeper in self._keepers.values():
            for ident, presenter in keeper.stage.presenters.items():
                mine = presenter.key_fingerprint == fingerprint and presenter.feed is e.FeedKind.INGEST
                if mine and keeper.stage.engine_wanted:
                    return presenter_key(ident)
        return None

    def _follow(self, record: Recorded, tasks: asyncio.TaskGroup) -> None:
        if not record.stream.startswith(_PREFIX):
            return
        stage_id = UUID(record.stream.removeprefix(_PREFIX))
        if record.type in _STARTS and stage_id not in self._keepers:
            self._take_up(stage_id, record.metadata.tenant, tasks)
        keeper = self._keepers.get(stage_id)
        if keeper is not None:
            keeper.heard(record)

    def _take_up(self, stage_id: UUID, tenant: str, tasks: asyncio.TaskGroup) -> None:
        keeper = self._keepers[stage_id] = Keeper(self._house, stage_id, tenant)
        tasks.create_task(self._keep(stage_id, keeper), name=f"keeper-{stage_id}")

    async def _keep(self, stage_id: UUID, keeper: Keeper) -> None:
        """A mistake about one stage must not touch another; it is logged and tried again."""
        while True:
            try:
                await keeper.run()
            except Exception:
                log.exception("keeper_failed", stage=str(stage_id))
                await asyncio.sleep(RESTART_S)
                continue
            if not keeper.has_mail:
                del self._keepers[stage_id]
                return

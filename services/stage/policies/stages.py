"""From the call sheet to every stage of the show; and claims given back when somebody is no longer on stage."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.handle import Do, Handler
from chassis.inbox import Policy
from contracts import stage as e
from contracts.envelope import Recorded
from services.stage import commands as c
from services.stage.domain import CLAIM, STAGE
from services.stage.domain.claims import PRESENTER, claim_on
from services.stage.domain.state import PresenterStatus, StageRun
from services.stage.policies.sheet import sheet_of


class OwnLog:
    """What our own log says that has to be carried on."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def tell_a_new_stage_what_is_known(self, event: e.StageEntered, about: Recorded) -> Sequence[Do]:
        sheet = await sheet_of(self._handler, event.show_id, about)
        known = [_coverage(event.at, event.show_id, sheet.coverage)] if sheet.coverage is not None else []
        seat = c.StaffSeat(at=event.at, show_id=event.show_id, arriving=tuple(sorted(sheet.analysts)))
        assets = [c.AdmitAsset(at=event.at, show_id=event.show_id, asset=one) for one in sheet.assets.values()]
        sessions: list[UUID | None] = [*sheet.delegation.sessions, *([None] if sheet.delegation.every else [])]
        closes = [c.DelegateClose(at=event.at, show_id=event.show_id, session_id=one) for one in sessions]
        return [Do(decider=STAGE, ident=event.stage_id, command=one) for one in (*known, seat, *assets, *closes)]

    async def tell_every_stage_its_coverage(self, event: e.CoverageNoted, about: Recorded) -> Sequence[Do]:
        return await self._to_stages(event.show_id, _coverage(event.at, event.show_id, event.coverage), about)

    async def tell_every_stage_its_seat(self, event: e.SeatNoted, about: Recorded) -> Sequence[Do]:
        sheet = await sheet_of(self._handler, event.show_id, about)
        found = []
        for stage_id in sheet.stages:
            stage, _ = await self._handler.state(STAGE, stage_id, tenant=about.metadata.tenant)
            leaving = tuple(sorted(stage.analysts - set(event.analysts)))
            seat = c.StaffSeat(at=event.at, show_id=event.show_id, arriving=event.analysts, leaving=leaving)
            found.append(Do(decider=STAGE, ident=stage_id, command=seat))
        return found

    async def tell_every_stage_its_assets(self, event: e.AssetNoted, about: Recorded) -> Sequence[Do]:
        command = c.AdmitAsset(at=event.at, show_id=event.show_id, asset=event.asset)
        return await self._to_stages(event.show_id, command, about)

    async def tell_every_stage_who_may_close(self, event: e.DelegationNoted, about: Recorded) -> Sequence[Do]:
        command = c.DelegateClose(at=event.at, show_id=event.show_id, session_id=event.session_id)
        return await self._to_stages(event.show_id, command, about)

    async def _to_stages(self, show_id: UUID, command: c.Command, about: Recorded) -> Sequence[Do]:
        sheet = await sheet_of(self._handler, show_id, about)
        return [Do(decider=STAGE, ident=one, command=command) for one in sheet.stages]

    async def let_who_left_the_stage_go(self, event: e.PresenterTakenOffStage, about: Recorded) -> Sequence[Do]:
        return await self._free(event.stage_id, about)

    async def let_who_did_not_reach_the_stage_go(self, event: e.ActionFailed, about: Recorded) -> Sequence[Do]:
        return await self._free(event.stage_id, about) if event.action == e.PresenterEntryRequested.tag() else []

    async def let_everybody_go(self, event: e.EngineStopped, about: Recorded) -> Sequence[Do]:
        return await self._free(event.stage_id, about)

    async def _free(self, stage_id: UUID, about: Recorded) -> Sequence[Do]:
        stage, _ = await self._handler.state(STAGE, stage_id, tenant=about.metadata.tenant)
        free = c.FreeClaim(at=about.recorded_at, holder=stage_id)
        return [Do(decider=CLAIM, ident=claim_on(PRESENTER, one), command=free) for one in _off(stage)]


def _coverage(at: datetime, show_id: UUID, known: e.Coverage) -> c.UpdateCoverage:
    return c.UpdateCoverage(
        at=at,
        show_id=show_id,
        status=known.status,
        opens_at=known.opens_at,
        closes_at=known.closes_at,
        capped=known.capped,
    )


def _off(stage: StageRun) -> list[UUID]:
    """Who is neither on stage nor on the way there."""
    coming = {one.presenter_id for one in stage.pending.values() if isinstance(one, e.PresenterEntryRequested)}
    return [
        ident
        for ident, one in stage.presenters.items()
        if one.place is not PresenterStatus.ON_STAGE and ident not in coming
    ]


def policies(handler: Handler) -> list[Policy]:
    """Everything a stage acts on that this service said itself."""
    own = OwnLog(handler)
    return [
        Policy(on=e.StageEntered, then=own.tell_a_new_stage_what_is_known),
        Policy(on=e.CoverageNoted, then=own.tell_every_stage_its_coverage),
        Policy(on=e.SeatNoted, then=own.tell_every_stage_its_seat),
        Policy(on=e.AssetNoted, then=own.tell_every_stage_its_assets),
        Policy(on=e.DelegationNoted, then=own.tell_every_stage_who_may_close),
        Policy(on=e.PresenterTakenOffStage, then=own.let_who_left_the_stage_go),
        Policy(on=e.ActionFailed, then=own.let_who_did_not_reach_the_stage_go),
        Policy(on=e.EngineStopped, then=own.let_everybody_go),
    ]

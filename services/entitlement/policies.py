"""Whenever a show is confirmed, moved, staffed or over, and whenever a base package comes or goes: what its hours do.

Source: domain.md section 4 (P1, P2, P5, P6, P16, P17).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.handle import Do
from chassis.inbox import Policy
from chassis.service import House
from contracts import scheduling
from contracts.entitlement import AddOnPurchased, BasePackageLapsed, BasePackageLinked, CoverageReserved
from contracts.envelope import Recorded, aggregate_of
from contracts.problems import NotFound, Refusal, WrongState
from services.entitlement import commands as c
from services.entitlement.application import Desk, customer_id
from services.entitlement.domain.access import CUSTOMER_ACCESS
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.facts import reservation_of
from services.entitlement.domain.standing import LAPSED
from services.entitlement.views.entitlements import ids_of_base_package


def policies(house: House) -> list[Policy]:
    """The table."""
    react = Reactions(house)
    return [
        Policy(scheduling.ShowConfirmationRequested, react.reserve_hours_for_a_show_to_be_confirmed),
        Policy(scheduling.ShowRetimed, react.move_hours_with_their_show),
        Policy(scheduling.AnalystCheckedIn, react.start_the_meter_when_the_analyst_checks_in),
        Policy(scheduling.AnalystCheckedOut, react.stop_the_meter_when_the_last_analyst_checks_out),
        Policy(scheduling.ShowEnded, react.close_the_window_after_the_show),
        Policy(scheduling.ShowCancelled, react.release_or_settle_what_was_cancelled),
        Policy(scheduling.ShowAbandoned, react.release_or_settle_what_was_abandoned),
        Policy(AddOnPurchased, react.activate_what_was_bought),
        Policy(BasePackageLinked, react.activate_and_reinstate_what_has_its_base_package),
        Policy(BasePackageLapsed, react.suspend_what_lost_its_base_package),
        Policy(CoverageReserved, react.suspend_what_was_reserved_as_its_base_package_lapsed),
    ]


class Reactions:
    """The policies, with what they look up."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._desk = Desk(house.handler)

    # --- events of scheduling

    async def reserve_hours_for_a_show_to_be_confirmed(
        self, event: scheduling.ShowConfirmationRequested, about: Recorded
    ) -> Sequence[Do]:
        """Whoever asked hears of it as an event either way (P1)."""
        tenant, ident = about.metadata.tenant, event.entitlement_id
        try:
            command = await self._desk.reserve(
                tenant,
                ident,
                at=event.at,
                show_id=event.show_id,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                covers=_chosen_part(event),
                awaits_answer=True,
            )
        except NotFound as unknown:
            return [_refused(event, tenant, unknown)]
        return [_on(ident, command, otherwise=lambda refusal: _refused(event, tenant, refusal))]

    async def move_hours_with_their_show(self, event: scheduling.ShowRetimed, about: Recorded) -> Sequence[Do]:
        """Every seat of the show moves; where one cannot, its old time stays and that is told (P2)."""
        if event.entitlement_id is None:
            return []
        tenant = about.metadata.tenant
        access = await self._desk.access(tenant)
        command = c.RetimeReservation(
            at=event.at,
            show_id=event.show_id,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            platform_access=access.may_use_platform(event.starts_at),
        )

        def instead(ident: UUID) -> Do:
            return _on(ident, command, otherwise=lambda refusal: _retiming_refused(event, ident, refusal))

        return [instead(ident) for ident in await self._bound_to(event.show_id, tenant, event.entitlement_id)]

    async def start_the_meter_when_the_analyst_checks_in(
        self, event: scheduling.AnalystCheckedIn, _: Recorded
    ) -> Sequence[Do]:
        command = c.StartCoverage(at=event.at, show_id=event.show_id, analyst_id=event.analyst_id)
        return [_on(event.entitlement_id, command)]

    async def stop_the_meter_when_the_last_analyst_checks_out(
        self, event: scheduling.AnalystCheckedOut, _: Recorded
    ) -> Sequence[Do]:
        command = c.EndCoverage(at=event.at, show_id=event.show_id, analyst_id=event.analyst_id)
        return [_on(event.entitlement_id, command)]

    async def close_the_window_after_the_show(self, event: scheduling.ShowEnded, about: Recorded) -> Sequence[Do]:
        command = c.NoteShowEnded(at=event.at, show_id=event.show_id, ended_at=event.ended_at)
        return [_on(ident, command) for ident in await self._seats_of(event.show_id, about.metadata.tenant)]

    async def release_or_settle_what_was_cancelled(
        self, event: scheduling.ShowCancelled, about: Recorded
    ) -> Sequence[Do]:
        command = c.CancelCoverage(at=event.at, show_id=event.show_id, reason="show_cancelled")
        return [_on(ident, command) for ident in await self._seats_of(event.show_id, about.metadata.tenant)]

    async def release_or_settle_what_was_abandoned(
        self, event: scheduling.ShowAbandoned, about: Recorded
    ) -> Sequence[Do]:
        """Consumption runs until then (Q11)."""
        command = c.CancelCoverage(at=event.at, show_id=event.show_id, reason="show_abandoned")
        return [_on(ident, command) for ident in await self._seats_of(event.show_id, about.metadata.tenant)]

    # --- our own events

    async def activate_what_was_bought(self, event: AddOnPurchased, about: Recorded) -> Sequence[Do]:
        """Catches a base package that was linked while the purchase was under way."""
        access = await self._desk.access(about.metadata.tenant)
        return [self._desk.activate(event.entitlement_id, access, event.base_package_id, event.at)]

    async def activate_and_reinstate_what_has_its_base_package(
        self, event: BasePackageLinked, about: Recorded
    ) -> Sequence[Do]:
        tenant = about.metadata.tenant
        access = await self._desk.access(tenant)
        back = c.Reinstate(at=event.at, base_package_active=access.has_package(event.package_id), reason=LAPSED)
        dos: list[Do] = []
        for ident in await self._built_on(event.package_id, about):
            dos.append(self._desk.activate(ident, access, event.package_id, event.at))
            dos.append(_on(ident, back))
        return dos if access.has_package(event.package_id) else []

    async def suspend_what_lost_its_base_package(self, event: BasePackageLapsed, about: Recorded) -> Sequence[Do]:
        """Future reservations are suspended, running shows finish (P17, Q17)."""
        if (await self._desk.access(about.metadata.tenant)).has_package(event.package_id):
            return []
        command = c.Suspend(at=event.at, reason=LAPSED)
        return [_on(ident, command, tolerate=(WrongState,)) for ident in await self._built_on(event.package_id, about)]

    async def suspend_what_was_reserved_as_its_base_package_lapsed(
        self, event: CoverageReserved, about: Recorded
    ) -> Sequence[Do]:
        """Catches a base package that lapsed while the reservation was under way."""
        tenant = about.metadata.tenant
        base = (await self._desk.entitlement(tenant, event.entitlement_id)).grant.base_package_id
        if (await self._desk.access(tenant)).has_package(base):
            return []
        return [_on(event.entitlement_id, c.Suspend(at=event.at, reason=LAPSED), tolerate=(WrongState,))]

    # --- which entitlements an event is about

    async def _seats_of(self, show_id: UUID, tenant: str) -> list[UUID]:
        """Every entitlement that ever had to do with this show, from the log itself, so that none is missing."""
        records = await self._house.store.of_show(show_id, tenant=tenant, limit=10_000)
        streams = {record.stream for record in records}
        parts = sorted(aggregate_of(stream) for stream in streams)
        return [UUID(ident) for aggregate, ident in parts if aggregate == ENTITLEMENT.name]

    async def _bound_to(self, show_id: UUID, tenant: str, named: UUID) -> list[UUID]:
        """The entitlement the event names, and the other seats that are bound to the show now."""
        bound = [named]
        for ident in await self._seats_of(show_id, tenant):
            reservation = reservation_of(await self._desk.entitlement(tenant, ident))
            if ident != named and reservation is not None and reservation.show_id == show_id:
                bound.append(ident)
        return bound

    async def _built_on(self, package_id: UUID, about: Recorded) -> list[UUID]:
        """The entitlements bought with a base package, as of this event; later ones look at the package themselves."""
        await self._house.projector.wait(about.position)
        return await ids_of_base_package(self._house.db, about.metadata.tenant, package_id)


def _on(ident: UUID, command: c.EntitlementCommand, **more: object) -> Do:
    return Do(decider=ENTITLEMENT, ident=ident, command=command, **more)  # type: ignore[arg-type]


def _chosen_part(event: scheduling.ShowConfirmationRequested) -> tuple[datetime, datetime] | None:
    if event.covers_from is None or event.covers_until is None:
        return None
    return event.covers_from, event.covers_until


def _refused(event: scheduling.ShowConfirmationRequested, tenant: str, refusal: Refusal) -> Do:
    """The refusal as an event: on the entitlement's stream, or the customer's where it has no such entitlement."""
    command = c.RefuseReservation(
        at=event.at,
        entitlement_id=event.entitlement_id,
        show_id=event.show_id,
        code=refusal.code,
        detail=refusal.detail or refusal.title(),
    )
    if isinstance(refusal, NotFound):
        return Do(decider=CUSTOMER_ACCESS, ident=customer_id(tenant), command=command)
    return _on(event.entitlement_id, command)


def _retiming_refused(event: scheduling.ShowRetimed, ident: UUID, refusal: Refusal) -> Do:
    command = c.RefuseRetiming(
        at=event.at, show_id=event.show_id, code=refusal.code, detail=refusal.detail or refusal.title()
    )
    return _on(ident, command)

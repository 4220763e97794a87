"""The list of entitlements: one row each, the folded state in it, so that a list and a single look never disagree."""

from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.http import Paging
from chassis.http.listing import Order, Whole, in_order_of, orders
from contracts.envelope import Event, Recorded, aggregate_of
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.rights import situation_of
from services.entitlement.domain.situations import Absent, Entitlement, Owned
from services.entitlement.views.cards import EntitlementCard, card

_STATE: Final = msgspec.json.Decoder(Entitlement)


class EntitlementList:
    """Keeps `public.entitlements`."""

    name = "entitlements"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        aggregate, ident = aggregate_of(about.stream)
        if aggregate != ENTITLEMENT.name:
            return
        row = await db.fetchrow("SELECT state FROM public.entitlements WHERE entitlement_id = $1", UUID(ident))
        before: Entitlement = _STATE.decode(row["state"]) if row else Absent()
        state = ENTITLEMENT.evolve(before, event)
        if isinstance(state, Owned):
            await self._write(db, state, about)

    async def _write(self, db: Any, state: Owned, about: Recorded) -> None:
        await db.execute(
            "INSERT INTO public.entitlements"
            " (entitlement_id, tenant, bought_at, situation, base_package_id, version, state)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)"
            " ON CONFLICT (entitlement_id) DO UPDATE SET situation = $4, version = $6, state = $7",
            state.grant.entitlement_id, about.metadata.tenant, about.position, situation_of(state),
            state.grant.base_package_id, about.version, msgspec.json.encode(state),
        )  # fmt: skip


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list; `bought_at` is the log position of the purchase, by which the list is ordered."""

    bought_at: int
    card: EntitlementCard


ENTITLEMENT_ORDERS: Final = orders(in_order_of("bought", "bought_at", Whole, lambda listed: listed.bought_at))


async def entitlements(
    db: Any, tenant: str, order: Order, paging: Paging, situation: str | None = None
) -> list[Listed]:
    """The entitlements of a tenant, one more than the page holds."""
    rows = await order.fetch(
        db,
        "SELECT bought_at, state FROM public.entitlements WHERE tenant = $1 AND ($2::text IS NULL OR situation = $2)",
        paging,
        tenant,
        situation,
    )
    return [Listed(bought_at=row["bought_at"], card=card(_STATE.decode(row["state"]))) for row in rows]


async def ids_of_base_package(db: Any, tenant: str, package_id: UUID) -> list[UUID]:
    """The entitlements bought with a base package."""
    rows = await db.fetch(
        "SELECT entitlement_id FROM public.entitlements WHERE tenant = $1 AND base_package_id = $2 ORDER BY bought_at",
        tenant, package_id,
    )  # fmt: skip
    return [row["entitlement_id"] for row in rows]

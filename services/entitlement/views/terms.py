"""The list of service terms."""

from typing import Any, Final

import msgspec

from chassis.http import Paging
from chassis.http.listing import Order, Whole, in_order_of, orders
from contracts.entitlement import ServiceTermsRegistered
from contracts.envelope import Event, Recorded

_TERMS: Final = msgspec.json.Decoder(ServiceTermsRegistered)


class TermsList:
    """Keeps `public.terms`."""

    name = "terms"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        if isinstance(event, ServiceTermsRegistered):
            await db.execute(
                "INSERT INTO public.terms (tenant, terms_version, registered_at, terms) VALUES ($1, $2, $3, $4)",
                about.metadata.tenant, event.terms_version, about.position, msgspec.json.encode(event),
            )  # fmt: skip


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list; `registered_at` is the log position of the registration, by which the list is ordered."""

    registered_at: int
    terms: ServiceTermsRegistered


TERMS_ORDERS: Final = orders(in_order_of("registered", "registered_at", Whole, lambda listed: listed.registered_at))


async def terms_for(db: Any, order: Order, paging: Paging, *tenants: str) -> list[Listed]:
    """The versions any of the tenants registered, one more than the page holds."""
    rows = await order.fetch(
        db,
        "SELECT registered_at, terms FROM public.terms WHERE tenant = ANY ($1::text[])",
        paging,
        list(tenants),
    )
    return [Listed(registered_at=row["registered_at"], terms=_TERMS.decode(row["terms"])) for row in rows]

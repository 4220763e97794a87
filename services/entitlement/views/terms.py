"""The list of service terms."""

from typing import Any, Final

import msgspec

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


async def terms_for(db: Any, *tenants: str) -> list[ServiceTermsRegistered]:
    """The versions any of the tenants registered, oldest first."""
    rows = await db.fetch(
        "SELECT terms FROM public.terms WHERE tenant = ANY ($1::text[]) ORDER BY registered_at", list(tenants)
    )
    return [_TERMS.decode(row["terms"]) for row in rows]

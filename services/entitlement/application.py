"""Commands that must ask first: which terms apply, which base package is active, who may use the software.

What is looked up goes into the command; the domain decides on it. Whatever changes between the look-up and the
decision is caught up with by the policies on our own events.
"""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from chassis.decider import Decider
from chassis.handle import Cause, Do, Handler, Outcome, S, utc_now
from chassis.store import AsOf, Key
from contracts.entitlement import Activity, CoverageRules, ServiceTermsRegistered
from contracts.envelope import Actor, Role
from contracts.problems import NotFound
from services.entitlement import commands as c
from services.entitlement.domain import catalogue
from services.entitlement.domain.access import CUSTOMER_ACCESS, CustomerAccess
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.refusals import BasePackageRequired, TermsImmutable, TermsUnknown
from services.entitlement.domain.situations import Owned
from services.entitlement.domain.terms import SERVICE_TERMS, Registered

PROVIDER: Final = "provider"
"""The tenant of the terms everybody may buy under; no customer has this name."""

_IDS: Final = UUID("2b1f6a0e-9c1d-5e57-8f0e-6d1c3f5b7a90")
"""Namespace of ids that follow from what they name, so that a repeat meets what it repeats."""


def terms_id(tenant: str, version: str) -> UUID:
    """A version of the terms is known by its name, within the tenant that registered it."""
    return uuid5(_IDS, f"terms/{tenant}/{version}")


def customer_id(tenant: str) -> UUID:
    return uuid5(_IDS, f"customer/{tenant}")


def entitlement_id(tenant: str, order_ref: str) -> UUID:
    """One order line is one add-on, however often it is sent (E6)."""
    return uuid5(_IDS, f"entitlement/{tenant}/{order_ref}")


class Desk:
    """The commands and look-ups of this service, over one handler."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    # --- look-ups

    async def terms(self, tenant: str, version: str) -> ServiceTermsRegistered:
        """The customer's own terms of that name, else the provider's. Raises TermsUnknown."""
        for owner in (tenant, PROVIDER):
            state = await self._state(SERVICE_TERMS, terms_id(owner, version), owner)
            if isinstance(state, Registered):
                return state.terms
        raise TermsUnknown(terms_version=version)

    async def access(self, tenant: str) -> CustomerAccess:
        """What the customer has; nothing is an answer too."""
        return (await self.access_as_of(tenant, None))[0]

    async def access_as_of(self, tenant: str, as_of: AsOf | None) -> tuple[CustomerAccess, int]:
        """What the customer has, or had, with the version; nothing is version 0."""
        try:
            return await self.handler.state(CUSTOMER_ACCESS, customer_id(tenant), tenant=tenant, as_of=as_of)
        except NotFound:
            return CUSTOMER_ACCESS.initial, 0

    async def entitlement(self, tenant: str, ident: UUID) -> Owned:
        """Raises NotFound where this customer has none under this id."""
        state, _ = await self.handler.state(ENTITLEMENT, ident, tenant=tenant)
        if not isinstance(state, Owned):
            raise NotFound
        return state

    async def _state(self, decider: Decider[Any, S], ident: UUID, tenant: str, as_of: AsOf | None = None) -> S:
        try:
            state, _ = await self.handler.state(decider, ident, tenant=tenant, as_of=as_of)
        except NotFound:
            return decider.initial
        return state

    # --- commands

    async def register_terms(
        self, command: c.RegisterTerms, cause: Cause, *, expect: int | None = None, key: Key | None = None
    ) -> Outcome:
        """A customer's terms never take a name of the provider's. Raises TermsImmutable."""
        owner = cause.tenant
        standard = await self._state(SERVICE_TERMS, terms_id(PROVIDER, command.terms_version), PROVIDER)
        if owner != PROVIDER and isinstance(standard, Registered):
            raise TermsImmutable("The provider's terms have this name.", sha256=standard.terms.sha256)
        ident = terms_id(owner, command.terms_version)
        return await self.handler.run(SERVICE_TERMS, ident, command, cause, expect=expect, key=key)

    async def register_standard_terms(self) -> Outcome:
        """Lays down the standard terms; a repeat changes nothing."""
        ident = terms_id(PROVIDER, catalogue.STANDARD_VERSION)
        command = c.RegisterTerms(
            at=utc_now(),
            terms_version=catalogue.STANDARD_VERSION,
            granted_minutes=catalogue.GRANTED_MINUTES,
            term_months=catalogue.TERM_MONTHS,
            rules=catalogue.STANDARD_RULES,
            incorporates=catalogue.INCORPORATES,
            catalogue=catalogue.STANDARD_CATALOGUE,
        )
        actor = Actor(id="start-up", role=Role.SYSTEM)
        cause = Cause(tenant=PROVIDER, actor=actor, correlation=ident, causation=ident)
        return await self.handler.run(SERVICE_TERMS, ident, command, cause)

    async def change_access(
        self, command: c.AccessCommand, cause: Cause, *, expect: int | None = None, key: Key | None = None
    ) -> Outcome:
        ident = customer_id(cause.tenant)
        return await self.handler.run(CUSTOMER_ACCESS, ident, command, cause, expect=expect, key=key)

    async def purchase(
        self,
        cause: Cause,
        *,
        order_ref: str,
        terms_version: str,
        base_package_id: UUID,
        starts_on: date,
        zone: str,
        expect: int | None = None,
        key: Key | None = None,
    ) -> tuple[UUID, Outcome]:
        """Records the purchase and, where the base package is active, activates it in the same transaction."""
        tenant, at = cause.tenant, utc_now()
        terms = await self.terms(tenant, terms_version)
        ident = entitlement_id(tenant, order_ref)
        bought = c.RegisterPurchase(
            at=at,
            entitlement_id=ident,
            order_ref=order_ref,
            terms_version=terms.terms_version,
            terms_sha256=terms.sha256,
            granted_minutes=terms.granted_minutes,
            term_months=terms.term_months,
            rules=rules_of(terms),
            base_package_id=base_package_id,
            starts_on=starts_on,
            zone=zone,
        )
        activate = self.activate(ident, await self.access(tenant), base_package_id, at)
        outcome = await self.handler.run_all([_on(ident, bought), activate], cause, expect=expect, key=key)
        return ident, outcome

    def activate(self, ident: UUID, access: CustomerAccess, base_package_id: UUID, at: datetime) -> Do:
        """Activates where the base package allows it; otherwise the add-on stays pending."""
        command = c.Activate(at=at, base_package_active=access.has_package(base_package_id))
        return Do(decider=ENTITLEMENT, ident=ident, command=command, tolerate=(BasePackageRequired,))

    async def reserve(
        self,
        tenant: str,
        ident: UUID,
        *,
        at: datetime,
        show_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        covers: tuple[datetime, datetime] | None,
        awaits_answer: bool = False,
    ) -> c.ReserveCoverage:
        """The command, with what the customer has. Raises NotFound."""
        base = (await self.entitlement(tenant, ident)).grant.base_package_id
        access = await self.access(tenant)
        return c.ReserveCoverage(
            at=at,
            show_id=show_id,
            starts_at=starts_at,
            ends_at=ends_at,
            base_package_active=access.has_package(base),
            platform_access=access.may_use_platform(starts_at),
            features=access.features(base),
            covers=covers,
            awaits_answer=awaits_answer,
        )

    async def reinstate(self, tenant: str, ident: UUID, *, at: datetime, reason: str | None = None) -> c.Reinstate:
        """The command, with whether the base package is active. Raises NotFound."""
        base = (await self.entitlement(tenant, ident)).grant.base_package_id
        return c.Reinstate(at=at, base_package_active=(await self.access(tenant)).has_package(base), reason=reason)

    async def duty(self, tenant: str, ident: UUID, code: str) -> Activity | None:
        """What the catalogue of the entitlement's own terms says of a duty; None where it is not in it (R8)."""
        grant = (await self.entitlement(tenant, ident)).grant
        terms = await self.terms(tenant, grant.terms_version)
        return next((duty.activity for duty in terms.catalogue if duty.code == code), None)


def rules_of(terms: ServiceTermsRegistered) -> CoverageRules:
    """The part of the terms an entitlement keeps."""
    return CoverageRules(**{name: getattr(terms, name) for name in CoverageRules.__struct_fields__})


def _on(ident: UUID, command: c.EntitlementCommand) -> Do:
    return Do(decider=ENTITLEMENT, ident=ident, command=command)

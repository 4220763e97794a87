"""Entitlements: buy, list, look, suspend, reinstate, revoke."""

from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.clock import ZoneUnknown, zone_named
from chassis.handle import utc_now
from chassis.http import (
    Answer,
    AsOf,
    Caller,
    Fields,
    Page,
    Paging,
    Sparse,
    Versioned,
    receipt,
    refuses,
    some_of,
    versioned,
)
from chassis.service import House
from contracts.problems import NotFound, WrongState
from services.entitlement import commands as c
from services.entitlement.api.common import ADMIN, COMMAND, QUERY, READ, WRITE, Asked, Body, Name, Reason, Version
from services.entitlement.application import Desk
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    OrderAlreadyRegistered,
    TermExpired,
    TermsUnknown,
)
from services.entitlement.domain.situations import Owned
from services.entitlement.views.cards import EntitlementCard, card
from services.entitlement.views.entitlements import ENTITLEMENT_ORDERS, entitlements

TAGS: Final = ["Entitlements"]
Situation = Literal["PENDING", "ACTIVE", "RESERVED", "OPEN", "COVERING", "SETTLED", "SUSPENDED", "EXPIRED", "REVOKED"]
EntitlementSort = Annotated[Literal["bought", "-bought"], QueryParameter(name="sort", description="The order.")]
SituationWanted = Annotated[Situation | None, QueryParameter(description="Only those in this situation.")]


class Purchase(Body, frozen=True, kw_only=True):
    """One order line is one add-on. The term starts with `starts_on` in `zone`; without it, today."""

    order_ref: Name
    terms_version: Version
    base_package_id: UUID
    zone: Name
    starts_on: date | None = None


class BasePackageOf(msgspec.Struct, frozen=True, kw_only=True):
    """The base package an add-on builds on, as it is now."""

    package_id: UUID
    active: bool
    features: tuple[str, ...]


class EntitlementDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One entitlement, and the base package it builds on."""

    entitlement: EntitlementCard
    base: BasePackageOf


@post(
    "/entitlements",
    operation_id="purchaseAddOn",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(TermsUnknown, OrderAlreadyRegistered, ZoneUnknown, TermExpired),
)
async def purchase_add_on(data: JSONBody[Purchase], asked: NamedDependency[Asked]) -> Answer:
    """Record one bought add-on: one seat, one day, up to nine hours under the standard terms.

    It is active at once where its base package is, and pending otherwise. The same order again changes nothing.
    """
    today = utc_now().astimezone(zone_named(data.zone)).date()
    ident, outcome = await asked.desk.purchase(
        asked.cause,
        order_ref=data.order_ref,
        terms_version=data.terms_version,
        base_package_id=data.base_package_id,
        starts_on=data.starts_on or today,
        zone=data.zone,
        expect=asked.expect,
        key=asked.key,
    )
    return receipt(outcome, ident, location=f"/entitlements/{ident}")


@get("/entitlements", operation_id="listEntitlements", scopes=READ, tags=TAGS)
async def list_entitlements(
    me: NamedDependency[Caller],
    house: NamedDependency[House],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    fields: NamedDependency[Fields],
    sort: EntitlementSort = "bought",
    situation: SituationWanted = None,
) -> Sparse[EntitlementCard]:
    """List your entitlements in the order they were bought."""
    await house.projector.wait(seen or 0)
    order = ENTITLEMENT_ORDERS[sort]
    listed = order.page(await entitlements(house.db, me.tenant, order, paging, situation), paging)
    return some_of(Page(items=[row.card for row in listed.items], next=listed.next), fields)


@get(
    "/entitlements/{entitlement_id:uuid}",
    operation_id="getEntitlement",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
    responses=refuses(NotFound),
)
async def get_entitlement(
    entitlement_id: FromPath[UUID],
    me: NamedDependency[Caller],
    desk: NamedDependency[Desk],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[EntitlementDetail]:
    """Read one entitlement, as it is or as it was."""
    state, version = await desk.handler.state(ENTITLEMENT, entitlement_id, tenant=me.tenant, as_of=as_of)
    if not isinstance(state, Owned):
        raise NotFound
    access = await desk.access(me.tenant)
    package = state.grant.base_package_id
    base = BasePackageOf(package_id=package, active=access.has_package(package), features=access.features(package))
    return versioned(EntitlementDetail(entitlement=card(state), base=base), version, and_more=True)


@post(
    "/entitlements/{entitlement_id:uuid}/suspend",
    operation_id="suspendEntitlement",
    scopes=ADMIN,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
    responses=refuses(NotFound, WrongState),
)
async def suspend(entitlement_id: FromPath[UUID], data: JSONBody[Reason], asked: NamedDependency[Asked]) -> Answer:
    """Hold an entitlement back; a reservation is kept, a running show is not touched."""
    return await asked.answer(entitlement_id, c.Suspend(at=utc_now(), reason=data.reason))


@post(
    "/entitlements/{entitlement_id:uuid}/reinstate",
    operation_id="reinstateEntitlement",
    scopes=ADMIN,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
    responses=refuses(NotFound, WrongState, BasePackageRequired),
)
async def reinstate(entitlement_id: FromPath[UUID], asked: NamedDependency[Asked]) -> Answer:
    """End a suspension."""
    command = await asked.desk.reinstate(asked.me.tenant, entitlement_id, at=utc_now())
    return await asked.answer(entitlement_id, command)


@post(
    "/entitlements/{entitlement_id:uuid}/revoke",
    operation_id="revokeEntitlement",
    scopes=ADMIN,
    if_match=True,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
    responses=refuses(NotFound, WrongState),
)
async def revoke(entitlement_id: FromPath[UUID], data: JSONBody[Reason], asked: NamedDependency[Asked]) -> Answer:
    """Withdraw an entitlement for good, with all its hours; a running show is not touched."""
    return await asked.answer(entitlement_id, c.Revoke(at=utc_now(), reason=data.reason))


HANDLERS: Final[list[HTTPRouteHandler]] = [
    purchase_add_on,
    list_entitlements,
    get_entitlement,
    suspend,
    reinstate,
    revoke,
]

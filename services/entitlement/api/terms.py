"""Service terms: lay down a version, read it, read its catalogue."""

from typing import Annotated, Final, Literal

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.handle import utc_now
from chassis.http import Answer, Caller, Page, Paging, Tagged, receipt, refuses, tagged
from chassis.service import House
from contracts.entitlement import Activity, CoverageRules, Duty, ServiceTermsRegistered
from contracts.problems import NotFound
from services.entitlement import commands as c
from services.entitlement.api.common import ADMIN, COMMAND, QUERY, READ, Asked, Body, Name, Text, Version
from services.entitlement.application import PROVIDER, Desk, rules_of, terms_id
from services.entitlement.domain import catalogue
from services.entitlement.domain.refusals import TermsImmutable, TermsUnknown
from services.entitlement.views.terms import TERMS_ORDERS, terms_for

TAGS: Final = ["Service terms"]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]
TermsSort = Annotated[Literal["registered", "-registered"], QueryParameter(name="sort", description="The order.")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=31 * 86_400)]
Months = Annotated[int, msgspec.Meta(ge=1, le=120)]


class RulesBody(CoverageRules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of the terms; what is left out is as in the standard terms."""

    margin_before_s: Seconds = 1800
    margin_after_s: Seconds = 1800
    prep_s: Seconds = 900
    back_to_back_s: Seconds = 900
    no_show_grace_s: Seconds = 300
    reschedule_cutoff_s: Seconds = 0
    post_production_s: Seconds = 0
    thresholds_minutes: Annotated[tuple[Minutes, ...], msgspec.Meta(max_length=20)] = (60, 30, 10)


class DutyBody(Duty, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the catalogue."""

    code: Name
    title: Text
    activity: Activity


class RegisterTerms(Body, frozen=True, kw_only=True):
    """Lay down a version of the terms. Without a catalogue, the standard one holds."""

    terms_version: Version
    granted_minutes: Minutes = catalogue.GRANTED_MINUTES
    term_months: Months = catalogue.TERM_MONTHS
    rules: RulesBody = RulesBody()
    incorporates: Annotated[tuple[Text, ...], msgspec.Meta(max_length=20)] = catalogue.INCORPORATES
    catalogue: Annotated[tuple[DutyBody, ...], msgspec.Meta(max_length=200)] | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the service terms. `sha256` is over all that follows it; an entitlement keeps it for good."""

    terms_version: str
    sha256: str
    granted_minutes: int
    term_months: int
    rules: CoverageRules
    incorporates: tuple[str, ...]


def terms_of(event: ServiceTermsRegistered) -> Terms:
    return Terms(
        terms_version=event.terms_version,
        sha256=event.sha256,
        granted_minutes=event.granted_minutes,
        term_months=event.term_months,
        rules=rules_of(event),
        incorporates=event.incorporates,
    )


def _command(data: RegisterTerms) -> c.RegisterTerms:
    duties = catalogue.STANDARD_CATALOGUE if data.catalogue is None else data.catalogue
    return c.RegisterTerms(
        at=utc_now(),
        terms_version=data.terms_version,
        granted_minutes=data.granted_minutes,
        term_months=data.term_months,
        rules=CoverageRules(**msgspec.structs.asdict(data.rules)),
        incorporates=data.incorporates,
        catalogue=tuple(Duty(**msgspec.structs.asdict(duty)) for duty in duties),
    )


@post(
    "/terms",
    operation_id="registerTerms",
    scopes=ADMIN,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(TermsImmutable),
)
async def register_terms(data: JSONBody[RegisterTerms], asked: NamedDependency[Asked]) -> Answer:
    """Lay down a version of the service terms, for your customer alone and for good.

    The same content again changes nothing; another content under a known version is refused.
    """
    outcome = await asked.desk.register_terms(_command(data), asked.cause, expect=asked.expect, key=asked.key)
    ident = terms_id(asked.me.tenant, data.terms_version)
    return receipt(outcome, ident, location=f"/terms/{data.terms_version}")


@get("/terms", operation_id="listTerms", scopes=READ, tags=TAGS)
async def list_terms(
    me: NamedDependency[Caller],
    house: NamedDependency[House],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    sort: TermsSort = "registered",
) -> Page[Terms]:
    """List the versions you may buy under, oldest first: the provider's, and your own."""
    await house.projector.wait(seen or 0)
    order = TERMS_ORDERS[sort]
    listed = order.page(await terms_for(house.db, order, paging, PROVIDER, me.tenant), paging)
    return Page(items=[terms_of(each.terms) for each in listed.items], next=listed.next)


async def _terms(desk: Desk, me: Caller, version: str) -> ServiceTermsRegistered:
    """Raises NotFound: a path that leads nowhere is no fault of a body's."""
    try:
        return await desk.terms(me.tenant, version)
    except TermsUnknown:
        raise NotFound from None


@get(
    "/terms/{version:str}",
    operation_id="getTerms",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
)
async def get_terms(version: FromPath[str], me: NamedDependency[Caller], desk: NamedDependency[Desk]) -> Tagged[Terms]:
    """Read a version of the service terms."""
    return tagged(terms_of(await _terms(desk, me, version)))


@get(
    "/terms/{version:str}/catalogue",
    operation_id="getCatalogue",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
)
async def get_catalogue(
    version: FromPath[str], me: NamedDependency[Caller], desk: NamedDependency[Desk]
) -> Tagged[list[Duty]]:
    """List what the service consists of under these terms, and how each duty is metered."""
    return tagged(list((await _terms(desk, me, version)).catalogue))


HANDLERS: Final[list[HTTPRouteHandler]] = [register_terms, list_terms, get_terms, get_catalogue]

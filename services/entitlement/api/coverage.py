"""Coverage: is a show covered, bind the hours to it, give them back, what is allowed at a moment."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.clock import as_utc
from chassis.handle import utc_now
from chassis.http import Answer, Caller, FieldError, Instant, receipt, refuses
from contracts.problems import Invalid, NotFound, WrongState
from services.entitlement import commands as c
from services.entitlement.api.common import COMMAND, QUERY, READ, WRITE, Asked, Body
from services.entitlement.application import Desk, rules_of
from services.entitlement.domain import catalogue
from services.entitlement.domain import refusals as no
from services.entitlement.domain.rights import CoverageRight, coverage_right
from services.entitlement.domain.window import Verdict, verdict

TAGS: Final = ["Coverage"]
When = Annotated[datetime, QueryParameter(description="RFC 3339, with an offset.")]
Moment = Annotated[datetime | None, QueryParameter(description="RFC 3339, with an offset; now if left out.")]
TermsVersion = Annotated[str, QueryParameter(max_length=64, description="The version of the terms to judge by.")]
Seats = Annotated[int, QueryParameter(ge=1, le=50, description="How many seats in sequence you would use.")]


class Part(Body, frozen=True, kw_only=True):
    """The part of a longer show to cover, [`opens_at`, `closes_at`), within the coverage of the show."""

    opens_at: Instant
    closes_at: Instant


class Reserve(Body, frozen=True, kw_only=True):
    """The show to cover; the margins before and after it are added. `covers` is for a show longer than the hours."""

    show_id: UUID
    starts_at: Instant
    ends_at: Instant
    covers: Part | None = None


def _aware(name: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        rule = "must carry an offset"
        raise Invalid(errors=[FieldError(place="query", field=name, rule=rule)])
    return as_utc(moment)


@get(
    "/coverage-verdict",
    operation_id="getCoverageVerdict",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
    responses=refuses(no.TermsUnknown, no.WindowInvalid),
)
async def get_coverage_verdict(
    starts_at: When,
    ends_at: When,
    me: NamedDependency[Caller],
    desk: NamedDependency[Desk],
    terms_version: TermsVersion = catalogue.STANDARD_VERSION,
    seats: Seats = 1,
) -> Verdict:
    """Judge whether the hours cover a show of these times, and what to choose from if they do not.

    Minutes really elapse, clock changes included. Nothing is recorded.
    """
    terms = await desk.terms(me.tenant, terms_version)
    starts_at, ends_at = _aware("starts_at", starts_at), _aware("ends_at", ends_at)
    return verdict(rules_of(terms), terms.granted_minutes, starts_at, ends_at, seats)


@post(
    "/entitlements/{entitlement_id:uuid}/reservations",
    operation_id="reserveCoverage",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(
        NotFound,
        no.GrantAlreadyBound,
        no.OneDayOnly,
        no.HoursExceeded,
        no.BasePackageRequired,
        no.PlatformAccessRequired,
        no.TermExpired,
        no.TermNotStarted,
        no.EntitlementIsSuspended,
        no.EntitlementIsRevoked,
        no.WindowInvalid,
        no.WindowPassed,
    ),
)
async def reserve_coverage(
    entitlement_id: FromPath[UUID], data: JSONBody[Reserve], asked: NamedDependency[Asked]
) -> Answer:
    """Bind the hours to a show directly. A show that is confirmed in scheduling does this by itself."""
    part = data.covers
    command = await asked.desk.reserve(
        asked.me.tenant,
        entitlement_id,
        at=utc_now(),
        show_id=data.show_id,
        starts_at=as_utc(data.starts_at),
        ends_at=as_utc(data.ends_at),
        covers=None if part is None else (as_utc(part.opens_at), as_utc(part.closes_at)),
    )
    outcome = await asked.run(entitlement_id, command)
    return receipt(outcome, entitlement_id, location=f"/entitlements/{entitlement_id}/coverage")


@delete(
    "/entitlements/{entitlement_id:uuid}/reservation",
    operation_id="releaseReservation",
    scopes=WRITE,
    if_match=True,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
    responses=refuses(NotFound, no.WindowAlreadyOpen, WrongState),
)
async def release_reservation(entitlement_id: FromPath[UUID], asked: NamedDependency[Asked]) -> Answer:
    """Give the hours back for another show, before the window opens."""
    return await asked.answer(entitlement_id, c.ReleaseReservation(at=utc_now(), reason="released_by_customer"))


@get(
    "/entitlements/{entitlement_id:uuid}/coverage",
    operation_id="getCoverage",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
    responses=refuses(NotFound),
)
async def get_coverage(
    entitlement_id: FromPath[UUID],
    me: NamedDependency[Caller],
    desk: NamedDependency[Desk],
    at: Moment = None,
) -> CoverageRight:
    """Decide whether a duty of the seat may be done at a moment, with the reason and the window."""
    state = await desk.entitlement(me.tenant, entitlement_id)
    return coverage_right(state, utc_now() if at is None else _aware("at", at))


HANDLERS: Final[list[HTTPRouteHandler]] = [get_coverage_verdict, reserve_coverage, release_reservation, get_coverage]

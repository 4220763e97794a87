"""The hours: balance and ledger, work outside the window, overtime, corrections."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.clock import as_utc
from chassis.handle import utc_now
from chassis.http import (
    Answer,
    AsOf,
    Caller,
    FieldError,
    Fields,
    Instant,
    Paging,
    Sparse,
    Tagged,
    refuses,
    some_of,
    tagged,
)
from chassis.http.listing import BY_POSITION
from chassis.service import House
from contracts.envelope import Role
from contracts.problems import Invalid, NotFound, WrongState
from services.entitlement import commands as c
from services.entitlement.api.common import ADMIN, COMMAND, QUERY, READ, WRITE, Asked, Body, Name, Text
from services.entitlement.application import Desk
from services.entitlement.domain import refusals as no
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.rights import balance
from services.entitlement.domain.situations import Owned
from services.entitlement.views.cards import Hours, hours
from services.entitlement.views.ledger import LedgerEntry, entries

TAGS: Final = ["Ledger"]
Moment = Annotated[
    datetime | None,
    QueryParameter(description="The hours as they were then: RFC 3339 with an offset; now if left out."),
]
OvertimeMinutes = Annotated[int, msgspec.Meta(ge=1, le=1440)]
MovedMs = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Correctable = Literal["available", "consumed", "forfeited"]


class BalanceCard(msgspec.Struct, frozen=True, kw_only=True):
    """The hours at `at`. `running_ms` are used up already and not settled yet; `left_minutes` can still be drawn on."""

    at: datetime
    situation: str
    hours: Hours
    running_ms: int
    left_minutes: int
    term_ends_at: datetime


class LogWork(Body, frozen=True, kw_only=True):
    """Work of the seat outside the window, [`started_at`, `ended_at`). `work_id` makes a repeat harmless.

    `duty` is a line of the catalogue. `of_seat` is false for work of the base team or the customer, which is refused:
    only the seat is metered.
    """

    work_id: UUID
    duty: Name
    started_at: Instant
    ended_at: Instant
    of_seat: bool = True


class AuthoriseOvertime(Body, frozen=True, kw_only=True):
    """How many minutes beyond the grant, and why."""

    minutes: OvertimeMinutes
    reason: Text


class Correct(Body, frozen=True, kw_only=True):
    """Which amount moves from which account to which, and why. `correction_id` makes a repeat harmless."""

    correction_id: UUID
    source: Correctable
    target: Correctable
    moved_ms: MovedMs
    reason: Text


@get(
    "/entitlements/{entitlement_id:uuid}/balance",
    operation_id="getBalance",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
    responses=refuses(NotFound),
)
async def get_balance(
    entitlement_id: FromPath[UUID],
    me: NamedDependency[Caller],
    desk: NamedDependency[Desk],
    at: Moment = None,
) -> Tagged[BalanceCard]:
    """Read the hours, now or at any past moment, with what the running meter has used.

    The ETag is the same while nothing but `at` differs.
    """
    if at is not None and at.tzinfo is None:
        raise Invalid(errors=[FieldError(place="query", field="at", rule="must carry an offset")])
    now = utc_now()
    moment = now if at is None else min(as_utc(at), now)
    state, _ = await desk.handler.state(
        ENTITLEMENT, entitlement_id, tenant=me.tenant, as_of=None if at is None else AsOf(at=moment)
    )
    if not isinstance(state, Owned):
        raise NotFound
    found = balance(state, moment)
    card = BalanceCard(
        at=found.at,
        situation=found.situation,
        hours=hours(found.ledger),
        running_ms=found.running_ms,
        left_minutes=found.left_minutes,
        term_ends_at=state.grant.term_ends_at,
    )
    return tagged(card, beside=["at"])


@get(
    "/entitlements/{entitlement_id:uuid}/ledger",
    operation_id="getLedger",
    scopes=READ,
    tags=TAGS,
    dependencies=QUERY,
    responses=refuses(NotFound),
)
async def get_ledger(
    entitlement_id: FromPath[UUID],
    me: NamedDependency[Caller],
    desk: NamedDependency[Desk],
    house: NamedDependency[House],
    paging: NamedDependency[Paging],
    as_of: NamedDependency[AsOf | None],
    fields: NamedDependency[Fields],
) -> Sparse[LedgerEntry]:
    """List every movement of hours with the events that are its evidence, oldest first."""
    await desk.entitlement(me.tenant, entitlement_id)
    records = await house.store.stream(ENTITLEMENT.stream(entitlement_id), as_of=as_of)
    return some_of(BY_POSITION.page_of(entries(records, house.codec), paging), fields)


@post(
    "/entitlements/{entitlement_id:uuid}/work-logs",
    operation_id="logWork",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(
        NotFound,
        no.HoursExceeded,
        no.NotInScope,
        no.NotMetered,
        no.OutsideCoverage,
        no.TermExpired,
        no.TermNotStarted,
        no.WindowInvalid,
        no.BasePackageRequired,
        no.EntitlementIsSuspended,
        no.EntitlementIsRevoked,
        no.TermsUnknown,
        WrongState,
    ),
)
async def log_work(entitlement_id: FromPath[UUID], data: JSONBody[LogWork], asked: NamedDependency[Asked]) -> Answer:
    """Draw preparation or post-production from the hours. What is not there is refused; it is never silently free."""
    command = c.LogWork(
        at=utc_now(),
        work_id=data.work_id,
        duty=data.duty,
        activity=await asked.desk.duty(asked.me.tenant, entitlement_id, data.duty),
        of_seat=data.of_seat,
        started_at=as_utc(data.started_at),
        ended_at=as_utc(data.ended_at),
    )
    return await asked.answer(entitlement_id, command)


@post(
    "/entitlements/{entitlement_id:uuid}/overtime",
    operation_id="authoriseOvertime",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(
        NotFound,
        no.CustomerDuty,
        no.BasePackageRequired,
        no.EntitlementIsSuspended,
        no.EntitlementIsRevoked,
        no.TermExpired,
        WrongState,
    ),
)
async def authorise_overtime(
    entitlement_id: FromPath[UUID], data: JSONBody[AuthoriseOvertime], asked: NamedDependency[Asked]
) -> Answer:
    """Agree, as the customer, to more than the grant; a running seat goes on."""
    command = c.AuthoriseOvertime(
        at=utc_now(), minutes=data.minutes, reason=data.reason, by=asked.me.subject, role=asked.acting_as(Role.CUSTOMER)
    )
    return await asked.answer(entitlement_id, command)


@post(
    "/entitlements/{entitlement_id:uuid}/corrections",
    operation_id="correctConsumption",
    scopes=ADMIN,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(NotFound, no.SupervisorOnly, no.CorrectionInvalid, WrongState),
)
async def correct_consumption(
    entitlement_id: FromPath[UUID], data: JSONBody[Correct], asked: NamedDependency[Asked]
) -> Answer:
    """Move hours between two accounts, as a supervisor and with a reason; nothing recorded is edited."""
    command = c.CorrectConsumption(
        at=utc_now(),
        correction_id=data.correction_id,
        source=data.source,
        target=data.target,
        moved_ms=data.moved_ms,
        reason=data.reason,
        by=asked.me.subject,
        role=asked.acting_as(Role.SUPERVISOR),
    )
    return await asked.answer(entitlement_id, command)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    get_balance,
    get_ledger,
    log_work,
    authorise_overtime,
    correct_consumption,
]

"""How long a session still has, and the checks somebody on stage asks for (D16)."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from chassis.handle import utc_now
from chassis.http import Answer, AsOf, Caller, Page, Paging, receipt, refuses
from chassis.http.listing import Order
from chassis.service import House
from contracts.problems import NotFound
from services.scheduling.api.common import EITHER, OPERATE, READ, REQUEST
from services.scheduling.application import preparing
from services.scheduling.application.request import Request, or_initial, run_of
from services.scheduling.domain import refusals as no
from services.scheduling.domain.timechecks import TIMECHECKS, TimeChecks

TAGS: Final = ["Speakers"]


class TimeLeft(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session still has at `at`; negative once it is over. `basis`: planned, retimed or hard_stop."""

    session_id: UUID
    at: datetime
    remaining_s: int
    ends_at: datetime
    basis: str


class TimeCheckView(msgspec.Struct, frozen=True, kw_only=True):
    """A time check; unanswered while `remaining_s` is null."""

    check_id: UUID
    requested_at: datetime
    remaining_s: int | None
    ends_at: datetime | None
    basis: str | None


BY_REQUEST: Final = Order(
    name="requested",
    by=(("requested_at", datetime), ("check_id", UUID)),
    key=lambda check: (check.requested_at, check.check_id),
)
SESSION: Final = "/shows/{show_id:uuid}/sessions/{session_id:uuid}"


@get(f"{SESSION}/time-remaining", operation_id="getTimeRemaining", scopes=READ, tags=TAGS, responses=refuses(NotFound))
async def get_time_remaining(
    show_id: FromPath[UUID], session_id: FromPath[UUID], house: NamedDependency[House], me: NamedDependency[Caller]
) -> TimeLeft:
    """Say how long a session still has, and what that rests on."""
    now = utc_now()
    run, _ = await run_of(house, me.tenant, show_id)
    left = preparing.time_left(run, session_id, now)
    return TimeLeft(
        session_id=session_id, at=now, remaining_s=left.remaining_s, ends_at=left.ends_at, basis=left.basis.value
    )


@get(f"{SESSION}/time-checks", operation_id="listTimeChecks", scopes=READ, tags=TAGS, responses=refuses(NotFound))
async def list_time_checks(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    as_of: NamedDependency[AsOf | None],
) -> Page[TimeCheckView]:
    """List the time checks of a session, the oldest first, now or as it was."""
    run, _ = await run_of(house, me.tenant, show_id, as_of)
    preparing.session_in(run, session_id)
    asked: TimeChecks
    asked, _ = await or_initial(house, TIMECHECKS, session_id, me.tenant, as_of)
    checks = (
        TimeCheckView(
            check_id=ident,
            requested_at=it.requested_at,
            remaining_s=it.remaining_s,
            ends_at=it.ends_at,
            basis=it.basis.value if it.basis else None,
        )
        for ident, it in asked.checks.items()
    )
    return BY_REQUEST.page_of(checks, paging)


@post(
    f"{SESSION}/time-checks",
    operation_id="requestTimeCheck",
    scopes=READ,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(no.SessionFinished),
)
async def request_time_check(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Ask how much time a session has left; needs write or operate. The analyst answers."""
    request_.require_any(*EITHER)
    check_id, outcome = await preparing.request_time_check(house, request_, show_id, session_id)
    return receipt(outcome, check_id, location=f"/shows/{show_id}/sessions/{session_id}/time-checks")


@post(
    f"{SESSION}/time-checks/{{check_id:uuid}}/answer",
    operation_id="answerTimeCheck",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
)
async def answer_time_check(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    check_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Tell the speaker how much time is left: `time_check_given` says what was true at this moment, and its basis."""
    outcome = await preparing.answer_time_check(house, request_, show_id, session_id, check_id)
    return receipt(outcome, check_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    get_time_remaining,
    list_time_checks,
    request_time_check,
    answer_time_check,
]

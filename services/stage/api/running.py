"""Sessions and the stream: arm, go live, close, start the next, end."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, refuses
from chassis.http.rates import CONTROL
from chassis.service import House
from contracts.envelope import Role
from contracts.problems import Forbidden, WrongState
from services.stage import commands as c
from services.stage.api.common import (
    LEASED,
    LIVE,
    OPERATE,
    READ,
    REQUEST,
    Body,
    Leased,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["On air"]


class Session(Leased, frozen=True, kw_only=True):
    """A session of the published rundown."""

    session_id: UUID


class CloseSession(Body, frozen=True, kw_only=True):
    """The running session. The customer's team needs no lease, but a delegation."""

    session_id: UUID
    lease: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None


@post(
    "/stages/{stage_id:uuid}/arming",
    operation_id="armSession",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.UnknownSession, no.SeatNotStaffed, no.StageBusy, no.AlreadyLive, WrongState),
)
async def arm_session(
    stage_id: FromPath[UUID],
    data: JSONBody[Session],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Make a session the next to go live; the stage's engine starts."""
    return await run(house, request_, stage_id, c.ArmSession, lease=data.lease, session_id=data.session_id)


@post(
    "/stages/{stage_id:uuid}/go-live",
    operation_id="goLive",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(
        *LIVE, no.AlreadyLive, no.StageBusy, no.UnknownSession, no.SeatNotStaffed, no.NotReady, WrongState
    ),
)
async def go_live(
    stage_id: FromPath[UUID],
    data: JSONBody[Session],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Go live with the armed session.

    `stream_started` or `stream_start_failed` follows.
    """
    return await run(house, request_, stage_id, c.GoLive, lease=data.lease, session_id=data.session_id)


@post(
    "/stages/{stage_id:uuid}/next-session",
    operation_id="startNextSession",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.NotLive, no.AlreadyLive, no.StageBusy, no.UnknownSession, no.SeatNotStaffed),
)
async def start_next_session(
    stage_id: FromPath[UUID],
    data: JSONBody[Session],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Begin the next session within the running stream."""
    return await run(house, request_, stage_id, c.StartNextSession, lease=data.lease, session_id=data.session_id)


@post(
    "/stages/{stage_id:uuid}/session-close",
    operation_id="closeSession",
    scopes=READ,
    budget=CONTROL,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.CloseNotDelegated, no.NotLive, WrongState),
)
async def close_session(
    stage_id: FromPath[UUID],
    data: JSONBody[CloseSession],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Close the running session; the stream goes on.

    The analyst names the lease; the customer's team needs a delegation (duties.md L8).
    """
    if request_.me.roles[0] is not Role.CUSTOMER and not request_.me.may("stage:operate"):
        raise Forbidden("The token lacks stage:operate.", needs=["stage:operate"])
    return await run(house, request_, stage_id, c.CloseSession, lease=data.lease, session_id=data.session_id)


@post(
    "/stages/{stage_id:uuid}/end-stream",
    operation_id="endStream",
    scopes=OPERATE,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.NotLive),
)
async def end_stream(
    stage_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """End the stream; allowed when the hours are spent."""
    return await run(house, request_, stage_id, c.EndStream, lease=data.lease)


HANDLERS: Final[list[HTTPRouteHandler]] = [arm_session, go_live, start_next_session, close_session, end_stream]

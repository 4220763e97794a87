"""Who commands a stage: the control lease."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, refuses
from chassis.service import House
from services.stage import commands as c
from services.stage.api.common import LEASED, OPERATE, REQUEST, Body, Leased, run
from services.stage.application import Request
from services.stage.domain.refusals import LeaseHeld

TAGS: Final = ["Control lease"]
TtlS = Annotated[int, msgspec.Meta(ge=10, le=3600, description="For how many seconds.")]


class AcquireLease(Body, frozen=True, kw_only=True):
    """Take command of a stage nobody commands, or of which your own lease is lost."""

    ttl_s: TtlS = 120


class RenewLease(Leased, frozen=True, kw_only=True):
    """Stay in command."""

    ttl_s: TtlS = 120


class HandOver(Leased, frozen=True, kw_only=True):
    """Give command to somebody else: `to` is the subject of their token."""

    to: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    ttl_s: TtlS = 120


@post(
    "/stages/{stage_id:uuid}/lease",
    operation_id="acquireLease",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(LeaseHeld),
)
async def acquire_lease(
    stage_id: FromPath[UUID],
    data: JSONBody[AcquireLease],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take command of a stage.

    The lease's number is in the event; every live command names it, and lower numbers are refused from now on.
    """
    return await run(house, request_, stage_id, c.AcquireLease, ttl_s=data.ttl_s)


@post(
    "/stages/{stage_id:uuid}/lease/renewal",
    operation_id="renewLease",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(*LEASED),
)
async def renew_lease(
    stage_id: FromPath[UUID],
    data: JSONBody[RenewLease],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Stay in command of a stage."""
    return await run(house, request_, stage_id, c.RenewLease, lease=data.lease, ttl_s=data.ttl_s)


@post(
    "/stages/{stage_id:uuid}/lease/release",
    operation_id="releaseLease",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(*LEASED),
)
async def release_lease(
    stage_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Give up command of a stage."""
    return await run(house, request_, stage_id, c.ReleaseLease, lease=data.lease)


@post(
    "/stages/{stage_id:uuid}/lease/hand-over",
    operation_id="handOver",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(*LEASED),
)
async def hand_over(
    stage_id: FromPath[UUID],
    data: JSONBody[HandOver],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Give command of a stage to another operator, under a new number."""
    return await run(house, request_, stage_id, c.HandOver, lease=data.lease, to=data.to, ttl_s=data.ttl_s)


HANDLERS: Final[list[HTTPRouteHandler]] = [acquire_lease, renew_lease, release_lease, hand_over]

"""What the routes share: the request as one thing, bodies that name a lease, and who may prepare a stage."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.di import NamedDependency, Provide

from chassis.http import Answer, Caller, Cause, IdempotencyKey, receipt
from chassis.service import House
from contracts.problems import Forbidden
from services.stage import commands as c
from services.stage.application import Request
from services.stage.domain.refusals import (
    CoverageExhausted,
    LeaseFenced,
    LeaseNotHeld,
    OutsideCoverage,
)

READ: Final = ["stage:read"]
OPERATE: Final = ["stage:operate"]
LEASED: Final = (LeaseNotHeld, LeaseFenced)
COVERED: Final = (OutsideCoverage, CoverageExhausted)
LIVE: Final = (*LEASED, *COVERED)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Note = Annotated[str, msgspec.Meta(max_length=500)]
LeaseNumber = Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The number of the control lease you hold.")]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request; fields nobody knows are refused."""


class Leased(Body, frozen=True, kw_only=True):
    """A wish of the one who commands the stage."""

    lease: LeaseNumber


class Prepared(Body, frozen=True, kw_only=True):
    """A wish that needs the control lease only while the stage is on air."""

    lease: LeaseNumber | None = None


def provide_request(
    me: NamedDependency[Caller],
    cause: NamedDependency[Cause],
    key: NamedDependency[IdempotencyKey | None],
    expect: NamedDependency[int | None],
) -> Request:
    """The caller's request, as the application takes it."""
    return Request(me, cause, key, expect)


REQUEST: Final = {"request_": Provide(provide_request, sync_to_thread=False)}
"""Dependency of every command route."""


def require_preparer(request: Request) -> None:
    """Preparation is open to the analyst (`stage:operate`) and to the integrator (`stage:write`)."""
    if not (request.me.may("stage:operate") or request.me.may("stage:write")):
        raise Forbidden("The token lacks stage:operate or stage:write.", needs=["stage:operate"])


async def run(house: House, request: Request, stage_id: UUID, kind: type[c.Operated], /, **fields: Any) -> Answer:
    """Ask the domain and answer with the receipt."""
    outcome = await request.run(house.handler, stage_id, request.command(kind, **fields))
    return receipt(outcome, stage_id)

"""The rundown, line by line."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, refuses
from chassis.service import House
from contracts.problems import WrongState
from services.stage import commands as c
from services.stage.api.common import (
    LIVE,
    OPERATE,
    REQUEST,
    Leased,
    Text,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["Rundown"]


Version = Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The rundown you look at.")]


class InOrder(Leased, frozen=True, kw_only=True):
    """A cue; a `reason` is needed to leave the order."""

    rundown_version: Version
    reason: Text | None = None


class ForReason(Leased, frozen=True, kw_only=True):
    """A cue, and why."""

    rundown_version: Version
    reason: Text


@post(
    "/stages/{stage_id:uuid}/cues/{cue_id:uuid}/taking",
    operation_id="takeCue",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.CueUnknown, no.CueDone, no.CueOutOfOrder, no.RundownChanged, WrongState),
)
async def take_cue(
    stage_id: FromPath[UUID],
    cue_id: FromPath[UUID],
    data: JSONBody[InOrder],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Execute a line of the rundown."""
    return await run(
        house,
        request_,
        stage_id,
        c.TakeCue,
        lease=data.lease,
        cue_id=cue_id,
        rundown_version=data.rundown_version,
        reason=data.reason,
    )


@post(
    "/stages/{stage_id:uuid}/cues/{cue_id:uuid}/skipping",
    operation_id="skipCue",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.CueUnknown, no.CueDone, no.RundownChanged, WrongState),
)
async def skip_cue(
    stage_id: FromPath[UUID],
    cue_id: FromPath[UUID],
    data: JSONBody[ForReason],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Leave a line of the rundown out."""
    return await run(
        house,
        request_,
        stage_id,
        c.SkipCue,
        lease=data.lease,
        cue_id=cue_id,
        rundown_version=data.rundown_version,
        reason=data.reason,
    )


@post(
    "/stages/{stage_id:uuid}/cues/{cue_id:uuid}/holding",
    operation_id="holdCue",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.CueUnknown, no.CueDone, no.RundownChanged, WrongState),
)
async def hold_cue(
    stage_id: FromPath[UUID],
    cue_id: FromPath[UUID],
    data: JSONBody[ForReason],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Let a line of the rundown wait."""
    return await run(
        house,
        request_,
        stage_id,
        c.HoldCue,
        lease=data.lease,
        cue_id=cue_id,
        rundown_version=data.rundown_version,
        reason=data.reason,
    )


@post(
    "/stages/{stage_id:uuid}/cues/{cue_id:uuid}/jump",
    operation_id="jumpToCue",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LIVE, no.CueUnknown, no.CueDone, no.CueOutOfOrder, no.RundownChanged, WrongState),
)
async def jump_to_cue(
    stage_id: FromPath[UUID],
    cue_id: FromPath[UUID],
    data: JSONBody[InOrder],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Make another line of the rundown the next; those left behind stay pending."""
    return await run(
        house,
        request_,
        stage_id,
        c.JumpToCue,
        lease=data.lease,
        cue_id=cue_id,
        rundown_version=data.rundown_version,
        reason=data.reason,
    )


HANDLERS: Final[list[HTTPRouteHandler]] = [take_cue, skip_cue, hold_cue, jump_to_cue]

"""What is prepared before a show: the brand, readiness, and where the programme is streamed to."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, receipt, refuses
from chassis.outbound import AddressNotAllowed
from chassis.service import House
from contracts import stage as e
from contracts.problems import WrongState
from services.stage import application
from services.stage import commands as c
from services.stage.api.common import (
    LEASED,
    READ,
    REQUEST,
    Prepared,
    Text,
    require_preparer,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["Preparation"]


Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}\Z")]
StreamKey = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=500, pattern=r"^[!-~]+\Z", extra_json_schema={"writeOnly": True}),
]
"""Write-only: it goes into the vault and is never shown, logged or recorded."""


class ApplyBrandKit(Prepared, frozen=True, kw_only=True):
    """How the show looks; pictures are approved assets of the show."""

    colour: Colour
    accent: Colour = "#ffffff"
    logo: UUID | None = None
    background: UUID | None = None
    slate: UUID | None = None


class WaiveReadiness(Prepared, frozen=True, kw_only=True):
    """Go live although something is missing, and say why."""

    reason: Text


class CreateDestination(Prepared, frozen=True, kw_only=True):
    """A server the programme is streamed to. The address holds no secret; the key has its own field."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    kind: e.DestinationKind = e.DestinationKind.RTMP
    url: Annotated[str, msgspec.Meta(min_length=8, max_length=500)]
    stream_key: StreamKey


class RotateStreamKey(Prepared, frozen=True, kw_only=True):
    """A new key for a destination."""

    stream_key: StreamKey


@post(
    "/stages/{stage_id:uuid}/brand",
    operation_id="applyBrandKit",
    scopes=READ,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.AssetMissing, WrongState),
)
async def apply_brand_kit(
    stage_id: FromPath[UUID],
    data: JSONBody[ApplyBrandKit],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Apply the customer's brand to a stage."""
    require_preparer(request_)
    return await run(
        house,
        request_,
        stage_id,
        c.ApplyBrandKit,
        lease=data.lease,
        brand=e.BrandKit(
            colour=data.colour, accent=data.accent, logo=data.logo, background=data.background, slate=data.slate
        ),
    )


@post(
    "/stages/{stage_id:uuid}/readiness-waiver",
    operation_id="waiveReadiness",
    scopes=READ,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*LEASED, WrongState),
)
async def waive_readiness(
    stage_id: FromPath[UUID],
    data: JSONBody[WaiveReadiness],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Decide to go live although not everything is ready."""
    require_preparer(request_)
    return await run(house, request_, stage_id, c.WaiveReadiness, lease=data.lease, reason=data.reason)


@post(
    "/stages/{stage_id:uuid}/destinations",
    operation_id="createDestination",
    scopes=READ,
    tags=TAGS,
    status_code=201,
    dependencies=REQUEST,
    responses=refuses(
        *LEASED, no.SecretInPayload, no.DestinationUrlInvalid, AddressNotAllowed, no.DestinationInUse, WrongState
    ),
)
async def create_destination(
    stage_id: FromPath[UUID],
    data: JSONBody[CreateDestination],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Describe a server the programme can be streamed to.

    It receives nothing until it is enabled.
    """
    require_preparer(request_)
    made = request_.ident(stage_id)
    command = request_.command(
        c.CreateDestination,
        lease=data.lease,
        destination_id=made,
        name=data.name,
        kind=data.kind,
        url=data.url,
        key_fingerprint="",
    )
    outcome = await application.create_destination(house, request_, stage_id, data.stream_key, command)
    return receipt(outcome, made, location=f"/stages/{stage_id}/destinations")


@post(
    "/stages/{stage_id:uuid}/destinations/{destination_id:uuid}/enabling",
    operation_id="enableDestination",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.DestinationUnknown, AddressNotAllowed),
)
async def enable_destination(
    stage_id: FromPath[UUID],
    destination_id: FromPath[UUID],
    data: JSONBody[Prepared],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Let a destination receive the programme: at once when the stream runs, else from its start."""
    require_preparer(request_)
    command = request_.command(c.EnableDestination, lease=data.lease, destination_id=destination_id)
    outcome = await application.enable_destination(house, request_, stage_id, command)
    return receipt(outcome, stage_id)


@post(
    "/stages/{stage_id:uuid}/destinations/{destination_id:uuid}/key",
    operation_id="rotateStreamKey",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.DestinationUnknown, no.DestinationInUse),
)
async def rotate_stream_key(
    stage_id: FromPath[UUID],
    destination_id: FromPath[UUID],
    data: JSONBody[RotateStreamKey],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Give a destination a new stream key; a running connection is replaced."""
    require_preparer(request_)
    command = request_.command(c.RotateStreamKey, lease=data.lease, destination_id=destination_id, key_fingerprint="")
    outcome = await application.rotate_key(house, request_, stage_id, data.stream_key, command)
    return receipt(outcome, stage_id)


@post(
    "/stages/{stage_id:uuid}/destinations/{destination_id:uuid}/removal",
    operation_id="removeDestination",
    scopes=READ,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.DestinationUnknown),
)
async def remove_destination(
    stage_id: FromPath[UUID],
    destination_id: FromPath[UUID],
    data: JSONBody[Prepared],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take a destination off the stage; its connection is closed."""
    require_preparer(request_)
    command = request_.command(c.RemoveDestination, lease=data.lease, destination_id=destination_id)
    outcome = await application.remove_destination(house, request_, stage_id, command)
    return receipt(outcome, stage_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    apply_brand_kit,
    waive_readiness,
    create_destination,
    enable_destination,
    rotate_stream_key,
    remove_destination,
]

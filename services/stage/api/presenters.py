"""The way of a presenter: connected, checked, ready, on stage, off stage."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, Versioned, receipt, refuses, versioned
from chassis.outbound import AddressNotAllowed
from chassis.service import House
from contracts import stage as e
from contracts.problems import WrongState
from services.stage import application
from services.stage import commands as c
from services.stage.api.common import (
    COVERED,
    LEASED,
    LIVE,
    OPERATE,
    REQUEST,
    Body,
    Leased,
    Note,
    Text,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["Presenters"]


class ConnectPresenter(Body, frozen=True, kw_only=True):
    """How a presenter's picture reaches us. `address` is where it is pulled from, for the feed `url`; it may be secret."""

    feed: e.FeedKind = e.FeedKind.INGEST
    address: Annotated[str, msgspec.Meta(min_length=8, max_length=1000, pattern="^rtmps?://")] | None = None


class Publishing(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with which key a presenter publishes; both are null for the other feeds. The key is shown here only."""

    url: str | None
    stream_key: str | None
    version: int
    position: int


class RecordTechCheck(Body, frozen=True, kw_only=True):
    """What was seen and heard of a presenter; true is good."""

    light: bool
    video: bool
    audio: bool
    note: Note = ""


class WaiveTechCheck(Body, frozen=True, kw_only=True):
    """Let a presenter on stage unchecked."""

    reason: Text


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/feed",
    operation_id="connectPresenter",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.UnknownPresenter, no.FeedAddressMissing, AddressNotAllowed, WrongState),
)
async def connect_presenter(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    data: JSONBody[ConnectPresenter],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Versioned[Publishing]:
    """Receive a presenter in the green room.

    For the feed `ingest` the answer holds the address and the key they publish with.
    """
    command = request_.command(c.ConnectPresenter, presenter_id=presenter_id, feed=data.feed, key_fingerprint=None)
    outcome, key = await application.connect_presenter(house, request_, stage_id, data.address, command)
    url = application.ingest_url(house) if key is not None else None
    body = Publishing(url=url, stream_key=key, version=outcome.version, position=outcome.position)
    return versioned(body, outcome.version, and_more=True)


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/tech-check",
    operation_id="recordTechCheck",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.UnknownPresenter, no.PresenterNotReady),
)
async def record_tech_check(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    data: JSONBody[RecordTechCheck],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Record how a presenter's light, video and audio are."""
    return await run(
        house,
        request_,
        stage_id,
        c.RecordTechCheck,
        presenter_id=presenter_id,
        light=data.light,
        video=data.video,
        audio=data.audio,
        note=data.note,
    )


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/tech-check-waiver",
    operation_id="waiveTechCheck",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.UnknownPresenter),
)
async def waive_tech_check(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    data: JSONBody[WaiveTechCheck],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Let a presenter on stage unchecked, for a reason."""
    return await run(house, request_, stage_id, c.WaiveTechCheck, presenter_id=presenter_id, reason=data.reason)


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/screen-share-rehearsal",
    operation_id="recordScreenShareRehearsal",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.UnknownPresenter),
)
async def record_screen_share_rehearsal(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Record that a presenter was shown how to share the screen."""
    return await run(house, request_, stage_id, c.RecordScreenShareRehearsal, presenter_id=presenter_id)


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/readiness",
    operation_id="markPresenterReady",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.UnknownPresenter, no.TechCheckRequired, no.PresenterNotReady),
)
async def mark_presenter_ready(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Mark a checked presenter as ready to go on stage."""
    return await run(house, request_, stage_id, c.MarkPresenterReady, presenter_id=presenter_id)


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/on-stage",
    operation_id="bringOnStage",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(
        *LIVE,
        no.UnknownPresenter,
        no.TechCheckRequired,
        no.PresenterNotReady,
        no.PresenterElsewhere,
        no.StageFull,
        WrongState,
    ),
)
async def bring_on_stage(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Bring a presenter on stage.

    They are heard from the frame the fact names; a take shows them.
    """
    command = request_.command(c.BringOnStage, lease=data.lease, presenter_id=presenter_id)
    outcome = await application.bring_on_stage(house, request_, stage_id, command)
    return receipt(outcome, stage_id)


@post(
    "/stages/{stage_id:uuid}/presenters/{presenter_id:uuid}/off-stage",
    operation_id="takeOffStage",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(*LEASED, no.UnknownPresenter, no.PresenterNotOnStage),
)
async def take_off_stage(
    stage_id: FromPath[UUID],
    presenter_id: FromPath[UUID],
    data: JSONBody[Leased],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take a presenter off stage, and out of the picture; allowed when the hours are spent."""
    return await run(house, request_, stage_id, c.TakeOffStage, lease=data.lease, presenter_id=presenter_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    connect_presenter,
    record_tech_check,
    waive_tech_check,
    record_screen_share_rehearsal,
    mark_presenter_ready,
    bring_on_stage,
    take_off_stage,
]

"""What the analyst watches beside the picture: the attendee's view, and the chat."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, receipt, refuses
from chassis.service import House
from contracts import stage as e
from contracts.problems import WrongState
from services.stage import application
from services.stage import commands as c
from services.stage.api.common import (
    COVERED,
    OPERATE,
    REQUEST,
    Body,
    Note,
    run,
)
from services.stage.application import Request
from services.stage.domain import refusals as no

TAGS: Final = ["Watch"]


class RecordAttendeeViewCheck(Body, frozen=True, kw_only=True):
    """What attendees see and hear; true is good. `delay_s` is how far behind the stage they are."""

    picture: bool
    sound: bool
    in_sync: bool = True
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    note: Note = ""


class OpenChatWatch(Body, frozen=True, kw_only=True):
    """The chats to watch: of speakers, of moderators."""

    channels: Annotated[tuple[e.ChatChannel, ...], msgspec.Meta(min_length=1, max_length=3)]


class FlagMessage(Body, frozen=True, kw_only=True):
    """A message somebody has to look after. Author and text are kept sealed."""

    channel: e.ChatChannel
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    author: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class AcknowledgeFlag(Body, frozen=True, kw_only=True):
    """What was done about it."""

    note: Note = ""


@post(
    "/stages/{stage_id:uuid}/attendee-view",
    operation_id="recordAttendeeViewCheck",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.NotLive),
)
async def record_attendee_view_check(
    stage_id: FromPath[UUID],
    data: JSONBody[RecordAttendeeViewCheck],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Record what attendees see and hear."""
    return await run(
        house,
        request_,
        stage_id,
        c.RecordAttendeeViewCheck,
        picture=data.picture,
        sound=data.sound,
        in_sync=data.in_sync,
        delay_s=data.delay_s,
        note=data.note,
    )


@post(
    "/stages/{stage_id:uuid}/chat-watch",
    operation_id="openChatWatch",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.NotInScope, WrongState),
)
async def open_chat_watch(
    stage_id: FromPath[UUID],
    data: JSONBody[OpenChatWatch],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Watch the chat of speakers and moderators; the attendees' chat is out of scope."""
    return await run(house, request_, stage_id, c.OpenChatWatch, channels=data.channels)


@post(
    "/stages/{stage_id:uuid}/chat-flags",
    operation_id="flagMessage",
    scopes=OPERATE,
    tags=TAGS,
    status_code=201,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.NotInScope, no.ChatWatchClosed),
)
async def flag_message(
    stage_id: FromPath[UUID],
    data: JSONBody[FlagMessage],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Flag a chat message."""
    await application.stage_of(house, request_, stage_id)
    made = request_.ident(stage_id)
    text = await application.seal(house, request_, application.CHAT_TEXT, made, data.text)
    author = await application.seal(house, request_, application.CHAT_AUTHOR, made, data.author)
    command = request_.command(c.FlagMessage, flag_id=made, channel=data.channel, author=author, text=text)
    outcome = await request_.run(house.handler, stage_id, command)
    return receipt(outcome, made, location=f"/stages/{stage_id}/chat-flags")


@post(
    "/stages/{stage_id:uuid}/chat-flags/{flag_id:uuid}/acknowledgement",
    operation_id="acknowledgeFlag",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(*COVERED, no.FlagUnknown),
)
async def acknowledge_flag(
    stage_id: FromPath[UUID],
    flag_id: FromPath[UUID],
    data: JSONBody[AcknowledgeFlag],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Take care of a flagged message."""
    return await run(house, request_, stage_id, c.AcknowledgeFlag, flag_id=flag_id, note=data.note)


HANDLERS: Final[list[HTTPRouteHandler]] = [record_attendee_view_check, open_chat_watch, flag_message, acknowledge_flag]

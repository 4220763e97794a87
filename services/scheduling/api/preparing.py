"""Speakers: the preparation board, back-to-back sessions and their trainings."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.handle import Do
from chassis.http import Answer, AsOf, Caller, Instant, Versioned, receipt, refuses, versioned
from chassis.service import House
from contracts.problems import NotFound, WrongState
from services.scheduling import commands as c
from services.scheduling.api.common import EITHER, OPERATE, READ, REQUEST, Body, Reason
from services.scheduling.application import preparing
from services.scheduling.application.request import SPEAKER_NAME, Request, names, open_show, or_initial, run_of
from services.scheduling.domain import refusals as no
from services.scheduling.domain.prep import PREP, Prep, PrepSlot
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.training import TRAINING, Trainings

TAGS: Final = ["Speakers"]


class CompletePrep(Body, frozen=True, kw_only=True):
    """What was tried with the speaker."""

    screen_share_rehearsed: bool = False


class MissPrep(Body, frozen=True, kw_only=True):
    """Why the speaker was not prepared."""

    reason: Reason = "missed"


class ScheduleTraining(Body, frozen=True, kw_only=True):
    """When the customer's team is trained."""

    scheduled_for: Instant


class WaiveTraining(Body, frozen=True, kw_only=True):
    """Why no training is needed."""

    reason: Reason


class PreparedSpeaker(msgspec.Struct, frozen=True, kw_only=True):
    """Where a speaker stands: PLANNED, STARTED, COMPLETED or MISSED; `reason` of a miss."""

    speaker_id: UUID
    name: str | None
    status: str
    screen_share_rehearsed: bool
    reason: str


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """[`starts_at`, `ends_at`), which ends as the session starts. `left_s`: what an overrun before it leaves."""

    session_id: UUID
    stage_id: UUID
    starts_at: datetime
    ends_at: datetime
    opened: bool
    left_s: int | None
    speakers: tuple[PreparedSpeaker, ...]


class ConflictView(msgspec.Struct, frozen=True, kw_only=True):
    """A warning: one analyst cannot prepare this session and serve the other. `claim` is `live` or `prep`."""

    code: str
    session_id: UUID
    other_session_id: UUID
    claim: str


class PrepBoard(msgspec.Struct, frozen=True, kw_only=True):
    """The slots by start, and what collides with them."""

    show_id: UUID
    slots: tuple[SlotView, ...]
    conflicts: tuple[ConflictView, ...]


class PairView(msgspec.Struct, frozen=True, kw_only=True):
    """Two sessions without the minimum break.

    `live` tells that only an overrun made them so. `closable`: the customer's team may close the first one.
    """

    training_id: UUID
    stage_id: UUID
    first_session_id: UUID
    second_session_id: UUID
    gap_s: int
    live: bool
    status: str
    scheduled_for: datetime | None
    closable: bool


class BackToBackView(msgspec.Struct, frozen=True, kw_only=True):
    """All pairs there are or were, by stage."""

    show_id: UUID
    pairs: tuple[PairView, ...]


@get(
    "/shows/{show_id:uuid}/prep-board", operation_id="getPrepBoard", scopes=READ, tags=TAGS, responses=refuses(NotFound)
)
async def get_prep_board(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[PrepBoard]:
    """Show who is prepared when, and who was, now or as it was planned then."""
    await house.handler.state(SHOW, show_id, tenant=me.tenant, as_of=as_of)
    prep: Prep
    prep, version = await or_initial(house, PREP, show_id, me.tenant, as_of)
    run, _ = await run_of(house, me.tenant, show_id, as_of)
    people = await names(house, me.tenant, (one.name for one in run.plan.speakers), SPEAKER_NAME)
    slots = sorted(prep.slots.values(), key=lambda slot: (slot.starts_at, slot.session_id))
    conflicts = tuple(
        ConflictView(code="PREP_CONFLICT", session_id=one, other_session_id=other, claim=claim)
        for one, other, claim in sorted(prep.conflicts)
    )
    board = PrepBoard(show_id=show_id, slots=tuple(_slot(slot, people) for slot in slots), conflicts=conflicts)
    return versioned(board, version, and_more=True)


def _slot(slot: PrepSlot, people: dict[str, str | None]) -> SlotView:
    speakers = tuple(
        PreparedSpeaker(
            speaker_id=one,
            name=people.get(str(one)),
            status=it.status.value,
            screen_share_rehearsed=it.screen_share_rehearsed,
            reason=it.reason,
        )
        for one, it in sorted(slot.speakers.items())
    )
    return SlotView(
        session_id=slot.session_id,
        stage_id=slot.stage_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        opened=slot.opened,
        left_s=slot.left_s,
        speakers=speakers,
    )


SLOT: Final = "/shows/{show_id:uuid}/prep-slots/{session_id:uuid}/{speaker_id:uuid}"


@post(
    f"{SLOT}/start",
    operation_id="startSpeakerPrep",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.PrepSlotNotOpen, no.SpeakerNotInvited, no.ShowOver, WrongState),
)
async def start_prep(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    speaker_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Begin to prepare a speaker, whose invitation the customer has confirmed, in the slot of the session."""
    return receipt(await preparing.start_prep(house, request_, show_id, session_id, speaker_id), show_id)


@post(
    f"{SLOT}/complete",
    operation_id="completeSpeakerPrep",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.PrepSlotNotOpen, WrongState),
)
async def complete_prep(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    speaker_id: FromPath[UUID],
    data: JSONBody[CompletePrep],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Say that a speaker is prepared."""
    command = c.CompleteSpeakerPrep(
        at=request_.at,
        session_id=session_id,
        speaker_id=speaker_id,
        screen_share_rehearsed=data.screen_share_rehearsed,
        by=request_.by,
    )
    return receipt(await request_.run(house, [Do(decider=PREP, ident=show_id, command=command)]), show_id)


@post(
    f"{SLOT}/miss",
    operation_id="missSpeakerPrep",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.PrepSlotNotOpen, WrongState),
)
async def miss_prep(
    show_id: FromPath[UUID],
    session_id: FromPath[UUID],
    speaker_id: FromPath[UUID],
    data: JSONBody[MissPrep],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Say that a speaker was not prepared."""
    command = c.MissSpeakerPrep(at=request_.at, session_id=session_id, speaker_id=speaker_id, reason=data.reason)
    return receipt(await request_.run(house, [Do(decider=PREP, ident=show_id, command=command)]), show_id)


@get(
    "/shows/{show_id:uuid}/back-to-back",
    operation_id="getBackToBack",
    scopes=READ,
    tags=TAGS,
    responses=refuses(NotFound),
)
async def get_back_to_back(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[BackToBackView]:
    """Show the sessions without the minimum break, and who may close them, now or as it was."""
    await house.handler.state(SHOW, show_id, tenant=me.tenant, as_of=as_of)
    trainings: Trainings
    trainings, version = await or_initial(house, TRAINING, show_id, me.tenant, as_of)
    pairs = tuple(
        PairView(
            training_id=ident,
            stage_id=it.pair.stage_id,
            first_session_id=it.pair.first_session_id,
            second_session_id=it.pair.second_session_id,
            gap_s=it.pair.gap_s,
            live=it.pair.live,
            status=it.status.value,
            scheduled_for=it.scheduled_for,
            closable=it.closable,
        )
        for ident, it in sorted(trainings.pairs.items(), key=lambda item: (item[1].pair.stage_id, item[0]))
    )
    return versioned(BackToBackView(show_id=show_id, pairs=pairs), version)


PAIR: Final = "/shows/{show_id:uuid}/trainings/{training_id:uuid}"


@post(
    f"{PAIR}/schedule",
    operation_id="scheduleTraining",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.CloseAlreadyDelegated, no.ShowOver),
)
async def schedule_training(
    show_id: FromPath[UUID],
    training_id: FromPath[UUID],
    data: JSONBody[ScheduleTraining],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Say when the customer's team learns to close the first of two sessions."""
    command = c.ScheduleTraining(at=request_.at, training_id=training_id, scheduled_for=data.scheduled_for)
    return await _on_training(house, request_, show_id, command)


@post(
    f"{PAIR}/complete",
    operation_id="completeTraining",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.CloseAlreadyDelegated, no.ShowOver),
)
async def complete_training(
    show_id: FromPath[UUID],
    training_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Record that the customer's team is trained; from now on it may close the first of the two sessions."""
    command = c.CompleteTraining(at=request_.at, training_id=training_id, by=request_.by)
    return await _on_training(house, request_, show_id, command)


@post(
    f"{PAIR}/waive",
    operation_id="waiveTraining",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.CloseAlreadyDelegated, no.ShowOver),
)
async def waive_training(
    show_id: FromPath[UUID],
    training_id: FromPath[UUID],
    data: JSONBody[WaiveTraining],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Let the customer's team close the first of two sessions without training; needs write or operate."""
    request_.require_any(*EITHER)
    command = c.WaiveTraining(at=request_.at, training_id=training_id, reason=data.reason, by=request_.by)
    return await _on_training(house, request_, show_id, command)


async def _on_training(house: House, request: Request, show_id: UUID, command: c.TrainingCommand) -> Answer:
    dos = [Do(decider=TRAINING, ident=show_id, command=command), open_show(request, show_id)]
    return receipt(await request.run(house, dos), show_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    get_prep_board,
    start_prep,
    complete_prep,
    miss_prep,
    get_back_to_back,
    schedule_training,
    complete_training,
    waive_training,
]

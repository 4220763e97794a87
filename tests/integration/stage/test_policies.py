"""What other services say reaches every stage of the show, in whichever order it is heard."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.decider import Codec
from chassis.inbox import Inbox, OwnLog
from chassis.service import House, open_house
from contracts import entitlement, media, scheduling
from contracts.envelope import Actor, Event, Metadata, Recorded, Role, Sealed, events_of
from services.stage.app import definition
from services.stage.domain import STAGE
from services.stage.domain.state import StageRun
from services.stage.policies import policies
from services.stage.settings import StageSettings

NOW = datetime(2026, 6, 10, 9, tzinfo=UTC)
SHOW, STAGE_ID, TALK, ADA, ANALYST, ASSET, ENTITLEMENT = (uuid4() for _ in range(7))


def published() -> Event:
    session = scheduling.Session(
        session_id=TALK,
        stage_id=STAGE_ID,
        title="Talk",
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        speaker_ids=(ADA,),
    )
    return scheduling.RundownPublished(
        at=NOW,
        show_id=SHOW,
        stage_id=STAGE_ID,
        stage_name="Main",
        rundown_version=1,
        sessions=(session,),
        cues=(scheduling.Cue(cue_id=uuid4(), session_id=TALK, kind="start", label="Go", order=1),),
        speakers=(scheduling.Speaker(speaker_id=ADA, name=Sealed(subject=str(ADA), box="")),),
    )


def opened() -> Event:
    hours = {"opens_at": NOW - timedelta(minutes=30), "closes_at": NOW + timedelta(hours=2)}
    return entitlement.CoverageWindowOpened(at=NOW, entitlement_id=ENTITLEMENT, show_id=SHOW, **hours)


def staffed() -> Event:
    return scheduling.AnalystAssigned(at=NOW, show_id=SHOW, seat_id=uuid4(), analyst_id=ANALYST, mode="remote")


def delegated() -> Event:
    return scheduling.SessionCloseDelegated(
        at=NOW, show_id=SHOW, training_id=uuid4(), stage_id=STAGE_ID, session_id=TALK
    )


def delivered() -> list[Event]:
    file = {"file": "assets/a.mp4", "sha256": "0" * 64, "media_type": "video/mp4", "size_bytes": 1}
    of = {"at": NOW, "show_id": SHOW, "asset_id": ASSET}
    return [
        media.AssetDelivered(kind=media.AssetKind.CLIP, **of, **file),  # type: ignore[arg-type]
        media.AssetApproved(**of),  # type: ignore[arg-type]
        media.AssetShared(shared_by_presenter=ADA, **of),  # type: ignore[arg-type]
    ]


class Told:
    """A list of events as the log of another service."""

    def __init__(self, events: list[Event], codec: Codec) -> None:
        self.records = [self._recorded(number, event, codec) for number, event in enumerate(events, 1)]

    def _recorded(self, position: int, event: Event, codec: Codec) -> Recorded:
        actor = Actor(id="elsewhere", role=Role.SYSTEM)
        ids = {"id": uuid4(), "correlation": uuid4(), "causation": uuid4()}
        metadata = Metadata(tenant="acme", actor=actor, command="Test", show=SHOW, **ids)
        return Recorded(
            position=position,
            stream=f"other-{uuid4()}",
            version=1,
            type=event.tag(),
            payload=codec.encode(event),
            metadata=metadata,
            recorded_at=NOW,
        )

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        yield [record for record in self.records if record.position > after]
        while True:
            await asyncio.sleep(0.05)
            yield []


@pytest.fixture
async def house(make_database: Callable[..., Awaitable[Any]]) -> AsyncIterator[House]:
    urls = await make_database("stage")
    settings = StageSettings(database_url=urls.service_url)
    async with open_house(definition(settings), settings) as opened_house:
        yield opened_house


async def hear(house: House, events: list[Event]) -> StageRun:
    """All of it, through inboxes, until the own log has been followed to its end."""
    table = policies(house.handler)
    words = {tag: kind for module in (scheduling, entitlement, media) for tag, kind in events_of(module).items()}
    told = Told(events, Codec(words))
    foreign = [policy for policy in table if policy.on.tag() in words]
    own = [policy for policy in table if policy.on.tag() not in words]
    inboxes = [
        Inbox("elsewhere", told, house.store, house.handler, foreign),
        Inbox("stage", OwnLog(house.store), house.store, house.handler, own),
    ]
    tasks = [asyncio.create_task(inbox.run()) for inbox in inboxes]
    try:
        async with asyncio.timeout(20):
            while inboxes[0].position < len(events) or inboxes[1].position < await house.store.head():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    stage, _ = await house.handler.state(STAGE, STAGE_ID, tenant="acme")
    return stage


ORDERS = [order for number, order in enumerate(itertools.permutations(range(5))) if number % 40 == 0]


@pytest.mark.parametrize("order", ORDERS)
async def test_a_stage_knows_its_show_in_whichever_order_it_was_told(house: House, order: tuple[int, ...]) -> None:
    said: list[list[Event]] = [[published()], [opened()], [staffed()], [delegated()], delivered()]
    stage = await hear(house, [event for number in order for event in said[number]])
    assert stage.situation == "PREPARED"
    assert stage.coverage is not None
    assert stage.coverage.status == "open"
    assert stage.analysts == {ANALYST}
    assert stage.delegation.covers(TALK)
    assert (stage.assets[ASSET].approved, stage.assets[ASSET].shared) == (True, True)
    assert set(stage.presenters) == {ADA}


async def test_spent_hours_and_overtime_reach_the_stage(house: House) -> None:
    capped = entitlement.CoverageCapReached(at=NOW, entitlement_id=ENTITLEMENT, show_id=SHOW, capped_at=NOW)
    stage = await hear(house, [published(), opened(), capped])
    assert stage.coverage is not None
    assert stage.coverage.capped


async def test_a_hand_over_changes_who_is_on_the_seat(house: House) -> None:
    other: UUID = uuid4()
    seat = {"at": NOW, "show_id": SHOW, "seat_id": uuid4(), "from_analyst_id": ANALYST, "to_analyst_id": other}
    events = [published(), staffed(), scheduling.HandoverStarted(**seat), scheduling.HandoverCompleted(**seat)]  # type: ignore[arg-type]
    stage = await hear(house, events)
    assert stage.analysts == {other}


async def test_a_cancelled_show_stands_its_stages_down(house: House) -> None:
    stage = await hear(house, [published(), scheduling.ShowCancelled(at=NOW, show_id=SHOW, reason="storm")])
    assert stage.situation == "ENDED"


async def test_who_did_not_come_is_told(house: House) -> None:
    missed = scheduling.SpeakerPrepMissed(at=NOW, show_id=SHOW, session_id=TALK, speaker_id=ADA, reason="no_show")
    stage = await hear(house, [published(), missed])
    assert stage.presenters[ADA].status == "NO_SHOW"

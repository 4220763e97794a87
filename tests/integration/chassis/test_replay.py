"""The whole log folded at once gives what folding each resource gives, at any position."""

import random
from uuid import uuid4

import asyncpg
import pytest
from msgspec import structs

from chassis import replay, tenancy
from chassis.decider import Codec, UnknownEvent
from chassis.faults import Fault, Unreachable
from chassis.replay import Replay
from chassis.store import AsOf
from tests.support.drafts import change
from tests.support.toy import COUNTER, EVENTS, Empty, Raise, cause


@pytest.fixture
async def pool(toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=3) as made:
        yield made


async def test_a_replay_is_the_fold_of_every_stream_at_any_position(toy, pool, monkeypatch):
    _, handler = toy
    monkeypatch.setattr(replay, "STRETCH", 7)
    draw = random.Random(3)
    counters = [uuid4() for _ in range(5)]
    for _ in range(60):
        command = Raise(by=draw.randrange(1, 9)) if draw.random() < 0.8 else Empty()
        await handler.run(COUNTER, draw.choice(counters), command, cause())
    for position in (1, 7, 8, 20, None):
        found = await Replay(pool, Codec(EVENTS), [COUNTER]).states(upto=position)
        assert found.events == found.position
        for stream, (state, version) in found.by_stream.items():
            ident = stream.removeprefix("counter-")
            one = await handler.state(COUNTER, ident, tenant="acme", as_of=AsOf(position=found.position))
            assert (state, version) == one


async def test_an_empty_log_has_no_states(toy, pool):
    found = await Replay(pool, Codec(EVENTS), [COUNTER]).states()
    assert (found.position, found.events, found.by_stream) == (0, 0, {})


async def test_streams_of_other_aggregates_are_left_out(toy, pool):
    store, handler = toy
    await store.append(change("other-1", 0))
    await handler.run(COUNTER, uuid4(), Raise(by=3), cause())
    found = await Replay(pool, Codec(EVENTS), [COUNTER]).states()
    assert [state for state, _ in found.by_stream.values()] == [3]
    assert (found.position, found.events) == (2, 1)


async def test_a_retired_type_is_upcast_and_a_newer_one_is_reported(toy, pool):
    store, _ = toy
    old = b'{"type":"toy.lifted.v1","at":"2026-06-10T09:00:00Z","amount":4}'
    lifted = change("counter-1", 0, 2, payload=old)
    drafts = [structs.replace(draft, type="toy.lifted.v1") for draft in lifted.drafts]
    await store.append(structs.replace(lifted, drafts=tuple(drafts)))
    upcasters = {"toy.lifted.v1": lambda body: ("toy.raised.v1", {"at": body["at"], "by": body["amount"]})}
    found = await Replay(pool, Codec(EVENTS, upcasters), [COUNTER]).states()
    assert found.by_stream == {"counter-1": (8, 2)}
    with pytest.raises(UnknownEvent):
        await Replay(pool, Codec(EVENTS), [COUNTER]).states()


async def test_without_a_database_it_says_so(toy_urls):
    pool = await tenancy.open_pool(toy_urls[1].replace("regie-test-", "nowhere-"), min_size=0)
    with pytest.raises(Unreachable):
        await Replay(pool, Codec(EVENTS), [COUNTER]).states()


async def test_a_stream_that_lacks_an_event_is_not_folded(toy, pool, toy_urls):
    _, handler = toy
    counter = uuid4()
    for _ in range(4):
        await handler.run(COUNTER, counter, Raise(by=1), cause())
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("ALTER TABLE log.events DISABLE TRIGGER USER")
    await owner.execute("DELETE FROM log.events WHERE version = 3")
    await owner.close()
    with pytest.raises(Fault, match=f"counter-{counter}: after version 0 come"):
        await Replay(pool, Codec(EVENTS), [COUNTER]).states()

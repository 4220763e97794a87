"""Relay and inbox over a real PostgreSQL and a real broker: nothing lost, repeated or reordered."""

import asyncio
import contextlib
from uuid import uuid4

from chassis import broker as following
from chassis import relay as relaying
from chassis.broker import StreamSource, connect, logs_of
from chassis.handle import Do
from chassis.inbox import Inbox, OwnLog, Policy
from chassis.reconcile import Reconciler
from chassis.relay import Relay
from contracts.problems import Refusal
from tests.support.toy import AT, COUNTER, Empty, Raise, Raised, cause

MIRROR = uuid4()


async def until(condition, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - the other side is another process
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(*jobs):
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def count_what_was_raised(event: Raised, about) -> list[Do]:
    return [Do(decider=COUNTER, ident=MIRROR, command=Raise(by=1, at=AT))]


async def test_the_stream_is_the_log_and_each_event_has_one_effect(two_services, make_broker):
    (store, handler), (sink_store, sink) = two_services
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    media = await connect(broker.url, "media", broker.seed_file("media"))
    relays = [Relay("stage", store, stage) for _ in range(2)]  # two at once, on purpose
    inbox = Inbox(
        "stage", StreamSource(media, "stage", [Raised.tag()]), sink_store, sink, [Policy(Raised, count_what_was_raised)]
    )
    async with running(*(relay.run() for relay in relays), inbox.run()):
        counters = [uuid4() for _ in range(10)]
        for _ in range(12):
            await asyncio.gather(*(handler.run(COUNTER, c, Raise(by=1), cause()) for c in counters))
        await until(lambda: _reached(sink, 120))
        await until(lambda: _relayed(relays, 120))
        stream = await logs_of(stage).stream_info("STAGE")
        assert (stream.state.first_seq, stream.state.last_seq, stream.state.messages) == (1, 120, 120)
        for position in (1, 60, 120):
            message = await logs_of(stage).get_msg("STAGE", seq=position)
            [record] = await store.read(position - 1, 1)
            assert message.headers["ce-id"] == str(record.metadata.id)
            assert message.data == record.payload
    await stage.close()
    await media.close()


async def test_a_follower_is_woken_by_what_concerns_it_and_reads_what_does_not_along(toy, make_broker, monkeypatch):
    monkeypatch.setattr(following, "QUIET_S", 3600)
    store, handler = toy
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    media = await connect(broker.url, "media", broker.seed_file("media"))
    counter = uuid4()
    async with running(Relay("stage", store, stage).run()):
        following_it = StreamSource(media, "stage", ["toy.emptied.v1"]).follow(0)
        assert await anext(following_it) == []
        heard = await media.subscribe("stored.>")  # behind the follower's own, on the same connection
        coming = asyncio.ensure_future(anext(following_it))
        await media.flush()
        for _ in range(3):
            await handler.run(COUNTER, counter, Raise(by=1), cause())
            await heard.next_msg(timeout=10)
        await asyncio.sleep(0.1)
        assert not coming.done()
        await handler.run(COUNTER, counter, Empty(), cause())
        read = await asyncio.wait_for(coming, 10)
        assert [(record.position, record.type) for record in read] == [
            *((position, "toy.raised.v1") for position in (1, 2, 3)),
            (4, "toy.emptied.v1"),
        ]
        await following_it.aclose()
    await stage.close()
    await media.close()


async def test_what_the_broker_takes_as_no_batch_goes_one_by_one(toy, make_broker, monkeypatch):
    monkeypatch.setattr(relaying, "BATCH_MOST", 1_500)  # more than the broker allows
    store, handler = toy
    await handler.run_all([Do(decider=COUNTER, ident=uuid4(), command=Raise(by=1)) for _ in range(3_200)], cause())
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    relay = Relay("stage", store, stage)
    async with running(relay.run()):
        await until(lambda: _relayed([relay], 3_200))
        assert await relay.check() == "ok"
    assert await Reconciler("stage", store, stage).compare() == []
    await stage.close()


async def test_relay_and_inbox_survive_the_brokers_death(two_services, make_broker):
    (store, handler), (sink_store, sink) = two_services
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    media = await connect(broker.url, "media", broker.seed_file("media"))
    relay = Relay("stage", store, stage)
    inbox = Inbox(
        "stage", StreamSource(media, "stage", [Raised.tag()]), sink_store, sink, [Policy(Raised, count_what_was_raised)]
    )
    async with running(relay.run(), inbox.run()):
        for round_nr in range(1, 4):
            for _ in range(20):
                await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
            if round_nr < 3:
                broker.program.process.kill()
                await broker.program.process.wait()
                await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
                await broker.start()
        await until(lambda: _reached(sink, 62), 40)
        assert (await logs_of(stage).stream_info("STAGE")).state.last_seq == 62
    assert await sink.state(COUNTER, MIRROR, tenant="acme") == (62, 62)
    await stage.close()
    await media.close()


async def test_a_policy_that_is_refused_is_parked_and_the_rest_goes_on(toy):
    store, handler = toy

    async def overfill_the_mirror(event: Raised, about) -> list[Do]:
        return [Do(decider=COUNTER, ident=MIRROR, command=Raise(by=1001))] if event.by == 2 else []

    async def count_it(event: Raised, about) -> list[Do]:
        return [Do(decider=COUNTER, ident=other, command=Raise(by=1))] if event.by in (2, 3) else []

    other = uuid4()
    inbox = Inbox("toy", OwnLog(store), store, handler, [Policy(Raised, overfill_the_mirror), Policy(Raised, count_it)])
    async with running(inbox.run()):
        await handler.run(COUNTER, uuid4(), Raise(by=2), cause())
        await handler.run(COUNTER, uuid4(), Raise(by=3), cause())

        async def counted() -> bool:
            with contextlib.suppress(Exception):
                return (await handler.state(COUNTER, other, tenant="acme"))[0] == 2
            return False

        await until(counted)
    [parked] = await store.parked()
    assert (parked["policy"], parked["position"]) == ("overfill_the_mirror", 1)
    assert parked["error"].startswith("TOO_MUCH")
    assert parked["tenant"] == "acme"


async def test_a_policy_that_raises_is_retried_then_parked_with_its_error(toy):
    store, handler = toy
    tries = []

    async def break_down(event: Raised, about) -> list[Do]:
        tries.append(event.by)
        raise RuntimeError("no")

    inbox = Inbox("toy", OwnLog(store), store, handler, [Policy(Raised, break_down)])
    async with running(inbox.run()):
        await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        await until(lambda: _parked(store, 1))
    assert len(tries) == 5


async def test_an_effect_that_cannot_be_written_is_parked_and_the_rest_goes_on(toy):
    store, handler = toy
    other = uuid4()

    async def write_what_cannot_be_written(event: Raised, about) -> list[Do]:
        broken = Do(decider=COUNTER, ident="broken", command=Raise(by="no number"))
        return [broken] if event.by == 1 else [Do(decider=COUNTER, ident=other, command=Raise(by=1))]

    inbox = Inbox("toy", OwnLog(store), store, handler, [Policy(Raised, write_what_cannot_be_written)])
    async with running(inbox.run()):
        await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        await handler.run(COUNTER, uuid4(), Raise(by=2), cause())
        await until(lambda: _parked(store, 1), 30)
        await until(lambda: _counted(handler, other), 30)


async def _counted(handler, ident) -> bool:
    try:
        return (await handler.state(COUNTER, ident, tenant="acme"))[0] >= 1
    except Refusal:
        return False


async def _reached(handler, total: int) -> bool:
    try:
        return (await handler.state(COUNTER, MIRROR, tenant="acme"))[0] == total
    except Refusal:
        return False


async def _relayed(relays, position: int) -> bool:
    return all(relay.published == position for relay in relays)


async def _parked(store, count: int) -> bool:
    return len(await store.parked()) == count

"""A relay that dies between any two of its steps: the stream is a prefix of the log, and the next relay catches up.

Every wait of the relay is a place to die at, once before and once after what it waited for has happened; and since each
message is sent to the broker by itself here, so is the place between any two messages of a window or a batch.
"""

import asyncio
from uuid import uuid4

import pytest

from chassis import relay as relaying
from chassis.broker import StreamReader, connect, logs_of
from chassis.reconcile import Reconciler, _is
from chassis.relay import Relay
from tests.integration.chassis.test_exchange import running, until
from tests.support.dying import Died, bury, dying
from tests.support.toy import COUNTER, Raise, cause, toy_house

EVENTS = 7
"""Recorded before each death: more than three windows of two, and more than two batches of three."""


class OneByOne:
    """A connection on which each message has arrived before the next one is sent."""

    def __init__(self, client) -> None:
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def publish(self, *args, **more) -> None:
        await self._client.publish(*args, **more)
        await self._client.flush()


class Watch:
    """What the stream holds beside what the log holds, from where they were last compared."""

    def __init__(self, store, client) -> None:
        self._store, self._client, self.compared = store, client, 0

    async def a_prefix(self) -> None:
        async with StreamReader(self._client, "stage") as reader:
            found = await reader.after(self.compared)
        records = await self._store.read(self.compared, 1000)
        assert len(found) <= len(records)
        for message, record in zip(found, records, strict=False):
            assert _is("stage", record, message), record.position
            assert int(message.headers["Nats-Sequence"]) == record.position
            self.compared = record.position


async def die(url: str, client, nth: int, *, answered: bool) -> bool:
    """A relay with connections of its own dies at its nth wait; False when it had nothing left to do before."""
    async with toy_house(url) as (store, _):
        return await _die(store, client, nth, answered=answered)


async def _die(store, client, nth: int, *, answered: bool) -> bool:
    relay = Relay("stage", store, OneByOne(client))
    work = relay._relay()
    death = asyncio.ensure_future(dying(work, nth, answered=answered))
    caught_up = asyncio.ensure_future(until(lambda: _reached(relay, store)))
    await asyncio.wait([death, caught_up], return_when=asyncio.FIRST_COMPLETED)
    died = death.done()
    if died:
        with pytest.raises(Died):
            death.result()
    for task in (death, caught_up):
        task.cancel()
    client._transport._io_writer.transport.abort()  # as the kernel does when a process is gone
    await client.close()
    await asyncio.gather(death, caught_up, return_exceptions=True)
    bury(work)
    return died


async def _reached(relay, store) -> bool:
    return relay.published == await store.head()


async def catch_up(store, client) -> None:
    relay = Relay("stage", store, client)
    async with running(relay.run()):
        await until(lambda: _reached(relay, store))


@pytest.mark.parametrize(("batch_from", "answered"), [(3, False), (3, True), (100, False), (100, True)])
async def test_a_relay_may_die_at_any_wait(toy, toy_urls, make_broker, monkeypatch, batch_from, answered):
    monkeypatch.setattr(relaying, "BATCH_FROM", batch_from)
    monkeypatch.setattr(relaying, "BATCH_MOST", 3)
    monkeypatch.setattr(relaying, "WINDOW", 2)
    store, handler = toy
    broker = await make_broker()
    watcher = await connect(broker.url, "stage", broker.seed_file("stage"))
    watch, deaths = Watch(store, watcher), 0
    for nth in range(1, 200):
        for _ in range(EVENTS):
            await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        mortal = await connect(broker.url, "stage", broker.seed_file("stage"))
        died = await die(toy_urls[1], mortal, nth, answered=answered)
        await watch.a_prefix()
        if not died:
            break
        deaths += 1
        await catch_up(store, watcher)
        await watch.a_prefix()
        assert watch.compared == await store.head()
    assert deaths > 2 * EVENTS, "it died in the middle of a window or batch, too"
    await catch_up(store, watcher)
    assert await Reconciler("stage", store, watcher).compare() == []
    state = (await logs_of(watcher).stream_info("STAGE")).state
    assert (state.first_seq, state.last_seq, state.messages) == (1, await store.head(), await store.head())
    await watcher.close()

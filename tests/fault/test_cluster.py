"""Three brokers, three copies of each stream, and the one that leads killed in the middle of a publish.

What the broker acknowledged is compared with the stream before the relay publishes anything again (`tests.support.ledger`);
in the end the stream, the effects of another service and what a partner got are each compared with the log.
"""

import asyncio
import contextlib
import random
import shutil
import tempfile
import time
from pathlib import Path

import nats.errors
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis import tenancy
from chassis.broker import StreamSource, connect, stream_name
from chassis.decider import Codec
from chassis.handle import Handler
from chassis.inbox import Inbox, Policy
from chassis.relay import Relay
from regie.exchange import PUBLIC, ensure_exchange
from tests.support.cluster import TENANTS, Trio, cluster_of_three
from tests.support.databases import TOY
from tests.support.exchange_parts import READER, SOURCE, note_where_it_stood
from tests.support.histories import NONE, Recording, everything, faults, until_reached
from tests.support.ledger import KEPT, Ledger, broken_promises
from tests.support.toy import COUNTER, EVENTS, Raised, toy_house

STALL_S = 3.0
COPY_PATIENCE_S = 240
"""The broker asks for a copy's source again after 10 s, then 20 s, then 30 s, up to 2 min: what came too early costs much."""


@pytest.fixture
async def trio():
    folder = Path(tempfile.mkdtemp(prefix="regie-test-"))
    async with cluster_of_three(folder) as three:
        yield three
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("stream", "flagged"),
    [
        ([(1, "a"), (2, "b"), (3, "c"), (4, "not yet acknowledged")], KEPT),
        ([(1, "a"), (2, "b")], {"lost": 1, "displaced": 0}),
        ([(1, "a"), (3, "c")], {"lost": 1, "displaced": 0}),
        ([(1, "a"), (2, "x"), (3, "c")], {"lost": 1, "displaced": 0}),
        ([(1, "a"), (2, "c"), (3, "b")], {"lost": 0, "displaced": 2}),
        ([(1, "a"), (2, "c")], {"lost": 1, "displaced": 1}),
        ([], {"lost": 3, "displaced": 0}),
    ],
)
def test_the_ledger_flags_a_planted_loss_and_a_planted_reorder(stream, flagged):
    assert broken_promises({1: "a", 2: "b", 3: "c"}, stream) == flagged


async def test_a_stream_that_was_lost_and_put_back_by_the_relay_is_flagged(make_database, make_broker):
    """The sabotage: the end state is perfect, and yet everything that was acknowledged had been lost."""
    tenancy.sees_all_from_here()
    server = await make_broker()
    async with toy_house(await database(make_database)) as (store, handler), scribe(server, patience_s=1) as ledger:
        relaying = asyncio.create_task(Relay(SOURCE, store, ledger).run())
        await some_events(handler)
        total = await store.head()
        await until_reached(acknowledged_of(ledger), total)
        admin = await server.connect("admin")
        await admin.jetstream().delete_stream(stream_name(SOURCE))
        ledger.disturbed()
        await ensure_exchange(admin, TENANTS)
        await admin.close()
        await until_reached(again_of(ledger), total)
        await until_reached(stored_of(ledger), total)  # a batch that was sent is not yet a batch that was taken
        await ended(relaying)
        assert ledger.comparisons == [{"lost": total, "displaced": 0}]
        assert ledger.published_again == total
        assert broken_promises(ledger.acknowledged, await ledger.stream()) == KEPT


@pytest.mark.timeout(600)
async def test_the_leader_killed_in_mid_publish_loses_nothing_it_acknowledged(
    trio, make_database, record_testsuite_property
):
    await survive(1, trio, make_database, record_testsuite_property)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_five_leaders_killed_in_mid_publish_lose_nothing_they_acknowledged(
    trio, make_database, record_testsuite_property
):
    await survive(5, trio, make_database, record_testsuite_property)


async def survive(kills: int, trio: Trio, make_database, record_testsuite_property) -> None:
    tenancy.sees_all_from_here()
    urls = [await database(make_database) for _ in range(2)]
    async with toy_house(urls[0]) as (store, handler), toy_house(urls[1]) as (reader, _), scribe(trio.any) as ledger:
        follower = await connect(trio.any.url, READER, trio.any.seed_file(READER))
        policies = [Policy(Raised, note_where_it_stood)]
        inbox = Inbox(
            SOURCE, StreamSource(follower, SOURCE, [Raised.tag()]), reader, Handler(reader, Codec(EVENTS)), policies
        )
        partner = Follower(await trio.any.connect("partner-acme"))
        recording = Recording(handler)
        working = [asyncio.create_task(each.run()) for each in (Relay(SOURCE, store, ledger), inbox, partner)]
        await until_reached(acknowledged_of(ledger), 200)
        for nr in range(kills):
            seconds = await kill_the_leader(trio, ledger, partner)
            record_testsuite_property(f"leader killed, {nr + 1} of {kills}", seconds)
            print(f"kill {nr + 1}: {seconds}")  # noqa: T201 - the figures of a run, shown by pytest -s
        await recording.end()
        total = await store.head()
        await until_reached(lambda: reader.cursor(SOURCE), total)
        await until_reached(partner.count, total, COPY_PATIENCE_S)
        await ended(*working)
        assert ledger.comparisons == [KEPT] * kills
        assert ledger.published_again == 0
        assert broken_promises(ledger.acknowledged, await ledger.stream()) == KEPT
        await compare(store, reader, ledger, partner, recording.acknowledged)
        await follower.close()
        await partner.connection.close()


async def compare(store, reader, ledger, partner, promised: list) -> None:
    """The stream is the log, event by event; so are the effects and what the partner got."""
    log = await everything(store)
    ids = [str(record.metadata.id) for record in log]
    assert set(map(str, promised)) <= set(ids)
    assert await ledger.stream() == [(record.position, ident) for record, ident in zip(log, ids, strict=True)]
    effects = [record.stream for record in await everything(reader)]
    assert faults([COUNTER.stream(f"of-{record.position}") for record in log], effects) == NONE
    assert faults(ids, [ident for _, _, ident in partner.got]) == NONE


async def kill_the_leader(trio: Trio, ledger: Ledger, partner: "Follower") -> dict[str, float]:
    """Kills who leads the stream while an acknowledgement is awaited, and starts it again after the others went on.

    Answers the seconds from the kill to the next acknowledged publish, to that event in PUBLIC, and at the partner.
    """
    await trio.until_whole(TENANTS[0])
    leader = await trio.leader(stream_name(SOURCE))
    killed = asyncio.get_running_loop().create_future()

    async def kill() -> None:
        await asyncio.sleep(random.uniform(0, 0.003))
        at = time.monotonic()
        leader.program.process.kill()
        ledger.disturbed()
        await leader.program.process.wait()
        await asyncio.sleep(0.05)  # for what it had sent
        killed.set_result((at, max(ledger.acknowledged)))

    ledger.on_question = kill
    at, before = await asyncio.wait_for(killed, 60)
    acknowledged_at, position = await ledger.beyond(before)
    copied_at, got_at = await asyncio.gather(trio.copied(TENANTS[0], position), partner.has(position))
    await leader.start()
    # What the partner has was in PUBLIC, even where our own question was answered later.
    moments = {"acknowledged_s": acknowledged_at, "copied_s": min(copied_at, got_at), "partner_s": got_at}
    return {name: round(moment - at, 2) for name, moment in moments.items()}


class Follower:
    """A partner that reads by an ordered consumer, and by a new one behind what it has when nothing comes any more."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self.got: list[tuple[float, int, str]] = []
        """When (monotonic), the event's position, its id."""
        self._sequence = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await self._follow()
            await asyncio.sleep(0.2)

    async def _follow(self) -> None:
        start = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self._sequence + 1)
        subscription = await self.connection.jetstream().subscribe(
            "pub.acme.>", stream=PUBLIC, ordered_consumer=True, config=start
        )
        try:
            while True:
                message = await subscription.next_msg(timeout=STALL_S)
                self._sequence = message.metadata.sequence.stream
                self.got.append((time.monotonic(), int(message.headers["ce-position"]), message.headers["ce-id"]))
        finally:
            await subscription.unsubscribe()

    async def count(self) -> int:
        return len(self.got)

    async def has(self, position: int) -> float:
        """When it got the event of a position; waits for it."""
        async with asyncio.timeout(COPY_PATIENCE_S):
            while True:
                for at, other, _ in reversed(self.got):
                    if other == position:
                        return at
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def scribe(server, **options):
    """A ledger over a connection of the service whose log is relayed."""
    seed = server.seed_file(SOURCE)
    broker, witness = await connect(server.url, SOURCE, seed), await connect(server.url, SOURCE, seed)
    try:
        ledger = Ledger(broker, witness, SOURCE, **options)
        await ledger.open()
        yield ledger
    finally:
        await broker.close()
        await witness.close()


async def database(make_database) -> str:
    return (await make_database(TOY)).service_url


async def some_events(handler) -> None:
    recording = Recording(handler)
    await asyncio.sleep(0.5)
    await recording.end()


async def ended(*tasks: asyncio.Task) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), outcome


def stored_of(ledger: Ledger):
    async def count() -> int:
        return len(await ledger.stream())

    return count


def acknowledged_of(ledger: Ledger):
    async def count() -> int:
        return len(ledger.acknowledged)

    return count


def again_of(ledger: Ledger):
    async def count() -> int:
        return ledger.published_again

    return count

"""What the comparison of stream and log must find: each kind of damage is planted, found, and told everywhere."""

from uuid import uuid4

import msgspec
import nats.js.errors
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.broker import connect
from chassis.reconcile import Reconciler
from chassis.relay import Relay
from contracts.envelope import Recorded, cloudevent_headers, subject_of
from regie.exchange import log_stream
from tests.integration.chassis.test_exchange import running, until
from tests.support.toy import COUNTER, Raise, cause


class Stream:
    """A broker's stream `STAGE` and the log it should be the mirror of."""

    def __init__(self, broker, store, handler) -> None:
        self.broker, self.store, self._handler = broker, store, handler

    async def record(self, count: int) -> list[Recorded]:
        for _ in range(count):
            await self._handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        return await self.store.read(0)

    async def make_unguarded(self) -> None:
        """Ours lets nobody delete a message; this one stands for a broker that loses what it acknowledged."""
        config = log_stream("stage")
        config.deny_delete = config.deny_purge = False
        admin = await self.broker.connect("admin")
        await admin.jetstream().delete_stream("STAGE")
        await admin.jetstream().add_stream(config)
        await admin.close()

    async def delete(self, sequence: int) -> None:
        admin = await self.broker.connect("admin")
        try:
            await admin.jetstream().delete_msg("STAGE", sequence)
        finally:
            await admin.close()

    async def relay_all(self) -> None:
        stage = await connect(self.broker.url, "stage", self.broker.seed_file("stage"))
        relay, head = Relay("stage", self.store, stage), await self.store.head()

        async def done() -> bool:
            return relay.published == head

        async with running(relay.run()):
            await until(done)
        await stage.close()

    async def publish_by_hand(self, records: list[Recorded]) -> None:
        stage = await connect(self.broker.url, "stage", self.broker.seed_file("stage"))
        for record in records:
            headers = cloudevent_headers("stage", record)
            await stage.request(subject_of("stage", record), record.payload, headers=headers)
        await stage.close()

    async def assert_flagged(self, positions: list[int]) -> None:
        """Found, and told: in the log as an error, as a metric, in readiness."""
        stage = await connect(self.broker.url, "stage", self.broker.seed_file("stage"))
        reconciler = Reconciler("stage", self.store, stage)
        with capture_logs() as lines:
            assert await reconciler.compare() == positions
        await stage.close()
        [told] = [line for line in lines if line["log_level"] == "error"]
        assert (told["event"], told["stream"], told["first"]) == ("stream_damaged", "STAGE", positions)
        assert REGISTRY.get_sample_value("regie_stream_damaged_events", {"service": "stage"}) == len(positions)
        assert await reconciler.check() == (
            f"ok, but {len(positions)} messages of the stream are damaged; the first is {positions[0]}"
        )

    async def assert_sound(self, total: int) -> None:
        stage = await connect(self.broker.url, "stage", self.broker.seed_file("stage"))
        reconciler = Reconciler("stage", self.store, stage)
        with capture_logs() as lines:
            assert await reconciler.compare() == []
        await stage.close()
        assert reconciler.compared == total
        assert [line for line in lines if line["log_level"] == "error"] == []
        assert REGISTRY.get_sample_value("regie_stream_damaged_events", {"service": "stage"}) == 0
        assert await reconciler.check() == "ok"


@pytest.fixture
async def stream(toy, make_broker) -> Stream:
    return Stream(await make_broker(), *toy)


async def test_a_stream_that_is_the_log_is_sound_and_nobody_may_delete_from_it(stream):
    await stream.record(6)
    await stream.relay_all()
    with pytest.raises(nats.js.errors.APIError):
        await stream.delete(3)
    await stream.assert_sound(6)


async def test_a_message_deleted_in_the_middle_is_named(stream):
    await stream.record(6)
    await stream.make_unguarded()
    await stream.relay_all()
    await stream.delete(3)
    await stream.delete(4)
    await stream.assert_flagged([3, 4])


def other_payload(record: Recorded) -> Recorded:
    return msgspec.structs.replace(record, payload=record.payload.replace(b'"by":1', b'"by":2'))


def other_id(record: Recorded) -> Recorded:
    return about(record, id=uuid4())


def other_actor(record: Recorded) -> Recorded:
    return about(record, actor=msgspec.structs.replace(record.metadata.actor, id="somebody else"))


def other_tenant(record: Recorded) -> Recorded:
    return about(record, tenant="globex")


def other_type(record: Recorded) -> Recorded:
    return msgspec.structs.replace(record, type="toy.emptied.v1")


def about(record: Recorded, **changed) -> Recorded:
    return msgspec.structs.replace(record, metadata=msgspec.structs.replace(record.metadata, **changed))


@pytest.mark.parametrize("change", [other_payload, other_id, other_actor, other_tenant, other_type])
async def test_a_message_that_says_something_else_than_its_event_is_named(stream, change):
    records = await stream.record(5)
    changed = change(records[1])
    assert changed != records[1]
    await stream.publish_by_hand([records[0], changed, *records[2:]])
    await stream.assert_flagged([2])


async def test_a_stream_longer_than_the_log_is_named_and_the_relay_does_not_continue_it(stream):
    records = await stream.record(3)
    invented = msgspec.structs.replace(records[2], position=4, version=2)
    await stream.publish_by_hand([*records, invented, msgspec.structs.replace(invented, position=5)])
    await stream.assert_flagged([4, 5])
    stage = await connect(stream.broker.url, "stage", stream.broker.seed_file("stage"))
    relay = Relay("stage", stream.store, stage)

    async def says_so() -> bool:
        return await relay.check() == "the stream is at 5, the log ends before it"

    with capture_logs() as lines:
        async with running(relay.run()):
            await until(says_so)
    await stage.close()
    assert "relay_stopped_by_foreign_message" in {line["event"] for line in lines if line["log_level"] == "error"}


async def test_a_bit_that_flips_on_the_brokers_disk_is_found(stream):
    records = await stream.record(6)
    await stream.relay_all()
    await stream.broker.stop()
    flip_a_bit(stream.broker.home.nats, str(records[2].metadata.id).encode())
    await stream.broker.start()
    await stream.assert_flagged([3])


def flip_a_bit(store, where: bytes) -> None:
    """In every block file of the stream that holds these bytes."""
    flipped = 0
    for block in store.rglob("streams/STAGE/msgs/*.blk"):
        data = bytearray(block.read_bytes())
        if (at := data.find(where)) >= 0:
            data[at] ^= 1
            block.write_bytes(data)
            flipped += 1
    assert flipped == 1

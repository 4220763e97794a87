"""The connection to NATS JetStream, and following another service's stream as a source.

A stream mirrors its service's log: JetStream sequence n is event position n (design.md section 4).
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from chassis.faults import Unreachable
from contracts.envelope import Recorded, from_cloudevent

log = structlog.get_logger(__name__)

BATCH = 200
HEARTBEAT_S = 1.0
SILENCE_S = 4.0
"""Without a message or a heartbeat for so long, the consumer is made anew."""
BROKER_ERRORS = (NatsError, OSError, asyncio.TimeoutError)


def stream_name(service: str) -> str:
    return service.upper()


async def connect(url: str, service: str, seed_file: Path | None) -> Client:
    """Connects and keeps reconnecting for ever. Raises Unreachable when there is no broker now."""

    async def on_error(fault: Exception) -> None:
        log.warning("broker_error", error=str(fault) or type(fault).__name__)

    try:
        return await nats.connect(
            url,
            name=service,
            inbox_prefix=f"_INBOX_{service}".encode(),
            nkeys_seed=str(seed_file) if seed_file else None,
            error_cb=on_error,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            ping_interval=2,
            max_outstanding_pings=2,
            connect_timeout=2,
        )
    except BROKER_ERRORS as lost:
        raise Unreachable("the broker does not answer") from lost


class StreamSource:
    """Another service's events, in order, from any position; made for `chassis.inbox.Inbox`."""

    def __init__(self, broker: Client, reader: str, service: str) -> None:
        self._broker, self._reader, self._stream = broker, reader, stream_name(service)

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        """Batches of events after a position; an empty batch on each quiet second. Raises Unreachable when cut off."""
        consumer = f"{self._reader}-{uuid4().hex}"
        inbox = self._broker.new_inbox()
        try:
            subscription = await self._broker.subscribe(inbox)
            try:
                await self._make_consumer(consumer, inbox, after)
                while True:
                    yield await self._batch(subscription)
            finally:
                await subscription.unsubscribe()
        except NotFoundError as missing:
            raise Unreachable(f"the broker has no stream {self._stream} yet") from missing
        except BROKER_ERRORS as lost:
            raise Unreachable(f"stream {self._stream}: {type(lost).__name__}") from lost

    async def _make_consumer(self, name: str, inbox: str, after: int) -> None:
        await self._broker.jetstream(timeout=3).add_consumer(
            self._stream,
            ConsumerConfig(
                name=name,
                deliver_subject=inbox,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                idle_heartbeat=HEARTBEAT_S,
                inactive_threshold=30.0,
                mem_storage=True,
                num_replicas=1,
            ),
        )

    async def _batch(self, subscription: Subscription) -> list[Recorded]:
        """Waits for a first message or heartbeat, then takes what has arrived besides."""
        batch: list[Recorded] = []
        message = await subscription.next_msg(timeout=SILENCE_S)
        while True:
            if (record := _record(message)) is not None:
                batch.append(record)
            if len(batch) >= BATCH or subscription.pending_msgs == 0:
                return batch
            message = await subscription.next_msg(timeout=SILENCE_S)


def _record(message: Msg) -> Recorded | None:
    """The event of a message; None for a heartbeat. Raises Unreachable for what is not ours: it must not be skipped."""
    headers = message.headers or {}
    if "Status" in headers:
        return None
    try:
        record = from_cloudevent(headers, message.data)
    except (KeyError, ValueError) as strange:
        raise Unreachable(f"a foreign message on {message.subject}") from strange
    if record.position != message.metadata.sequence.stream:
        raise Unreachable(f"position {record.position} at sequence {message.metadata.sequence.stream}")
    return record

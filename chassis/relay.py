"""Publishes the log to the service's stream, so that the stream is always a prefix of the log.

Each message says which sequence must stand before it (`Nats-Expected-Last-Sequence = position - 1`), so a duplicate, a
gap, a second relay or a restart cannot put a wrong message in; no checkpoint is kept: the stream's tail is the
checkpoint. Source: design.md section 4.
"""

import asyncio
import contextlib
from collections import deque
from typing import Self

import msgspec
import structlog
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from chassis.broker import BROKER_ERRORS, stream_name
from chassis.faults import Fault, Unreachable
from chassis.store import Store
from contracts.envelope import Recorded, cloudevent_headers, subject_of

log = structlog.get_logger(__name__)

WINDOW = 256
"""Messages in flight; each is fenced by the one before it, so they cannot overtake."""
ACK_S = 5.0
RESYNC_S = 2.0
"""How often an idle relay looks at the stream's tail: without this it never notices a wiped broker (measured.md B.3)."""
RETRY_S = 0.3


class Ack(msgspec.Struct):
    """JetStream's answer to a publish. `err_code` 10071: wrong last sequence."""

    seq: int = 0
    error: dict[str, object] | None = None


class Refused(Fault):
    """The stream's tail is not where we believed; look again and go on from there."""


class ForeignTail(Fault):
    """The stream holds something the log does not: it must not be continued. Somebody has to look at it."""


class Relay:
    """One service's log, followed on to its stream."""

    def __init__(self, service: str, store: Store, broker: Client) -> None:
        self._service, self._store, self._broker = service, store, broker
        self.published = 0
        self._trouble: str | None = "has not reached the stream yet"

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except (Refused, Unreachable) as again:
                self._trouble = str(again)
                log.info("relay_resyncs", reason=str(again))
            except BROKER_ERRORS as lost:
                self._trouble = f"the broker does not answer ({type(lost).__name__})"
                log.info("relay_waits", reason=self._trouble)
            except ForeignTail as foreign:
                self._trouble = str(foreign)
                log.error("relay_stopped_by_foreign_message", reason=str(foreign))  # noqa: TRY400 - no trace needed
                await asyncio.sleep(RESYNC_S)
            except Exception as fault:
                self._trouble = repr(fault)
                log.exception("relay_failed")
            await asyncio.sleep(RETRY_S)

    async def check(self) -> None:
        """Readiness: raises Unreachable while the stream cannot be continued, and says why."""
        if self._trouble:
            raise Unreachable(self._trouble)

    def lag(self) -> int:
        """Events recorded but not yet on the stream."""
        return max(0, self._store.known_head - self.published)

    async def _follow(self) -> None:
        async with _Publisher(self._broker, self._service) as publisher:
            self.published = await self._tail()
            self._trouble = None
            while True:
                if not await self._store.wait_beyond(self.published, patience_s=RESYNC_S):
                    if await self._tail() != self.published:
                        raise Refused("the stream's tail moved without us")
                    continue
                records = await self._store.read(self.published)
                await publisher.publish(records)
                self.published = records[-1].position if records else self.published

    async def _tail(self) -> int:
        """The last sequence of the stream, after comparing its message with the log's event.

        Raises ForeignTail when they differ or the stream is longer than the log.
        """
        jetstream = self._broker.jetstream(timeout=ACK_S)
        try:
            last = (await jetstream.stream_info(stream_name(self._service))).state.last_seq
        except NotFoundError as missing:
            raise Unreachable(
                f"the broker has no stream {stream_name(self._service)}: set the exchange up"
            ) from missing
        if last == 0:
            return 0
        ours = await self._store.read(last - 1, limit=1)
        if not ours:
            raise ForeignTail(f"the stream is at {last}, the log ends before it")
        message = await jetstream.get_msg(stream_name(self._service), seq=last)
        if (message.headers or {}).get("ce-id") != str(ours[0].metadata.id):
            raise ForeignTail(f"the message at {last} is not the event at {last}")
        return last


class _Publisher:
    """Fenced publishes with several in flight, on an inbox of its own.

    nats-py's `publish_async` never finishes a future on a server error and leaks its slot (measured.md B.7).
    """

    def __init__(self, broker: Client, service: str) -> None:
        self._broker, self._service = broker, service
        self._inbox = broker.new_inbox()

    async def __aenter__(self) -> Self:
        self._subscription = await self._broker.subscribe(f"{self._inbox}.*")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(*BROKER_ERRORS):
            await self._subscription.unsubscribe()

    async def publish(self, records: list[Recorded]) -> None:
        """Publishes events that follow one another. Raises Refused at the first one the stream does not take."""
        waiting: deque[int] = deque()
        for record in records:
            await self._send(record)
            waiting.append(record.position)
            if len(waiting) >= WINDOW:
                await self._acknowledged(waiting.popleft())
        while waiting:
            await self._acknowledged(waiting.popleft())

    async def _send(self, record: Recorded) -> None:
        headers = cloudevent_headers(self._service, record)
        headers["Nats-Expected-Last-Sequence"] = str(record.position - 1)
        headers["Nats-Expected-Stream"] = stream_name(self._service)
        await self._broker.publish(
            subject_of(self._service, record), record.payload, reply=f"{self._inbox}.{record.position}", headers=headers
        )

    async def _acknowledged(self, position: int) -> None:
        while True:
            message = await self._subscription.next_msg(timeout=ACK_S)
            answered = int(message.subject.rsplit(".", 1)[1])
            if answered < position:
                continue  # of an earlier attempt
            if (message.headers or {}).get("Status"):
                raise Refused("no stream takes this subject")
            ack = msgspec.json.decode(message.data, type=Ack)
            if ack.error is not None or ack.seq != position:
                raise Refused(f"position {position}: {ack.error or ack.seq}")
            return

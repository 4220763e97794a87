"""Publishes the log to the service's stream, so that the stream is always a prefix of the log.

Each publish says which sequence must stand before it (`Nats-Expected-Last-Sequence = position - 1`), so a duplicate, a
gap, a second relay or a restart cannot put a wrong message in; no checkpoint is kept: the stream's tail is the
checkpoint. What is far behind goes in atomic batches, which are stored whole or not at all. Source: design.md section 4;
measured.md part B.4 (what each form costs).
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Self

import msgspec
import structlog
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from chassis import observe
from chassis.broker import BROKER_ERRORS, logs_of, stream_name
from chassis.faults import Fault, Unreachable
from chassis.store import Store
from contracts.envelope import Recorded, cloudevent_headers, subject_of

log = structlog.get_logger(__name__)

BATCH_FROM = 32
"""From so many events on an atomic batch is cheaper than single messages: it costs 2.4 ms at once (measured.md B.4)."""
BATCH_MOST = 1000
"""The broker's own limit for one atomic batch (error 10199 beyond it)."""
BATCH_BYTES = 16_000_000
WINDOW = 256
"""Single messages in flight; each is fenced by the one before it, so they cannot overtake."""
WRONG_LAST_SEQUENCE = 10071
ACK_S = 5.0
RESYNC_S = 2.0
"""How often an idle relay looks at the stream's tail: without this it never notices a wiped broker (measured.md B.3)."""
RETRY_S = 0.3
MEASURE_S = 1.0
READY_LAG_S = 60.0
REFUSALS = 50
"""Refusals without any progress that are more than another relay being quicker."""


class Ack(msgspec.Struct):
    """JetStream's answer to a publish, of one message or of a batch: `seq` is its last sequence."""

    seq: int = 0
    error: dict[str, object] | None = None


class _AsItIs(str):
    """Header lines that need no mending, which ours never do: `cloudevent_headers` encodes what a line cannot hold.

    nats-py looks at every character of every value and writes each line by itself, which took half of the time of a send;
    so all lines go to it as the value of the first.
    """

    __slots__ = ()

    def strip(self, _: str | None = None, /) -> Self:
        return self

    def translate(self, _: object, /) -> Self:
        return self


class Refused(Fault):
    """The stream's tail is not where we believed; look again and go on from there."""


class Unbatched(Fault):
    """The broker takes no atomic batch; single messages may go."""


class ForeignTail(Fault):
    """The stream holds something the log does not: it must not be continued. Somebody has to look at it."""


class Lag(msgspec.Struct, frozen=True):
    """How far the stream is behind the log: in events, and by the age of the oldest that is missing."""

    events: int = 0
    seconds: float = 0.0


class Relay:
    """One service's log, followed on to its stream. Ready while it is at most `ready_lag_s` behind."""

    def __init__(self, service: str, store: Store, broker: Client, *, ready_lag_s: float = READY_LAG_S) -> None:
        self._service, self._store, self._broker = service, store, broker
        self._ready_lag_s = ready_lag_s
        self.published = 0
        self.lag = Lag()
        self._trouble: str | None = "has not reached the stream yet"
        self._refusals = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay())
            tasks.create_task(self._watch())

    async def check(self) -> str:
        """Readiness: "ok", or why the stream cannot be continued, or how far it is behind when that is too far."""
        if not self._broker.is_connected:
            return "the broker cannot be reached"
        if self._trouble:
            return self._trouble
        if self.lag.seconds > self._ready_lag_s:
            return f"the stream is {self.lag.events} events and {self.lag.seconds:.0f} s behind the log"
        return "ok"

    async def measure(self) -> Lag:
        """How far the stream is behind now; also published as metrics."""
        behind = max(0, await self._store.head() - self.published)
        oldest = await self._store.read(self.published, limit=1) if behind else []
        age_s = (datetime.now(UTC) - oldest[0].recorded_at).total_seconds() if oldest else 0.0
        self.lag = Lag(behind, max(0.0, age_s))
        observe.relay_lag_events.labels(self._service).set(self.lag.events)
        observe.relay_lag_seconds.labels(self._service).set(self.lag.seconds)
        return self.lag

    async def _watch(self) -> None:
        while True:
            try:
                await self.measure()
            except Unreachable as lost:
                log.info("relay_lag_unknown", reason=str(lost))
            except Exception:
                log.exception("relay_lag_unknown")
            await asyncio.sleep(MEASURE_S)

    async def _relay(self) -> None:
        batches = True
        while True:
            try:
                await self._follow(batches=batches)
            except Unbatched as refused:
                log.warning("relay_batch_refused", error=str(refused))
                batches = False  # until the next trouble: it may have been a passing one
                continue
            except Refused as quicker:
                # Another relay of this service was quicker, which is no trouble as long as somebody gets on.
                self._refusals += 1
                observe.relay_resyncs_total.labels(self._service).inc()
                log.debug("relay_resyncs", reason=str(quicker))
                if self._refusals < REFUSALS:
                    continue
                self._trouble = str(quicker)
            except Unreachable as lost:
                self._trouble = str(lost)
                log.info("relay_waits", reason=str(lost))
            except BROKER_ERRORS as lost:
                self._trouble = f"the broker does not answer ({type(lost).__name__})"
                log.info("relay_waits", reason=self._trouble)
            except ForeignTail as foreign:
                self._trouble = str(foreign)
                log.error("relay_stopped_by_foreign_message", reason=str(foreign))  # noqa: TRY400 - no trace needed
                await asyncio.sleep(RESYNC_S)
            except Exception as fault:
                self._trouble = f"failed: {type(fault).__name__}"  # the rest may be nobody's business outside
                log.exception("relay_failed")
            batches = True
            await asyncio.sleep(RETRY_S)

    async def _follow(self, *, batches: bool) -> None:
        self.published = await self._tail()
        async with _Publisher(self._broker, self._service, self.published, batches=batches) as publisher:
            if self._refusals < REFUSALS:
                self._trouble = None
            sent = self.published
            while True:
                if self._store.known_head <= sent:
                    self._advance(await publisher.settle())
                if not await self._store.wait_beyond(sent, patience_s=RESYNC_S):
                    if await self._tail() != sent:
                        raise Refused("the stream's tail moved without us")
                    self._refusals, self._trouble = 0, None
                    continue
                for run in runs_of(await self._store.news(sent, limit=BATCH_MOST)):
                    self._advance(await publisher.publish(run))
                    sent = run[-1].position

    def _advance(self, position: int) -> None:
        """Notes what the stream holds now."""
        if position > self.published:
            observe.relay_published_total.labels(self._service).inc(position - self.published)
            self.published = position
            self._refusals, self._trouble = 0, None

    async def _tail(self) -> int:
        """The last sequence of the stream, after comparing its message with the log's event.

        Raises ForeignTail when they differ or the stream is longer than the log.
        """
        jetstream, name = logs_of(self._broker, ACK_S), stream_name(self._service)
        try:
            last = int((await jetstream.stream_info(name)).state.last_seq)
        except NotFoundError as missing:
            raise Unreachable(f"the broker has no stream {name}: set the exchange up") from missing
        if last == 0:
            return 0
        ours = await self._store.read(last - 1, limit=1)
        if not ours:
            raise ForeignTail(f"the stream is at {last}, the log ends before it")
        if ours[0].position > last:
            return last  # the stream starts where the log does, and is still empty
        try:
            message = await jetstream.get_msg(name, seq=last)
        except NotFoundError as lost:
            raise ForeignTail(f"the stream lost its message {last}") from lost
        if (message.headers or {}).get("ce-id") != str(ours[0].metadata.id):
            raise ForeignTail(f"the message at {last} is not the event at {last}")
        return last


def runs_of(records: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
    """Cuts what is to be published into runs no larger than BATCH_BYTES, each of at least one event."""
    begin = size = 0
    for nr, record in enumerate(records):
        if nr > begin and size + len(record.payload) > BATCH_BYTES:
            yield records[begin:nr]
            begin, size = nr, 0
        size += len(record.payload)
    if records:
        yield records[begin:]


class _Publisher:
    """Fenced publishes on an inbox of its own.

    nats-py's `publish_async` never finishes a future on a server error and leaks its slot (measured.md B.7). One batch is
    on its way while the next is made ready: the fence of the next holds only behind it.
    """

    def __init__(self, broker: Client, service: str, confirmed: int, *, batches: bool) -> None:
        self._broker, self._service = broker, service
        self._inbox = broker.new_inbox()
        self._questions = count(1)
        self._confirmed, self._batches = confirmed, batches
        self._coming: tuple[Sequence[Recorded], str] | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._broker.subscribe(f"{self._inbox}.*")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(*BROKER_ERRORS):
            await self._subscription.unsubscribe()

    async def publish(self, run: Sequence[Recorded]) -> int:
        """Publishes events that follow one another; answers what the stream is known to hold now.

        Raises Refused when the stream does not take them or those before, Unbatched when it takes no batch.
        """
        if len(run) < BATCH_FROM or not self._batches:
            await self.settle()
            await self._one_by_one(run)
            self._confirmed = run[-1].position
            return self._confirmed
        asked = await self._as_batch(run)
        confirmed = await self.settle()
        self._coming = (run, asked)
        return confirmed

    async def settle(self) -> int:
        """Waits for the answer to the batch on its way, if there is one; answers and raises as `publish`."""
        if self._coming is not None:
            (run, asked), self._coming = self._coming, None
            error = await self._answer(asked, run[-1].position)
            if error is not None:
                if error.get("err_code", WRONG_LAST_SEQUENCE) != WRONG_LAST_SEQUENCE:
                    raise Unbatched(str(error))
                raise Refused(f"position {run[0].position}: {error}")
            self._confirmed = run[-1].position
        return self._confirmed

    async def _one_by_one(self, run: Sequence[Recorded]) -> None:
        """Every message is fenced by the one before it, so the answer to the last speaks for all of its window."""
        for begin in range(0, len(run), WINDOW):
            window = run[begin : begin + WINDOW]
            asked = self._question()
            for record in window:
                fence = {"Nats-Expected-Last-Sequence": str(record.position - 1)}
                await self._send(record, fence, asked if record is window[-1] else "")
            if error := await self._answer(asked, window[-1].position):
                raise Refused(f"position {window[-1].position}: {error}")

    async def _as_batch(self, run: Sequence[Recorded]) -> str:
        """Sends one atomic batch, fenced on its first message; answers under which question it will be answered."""
        asked = self._question()
        batch = asked.rsplit(".", 2)[1] + asked.rsplit(".", 1)[1]
        for nr, record in enumerate(run, start=1):
            headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(nr)}
            if nr == 1:
                headers["Nats-Expected-Last-Sequence"] = str(record.position - 1)
            last = nr == len(run)
            if last:
                headers["Nats-Batch-Commit"] = "1"
            await self._send(record, headers, asked if last else "")
        return asked

    async def _send(self, record: Recorded, fence: dict[str, str], reply: str) -> None:
        first, *lines = (cloudevent_headers(self._service, record) | fence).items()
        value = _AsItIs(first[1] + "".join(f"\r\n{name}: {value}" for name, value in lines))
        subject = subject_of(self._service, record)
        await self._broker.publish(subject, record.payload, reply=reply, headers={first[0]: value})

    def _question(self) -> str:
        return f"{self._inbox}.{next(self._questions)}"

    async def _answer(self, asked: str, position: int) -> dict[str, object] | None:
        while True:
            message = await self._subscription.next_msg(timeout=ACK_S)
            if message.subject != asked:
                continue  # of an earlier attempt
            if status := (message.headers or {}).get("Status"):
                raise Unreachable(f"no stream takes this subject ({status})")
            ack = msgspec.json.decode(message.data, type=Ack)
            if ack.error is None and ack.seq != position:
                return {"description": f"stored at {ack.seq}"}
            return ack.error

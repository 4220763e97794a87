"""Compares a service's stream with its log, message by message: the broker can lose what it acknowledged.

One flipped bit in a block file silently loses messages, in a cluster too (measured.md part B.4). A lost tail the relay
puts back by itself; a hole or a changed message in the middle cannot be mended in place, so it is reported: an error in
the log, a metric, a line in readiness. Followers stop at the hole until the admin deletes the stream and makes it again
(`regie.exchange.ensure_exchange`); the relay then fills it from the log.
"""

import asyncio

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis import observe
from chassis.broker import BROKER_ERRORS, StreamReader, sequence_of, stream_name
from chassis.faults import Unreachable
from chassis.store import Store
from contracts.envelope import Recorded, from_cloudevent, subject_of

log = structlog.get_logger(__name__)

EVERY_S = 3600.0
RETRY_S = 10.0
PAUSE_S = 0.05
"""Between two batches: a comparison must not be felt by those who work."""
NAMED = 20
"""How many positions a report names."""


class Reconciler:
    """Compares at the start and every `every_s` afterwards."""

    def __init__(self, service: str, store: Store, broker: Client, *, every_s: float = EVERY_S) -> None:
        self._service, self._store, self._broker, self._every_s = service, store, broker, every_s
        self.damaged: list[int] = []
        self.compared = 0

    async def run(self) -> None:
        while True:
            try:
                await self.compare()
            except (Unreachable, *BROKER_ERRORS) as lost:
                log.info("comparison_waits", reason=str(lost) or type(lost).__name__)
                await asyncio.sleep(min(RETRY_S, self._every_s))
                continue
            await asyncio.sleep(self._every_s)

    async def check(self) -> str:
        """Readiness: says what is damaged. The service can work, so it stays ready."""
        if not self.damaged:
            return "ok"
        return f"ok, but {len(self.damaged)} messages of the stream are damaged; the first is {self.damaged[0]}"

    async def compare(self) -> list[int]:
        """The positions whose message is missing or not the event's, ascending, up to the stream's end now."""
        damaged: list[int] = []
        position = 0
        async with StreamReader(self._broker, self._service) as reader:
            while stored := {sequence_of(message): message for message in await reader.after(position)}:
                end = max(stored)
                records = [r for r in await self._store.read(position, limit=len(stored)) if r.position <= end]
                if not records:
                    damaged.extend(stored)  # the log has nothing there: the relay stops at that by itself
                    break
                damaged.extend(r.position for r in records if not _is(self._service, r, stored.get(r.position)))
                position = records[-1].position
                await asyncio.sleep(PAUSE_S)
        self._report(damaged, position)
        return damaged

    def _report(self, damaged: list[int], compared: int) -> None:
        self.damaged, self.compared = damaged, compared
        observe.stream_damaged_events.labels(self._service).set(len(damaged))
        if damaged:
            log.error("stream_damaged", stream=stream_name(self._service), count=len(damaged), first=damaged[:NAMED])
        else:
            log.info("stream_compared", stream=stream_name(self._service), up_to=compared)


def _is(service: str, record: Recorded, message: Msg | None) -> bool:
    """Whether who reads the message gets exactly the event, under the subject that says whose and how live it is."""
    if message is None:
        return False
    headers = message.headers or {}
    if headers.get("Nats-Subject") != subject_of(service, record):
        return False
    try:
        return from_cloudevent(headers, message.data) == record
    except (KeyError, ValueError):
        return False

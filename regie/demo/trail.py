"""The audit trail of one show over four services: as told by the APIs, as received by a partner, and one timeline."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from contracts.envelope import Recorded, from_cloudevent
from contracts.roles import SERVICES
from regie.demo.client import Api, StepFailed, expect
from regie.exchange import Partner, partner_connection


async def trail_of(api: Api, show: str) -> dict[str, list[dict[str, Any]]]:
    """Every event of a show by service, in position order."""
    return {service: await trail_in(api, service, show) for service in SERVICES}


async def trail_in(api: Api, service: str, show: str) -> list[dict[str, Any]]:
    """One service's events of a show, page after page."""
    entries: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = await api.get(service, f"/shows/{show}/events", after=after, limit=500)
        entries.extend(page["entries"])
        after = page["next_after"]
    return entries


def timeline(trail: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """All events by the server's time of recording; within one service, by position."""
    merged = [(service, entry) for service, entries in trail.items() for entry in entries]
    return sorted(merged, key=lambda each: (each[1]["recorded_at"], each[0], each[1]["position"]))


class Inbox:
    """What a partner's durable consumer has received, by show and service, in the order it arrived."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self.received: list[tuple[str, Recorded]] = []
        self.reading: asyncio.Task[None] | None = None
        self._newest = 0

    async def read(self) -> None:
        """Receives and acknowledges until cancelled.

        A durable gives a message again whose acknowledgement was lost (a broker that died); its sequence tells.
        """
        while True:
            for message in await self._partner.fetch(200, 1.0):
                sequence = message.metadata.sequence.stream
                if sequence > self._newest:
                    self._newest = sequence
                    headers = dict(message.headers or {})
                    self.received.append((headers["ce-source"].strip("/"), from_cloudevent(headers, message.data)))
                await message.ack()

    def of_show(self, show: str) -> dict[str, list[Recorded]]:
        if self.reading is not None and self.reading.done():
            raise StepFailed(f"the partner's consumer stopped: {self.reading.exception()!r}")
        mine = [(service, record) for service, record in self.received if str(record.metadata.show) == show]
        return {service: [record for source, record in mine if source == service] for service in SERVICES}

    def check(self, received: Mapping[str, Sequence[Recorded]], trail: Mapping[str, list[dict[str, Any]]]) -> int:
        """Compares what `of_show` answered with the trail, event by event, payload by payload; answers how many there were.

        The trail has to be read after the events were received: a show may go on being recorded (a destination that
        lets go late), so the trail may be longer, and what was received must be its beginning.
        """
        for service, entries in trail.items():
            told = [entry["id"] for entry in entries]
            got = [str(record.metadata.id) for record in received[service]]
            expect(
                got == told[: len(got)],
                f"the partner received other events of {service} than the trail has, or out of order",
                _first_difference(got, told),
            )
            for entry, record in zip(entries, received[service], strict=False):
                expect(
                    msgspec.json.decode(record.payload) == entry["data"], f"event {entry['id']} differs on the stream"
                )
        return sum(len(records) for records in received.values())


def _first_difference(got: Sequence[str], told: Sequence[str]) -> str | None:
    """Where two orders of event ids part, for the operator to look up."""
    for nr, (left, right) in enumerate(zip_longest(got, told)):
        if left != right:
            return f"number {nr + 1}: received {left}, recorded {right}; {len(got)} received, {len(told)} recorded"
    return None


@asynccontextmanager
async def partner_inbox(endpoints: Mapping[str, Any]) -> AsyncIterator[Inbox]:
    """A partner's consumer, reading in the background with the partner's own credentials."""
    partner = endpoints["nats"].get("partner")
    if partner is None:
        raise StepFailed("this house has no partner credentials of its own")
    nats = endpoints["nats"]
    ca_file = Path(nats["ca_file"]) if "ca_file" in nats else None
    async with partner_connection(nats["url"], Path(partner["seed_file"]), partner["tenant"], ca_file) as connection:
        inbox = Inbox(connection)
        reading = inbox.reading = asyncio.create_task(inbox.read())
        try:
            yield inbox
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

"""A ledger of what the broker acknowledged, kept beside the relay and compared before anything is published again.

A relay puts back what a broker lost, so that the end state alone does not tell whether the broker kept its word. Here
every acknowledgement the relay's connection receives is written down, with the id of each event it speaks for; after a
fault nothing is published until the stream was compared with that.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.broker import BROKER_ERRORS, QuickClient, StreamReader, sequence_of
from chassis.faults import Unreachable
from chassis.relay import Ack

KEPT = {"lost": 0, "displaced": 0}


def broken_promises(ledger: Mapping[int, str], stream: Sequence[tuple[int, str]]) -> dict[str, int]:
    """How many acknowledged events the stream does not hold, and how many it holds at another sequence."""
    at = {ident: sequence for sequence, ident in stream}
    return {
        "lost": sum(ident not in at for ident in ledger.values()),
        "displaced": sum(ident in at and at[ident] != sequence for sequence, ident in ledger.items()),
    }


async def stream_of(broker: Any, service: str) -> list[tuple[int, str]]:
    """Sequence and event id of all that the stream holds, as it stands there."""
    found: list[tuple[int, str]] = []
    async with StreamReader(broker, service) as reader:
        while batch := await reader.after(found[-1][0] if found else 0):
            found += [(sequence_of(message), str((message.headers or {})["ce-id"])) for message in batch]
    return found


def lines_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The header lines as a reader gets them: the relay sends them all as the value of the first."""
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return QuickClient._parse_header_lines(sent.encode())


class Ledger:
    """The relay's connection with a clerk: stands where a `Client` is expected, and passes everything on.

    `witness` is a connection of its own for looking at the stream. `disturbed()` says that a fault was injected: the
    next publish waits until the comparison is through. `on_question`, if set, is called once, right after the next
    message that asks for an acknowledgement left.
    """

    def __init__(self, broker: Client, witness: Client, service: str, *, patience_s: float = 20) -> None:
        self._broker, self._witness, self._service, self._patience_s = broker, witness, service, patience_s
        self.acknowledged: dict[int, str] = {}
        self._when: dict[int, float] = {}
        self.published_again = 0
        self.comparisons: list[dict[str, int]] = []
        self.on_question: Callable[[], Awaitable[None]] | None = None
        self._window: list[tuple[int, str]] = []
        self._asked: dict[str, list[tuple[int, str]]] = {}
        self._disturbed = False
        self._grew = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def open(self) -> None:
        """Starts listening for acknowledgements: all that reach this connection, whether the relay still waits or not."""
        await self._broker.subscribe(f"_INBOX_{self._service}.>", cb=self._hear)

    def disturbed(self) -> None:
        self._disturbed = True

    async def beyond(self, position: int, patience_s: float = 90) -> tuple[float, int]:
        """When (monotonic, seconds) something behind a position was acknowledged first, and the first such position."""
        async with asyncio.timeout(patience_s):
            while not (later := [each for each in self.acknowledged if each > position]):
                self._grew.clear()
                await self._grew.wait()
        first = min(later)
        return self._when[first], first

    async def stream(self) -> list[tuple[int, str]]:
        """Sequence and event id of all that the stream holds now."""
        return await stream_of(self._witness, self._service)

    async def publish(self, subject: str, payload: bytes, *, reply: str = "", headers: dict[str, str]) -> None:
        lines = lines_of(headers)
        position, ident = int(lines["ce-position"]), lines["ce-id"]
        if self._disturbed:
            self.comparisons.append(await self._compare())
            self._disturbed = False
        self.published_again += position in self.acknowledged
        if self._window and position != self._window[-1][0] + 1:
            self._window = []  # the rest of an attempt that was given up
        self._window.append((position, ident))
        if reply:
            self._asked[reply], self._window = self._window, []
        await self._broker.publish(subject, payload, reply=reply, headers=headers)
        if reply and self.on_question is not None:
            act, self.on_question = self.on_question, None
            await act()

    async def _hear(self, message: Msg) -> None:
        if message.subject not in self._asked or not message.data:
            return
        ack = msgspec.json.decode(message.data, type=Ack)
        window = self._asked.pop(message.subject)
        if ack.error is None and ack.seq == window[-1][0]:
            self.acknowledged.update(window)
            self._when.update(dict.fromkeys((position for position, _ in window), time.monotonic()))
            self._grew.set()

    async def _compare(self) -> dict[str, int]:
        """Compares with the stream; a copy that lags behind is given time, since nothing is put back meanwhile."""
        end = time.monotonic() + self._patience_s
        result = {"lost": len(self.acknowledged), "displaced": 0}
        while True:
            with contextlib.suppress(Unreachable, *BROKER_ERRORS):
                result = broken_promises(dict(self.acknowledged), await stream_of(self._witness, self._service))
            if result == KEPT or time.monotonic() > end:
                return result
            await asyncio.sleep(0.05)

"""The connection to NATS JetStream, and following another service's stream as a source.

A stream mirrors its service's log: JetStream sequence n is event position n (design.md section 4). A stream is read by
asking for what stands behind a sequence, not through a consumer: nothing on the broker has to be kept in step with the
reader's cursor, any number of readers may ask at once, and no service needs the right to make a consumer.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from chassis.faults import Unreachable
from chassis.settings import SettingsError
from contracts.envelope import Recorded, event_subject, from_cloudevent

log = structlog.get_logger(__name__)

LOGS = "LOGS"
"""The JetStream domain under which a service's account reaches the logs' streams (deploy/nats)."""
BATCH = 500
ANSWER_S = 4.0
QUIET_S = 1.0
"""How long a follower waits to be told of news before it asks by itself."""
BROKER_ERRORS = (NatsError, OSError, asyncio.TimeoutError)


def stream_name(service: str) -> str:
    return service.upper()


def stored_subject(subject: str) -> str:
    """Where the broker tells, headers only, of a message once it is stored."""
    return f"stored.{subject}"


def logs_of(broker: Client, timeout_s: float = ANSWER_S) -> JetStreamContext:
    """The JetStream API as a service's account sees it."""
    return broker.jetstream(domain=LOGS, timeout=timeout_s)


def servers_of(url: str) -> list[str]:
    """The servers a broker's URL names, separated by commas: each is tried, at first and whenever one is lost.

    Raises SettingsError when there is none.
    """
    servers = [server.strip() for server in url.split(",") if server.strip()]
    if not servers:
        raise SettingsError("REGIE_NATS_URL: must name a server, or several separated by commas")
    return [server if "://" in server else f"nats://{server}" for server in servers]


def tls_options(url: str, ca_file: Path | None) -> dict[str, Any]:
    """What the library needs for TLS, which a `tls://` in the URL or a CA asks for; without both nothing.

    The handshake comes before the broker's first word: the library would otherwise go on in plaintext with whoever says
    that it has no TLS, whatever the URL. Raises SettingsError when the CA's file cannot be used.
    """
    if ca_file is None and "tls://" not in url:
        return {}
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as fault:
        raise SettingsError(f"{ca_file}: is no file of certificates to trust ({fault})") from fault
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return {"tls": context, "tls_handshake_first": True}


_SPACES: Final = " \t\r\n\v\f"


class QuickClient(Client):
    """The library's client, reading the headers of a message at once.

    Its own way looks at every character of every name: a third of what a reader of another service's events costs.
    """

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        lines = (line.partition(":") for line in raw.decode("utf-8", "replace").split("\r\n"))
        found = ((name.strip(_SPACES), value.strip(_SPACES)) for name, colon, value in lines if colon)
        return {name: value for name, value in found if " " not in name and name.isascii()}


async def connect(url: str, service: str, seed_file: Path | None, ca_file: Path | None = None) -> Client:
    """Connects to one of the servers of `url` and keeps reconnecting for ever, to whichever of them answers.

    Raises SettingsError when the CA's file cannot be used, Unreachable when the broker turns us away.
    """
    tls = tls_options(url, ca_file)

    async def on_error(fault: Exception) -> None:
        log.warning("broker_error", error=str(fault) or type(fault).__name__)

    client = QuickClient()
    try:
        await client.connect(
            servers_of(url),
            name=service,
            inbox_prefix=f"_INBOX_{service}".encode(),
            nkeys_seed=str(seed_file) if seed_file else None,
            error_cb=on_error,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # it sleeps for it
            ping_interval=2,
            max_outstanding_pings=2,
            connect_timeout=2,
            **tls,
        )
    except BROKER_ERRORS as lost:
        raise Unreachable("the broker does not answer") from lost
    return client


class StreamReader:
    """Reads a service's stream from any sequence on; `async with` it."""

    def __init__(self, broker: Client, service: str) -> None:
        self._broker, self._stream = broker, stream_name(service)
        self._inbox = broker.new_inbox()
        self._numbers = count(1)

    async def __aenter__(self) -> Self:
        self._subscription = await self._broker.subscribe(f"{self._inbox}.*")
        return self

    async def __aexit__(self, *_: object) -> None:
        await _unsubscribe(self._broker, self._subscription)

    async def after(self, sequence: int, most: int = BATCH) -> list[Msg]:
        """The next stored messages behind a sequence, in order; none at the end of the stream.

        Raises Unreachable where there is no such stream, and the broker's errors when it does not answer.
        """
        asked = f"{self._inbox}.{next(self._numbers)}"
        wish = msgspec.json.encode({"seq": sequence + 1, "batch": most, "next_by_subj": ">"})
        await self._broker.publish(f"$JS.{LOGS}.API.DIRECT.GET.{self._stream}", wish, reply=asked)
        found: list[Msg] = []
        while True:
            message = await self._subscription.next_msg(timeout=ANSWER_S)
            if message.subject != asked:
                continue  # of an earlier question that was given up
            match (message.headers or {}).get("Status"):
                case None:
                    found.append(message)
                case "204" | "404":  # the end of what was asked for; nothing behind the sequence
                    return found
                case status:
                    raise Unreachable(f"the broker has no stream {self._stream} ({status})")


class StreamSource:
    """Another service's events, in order, from any position; made for `chassis.inbox.Inbox`.

    All of them are read, since a reader proves by their positions that none is missing. But only an event of the types
    `about` wakes the reader; the others are read with the next one that does, or after QUIET_S. Most of what a service
    records concerns no other: waking all of them for it cost the house more than the command did.
    """

    def __init__(self, broker: Client, service: str, about: Iterable[str]) -> None:
        self._broker, self._service, self._stream = broker, service, stream_name(service)
        self._wakes = sorted({stored_subject(event_subject(service, tag)) for tag in about})
        self._told = 0
        self._news = asyncio.Event()

    async def follow(self, after: int) -> AsyncIterator[list[Recorded]]:
        """Batches of events after a position; an empty batch on each quiet second. Raises Unreachable when cut off."""
        try:
            async with AsyncExitStack() as stack:
                for subject in self._wakes:
                    wake = await self._broker.subscribe(subject, cb=self._hear)
                    stack.push_async_callback(_unsubscribe, self._broker, wake)
                reader = await stack.enter_async_context(StreamReader(self._broker, self._service))
                while True:
                    records = [_record(message) for message in await reader.after(after)]
                    yield records
                    if records:
                        after = records[-1].position
                    else:
                        await self._wait_beyond(after)
        except BROKER_ERRORS as lost:
            raise Unreachable(f"stream {self._stream}: {type(lost).__name__}") from lost

    async def _hear(self, told: Msg) -> None:
        self._told = int((told.headers or {}).get("Nats-Sequence", 0))
        self._news.set()

    async def _wait_beyond(self, after: int) -> None:
        """Until news of a later message came. A replica that answered may not have it yet: then ask again soon."""
        if self._told > after:
            await asyncio.sleep(0.01)
            self._told = 0
            return
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), QUIET_S)
        except TimeoutError:
            return


async def _unsubscribe(broker: Client, subscription: Subscription) -> None:
    """A closed connection has no subscriptions left to end, and would say so by an error."""
    if not broker.is_closed:
        await subscription.unsubscribe()


def sequence_of(message: Msg) -> int:
    """The stream's sequence of a message that was read from it."""
    return int((message.headers or {})["Nats-Sequence"])


def _record(message: Msg) -> Recorded:
    """The event of a message. Raises Unreachable for what is not ours: it must not be skipped."""
    try:
        record = from_cloudevent(message.headers or {}, message.data)
    except (KeyError, ValueError) as strange:
        raise Unreachable("a foreign message on the stream") from strange
    if record.position != sequence_of(message):
        raise Unreachable(f"position {record.position} at sequence {sequence_of(message)}")
    return record

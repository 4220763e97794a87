"""Commands over HTTP at a steady rate, and when a partner hears of each: a house of four real services, from outside.

A client of our own on plain sockets, because a comfortable one costs more processor time a request than the service.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

from bench.rounds import Figures
from regie.demo.house import own_house
from regie.embedded.nats import connect
from regie.exchange import PUBLIC
from tests.support.unlimited import UNLIMITED

BODY = json.dumps({"title": "A show of average length", "zone": "Europe/Paris"}).encode()
CREATED = b"HTTP/1.1 201"


MOST_CONNECTIONS = 200
"""More would be refused: a service counts them. Beyond what it can take, requests wait here, and their time runs."""


class Client:
    """Kept connections, as many as there are requests in flight."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        head = (
            f"POST /shows HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        self._request = head.encode() + BODY
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._free = asyncio.Semaphore(MOST_CONNECTIONS)

    async def draft_show(self) -> str:
        """Drafts a show and answers its id. Raises RuntimeError when it was not created."""
        async with self._free:
            return await self._drafted()

    async def _drafted(self) -> str:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(length)
        if not head.startswith(CREATED):
            raise RuntimeError((head + body).decode())
        self._idle.append((reader, writer))
        return str(json.loads(body)["id"])

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


class Outside:
    """A running house and what an integrator and a partner hold of it; `seconds` is the length of a measurement."""

    def __init__(self, endpoints: Mapping[str, Any], seconds: float) -> None:
        self._endpoints, self._seconds = endpoints, seconds

    async def latency(self, rate: int) -> Figures:
        """From the request's first byte to the partner's callback, in milliseconds."""
        begun: dict[str, float] = {}
        arrived: dict[str, float] = {}
        client = Client(self._endpoints["services"]["scheduling"]["url"], self._endpoints["tokens"]["integrator"])

        async def one() -> None:
            at = time.perf_counter()
            begun[await client.draft_show()] = at

        async with self._partner(arrived):
            begun_with = await client.draft_show()
            async with asyncio.timeout(60):
                while begun_with not in arrived:  # noqa: ASYNC110 - the other side is another process
                    await asyncio.sleep(0.05)
            await steadily(one, rate, self._seconds)
            async with asyncio.timeout(60):
                while not begun.keys() <= arrived.keys():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        client.close()
        return percentiles((arrived[each] - begun[each]) * 1e3 for each in begun)

    @contextlib.asynccontextmanager
    async def _partner(self, arrived: dict[str, float]) -> AsyncIterator[None]:
        """A partner's ordered consumer from now on; notes when a show's first event came."""
        nats = self._endpoints["nats"]
        tenant = nats["partner"]["tenant"]

        async def hear(message: Msg) -> None:
            arrived.setdefault((message.headers or {}).get("ce-show", ""), time.perf_counter())

        broker = await connect(nats["url"], Path(nats["partner"]["seed_file"]), f"_INBOX_{tenant}")
        try:
            await broker.jetstream().subscribe(
                f"pub.{tenant}.>", stream=PUBLIC, ordered_consumer=True, deliver_policy=DeliverPolicy.NEW, cb=hear
            )
            yield
        finally:
            await broker.close()


async def steadily(one: Any, rate: int, seconds: float) -> None:
    """Calls `one` at a steady rate, whatever the earlier calls do, and waits for the last of them."""
    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for nr in range(max(20, int(rate * seconds))):
            await asyncio.sleep(max(0.0, start + nr / rate - time.perf_counter()))
            tasks.create_task(one())


def percentiles(milliseconds: Any) -> Figures:
    taken = list(milliseconds)
    return {"p50": median(taken), "p99": quantiles(taken, n=100)[98]}


@contextlib.asynccontextmanager
async def outside(seconds: float) -> AsyncIterator[Outside]:
    """A house of our own without limits of requests, stopped and removed afterwards."""
    async with own_house({**os.environ, **UNLIMITED}) as endpoints:
        yield Outside(endpoints, seconds)

"""Following the trail as server-sent events: over real HTTP, a real database, and a process that ends."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from chassis import following
from chassis.following import Followers, Following
from chassis.http import Server, follow
from chassis.service import Definition, House, api, open_house
from chassis.settings import ChassisSettings
from contracts.envelope import Recorded, Role
from contracts.problems import Busy
from regie.issuer import Issuer
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.toy import COUNTER, EVENTS, Raise, cause

DEFINITION = Definition(name="scheduling", title="Toy", summary="A toy.", events=EVENTS)


class Toy:
    """The toy service on a real socket."""

    def __init__(self, house: House, url: str, server: Server, issuer: Issuer) -> None:
        self.house, self.url, self._server, self._issuer = house, url, server, issuer

    def end(self) -> None:
        """What SIGTERM does."""
        self._server.handle_exit(signal.SIGTERM, None)

    def headers(self, tenant: str = "acme") -> dict[str, str]:
        return {"authorization": f"Bearer {self._issuer.token([Role.SRE], tenant)}", "accept": "text/event-stream"}

    async def record(self, count: int, tenant: str = "acme", **more: Any) -> None:
        for _ in range(count):
            await self.house.handler.run(COUNTER, uuid4(), Raise(by=1, **more), cause(tenant))

    async def events(self, most: int, path: str = "/events", tenant: str = "acme", **how: Any) -> list[tuple[int, Any]]:
        """The first events of a stream: id and data of each; fewer where it ends before."""
        headers = {**self.headers(tenant), **how.pop("headers", {})}
        found: list[tuple[int, Any]] = []
        async with (
            httpx.AsyncClient(timeout=20) as http,
            http.stream("GET", f"{self.url}{path}", headers=headers, params=how) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            ident = 0
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    ident = int(line[4:])
                elif line.startswith("data: "):
                    found.append((ident, msgspec.json.decode(line[6:])))
                    if len(found) == most:
                        break
        return found


async def nothing(_: int, __: int) -> list[Recorded]:
    return []


def empty(_: Recorded) -> bytes:
    return b""


@pytest.fixture
async def toy(toy_urls: tuple[str, str], home: Any) -> AsyncIterator[Toy]:
    issuer = Issuer(home)
    issuer.publish()
    settings = ChassisSettings(database_url=toy_urls[1], jwks=str(issuer.jwks))
    async with open_house(DEFINITION, settings) as house, serving(api(DEFINITION, house), free_port()) as (url, server):
        yield Toy(house, url, server, issuer)


async def test_what_is_there_and_what_comes_arrive_without_a_gap_or_a_repeat(toy: Toy) -> None:
    """The log grows before, during and after the switch from reading to waiting; several batches long."""
    await toy.record(following.BATCH + 30)
    listening = asyncio.create_task(toy.events(following.BATCH + 130))
    await toy.record(50)
    await asyncio.sleep(0.3)
    await toy.record(50)
    told = await asyncio.wait_for(listening, 20)
    assert [ident for ident, _ in told] == list(range(1, following.BATCH + 131))
    assert all(ident == data["position"] and data["type"] == "toy.raised.v1" for ident, data in told)


async def test_a_client_goes_on_behind_the_last_event_it_has(toy: Toy) -> None:
    await toy.record(5)
    first = await toy.events(2)
    last = str(first[-1][0])
    rest = await toy.events(3, headers={"last-event-id": last}, after=1)
    assert [ident for ident, _ in [*first, *rest]] == [1, 2, 3, 4, 5]


async def test_only_what_is_the_tenants_and_the_shows_is_told(toy: Toy) -> None:
    show = uuid4()
    for tenant, show_id in (("acme", None), ("globex", show), ("acme", show), ("globex", None), ("acme", show)):
        await toy.record(1, tenant, show_id=show_id)
    assert [ident for ident, _ in await toy.events(9, until=5)] == [1, 3, 5]
    assert [ident for ident, _ in await toy.events(9, f"/shows/{show}/events", until=5)] == [3, 5]
    assert [ident for ident, _ in await toy.events(9, tenant="globex", until=5)] == [2, 4]
    assert await toy.events(9, tenant="nobody", until=5) == []


async def test_the_same_resource_is_a_page_to_who_asks_for_json(toy: Toy) -> None:
    await toy.record(5)
    async with httpx.AsyncClient(headers={**toy.headers(), "accept": "*/*"}) as http:
        page = (await http.get(f"{toy.url}/events", params={"until": 3, "limit": 2})).json()
        assert ([entry["position"] for entry in page["entries"]], page["next_after"]) == ([1, 2], 2)
        page = (await http.get(f"{toy.url}/events", params={"until": 3, "after": 2})).json()
        assert ([entry["position"] for entry in page["entries"]], page["next_after"]) == ([3], None)
        refused = await http.get(
            f"{toy.url}/shows/{uuid4()}/events", params={"as_of": "@3"}, headers={"accept": "text/event-stream"}
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "INVALID")
        assert (await http.get(f"{toy.url}/events", headers={"last-event-id": "x"})).status_code == 422


async def test_a_quiet_stream_says_that_it_lives(toy: Toy) -> None:
    told = Followers(heartbeat_s=0.1).follow(toy.house.store, Following(read=nothing, after=0), asyncio.Event(), empty)
    assert [await anext(told) for _ in range(3)] == [b"retry: 2000\n\n", b": nothing new\n\n", b": nothing new\n\n"]
    await told.aclose()


async def test_streams_end_when_the_process_is_asked_to(toy: Toy) -> None:
    """Without that, one open stream keeps a process alive for ever."""
    listening = [asyncio.create_task(toy.events(99)) for _ in range(3)]
    await toy.record(1)
    await asyncio.sleep(0.5)
    toy.end()
    told = await asyncio.wait_for(asyncio.gather(*listening), 5)
    assert [len(found) for found in told] == [1, 1, 1]


async def test_a_stream_ends_after_a_while_so_that_a_token_cannot_be_used_for_ever(toy: Toy) -> None:
    followers = Followers(longest_s=0.3, heartbeat_s=0.1)
    told = followers.follow(toy.house.store, Following(read=nothing, after=0), asyncio.Event(), empty)
    async with asyncio.timeout(5):
        chunks = [chunk async for chunk in told]
    assert chunks[0] == b"retry: 2000\n\n"
    assert followers.open == 0


async def test_no_more_clients_follow_than_may(toy: Toy) -> None:
    followers = Followers(most=1)
    first = followers.follow(toy.house.store, Following(read=nothing, after=0), asyncio.Event(), empty)
    await anext(first)
    with pytest.raises(Busy):
        followers.follow(toy.house.store, Following(read=nothing, after=0), asyncio.Event(), empty)
    await first.aclose()
    assert followers.open == 0


async def test_a_client_that_does_not_read_is_let_go_and_holds_nothing(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks and never reads: what is sent fills the kernel's buffers, and then the server gives it up."""
    monkeypatch.setattr(follow, "SLOW_CLIENT_S", 0.5)
    show = uuid4()
    await toy.record(300, show_id=show)
    read = 0
    original = toy.house.store.read

    async def counting(after: int, limit: int, **more: Any) -> Any:
        nonlocal read
        read += 1
        return await original(0, limit, **more)  # the same events for ever: a log without an end

    monkeypatch.setattr(toy.house.store, "read", counting)
    with capture_logs() as told, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = toy.url.removeprefix("http://").split(":")
        await asyncio.to_thread(lazy.connect, (host, int(port)))
        head = "".join(f"{name}: {value}\r\n" for name, value in {**toy.headers(), "host": "x"}.items())
        lazy.sendall(f"GET /events HTTP/1.1\r\n{head}\r\n".encode())
        async with asyncio.timeout(30):
            while not any(line["event"] == "slow_client_let_go" for line in told):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        settled = read
        await asyncio.sleep(0.3)
        assert 3 < settled == read < 1000
    assert (await toy.events(1))[0][0] == 1

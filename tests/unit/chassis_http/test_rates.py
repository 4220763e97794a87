"""Budgets: what a client may ask at once, how it comes back, and that nobody pays for a neighbour."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import get, post

from chassis.http.rates import COMMANDS, CONTROL, READS, STRANGERS, UNLIMITED, Rates, network_of
from tests.unit.chassis_http import toy
from tests.unit.chassis_http.conftest import SHOW


class Clock:
    """Stands still unless told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_allowed_then_the_rate(clock: Clock) -> None:
    rates = Rates({READS: 0.5}, window_s=10, clock=clock)
    spent = [rates.spend(READS, "ada") for _ in range(6)]
    assert [left and left.remaining for left in spent] == [4, 3, 2, 1, 0, 0]
    assert [left and left.retry_s for left in spent] == [0, 0, 0, 0, 0, 2]
    clock.now += 2
    again = rates.spend(READS, "ada")
    assert again
    assert (again.retry_s, again.remaining, again.full_in_s) == (0, 0, 10)
    clock.now += 3600
    rested = rates.spend(READS, "ada")
    assert rested
    assert (rested.remaining, rested.full_in_s) == (4, 2)


def test_a_refused_request_costs_nothing(clock: Clock) -> None:
    rates = Rates({READS: 1}, window_s=1, clock=clock)
    assert rates.spend(READS, "ada").retry_s == 0  # type: ignore[union-attr]
    assert {rates.spend(READS, "ada").retry_s for _ in range(1000)} == {1}  # type: ignore[union-attr]
    clock.now += 1
    assert rates.spend(READS, "ada").retry_s == 0  # type: ignore[union-attr]


def test_what_has_no_rate_is_not_limited(clock: Clock) -> None:
    rates = Rates({READS: 0}, clock=clock)
    assert rates.spend(READS, "ada") is None
    assert rates.spend(COMMANDS, "ada") is None


def test_memory_is_bounded_and_only_the_longest_silent_is_forgotten(clock: Clock) -> None:
    rates = Rates({STRANGERS: 1}, window_s=2, remembered=100, clock=clock)
    for nr in range(10_000):
        rates.spend(STRANGERS, f"10.0.{nr // 250}.{nr % 250}")
        rates.spend(STRANGERS, "noisy")
    assert rates.clients == 100
    assert rates.spend(STRANGERS, "noisy").retry_s > 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_counted_by_what_one_subscriber_has(address: str, network: str) -> None:
    assert network_of(address) == network


# --- over HTTP


@get("/take", operation_id="look", scopes=["toy:read"])
async def look() -> str:
    """Look."""
    return "seen"


@post("/cut", operation_id="cut", scopes=["toy:operate"], budget=UNLIMITED, status_code=200)
async def cut() -> str:
    """Cut, at any time."""
    return "cut"


@post("/take", operation_id="take", scopes=["toy:operate"], status_code=200)
async def take() -> str:
    """Act on air."""
    return "taken"


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    rates = Rates({READS: 1, COMMANDS: 0.3, CONTROL: 0.3, STRANGERS: 0.3}, window_s=10, clock=clock)
    app = toy.app(handlers=[*toy.HANDLERS, cut, take, look], rates=rates)
    headers = {"Authorization": f"Bearer {toy.token()}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy", headers=headers) as client:
        yield client


def as_(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {toy.token(**claims)}"}


async def test_beyond_the_budget_a_client_is_told_when_to_come_back(client: httpx.AsyncClient, clock: Clock) -> None:
    answers = [await client.post("/shows", json=SHOW) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[0].headers["ratelimit-policy"] == '"commands";q=3;w=10'
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"commands";r=2;t=4',
        '"commands";r=1;t=7',
        '"commands";r=0;t=10',
        '"commands";r=0;t=10',
    ]
    body = answers[3].json()
    assert (body["code"], body["budget"], body["retry_after_s"]) == ("RATE_LIMITED", "commands", 4)
    assert answers[3].headers["retry-after"] == "4"
    assert answers[3].headers["content-type"] == "application/problem+json"
    clock.now += 4
    assert (await client.post("/shows", json=SHOW)).status_code == 201


async def test_another_token_of_the_same_client_is_the_same_budget(client: httpx.AsyncClient) -> None:
    statuses = [(await client.post("/shows", json=SHOW, headers=as_(jti=str(nr)))).status_code for nr in range(5)]
    assert statuses == [201, 201, 201, 429, 429]


async def test_neither_another_client_nor_another_kind_of_work_pays_for_it(client: httpx.AsyncClient) -> None:
    assert [(await client.post("/shows", json=SHOW)).status_code for _ in range(4)][-1] == 429
    assert (await client.get("/shows")).status_code == 200
    assert (await client.post("/take")).status_code == 200
    assert (await client.post("/shows", json=SHOW, headers=as_(sub="eve"))).status_code == 201
    assert (await client.post("/shows", json=SHOW, headers=as_(tenant="globex"))).status_code == 201


async def test_the_emergency_route_is_never_limited(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/cut") for _ in range(100)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers
    bad = {"Authorization": "Bearer x"}
    assert [(await client.get("/shows", headers=bad)).status_code for _ in range(4)][-1] == 429
    assert (await client.post("/cut", headers=as_(jti="fresh"))).status_code == 200


async def test_bad_tokens_are_limited_by_address_and_good_ones_from_there_are_not(client: httpx.AsyncClient) -> None:
    bad = {"Authorization": "Bearer x.y.z"}
    assert [(await client.get("/shows", headers=bad)).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert (await client.get("/shows", headers=as_(jti="never seen before"))).status_code == 200


async def test_a_forbidden_request_is_counted_too(client: httpx.AsyncClient) -> None:
    reader = as_(scope="toy:read")
    statuses = [(await client.post("/shows", json=SHOW, headers=reader)).status_code for _ in range(4)]
    assert statuses == [403, 403, 403, 429]


async def test_health_is_never_limited_and_other_public_pages_are(client: httpx.AsyncClient) -> None:
    assert {(await client.get("/health/live")).status_code for _ in range(50)} == {200}
    assert [(await client.get("/openapi.json")).status_code for _ in range(4)] == [200, 200, 200, 429]

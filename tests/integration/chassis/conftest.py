from collections.abc import AsyncIterator

import pytest

from chassis import policy
from chassis.handle import Handler
from chassis.store import Store
from tests.support.databases import TOY
from tests.support.toy import toy_house


@pytest.fixture
async def toy_urls(make_database) -> tuple[str, str]:
    return await make_database(TOY)


@pytest.fixture
async def toy(toy_urls) -> AsyncIterator[tuple[Store, Handler]]:
    async with toy_house(toy_urls[1]) as parts:
        yield parts


@pytest.fixture
async def two_services(make_database):
    """A store with its handler twice: one service, and another that reads it."""
    urls = [await make_database(TOY) for _ in range(2)]
    async with toy_house(urls[0].service_url) as source, toy_house(urls[1].service_url) as sink:
        yield source, sink


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Where policies fail for good nothing is gained by giving them time."""
    monkeypatch.setattr(policy, "FIRST_PAUSE_S", 0.001)

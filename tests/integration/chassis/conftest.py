from collections.abc import AsyncIterator

import pytest

from chassis.handle import Handler
from chassis.migrate import CHASSIS_SQL, migrate
from chassis.store import Store
from tests.support.toy import toy_house


@pytest.fixture
async def toy_urls(make_database) -> tuple[str, str]:
    owner, service = await make_database("chassis", migrated=False)
    from urllib.parse import urlsplit

    await migrate(owner, urlsplit(service).username, [CHASSIS_SQL])
    return owner, service


@pytest.fixture
async def toy(toy_urls) -> AsyncIterator[tuple[Store, Handler]]:
    async with toy_house(toy_urls[1]) as parts:
        yield parts


@pytest.fixture
async def two_services(make_database):
    """A store with its handler twice: one service, and another that reads it."""
    from urllib.parse import urlsplit

    urls = []
    for name in ("chassis", "chassis"):
        owner, service = await make_database(name, migrated=False)
        await migrate(owner, urlsplit(service).username, [CHASSIS_SQL])
        urls.append(service)
    async with toy_house(urls[0]) as source, toy_house(urls[1]) as sink:
        yield source, sink

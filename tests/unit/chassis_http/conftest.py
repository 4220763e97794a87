"""The toy service as each test meets it: without any show."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from tests.unit.chassis_http import toy

SHOW = {"title": "Opening", "starts_at": "2030-01-01T09:00:00+01:00"}


@pytest.fixture
def app() -> Litestar:
    toy.SHOWS.__init__()
    return toy.app()


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token for everything the toy does."""
    headers = {"Authorization": f"Bearer {toy.token()}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy", headers=headers) as client:
        yield client


@pytest.fixture
async def stranger(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        yield client


@pytest.fixture
async def show(client: httpx.AsyncClient) -> str:
    """The path of a planned show."""
    answer = await client.post("/shows", json=SHOW)
    return answer.headers["location"]

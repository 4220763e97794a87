"""Fixtures every test may use: a real PostgreSQL, a real broker, fresh databases, free ports.

Servers are imported inside the fixtures, so that a run of the pure unit tests loads none of them.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import ports

if TYPE_CHECKING:
    from regie.embedded.nats import Nats
    from regie.embedded.postgres import Postgres
    from regie.home import Home
    from tests.support.databases import Databases, Urls


hypothesis.settings.register_profile("regie", deadline=None)
hypothesis.settings.load_profile("regie")
"""No example fails for being slow: other programs share the machine."""


@pytest.fixture
def free_port() -> Callable[[], int]:
    """`free_port()` gives a TCP port of 127.0.0.1 nobody listens on."""
    return ports.free_port


@pytest.fixture(scope="session")
def session_home() -> Iterator["Home"]:
    """A REGIE_HOME for the servers the whole test session shares; its path is short, for Unix sockets."""
    from regie.home import Home

    path = Path(tempfile.mkdtemp(prefix="regie-test-"))
    yield Home(path).create()
    shutil.rmtree(path)


@pytest.fixture
def home() -> Iterator["Home"]:
    """A REGIE_HOME of this test's own."""
    from regie.home import Home

    path = Path(tempfile.mkdtemp(prefix="regie-test-"))
    yield Home(path).create()
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def postgres(session_home: "Home") -> AsyncIterator["Postgres"]:
    """The embedded PostgreSQL of the test session: `postgres.url()` is the superuser's."""
    from regie.embedded.postgres import Postgres

    server = Postgres(session_home)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def databases(postgres: "Postgres", session_home: "Home") -> "Databases":
    from tests.support.databases import Databases

    return Databases(postgres, session_home)


@pytest.fixture
async def make_database(databases: "Databases") -> AsyncIterator[Callable[[str], Awaitable["Urls"]]]:
    """`owner_url, service_url = await make_database("stage")`: fresh, migrated, gone after the test.

    A name that is no service (`vault`, `chassis`) gives an empty database with the same two roles.
    """
    made: list[Urls] = []

    async def make(service: str, *, migrated: bool = True) -> "Urls":
        made.append(await databases.make(service, migrated=migrated))
        return made[-1]

    yield make
    for urls in made:
        await databases.drop(urls)


@pytest.fixture(scope="session")
async def nats_server(session_home: "Home") -> AsyncIterator["Nats"]:
    """One broker for the test session, with streams and the partners `acme` and `globex`.

    `nats_server.url`, `.seed_file(user)`, `await .connect(user)`; users are `admin`, the services, `partner-<tenant>`.
    What tests publish stays: use `make_broker` where stream sequences matter.
    """
    server = await _broker(session_home)
    yield server
    await server.stop()


@pytest.fixture
async def make_broker() -> AsyncIterator[Callable[[], Awaitable["Nats"]]]:
    """`await make_broker()` starts a broker of this test's own, with empty streams."""
    from regie.home import Home

    started: list[tuple[Nats, Path]] = []

    async def make() -> "Nats":
        path = Path(tempfile.mkdtemp(prefix="regie-test-"))
        started.append((await _broker(Home(path)), path))
        return started[-1][0]

    yield make
    for server, path in started:
        await server.stop()
        shutil.rmtree(path)


async def _broker(home: "Home") -> "Nats":
    from regie.embedded.nats import Nats
    from regie.exchange import ensure_exchange

    tenants = ("acme", "globex")
    server = Nats(home, ports.free_port(), tenants)
    await server.start()
    admin = await server.connect("admin")
    await ensure_exchange(admin, tenants)
    await admin.close()
    return server

"""A migrated database per test: one template per service, made once, copied for each test."""

import asyncio
import os
import sys
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NamedTuple

import asyncpg

from chassis.migrate import CHASSIS_SQL, migrate
from regie.embedded.postgres import Postgres
from regie.embedded.provision import database_of, ensure_database, owner_of, provision, role_of
from regie.home import Home

ROOT = Path(__file__).parent.parent.parent
TOY = "toy"
"""A service that is none of ours: its template holds what every service has."""


class Urls(NamedTuple):
    """`owner_url` migrates; `service_url` is the serving role, which can only read and append."""

    owner_url: str
    service_url: str


class Databases:
    """Makes databases in the embedded server of the test session."""

    def __init__(self, server: Postgres, home: Home) -> None:
        self.server = server
        self.home = home
        self._templates: dict[str, str] = {}
        self._numbers = count(1)
        self._lock = asyncio.Lock()

    async def make(self, service: str, *, migrated: bool = True) -> Urls:
        """A fresh database with the service's roles; with its tables, when the service exists and `migrated`."""
        async with self._lock:
            template = await self._template(service) if migrated else "template0"
            name = f"test_{service}_{os.getpid()}_{next(self._numbers)}"
            connection = await asyncpg.connect(self.server.url())
            try:
                if service not in self._templates:
                    await provision(self.server, self.home, service)
                await ensure_database(connection, name, owner_of(service), role_of(service), template)
            finally:
                await connection.close()
        found = database_of(self.server, self.home, service, name)
        return Urls(found.owner_url, found.url)

    async def drop(self, urls: Urls) -> None:
        """Remove a database, whoever is still connected."""
        name = urls.service_url.split("@/", 1)[1].split("?", 1)[0]
        connection = await asyncpg.connect(self.server.url())
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def _template(self, service: str) -> str:
        if service not in self._templates:
            database = await provision(self.server, self.home, service)
            if service == TOY:
                await migrate(database.owner_url, role_of(service), [CHASSIS_SQL])
            elif find_spec(f"services.{service}") and (ROOT / "services" / service / "__main__.py").exists():
                await self._migrate(service, database.url, database.owner_url)
            self._templates[service] = database.name
        return self._templates[service]

    async def _migrate(self, service: str, url: str, owner_url: str) -> None:
        prefix = f"REGIE_{service.upper()}_"
        env = {**os.environ, f"{prefix}DATABASE_URL": url, f"{prefix}OWNER_DATABASE_URL": owner_url}
        command = [sys.executable, "-m", f"services.{service}", "migrate"]
        process = await asyncio.create_subprocess_exec(
            *command, env=env, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, f"migrating {service} failed:\n{output.decode()}"

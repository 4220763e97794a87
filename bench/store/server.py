"""The server all contestants share, what each needs in it, and what its processes cost."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis.migrate import CHASSIS_SQL, migrate
from regie.embedded.postgres import Postgres
from regie.embedded.provision import provision
from regie.home import Home

SETTLE_S = 10
TICKS = os.sysconf("SC_CLK_TCK")
COLUMNS = (
    'position bigserial PRIMARY KEY, stream text NOT NULL COLLATE "C", version integer NOT NULL, type text NOT NULL COLLATE "C",'
    ' tenant text NOT NULL COLLATE "C", show uuid, payload bytea NOT NULL, metadata bytea NOT NULL,'
    " recorded_at timestamptz NOT NULL, UNIQUE (stream, version)"
)
# Our own table's columns and indexes, without anything that makes it an event store.
PLAIN = f"CREATE TABLE plain ({COLUMNS}); CREATE INDEX ON plain (show, position) WHERE show IS NOT NULL; CREATE SEQUENCE versions"
# In the order of the package's install-functions.sh. Roles, views and privileges decide no figure.
MESSAGE_DB = (
    *("schema/message-store", "types/message", "tables/messages"),
    *(f"functions/{name}" for name in ("id", "cardinal-id", "category", "is-category", "acquire-lock", "hash-64")),
    *("functions/message-store-version", "functions/stream-version", "functions/write-message"),
    *(f"functions/get-{name}" for name in ("stream-messages", "category-messages", "last-stream-message")),
    *("indexes/messages-id", "indexes/messages-stream", "indexes/messages-category"),
)


@dataclass(frozen=True)
class Server:
    """`url` is the superuser's, `ours` that of the serving role of a migrated log, `proven` that of another one."""

    postgres: Postgres
    ours: str
    ours_owner: str
    proven: str

    def url(self, database: str) -> str:
        return self.postgres.url(database=database)

    async def settle(self) -> None:
        """Writes out what the last contestant left dirty, and waits for the vacuuming it caused."""
        admin = await asyncpg.connect(self.postgres.url())
        await admin.execute("CHECKPOINT")
        for _ in range(SETTLE_S * 10):
            if not await admin.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
            ):
                break
            await asyncio.sleep(0.1)
        await admin.close()

    @property
    def parts(self) -> dict[str, str]:
        """For clients that take no URL with a socket folder."""
        return {"host": str(self.postgres.sockets), "user": "postgres", "password": self.postgres.password}


@contextlib.asynccontextmanager
async def server(message_db: Path) -> AsyncIterator[Server]:
    """A fresh durable cluster with a database for each contestant."""
    folder = Path(tempfile.mkdtemp(prefix="regie-bench-"))
    home = Home(folder).create()
    postgres = Postgres(home)
    await postgres.start()
    try:
        ours, proven = [await provision(postgres, home, name) for name in ("chassis", "proven")]
        for log in (ours, proven):
            await migrate(log.owner_url, urlsplit(log.url).username or "", [CHASSIS_SQL])
        admin = await asyncpg.connect(postgres.url())
        for name in ("plain", "library", "library_fast", "emmett", "messages"):
            await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        await _execute(postgres.url(database="plain"), [PLAIN])
        files = [(message_db / "database" / f"{name}.sql").read_text() for name in MESSAGE_DB]
        await _execute(postgres.url(database="messages"), [text.replace(" CONCURRENTLY", "") for text in files])
        yield Server(postgres, ours.url, ours.owner_url, proven.url)
    finally:
        await postgres.stop()
        await asyncio.to_thread(shutil.rmtree, folder)


async def _execute(url: str, scripts: list[str]) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET search_path = message_store, public")
    for script in scripts:
        await connection.execute(script)
    await connection.close()


def server_seconds(postmaster: int) -> float:
    """CPU seconds of a PostgreSQL server up to now: its live processes and those that ended."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == postmaster:
                total += int(fields[11]) + int(fields[12])
            elif int(entry.name) == postmaster:
                total += sum(int(field) for field in fields[11:15])
    return total / TICKS

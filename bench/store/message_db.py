"""message-db through asyncpg, a connection per writer, as a contestant in a process of its own."""

import asyncio
import re
from uuid import uuid4

import asyncpg
import uvloop

from bench.store.ours import One, drive
from bench.store.sample import METADATA, PAYLOAD, TYPE, task, tell

WRITE = "SELECT message_store.write_message($1, $2, $3, $4::jsonb, $5::jsonb, $6)"
VERSION = re.compile(r"Stream Version: (-?\d+)")


def writer(connection: asyncpg.Connection, stream: str) -> One:
    """Its versions count from 0, and -1 is expected of a new stream."""
    known = -1
    data, meta = PAYLOAD.decode(), METADATA.decode()

    async def one() -> None:
        nonlocal known
        while True:
            try:
                known = await connection.fetchval(WRITE, str(uuid4()), stream, TYPE, data, meta, known)
            except asyncpg.RaiseError as conflict:
                found = VERSION.search(str(conflict))
                if found is None:
                    raise
                known = int(found[1])
            else:
                return

    return one


async def main() -> None:
    asked = task()
    settings = {"search_path": "message_store, public"}
    connections = [await asyncpg.connect(asked["url"], server_settings=settings) for _ in range(asked["writers"])]
    shared = f"session-{uuid4()}"
    streams = [shared if asked["scene"] == "racing" else f"session-{uuid4()}" for _ in connections]
    ones = [writer(connection, stream) for connection, stream in zip(connections, streams, strict=True)]
    tell(await drive(ones, asked["seconds"], asked["postmaster"]))
    await asyncio.gather(*(connection.close() for connection in connections))


if __name__ == "__main__":
    uvloop.run(main())

"""A process that appends to streams others append to as well, and prints as JSON which versions became its own.

Usage: python -m tests.support.racer <database url> <tasks> <appends per task> <name>
"""

import asyncio
import random
import sys

import msgspec

from chassis.faults import Conflict
from tests.support.drafts import change
from tests.support.toy import toy_house


async def race(url: str, tasks: int, count: int, name: str) -> None:
    draw = random.Random(name)
    mine: list[tuple[str, int]] = []

    async def one() -> None:
        for _ in range(count):
            stream, version = f"shared-{draw.randrange(3)}", 0
            while True:
                try:
                    await store.append(change(stream, version))
                except Conflict as conflict:
                    version = conflict.found
                else:
                    mine.append((stream, version + 1))
                    break

    async with toy_house(url) as (store, _):
        await asyncio.gather(*(one() for _ in range(tasks)))
    sys.stdout.buffer.write(msgspec.json.encode(mine))


if __name__ == "__main__":
    asyncio.run(race(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))

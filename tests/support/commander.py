"""A process that runs commands on counters others command as well, through every crash, and prints what it was told.

Usage: python -m tests.support.commander <database url> <commands per task> <name>
"""

import asyncio
import random
import sys
from uuid import UUID

import msgspec

from chassis import tenancy
from chassis.faults import Unreachable
from chassis.store import Key
from tests.support.toy import COUNTER, Raise, TooMuch, cause, toy_house

COUNTERS = [UUID(int=nr) for nr in range(1, 4)]


async def command(url: str, count: int, name: str) -> None:
    draw = random.Random(name)
    told: list[tuple[str, int]] = []

    async def one(task: int) -> None:
        for nr in range(count):
            counter = draw.choice(COUNTERS)
            key = Key(text=f"{name}-{task}-{nr}", fingerprint=b"f")
            while True:
                try:
                    outcome = await handler.run(COUNTER, counter, Raise(by=draw.randrange(1, 5)), cause(), key=key)
                except Unreachable:
                    await asyncio.sleep(0.01)
                    continue  # the same key makes this safe
                except TooMuch:
                    break
                told.append((outcome.stream, outcome.version))
                break

    tenancy.sees_all_from_here()
    async with toy_house(url) as (_, handler):
        await asyncio.gather(*(one(task) for task in range(6)))
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    asyncio.run(command(sys.argv[1], int(sys.argv[2]), sys.argv[3]))

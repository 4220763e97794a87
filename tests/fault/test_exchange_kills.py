"""Random kills of relays, inboxes, the broker and database connections: nothing lost, repeated or reordered.

Two relays and two inboxes run at once, events are recorded all the while. In the end the stream, the effects and what
a partner reads are each compared with the log, event by event.
"""

import asyncio
import json
import os
import random
import signal
import sys

import asyncpg
import pytest

from chassis import tenancy
from chassis.broker import connect
from chassis.reconcile import Reconciler
from regie.exchange import PUBLIC
from tests.support.databases import TOY
from tests.support.exchange_parts import READER, SOURCE
from tests.support.histories import NONE, Recording, everything, faults, until_reached
from tests.support.toy import COUNTER, toy_house

ROLES = {"relay": SOURCE, "inbox": READER}


class Parts:
    """The processes that may die; whoever is killed is replaced at once."""

    def __init__(self, broker, databases: dict[str, str]) -> None:
        self._broker, self._databases = broker, databases
        self.running: list[tuple[str, int]] = []

    async def __aenter__(self):
        self._warm = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.exchange_parts",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        for role in ("relay", "relay", "inbox", "inbox"):
            await self.start(role)
        return self

    async def __aexit__(self, *_):
        for _, pid in self.running:
            os.kill(pid, signal.SIGKILL)
        self._warm.stdin.close()
        await self._warm.wait()

    async def start(self, role: str) -> None:
        user = ROLES[role]
        wish = {"role": role, "user": user, "database": self._databases[role], "broker": self._broker.url,
                "seed": str(self._broker.seed_file(user))}  # fmt: skip
        self._warm.stdin.write(json.dumps(wish).encode() + b"\n")
        self.running.append((role, int(await self._warm.stdout.readline())))

    async def kill(self, role: str) -> None:
        victim = random.choice([part for part in self.running if part[0] == role])
        self.running.remove(victim)
        os.kill(victim[1], signal.SIGKILL)
        await self.start(role)


@pytest.mark.parametrize(
    ("found", "flagged"),
    [([1, 2, 4], "lost"), ([1, 2, 2, 3, 4], "repeated"), ([1, 3, 2, 4], "reordered"), ([1, 2, 3, 4, 5], "foreign")],
)
def test_the_comparison_flags_what_is_planted(found, flagged):
    assert faults([1, 2, 3, 4], [1, 2, 3, 4]) == NONE
    assert faults([1, 2, 3, 4], found) == {**NONE, flagged: 1}


async def test_twenty_random_kills_lose_repeat_and_reorder_nothing(make_database, make_broker, postgres):
    await survive(20, make_database, make_broker, postgres)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_two_hundred_random_kills_lose_repeat_and_reorder_nothing(make_database, make_broker, postgres):
    await survive(200, make_database, make_broker, postgres)


async def survive(kills: int, make_database, make_broker, postgres) -> None:
    tenancy.sees_all_from_here()
    urls = [(await make_database(TOY)).service_url for _ in range(2)]
    server = await make_broker()
    async with toy_house(urls[0]) as (store, handler), toy_house(urls[1]) as (reader, _):
        async with Parts(server, {"relay": urls[0], "inbox": urls[1]}) as parts:
            recording = Recording(handler)
            for nr in range(kills):
                await asyncio.sleep(random.uniform(0.0, 0.25))
                if nr % 10 == 4:
                    await kill_broker(server)
                elif nr % 10 == 8:
                    await cut_database_connections(postgres)
                else:
                    await parts.kill(random.choice(["relay", "inbox"]))
            await recording.end()
            total = await store.head()
            assert total > kills
            await until_reached(lambda: reader.cursor(SOURCE), total)
        await compare(store, reader, server, recording.acknowledged)


async def kill_broker(server) -> None:
    server.program.process.kill()
    await server.program.process.wait()
    await server.start()


async def cut_database_connections(postgres) -> None:
    connection = await asyncpg.connect(postgres.url())
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_chassis_%'"
    )
    await connection.close()


async def compare(store, reader, server, acknowledged: list) -> None:
    log = await everything(store)
    ids = [str(record.metadata.id) for record in log]
    assert faults(list(range(1, len(log) + 1)), [record.position for record in log]) == NONE
    assert set(map(str, acknowledged)) <= set(ids)
    broker = await connect(server.url, SOURCE, server.seed_file(SOURCE))
    reconciler = Reconciler(SOURCE, store, broker)
    assert await reconciler.compare() == []
    assert reconciler.compared == len(log)
    await broker.close()
    effects = [record.stream for record in await everything(reader)]
    assert faults([COUNTER.stream(f"of-{record.position}") for record in log], effects) == NONE
    assert faults(ids, await partner_reads(server, len(ids))) == NONE


async def partner_reads(server, count: int) -> list[str]:
    """The ids a partner gets from its stream, through an ordered consumer."""
    partner = await server.connect("partner-acme")
    found: list[str] = []

    async def keep(message) -> None:
        found.append(message.headers["ce-id"])

    await partner.jetstream().subscribe("pub.acme.>", stream=PUBLIC, ordered_consumer=True, cb=keep)
    async with asyncio.timeout(90):
        while len(found) < count:  # noqa: ASYNC110 - the other side is another process
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # for what should not come
    await partner.close()
    return found

"""Three versions of one event in one log, and one version more than this program knows: nothing is lost, nothing stops."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from chassis import observe, tenancy
from chassis.decider import Codec, Decider, UnknownEvent
from chassis.handle import Do, Handler, utc_now
from chassis.inbox import Inbox, OwnLog, Policy
from chassis.project import Projector
from chassis.store import Append, AsOf, Draft
from chassis.timers import Set, TimerRunner, TimerTable
from contracts.envelope import Event, Metadata
from contracts.problems import NewerHistory, NotFound
from tests.integration.chassis.test_exchange import running, until
from tests.support.toy import AT, cause


class Poured(Event, frozen=True, kw_only=True, tag="toy.poured.v3"):
    """v1 said `litres`, v2 `amount_l`, v3 counts millilitres and says of what."""

    amount_ml: int
    drink: str


class Drained(Event, frozen=True, kw_only=True, tag="toy.drained.v1"):
    pass


class Pour(msgspec.Struct, frozen=True, kw_only=True):
    amount_ml: int
    at: Any = AT


def v1_to_v2(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "toy.poured.v2", {"at": body["at"], "amount_l": body["litres"]}


def v2_to_v3(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "toy.poured.v3", {"at": body["at"], "amount_ml": int(body["amount_l"] * 1000), "drink": "water"}


UPCASTERS = {"toy.poured.v1": v1_to_v2, "toy.poured.v2": v2_to_v3}
EVENTS = {event.tag(): event for event in (Poured, Drained)}
JUG = Decider(
    "jug",
    0,
    lambda command, _: [Poured(at=command.at, amount_ml=command.amount_ml, drink="tea")],
    lambda state, event: state + event.amount_ml if isinstance(event, Poured) else 0,
    EVENTS,
)
NOW = Codec(EVENTS, UPCASTERS)
BEFORE = Codec({"toy.drained.v1": Drained})
"""The program as it was before anybody poured: everything else is newer than it."""
V1 = ("toy.poured.v1", b'{"type":"toy.poured.v1","at":"2026-06-10T09:00:00Z","litres":1}')
V2 = ("toy.poured.v2", b'{"type":"toy.poured.v2","at":"2026-06-10T09:00:00Z","amount_l":0.5}')
V3 = ("toy.poured.v3", b'{"type":"toy.poured.v3","at":"2026-06-10T09:00:00Z","amount_ml":30,"drink":"tea"}')
V4 = ("toy.poured.v4", b'{"type":"toy.poured.v4","at":"2026-06-10T09:00:00Z","drops":9}')
DRAINED = ("toy.drained.v1", b'{"type":"toy.drained.v1","at":"2026-06-10T09:00:00Z"}')


async def write(store, jug, *events: tuple[str, bytes]) -> int:
    """Appends stored events as another version of the service wrote them."""
    stream = JUG.stream(jug)
    already = len(await store.stream(stream))
    why = cause()
    drafts = tuple(
        Draft(
            stream=stream, version=version, type=tag, payload=payload,
            metadata=Metadata(
                id=uuid4(), tenant=why.tenant, actor=why.actor, correlation=why.correlation,
                causation=why.causation, command="Pour",
            ),
        )
        for version, (tag, payload) in enumerate(events, already + 1)
    )  # fmt: skip
    return await store.append(Append(drafts=drafts, expect={stream: already}))


@pytest.fixture
async def pool(toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("CREATE TABLE poured (position bigint PRIMARY KEY, ml integer)")
    await owner.execute(f'GRANT ALL ON poured TO "{urlsplit(toy_urls[1]).username}"')
    await owner.close()
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=5) as made:
        yield made


class Pours:
    name = "pours"

    async def apply(self, db, event, about):
        if isinstance(event, Poured):
            await db.execute("INSERT INTO poured VALUES ($1, $2)", about.position, event.amount_ml)


def test_each_version_is_read_as_the_newest():
    assert [NOW.decode(*stored).amount_ml for stored in (V1, V2, V3)] == [1000, 500, 30]
    assert NOW.decode(*V1).drink == "water"
    for unreadable in (V4, ("toy.poured.v1", b'{"type":"toy.poured.v1"}'), ("toy.poured.v3", b'{"amount_ml":"lots"}')):
        with pytest.raises(UnknownEvent):
            NOW.decode(*unreadable)


async def test_a_stream_of_three_versions_folds_and_goes_on(toy):
    store, handler, jug = toy[0], Handler(toy[0], NOW), uuid4()
    await write(store, jug, V1, V2, V3)
    assert await handler.state(JUG, jug, tenant="acme") == (1530, 3)
    await handler.run(JUG, jug, Pour(amount_ml=70), cause())
    assert await handler.state(JUG, jug, tenant="acme", as_of=AsOf(position=2)) == (1500, 2)
    assert await handler.state(JUG, jug, tenant="acme") == (1600, 4)
    assert [record.type for record in await store.stream(JUG.stream(jug))] == [V1[0], V2[0], V3[0], V3[0]]


async def test_a_history_that_is_newer_refuses_commands_and_is_still_shown(toy):
    store, handler, jug = toy[0], Handler(toy[0], NOW), uuid4()
    await write(store, jug, V3)
    assert await handler.state(JUG, jug, tenant="acme") == (30, 1)  # known and kept in memory
    position = await write(store, jug, V4)
    before = observe.unknown_events_total.labels("fold", V4[0])._value.get()
    for asked in (
        handler.run(JUG, jug, Pour(amount_ml=1), cause()),
        handler.state(JUG, jug, tenant="acme"),
        handler.state(JUG, jug, tenant="acme", as_of=AsOf(position=position)),
    ):
        with pytest.raises(NewerHistory) as refused:
            await asked
        assert refused.value.facts == {"type": V4[0], "position": position}
    assert observe.unknown_events_total.labels("fold", V4[0])._value.get() == before + 3
    assert await handler.state(JUG, jug, tenant="acme", as_of=AsOf(position=position - 1)) == (30, 1)
    assert [record.payload for record in await store.stream(JUG.stream(jug))] == [V3[1], V4[1]]
    assert (await handler.run(JUG, uuid4(), Pour(amount_ml=1), cause())).version == 1  # another jug is none the worse


async def test_a_policy_reacts_to_every_version_and_a_newer_one_is_parked(toy):
    store, jug, seen = toy[0], uuid4(), []

    async def count_what_was_poured(event: Poured, about) -> list[Do]:
        seen.append((about.position, event.amount_ml))
        return []

    inbox = Inbox("toy", OwnLog(store), store, Handler(store, NOW), [Policy(Poured, count_what_was_poured)], UPCASTERS)
    await write(store, jug, V1, V2, V3, V4, DRAINED, ("toy.poured.v1", b'{"type":"toy.poured.v1"}'), V3)
    async with running(inbox.run()):
        await until(lambda: _is(lambda: len(seen) == 4))
    assert seen == [(1, 1000), (2, 500), (3, 30), (7, 30)]
    parked = await store.parked()
    assert [(row["position"], row["policy"]) for row in parked] == [(n, "count_what_was_poured") for n in (4, 6)]
    assert all("UnknownEvent" in row["error"] for row in parked)


async def test_a_view_waits_for_the_program_that_can_read_and_then_misses_nothing(toy, pool):
    store, jug = toy[0], uuid4()
    await write(store, jug, DRAINED, V1, V2, DRAINED, V3)
    old, new = (Projector(store, pool, codec, [Pours()]) for codec in (BEFORE, NOW))
    async with running(old.run()):
        await old.wait(1)
        await asyncio.sleep(0.2)
        assert old.lag() == {"pours": 4}
        await old.check()  # waiting is not being ill: commands and live control go on
        async with running(new.run()):
            await old.wait(5)  # as soon as the newer program runs beside it
    assert await pool.fetch("SELECT * FROM poured ORDER BY 1") == [(2, 1000), (3, 500), (5, 30)]


async def test_timers_go_on_and_are_made_up_for_once_the_event_can_be_read(toy, pool):
    store, jug, fired = toy[0], uuid4(), uuid4()

    def timers_of(event, about):
        return [Set(id=f"{event.tag()}:{about.position}", due_at=event.at, kind="pour", ident=fired)]

    await write(store, jug, DRAINED, V1, DRAINED)
    old = Projector(store, pool, BEFORE, [TimerTable(timers_of)])
    async with running(old.run()):
        await old.wait(3)
    assert await pool.fetchval("SELECT array_agg(id ORDER BY id) FROM timers") == [
        "toy.drained.v1:1",
        "toy.drained.v1:3",
    ]
    handler = Handler(store, NOW)
    commands = {"pour": lambda timer, at: Do(decider=JUG, ident=timer.ident, command=Pour(amount_ml=1, at=at))}
    async with running(TimerRunner(pool, handler, commands).run()):
        await until(lambda: _is(lambda: store.known_head == 5))
        new = Projector(store, pool, NOW, [TimerTable(timers_of)])
        async with running(new.run()):
            await new.wait(3)
            await until(lambda: _poured(handler, fired, times=5))
    assert await pool.fetchval("SELECT skipped_at FROM projections WHERE name = 'timers'") is None


async def test_a_timer_for_a_newer_history_is_kept(toy, pool):
    store, jug = toy[0], uuid4()
    await write(store, jug, V4)
    at = utc_now() - timedelta(seconds=5)
    query = "INSERT INTO timers (id, due_at, kind, ident, tenant, cause) VALUES ($1, $2, 'pour', $3, 'acme', $4)"
    other, why = uuid4(), msgspec.json.encode(cause())
    await pool.execute(query, "first", at, str(jug), why)
    await pool.execute(query, "second", at + timedelta(seconds=1), str(other), why)
    commands = {"pour": lambda timer, at: Do(decider=JUG, ident=timer.ident, command=Pour(amount_ml=1, at=at))}
    handler = Handler(store, NOW)
    async with running(TimerRunner(pool, handler, commands).run()):
        await until(lambda: _poured(handler, other, times=1))
        await until(lambda: _remaining(pool, ["first"]))


async def _remaining(pool, wanted) -> bool:
    return await pool.fetchval("SELECT array_agg(id) FROM timers") == wanted


async def _is(condition) -> bool:
    return condition()


async def _poured(handler, jug, *, times: int) -> bool:
    with contextlib.suppress(NotFound):
        return (await handler.state(JUG, jug, tenant="acme"))[1] == times
    return False

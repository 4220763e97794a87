"""Projections, timers and the vault over a real PostgreSQL."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from chassis import tenancy
from chassis.decider import Codec
from chassis.faults import Fault, Unreachable
from chassis.handle import Do, utc_now
from chassis.keks import Keks
from chassis.migrate import VAULT_SQL, migrate
from chassis.project import Projector
from chassis.timers import Cancel, Set, TimerRunner, TimerTable
from chassis.vault import Vault
from contracts.envelope import Sealed
from contracts.problems import PositionAhead
from tests.integration.chassis.test_exchange import running, until
from tests.support.toy import COUNTER, EVENTS, Empty, Raise, Raised, cause


class Sums:
    """A view that would show a repeated or skipped event."""

    name = "sums"

    async def apply(self, db, event, about):
        if isinstance(event, Raised):
            await db.execute("INSERT INTO sums VALUES ($1, $2)", about.position, event.by)


class Total:
    """A view that goes on from what it wrote before, within a batch and across batches."""

    name = "total"

    async def apply(self, db, event, about):
        before = await db.fetchrow("SELECT by FROM sums WHERE position = 0")
        await db.execute("INSERT INTO sums VALUES (0, $1) ON CONFLICT (position) DO UPDATE SET by = $1", event.by)
        if before is not None:
            await db.execute("UPDATE sums SET by = by + $1 WHERE position = 0", before["by"])


class NoTwos(Sums):
    """A view whose second statement the database refuses."""

    name = "no_twos"

    async def apply(self, db, event, about):
        await super().apply(db, event, about)
        await db.execute("SELECT 1 / ($1::integer - 2)", event.by)


class Indifferent:
    """A view that none of the events is about."""

    name = "indifferent"

    async def apply(self, db, event, about):
        pass


@pytest.fixture
async def pool(toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("CREATE TABLE sums (position bigint PRIMARY KEY, by integer)")
    await owner.execute(f'GRANT ALL ON sums TO "{urlsplit(toy_urls[1]).username}"')
    await owner.close()
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=5) as made:
        yield made


async def test_who_has_written_sees_the_write(toy, pool):
    store, handler = toy
    projector = Projector(store, pool, Codec(EVENTS), [Sums()])
    async with running(projector.run()):
        for n in range(1, 20):
            outcome = await handler.run(COUNTER, uuid4(), Raise(by=n), cause())
            await projector.wait(outcome.position)
            assert await pool.fetchval("SELECT by FROM sums WHERE position = $1", outcome.position) == n


async def test_what_can_be_made_again_does_not_wait_for_the_disk_and_nothing_else_is_spared(toy, pool):
    store, handler = toy

    class Asking(Sums):
        async def apply(self, db, event, about):
            await super().apply(db, event, about)
            asked.append(await db.fetchval("SHOW synchronous_commit"))

    asked: list[str] = []
    projector = Projector(store, pool, Codec(EVENTS), [Asking()])
    async with running(projector.run()):
        outcome = await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        await projector.wait(outcome.position)
    assert asked == ["off"]
    assert [await pool.fetchval("SHOW synchronous_commit") for _ in range(5)] == ["on"] * 5


async def test_two_processes_projecting_apply_each_event_once(toy, pool):
    store, handler = toy
    projectors = [Projector(store, pool, Codec(EVENTS), [Sums()]) for _ in range(2)]
    async with running(*(projector.run() for projector in projectors)):
        outcomes = [await handler.run(COUNTER, uuid4(), Raise(by=1), cause()) for _ in range(50)]
        await asyncio.gather(*(projector.wait(outcomes[-1].position) for projector in projectors))
    assert await pool.fetchval("SELECT count(*) FROM sums") == 50


async def test_what_a_view_looks_up_is_as_its_own_statements_left_it(toy, pool):
    store, handler = toy
    for n in range(1, 31):
        await handler.run(COUNTER, uuid4(), Raise(by=n), cause())
    projector = Projector(store, pool, Codec(EVENTS), [Total()])
    async with running(projector.run()):
        await projector.wait(30)
    assert await pool.fetch("SELECT * FROM sums") == [(0, sum(range(1, 31)))]


async def test_a_view_that_fails_on_an_event_writes_nothing_of_its_batch(toy, pool):
    store, handler = toy
    for n in (1, 2, 3):
        await handler.run(COUNTER, uuid4(), Raise(by=n), cause())
    projector = Projector(store, pool, Codec(EVENTS), [NoTwos()])
    async with running(projector.run()):
        await until(lambda: _ready(projector, wanted=False))
    assert await pool.fetchval("SELECT count(*) FROM sums") == 0
    assert await pool.fetchval("SELECT position FROM projections WHERE name = 'no_twos'") == 0


async def test_events_a_view_is_not_about_move_its_cursor_once_it_is_quiet(toy, pool):
    store, handler = toy
    projector = Projector(store, pool, Codec(EVENTS), [Indifferent()])
    async with running(projector.run()):
        for _ in range(20):
            outcome = await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
            await projector.wait(outcome.position)
        await until(lambda: _is_at(pool, "indifferent", 20))
        await pool.execute("UPDATE projections SET position = 5 WHERE name = 'indifferent'")  # to be made again
        await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        await until(lambda: _is_at(pool, "indifferent", 21))


async def _is_at(pool, name, position) -> bool:
    return await pool.fetchval("SELECT position FROM projections WHERE name = $1", name) == position


async def test_read_models_are_ready_again_once_the_database_is(toy, pool, toy_urls, postgres):
    store, _ = toy
    projector = Projector(store, pool, Codec(EVENTS), [Sums()])
    database = urlsplit(toy_urls[1]).path[1:]
    owner = await asyncpg.connect(postgres.url(database=database))  # an owner may not end another role's connections
    try:
        async with running(projector.run()):
            await projector.wait(0)
            await owner.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 0')
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
                database,
            )
            await until(lambda: _ready(projector, wanted=False))
            await owner.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT -1')
            await until(lambda: _ready(projector, wanted=True))
    finally:
        await owner.close()


async def _ready(projector, *, wanted: bool) -> bool:
    try:
        await projector.check()
    except Unreachable:
        return not wanted
    return wanted


async def test_a_position_the_log_has_not_reached_is_refused_at_once(toy, pool):
    store, handler = toy
    outcome = await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
    projector = Projector(store, pool, Codec(EVENTS), [Sums()])
    with pytest.raises(PositionAhead) as refused:
        await projector.wait(outcome.position + 1)
    assert refused.value.facts == {"newest": outcome.position}


async def test_waiting_for_read_models_that_do_not_get_there_says_so(toy, pool):
    store, handler = toy
    outcome = await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
    projector = Projector(store, pool, Codec(EVENTS), [Sums()])
    with pytest.raises(Unreachable):
        await projector.wait(outcome.position, timeout_s=0.2)


def empty_soon(event, about):
    if isinstance(event, Raised):
        return [Set(id=f"empty:{about.stream}", due_at=event.at, kind="empty", ident=about.stream.split("-", 1)[1])]
    return [Cancel(id=f"empty:{about.stream}")]


def runner(pool, handler) -> TimerRunner:
    return TimerRunner(
        pool, handler, {"empty": lambda timer, at: Do(decider=COUNTER, ident=timer.ident, command=Empty(at=at))}
    )


async def test_a_timer_fires_once_when_due_even_with_two_runners(toy, pool):
    store, handler = toy
    counter = uuid4()
    projector = Projector(store, pool, Codec(EVENTS), [TimerTable(empty_soon)])
    async with running(projector.run(), runner(pool, handler).run(), runner(pool, handler).run()):
        await handler.run(COUNTER, counter, Raise(by=5, at=utc_now() + timedelta(seconds=0.3)), cause())
        assert await handler.state(COUNTER, counter, tenant="acme") == (5, 1)
        await until(lambda: _is(handler, counter, (0, 2)))
        await asyncio.sleep(0.6)
    records = await store.stream(f"counter-{counter}")
    assert [record.type for record in records] == ["toy.raised.v1", "toy.emptied.v1"]
    assert records[1].metadata.actor.id == "timer:empty"
    assert records[1].metadata.causation == records[0].metadata.id
    assert await pool.fetchval("SELECT count(*) FROM timers") == 0


async def test_a_cancelled_timer_does_not_fire(toy, pool):
    store, handler = toy
    counter = uuid4()
    projector = Projector(store, pool, Codec(EVENTS), [TimerTable(empty_soon)])
    async with running(projector.run()):
        await handler.run(COUNTER, counter, Raise(by=5, at=utc_now() + timedelta(hours=1)), cause())
        outcome = await handler.run(COUNTER, counter, Empty(), cause())
        await projector.wait(outcome.position)
    assert await pool.fetchval("SELECT count(*) FROM timers") == 0


async def _is(handler, counter, wanted) -> bool:
    return await handler.state(COUNTER, counter, tenant="acme") == wanted


@pytest.fixture
async def vault_pool(make_database):
    owner, service = await make_database("chassis", migrated=False)
    await migrate(owner, urlsplit(service).username, [VAULT_SQL], log=False)
    async with tenancy.open_pool(service, min_size=0, max_size=5) as made:
        yield made


async def test_a_sealed_name_opens_until_its_subject_is_forgotten(vault_pool):
    vault = Vault(vault_pool, Keks(b"k" * 32))
    sealed = await vault.seal("acme", "s1", "speaker.name", "Zoé Émile-Żółć")
    assert await vault.open(sealed, "acme", "speaker.name") == "Zoé Émile-Żółć"
    await vault.forget("acme", "s1")
    assert await vault.open(sealed, "acme", "speaker.name") is None
    assert (await vault.seal("acme", "s1", "speaker.name", "again")).box == ""


async def test_a_box_moved_to_another_field_person_or_tenant_does_not_open(vault_pool):
    vault = Vault(vault_pool, Keks(b"k" * 32))
    sealed = await vault.seal("acme", "s1", "speaker.name", "Ada")
    await vault.seal("acme", "s2", "speaker.name", "Grace")
    await vault.seal("globex", "s1", "speaker.name", "Mary")
    for subject, tenant, field in (
        ("s1", "acme", "chat.text"),
        ("s2", "acme", "speaker.name"),
        ("s1", "globex", "speaker.name"),
    ):
        with pytest.raises(Fault):
            await vault.open(Sealed(subject=subject, box=sealed.box), tenant, field)


async def test_the_length_of_a_box_does_not_tell_the_length_of_a_name(vault_pool):
    vault = Vault(vault_pool, Keks(b"k" * 32))
    boxes = [await vault.seal("acme", "s1", "speaker.name", "x" * n) for n in (1, 10, 31)]
    assert len({len(sealed.box) for sealed in boxes}) == 1


async def test_a_secret_is_kept_and_only_its_fingerprint_may_be_told(vault_pool):
    vault = Vault(vault_pool, Keks(b"k" * 32))
    fingerprint = await vault.keep_secret("acme", "destination:1", "live_abc123")
    assert await vault.secret("acme", "destination:1") == "live_abc123"
    assert await vault.secret("globex", "destination:1") is None
    assert "live" not in fingerprint
    assert await vault.keep_secret("acme", "destination:2", "live_abc123") == fingerprint
    assert b"live_abc123" not in await vault_pool.fetchval("SELECT box FROM secrets WHERE name = 'destination:1'")


async def test_a_wrong_key_encryption_key_is_named(vault_pool):
    sealed = await Vault(vault_pool, Keks(b"k" * 32)).seal("acme", "s1", "speaker.name", "Ada")
    with pytest.raises(Fault, match="key-encryption key"):
        await Vault(vault_pool, Keks(b"x" * 32)).open(sealed, "acme", "speaker.name")

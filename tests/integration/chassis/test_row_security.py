"""The second wall between tenants: what the database shows to the service's own role, whatever the query says."""

from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from chassis import tenancy
from chassis.migrate import CHASSIS_SQL, migrate
from chassis.store import Append, Key, Parking
from contracts.envelope import Metadata, Recorded
from contracts.problems import NotFound
from contracts.roles import SERVICES
from tests.support.toy import AT, COUNTER, EVENTS, Raise, cause

NOBODYS = {
    "log.head",
    "log.cursors",
    "log.audit_tiles",
    "log.audit_checkpoints",
    "log.audit_epochs",
    "public.projections",
}
"""Tables without a tenant: positions and hashes."""


@pytest.fixture
async def both(toy):
    """Two tenants with a counter, an answered key and a parked message each; the ids of the counters."""
    store, handler = toy
    ids = {}
    for tenant in ("acme", "globex"):
        ids[tenant] = uuid4()
        about = cause(tenant)
        await handler.run(COUNTER, ids[tenant], Raise(by=1), about, key=Key(text="k", fingerprint=b"f"))
        await store.append(Append(parked=(parking(tenant),)))
    return ids


def parking(tenant: str, command: str = "Test") -> Parking:
    about = cause(tenant)
    meta = Metadata(
        id=uuid4(), tenant=tenant, actor=about.actor, correlation=uuid4(), causation=uuid4(), command=command
    )
    message = Recorded(position=1, stream="s-1", version=1, type="t.t.v1", payload=b"{}", metadata=meta, recorded_at=AT)
    return Parking(source=tenant, position=1, policy="p", error="e", message=msgspec.json.encode(message))


READS = ["SELECT tenant FROM log.events", "SELECT tenant FROM log.answers", "SELECT tenant FROM log.parked"]


@pytest.mark.parametrize("query", READS)
async def test_a_query_without_its_condition_shows_own_rows_alone(both, toy_urls, query):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool:
        for tenant in ("acme", "globex", "acme"):
            with tenancy.seeing(tenant):
                assert {row["tenant"] for row in await pool.fetch(query)} == {tenant}
        with tenancy.seeing("initech"):
            assert await pool.fetch(query) == []
        with tenancy.seeing_all():
            assert {row["tenant"] for row in await pool.fetch(query)} == {"acme", "globex"}


@pytest.mark.parametrize("query", READS)
async def test_who_names_no_tenant_sees_nothing(both, toy_urls, query):
    connection = await asyncpg.connect(toy_urls[1])
    try:
        assert await connection.fetch(query) == []
    finally:
        await connection.close()
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool:
        with tenancy.seeing(tenancy.NOBODY):
            assert await pool.fetch(query) == []


async def test_the_store_itself_is_blind_to_another_tenant_even_if_asked_without_one(toy, both):
    store, _ = toy
    with tenancy.seeing("acme"):
        assert {record.metadata.tenant for record in await store.read(0)} == {"acme"}
        assert await store.stream(f"counter-{both['globex']}") == []
        assert await store.answer("globex", "k") is None
        assert {row["source"] for row in await store.parked()} == {"acme"}


async def test_a_parked_message_that_cannot_be_read_is_kept_and_nobodys(toy):
    store, _ = toy
    await store.append(Append(parked=(parking("acme", "nul \0"),)))
    with tenancy.seeing("acme"):
        assert await store.parked() == []
    assert len(await store.parked()) == 1


async def test_a_command_on_another_tenants_stream_finds_nothing_and_changes_nothing(toy, both):
    """The cache is cold: what stops it is the log itself, which does not let a stream begin twice."""
    store, handler = toy
    handler._cache.clear()
    before = await store.head()
    with tenancy.seeing("acme"), pytest.raises(NotFound):
        await handler.run(COUNTER, both["globex"], Raise(by=1), cause("acme"))
    with tenancy.seeing("acme"), pytest.raises(NotFound):
        await handler.state(COUNTER, both["globex"], tenant="acme")
    assert await store.head() == before


async def test_a_key_of_another_tenant_answers_nobody_else(toy, both):
    _, handler = toy
    with tenancy.seeing("acme"):
        again = await handler.run(
            COUNTER, both["acme"], Raise(by=1), cause("acme"), key=Key(text="k", fingerprint=b"f")
        )
        assert again.replayed
    with tenancy.seeing("initech"):
        own = await handler.run(COUNTER, uuid4(), Raise(by=1), cause("initech"), key=Key(text="k", fingerprint=b"f"))
        assert not own.replayed


async def test_rows_of_another_tenant_cannot_be_changed_or_made(toy_urls):
    owner, role = await asyncpg.connect(toy_urls[0]), urlsplit(toy_urls[1]).username
    await owner.execute("CREATE TABLE public.seats (tenant text NOT NULL, seat integer)")
    await owner.execute("INSERT INTO public.seats VALUES ('acme', 1), ('globex', 1)")
    await migrate(toy_urls[0], role, [CHASSIS_SQL])
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool:
        with tenancy.seeing("acme"):
            await pool.execute("UPDATE public.seats SET seat = 2")
            await pool.execute("DELETE FROM public.seats WHERE tenant = 'globex'")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute("INSERT INTO public.seats VALUES ('globex', 9)")
    assert {tuple(row) for row in await owner.fetch("SELECT * FROM public.seats")} == {("acme", 2), ("globex", 1)}
    await owner.close()


async def test_a_sight_that_was_interrupted_is_asked_for_again(toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool:
        with tenancy.seeing("acme"):
            await pool.execute("SELECT 1")
            async with pool.acquire() as connection:
                connection._con.sight = None  # as a cancelled round trip leaves it
            assert await pool.fetchval("SELECT current_setting('regie.tenant')") == "acme"


async def test_an_open_transaction_does_not_survive_its_user(toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool, pool.acquire() as connection:
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                1 / 0  # noqa: B018
        assert not connection.is_in_transaction()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_of_every_service_is_behind_the_wall(make_database, service):
    """A new table either says whose its rows are, or is named above as nobody's."""
    _, service_url = await make_database(service)
    connection = await asyncpg.connect(service_url)
    try:
        rows = await connection.fetch(
            "SELECT n.nspname || '.' || c.relname AS name, c.relrowsecurity AS walled FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
            " AND n.nspname IN ('log', 'public') AND has_table_privilege(c.oid, 'SELECT')"
        )
    finally:
        await connection.close()
    assert {row["name"] for row in rows if not row["walled"]} == NOBODYS
    assert len([row for row in rows if row["walled"]]) >= 4


async def test_reads_still_go_by_their_index(both, toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute(
        "INSERT INTO log.events SELECT n + 100, 'counter-' || (n % 500), 1 + n / 500, $1, 'acme', NULL, '{}', '{}', now()"
        " FROM generate_series(0, 4999) AS n", next(iter(EVENTS)),
    )  # fmt: skip
    await owner.execute("ANALYZE log.events")
    await owner.close()
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=1) as pool:
        with tenancy.seeing("acme"):
            for condition in ("stream = 'counter-7' AND version > 2", "position > 4990 AND tenant = 'acme'"):
                plan = await pool.fetch(f"EXPLAIN SELECT payload FROM log.events WHERE {condition}")
                assert any("Index Cond" in row[0] for row in plan), plan

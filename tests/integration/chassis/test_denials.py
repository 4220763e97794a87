"""Denied attempts: counted by the minute in a table of their own, which a flood cannot fill and nobody can rewrite."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chassis import tenancy
from chassis.denials import MOST_KINDS, OTHERS, Attempt, Denials

NOON = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def pool(toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=2) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def denials(pool, clock) -> Denials:
    return Denials(pool, clock)


def attempt(nr: int = 0, *, tenant: str = "acme") -> Attempt:
    return Attempt(operation="goLive", reason="MISSING_SCOPE", tenant=tenant, subject=f"eve-{nr}")


async def rows(pool):
    with tenancy.seeing_all():
        return await pool.fetch("SELECT * FROM log.denials ORDER BY minute, subject")


async def test_ten_thousand_attempts_in_a_minute_are_one_row(denials, pool, clock):
    for nr in range(10_000):
        denials.note(attempt())
        clock.now = NOON + timedelta(milliseconds=nr)
        if nr % 3000 == 0:
            await denials.write()
    await denials.write()
    (row,) = await rows(pool)
    assert (row["attempts"], row["tenant"], row["subject"], row["operation"]) == (10_000, "acme", "eve-0", "goLive")
    assert (row["first_at"], row["minute"]) == (NOON, NOON.replace(second=0))
    assert row["last_at"] > NOON + timedelta(seconds=9)


async def test_ten_thousand_different_callers_are_a_bounded_number_of_rows(denials, pool):
    for nr in range(10_000):
        denials.note(attempt(nr))
    await denials.write()
    found = await rows(pool)
    assert len(found) == MOST_KINDS + 1
    assert sum(row["attempts"] for row in found) == 10_000
    assert found[0]["operation"] == OTHERS


async def test_two_processes_add_up_and_each_minute_has_its_row(denials, pool, clock):
    other = Denials(pool, clock)
    for _ in range(2):
        for each in (denials, other):
            each.note(attempt())
        clock.now += timedelta(minutes=1)
    await other.write()
    await denials.write()
    assert [row["attempts"] for row in await rows(pool)] == [2, 2]


async def test_what_could_not_be_written_is_written_later(denials, pool, clock):
    denials.note(attempt())
    working, denials._pool = denials._pool, _Broken()
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await denials.write()
    denials.note(attempt())
    denials._pool = working
    await denials.write()
    assert [row["attempts"] for row in await rows(pool)] == [2]


class _Broken:
    async def execute(self, *_: object) -> None:
        raise ConnectionResetError("gone")


async def test_a_tenant_sees_its_own_callers_and_strangers(denials, clock):
    for tenant in ("acme", "globex", ""):
        denials.note(attempt(tenant=tenant))
    with tenancy.seeing("acme"):
        assert {denial.tenant for denial in await denials.newest("acme", NOON - timedelta(hours=1), 10)} == {"acme", ""}
        assert await denials.newest("acme", NOON + timedelta(hours=1), 10) == []
        # the second wall: another tenant's even where the query asks for them
        assert {denial.tenant for denial in await denials.newest("globex", NOON, 10)} == {""}
    with tenancy.seeing(tenancy.NOBODY):
        assert await denials.newest("", NOON, 10) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log.denials",
        "UPDATE log.denials SET attempts = 1",
        "INSERT INTO log.denials VALUES (now(), '', '', '', '', now(), now(), 1)",
        "TRUNCATE log.denials",
    ],
)
async def test_the_services_role_can_only_add(denials, pool, statement):
    denials.note(attempt())
    await denials.write()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_attempts_cannot_be_taken_away_through_the_function(pool):
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(
            "SELECT log.note_denials(ARRAY[now()], ARRAY[''], ARRAY[''], ARRAY[''], ARRAY[''], ARRAY[now()], ARRAY[now()],"
            " ARRAY[-5::bigint])"
        )


async def test_what_is_older_than_ninety_days_goes(denials, pool, clock, toy_urls):
    denials.note(attempt())
    await denials.write()
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("UPDATE log.denials SET minute = now() - interval '91 days'")
    await owner.close()
    denials.note(attempt(1))
    await denials.write()
    assert [row["subject"] for row in await rows(pool)] == ["eve-1"]

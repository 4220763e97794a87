"""What a policy could not handle: parked, waited for, tried again once, given up with a reason."""

import asyncio
import contextlib
from uuid import uuid4

import pytest

from chassis.handle import Do
from chassis.inbox import AfterParked, Inbox, OwnLog, ParkedBehind, Policy, StillParked
from chassis.observe import parked_total
from chassis.parked import parked_summary
from contracts.problems import NotFound
from tests.integration.chassis.test_exchange import _parked, running, until
from tests.support.toy import AT, COUNTER, Raise, Raised, cause

OURS, OTHER = uuid4(), uuid4()

pytestmark = pytest.mark.usefixtures("impatient")


class Fragile:
    """A policy that breaks while `broken`, and notes what it let through; effects go to one counter per show."""

    def __init__(self) -> None:
        self.broken = True

    async def count_for_the_show(self, event: Raised, about) -> list[Do]:
        if self.broken and event.by == 1:
            raise RuntimeError("not now")
        return [Do(decider=COUNTER, ident=f"of-{event.show_id}", command=Raise(by=event.by * 10, at=AT))]


def an_inbox(toy, fragile: Fragile, rule: AfterParked) -> Inbox:
    store, handler = toy
    policy = Policy(Raised, fragile.count_for_the_show, rule)

    async def only_what_people_raise(event: Raised, about) -> list[Do]:
        return [] if event.by >= 10 else await fragile.count_for_the_show(event, about)

    only_what_people_raise.__name__ = policy.name
    return Inbox("toy", OwnLog(store), store, handler, [Policy(Raised, only_what_people_raise, rule)])


async def raised(toy, by: int, show) -> int:
    return (await toy[1].run(COUNTER, uuid4(), Raise(by=by, show_id=show), cause())).position


async def counted(toy, show) -> int:
    with contextlib.suppress(NotFound):
        return (await toy[1].state(COUNTER, f"of-{show}", tenant="acme"))[0]
    return 0


async def effects(toy, show) -> list[int]:
    """What was counted for a show, in order."""
    records = await toy[0].stream(COUNTER.stream(f"of-{show}"))
    import msgspec

    return [msgspec.json.decode(record.payload)["by"] for record in records]


@contextlib.asynccontextmanager
async def with_one_parked(toy, rule: AfterParked):
    """An event of OURS is parked, two of OURS and one of OTHER came after it."""
    fragile = Fragile()
    inbox = an_inbox(toy, fragile, rule)
    first = await raised(toy, 1, OURS)
    async with running(inbox.run()):
        await until(lambda: _parked(toy[0], 1))
        await raised(toy, 2, OURS)
        await raised(toy, 3, OTHER)
        await raised(toy, 4, OURS)
        await until(lambda: _has(toy, OTHER, 30))
        yield inbox, fragile, first


async def _has(toy, show, total: int) -> bool:
    return await counted(toy, show) == total


async def test_events_of_the_same_show_go_on_where_the_policy_says_so(toy):
    async with with_one_parked(toy, AfterParked.GO_ON) as (inbox, fragile, first):
        await until(lambda: _has(toy, OURS, 60))
        fragile.broken = False
        assert await inbox.retry(first, "count_for_the_show", by="sre") == 1
    assert await effects(toy, OURS) == [20, 40, 10]


async def test_events_of_the_same_show_wait_where_the_policy_says_so_and_go_on_in_order(toy):
    async with with_one_parked(toy, AfterParked.WAIT_SHOW) as (inbox, fragile, first):
        await until(lambda: _parked(toy[0], 3))
        assert await effects(toy, OURS) == []
        errors = [row["error"].split(":")[0] for row in await toy[0].parked()]
        assert errors == ["RuntimeError", "WAITS", "WAITS"]
        behind = (await toy[0].parked())[1]["position"]
        with pytest.raises(ParkedBehind):
            await inbox.retry(behind, "count_for_the_show", by="sre")
        with pytest.raises(StillParked):
            await inbox.retry(first, "count_for_the_show", by="sre")
        assert (await toy[0].parked())[0]["tries"] == 2
        fragile.broken = False
        assert await inbox.retry(first, "count_for_the_show", by="sre") == 3
        assert await toy[0].parked() == []
        assert await effects(toy, OURS) == [10, 20, 40]
        await raised(toy, 5, OURS)
        await until(lambda: _has(toy, OURS, 120))
    assert {row["settled_by"] for row in await toy[0].parked(settled=True)} == {"sre"}


async def test_dropping_says_who_and_why_and_lets_the_others_go_on(toy):
    async with with_one_parked(toy, AfterParked.WAIT_SHOW) as (inbox, _, first):
        await until(lambda: _parked(toy[0], 3))
        assert await inbox.drop(first, "count_for_the_show", by="sre", reason="a test") == 3
        assert await effects(toy, OURS) == [20, 40]
        with pytest.raises(NotFound):
            await inbox.drop(first, "count_for_the_show", by="sre", reason="again")
    dropped = [row for row in await toy[0].parked(settled=True) if row["settled_as"] == "dropped"]
    assert [(row["position"], row["settled_by"], row["note"]) for row in dropped] == [(first, "sre", "a test")]


async def test_two_retries_at_once_and_one_after_a_crash_have_one_effect(toy):
    async with with_one_parked(toy, AfterParked.GO_ON) as (inbox, fragile, _):
        fragile.broken = False
        [row] = await toy[0].parked()
        second = an_inbox(toy, fragile, AfterParked.GO_ON)  # another process's
        await asyncio.gather(*(each._retried(row, "sre") for each in (inbox, second)), inbox._retried(row, "sre"))
        await inbox._retried(row, "sre")  # as if the row had not been marked before a crash
        await until(lambda: _has(toy, OURS, 70))
    assert sorted(await effects(toy, OURS)) == [10, 20, 40]


async def test_what_is_parked_is_counted_and_told_in_readiness(toy):
    before = parked_total.labels("toy", "count_for_the_show")._value.get()
    async with with_one_parked(toy, AfterParked.GO_ON):
        assert parked_total.labels("toy", "count_for_the_show")._value.get() == before + 1
        assert parked_summary("toy", await toy[0].parked_open()) == "ok, but 1 messages are parked"


async def test_the_service_cannot_remove_or_rewrite_what_was_parked(toy, toy_urls):
    import asyncpg

    async with with_one_parked(toy, AfterParked.GO_ON):
        connection = await asyncpg.connect(toy_urls[1])
        for statement in ("DELETE FROM log.parked", "UPDATE log.parked SET error = ''", "TRUNCATE log.parked"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()

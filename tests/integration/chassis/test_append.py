"""Appending over a real PostgreSQL: atomic, by name, without harm to neighbours, bounded, whole after every fault."""

import asyncio
import contextlib
import os
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from chassis import batch, tenancy, writer
from chassis.faults import Conflict, CursorMoved, Fault, KeyTaken, Unreachable
from chassis.store import Append, CursorMove, Key, Parking, Store, open_store
from contracts.problems import Busy
from tests.support.drafts import change, draft
from tests.support.toy import COUNTER, Raise, cause, toy_house


async def outcomes(store, appends):
    return await asyncio.gather(*(store.append(one) for one in appends), return_exceptions=True)


async def dense(store) -> list:
    """The whole log, after checking that positions and each stream's versions have no gap."""
    records = await store.read(0, limit=100_000)
    assert [r.position for r in records] == list(range(1, len(records) + 1))
    versions: dict[str, int] = {}
    for record in records:
        assert record.version == versions.get(record.stream, 0) + 1
        versions[record.stream] = record.version
    return records


async def test_a_conflict_names_stream_expected_and_found(toy):
    store, _ = toy
    await store.append(change("s-1", 0, 3))
    for expected in (0, 2, 7):
        with pytest.raises(Conflict) as conflict:
            await store.append(change("s-1", expected))
        assert (conflict.value.stream, conflict.value.expected, conflict.value.found) == ("s-1", expected, 3)
    assert await store.head() == 3


async def test_one_stream_of_several_that_conflicts_takes_all_with_it(toy):
    store, _ = toy
    await store.append(change("a-1", 0))
    both = Append(drafts=(draft("b-1", 1), draft("a-1", 1)), expect={"b-1": 0, "a-1": 0})
    with pytest.raises(Conflict) as conflict:
        await store.append(both)
    assert conflict.value.stream == "a-1"
    assert await store.stream("b-1") == []
    assert await store.append(Append(drafts=(draft("b-1", 1), draft("a-1", 2)), expect={"b-1": 0, "a-1": 1})) == 3


async def test_a_stream_that_was_only_read_is_checked_too(toy):
    store, _ = toy
    await store.append(change("a-1", 0))
    with pytest.raises(Conflict):
        await store.append(Append(drafts=(draft("b-1", 1),), expect={"b-1": 0, "a-1": 0}))
    assert await store.head() == 1


async def test_the_bad_ones_of_a_full_batch_fail_alone_and_by_their_own_names(toy):
    store, _ = toy
    await store.append(change("old-1", 0))
    await store.append(change("keyed-1", 0, key="taken"))
    bad = {
        10: change("old-1", 0),
        20: change("gap-1", 4),
        30: change("again-1", 0, key="taken"),
        40: change("nul-1\0", 0),
        50: change("surrogate-\ud800", 0),
        60: change("large-1", 2**31 - 1),
        70: change("text-1", 0, payload="not bytes"),
        80: Append(drafts=(draft("c-1", 1),), expect={"c-1": 0}, cursor=CursorMove(source="x", came_from=5, went_to=6)),
        90: msgspec.structs.replace(change("skips-1", 0), drafts=(draft("skips-1", 2),)),
    }
    found = await outcomes(store, [bad.get(n, change(f"good-{n}", 0)) for n in range(128)])
    expected = {10: Conflict, 20: Conflict, 30: KeyTaken, 80: CursorMoved}
    for n, outcome in enumerate(found):
        assert type(outcome) is (expected.get(n, Fault) if n in bad else int), (n, outcome)
    assert len(await dense(store)) == 2 + 128 - len(bad)
    assert len({outcome for outcome in found if isinstance(outcome, int)}) == 128 - len(bad)


async def test_racers_on_one_stream_get_one_winner_per_version_and_losers_learn_the_version_found(toy):
    store, _ = toy
    found = await outcomes(store, [change("hot-1", 0) for _ in range(50)])
    assert sum(isinstance(one, int) for one in found) == 1
    assert {(one.expected, one.found) for one in found if isinstance(one, Conflict)} == {(0, 1)}


async def test_appends_that_build_on_each_other_share_a_transaction_in_their_order(toy, toy_urls):
    store, _ = toy
    found = await outcomes(store, [change("hot-1", nr) for nr in range(200)])
    assert found == list(range(1, 201))
    times = {record.recorded_at for record in await dense(store)}
    assert len(times) < 50


async def test_what_builds_on_a_change_that_conflicts_conflicts_too(toy_urls):
    async with toy_house(toy_urls[1]) as (one, _), toy_house(toy_urls[1]) as (two, _):
        await two.append(change("hot-1", 0))
        found = await outcomes(one, [change("hot-1", nr) for nr in range(4)])
        assert [type(each) for each in found] == [Conflict, int, int, int]
        found = await outcomes(one, [change("hot-1", 0), change("hot-1", 1), change("other-1", 0)])
        assert [type(each) for each in found] == [Conflict, Conflict, int]
        await dense(one)


async def test_key_cursor_and_parked_message_are_recorded_with_the_events_or_not_at_all(toy, toy_urls):
    store, _ = toy
    everything = Append(
        drafts=(draft("s-1", 1),),
        expect={"s-1": 0},
        tenant="acme",
        key=Key(text="k", fingerprint=b"f"),
        answer=b"{}",
        cursor=CursorMove(source="src", came_from=0, went_to=9),
        parked=(Parking(source="src", position=9, policy="p", error="e", message=b"m"),),
    )

    async def kept():
        answer = await store.answer("acme", "k")
        return answer is not None, await store.cursor("src"), len(await store.parked()), await store.head()

    await store.append(change("s-1", 0))
    with pytest.raises(Conflict):
        await store.append(everything)
    assert await kept() == (False, 0, 0, 1)
    await store.append(msgspec.structs.replace(everything, drafts=(draft("s-1", 2),), expect={"s-1": 1}))
    assert await kept() == (True, 9, 1, 2)


async def test_each_keyed_change_of_a_shared_transaction_keeps_its_own_position(toy):
    store, _ = toy
    found = await outcomes(store, [change(f"k-{n}", 0, 2, key=f"key-{n}") for n in range(20)])
    answers = [await store.answer("acme", f"key-{n}") for n in range(20)]
    assert [answer.position for answer in answers] == found == [2 * n for n in range(1, 21)]


async def test_a_full_queue_refuses_at_once_and_takes_again_when_there_is_room(toy, monkeypatch):
    store, _ = toy
    monkeypatch.setattr(writer, "MAX_WAITING", 40)
    found = await outcomes(store, [change(f"q-{n}", 0) for n in range(100)])
    assert [type(one) for one in found] == [int] * 40 + [Busy] * 60
    assert found[-1].status == 503
    assert await store.append(change("later-1", 0)) == 41
    assert len(await dense(store)) == 41


async def test_the_queue_is_bounded_in_bytes_too(toy, monkeypatch):
    store, _ = toy
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 100_000)
    large = b"x" * 30_000
    found = await outcomes(store, [change(f"q-{n}", 0, payload=large) for n in range(10)])
    assert [type(one) for one in found] == [int] * 3 + [Busy] * 7
    huge = change("huge-1", 0, payload=b"x" * 200_000)
    assert await store.append(huge) == 4, "one that is larger than the bound goes alone instead of never"


async def test_a_transaction_is_bounded_in_bytes(toy, monkeypatch):
    store, _ = toy
    monkeypatch.setattr(batch, "MAX_BATCH_BYTES", 50_000)
    found = await outcomes(store, [change(f"q-{n}", 0, payload=b"x" * 20_000) for n in range(12)])
    assert sorted(found) == list(range(1, 13))
    assert len({record.recorded_at for record in await dense(store)}) >= 4


async def test_cancelled_callers_leave_whole_changes_and_no_trace_in_the_bounds(toy):
    store, _ = toy
    for pause in (0, 0.0005, 0.002, 0.01):
        tasks = [asyncio.create_task(store.append(change(f"c{pause}-{n}", 0, 3))) for n in range(60)]
        await asyncio.sleep(pause)
        for task in tasks[::2]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, int) for one in found[1::2])
    await store.append(change("after-1", 0))
    records = await dense(store)
    counts = {r.stream: 0 for r in records}
    for record in records:
        counts[record.stream] += 1
    assert set(counts.values()) <= {1, 3}
    assert (store._writer._outstanding, store._writer._bytes) == (0, 0)


async def recorded_at_last(store: Store, wanted: Append) -> None:
    """A lane whose idle connection was ended learns it from the first change it sends, and that one's outcome is unknown."""
    for _ in range(3):
        try:
            await store.append(wanted)
        except Unreachable:
            continue
        except Conflict:  # it was recorded, only the answer was lost
            pass
        return
    raise AssertionError("the store never came back")


async def test_a_backend_killed_in_mid_batch_leaves_whole_changes_and_work_goes_on(toy, toy_urls, postgres):
    store, _ = toy
    name = toy_urls[1].split("@/", 1)[1].split("?", 1)[0]
    admin = await asyncpg.connect(postgres.url())
    try:
        recorded = []
        for nr in range(10):
            tasks = [asyncio.create_task(store.append(change(f"r{nr}-{n}", 0, 3))) for n in range(80)]
            await asyncio.sleep(0.001 * nr)
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in found} <= {int, Unreachable}
            recorded += [f"r{nr}-{n}" for n, one in enumerate(found) if isinstance(one, int)]
        await recorded_at_last(store, change("after-1", 0))
    finally:
        await admin.close()
    records = await dense(store)
    streams = [r.stream for r in records]
    assert set(recorded) <= set(streams), "what was acknowledged is there"
    assert all(streams.count(stream) == 3 for stream in set(streams) - {"after-1"})
    assert (store._writer._outstanding, store._writer._bytes) == (0, 0)


async def test_a_store_that_closes_leaves_nobody_waiting(toy_urls):
    async with toy_house(toy_urls[1]) as (store, _):
        tasks = [asyncio.create_task(store.append(change(f"s-{n}", 0))) for n in range(2_000)]
        await asyncio.sleep(0)
    found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert {type(one) for one in found} <= {int, Unreachable}
    with pytest.raises(Unreachable):
        await store.append(change("late-1", 0))


async def test_a_database_that_does_not_sync_is_not_written_to(toy_urls, postgres):
    async with toy_house(toy_urls[1]) as (store, _):
        name = toy_urls[1].split("@/", 1)[1].split("?", 1)[0]
        admin = await asyncpg.connect(postgres.url())
        with contextlib.suppress(asyncpg.PostgresError):
            await admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        await admin.close()
        assert await store.append(change("s-1", 0)) == 1, "the session's own setting wins"
        connection = store._writer._lanes[0]._connection or store._writer._lanes[1]._connection
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes")
async def test_two_processes_that_race_lose_and_repeat_nothing(toy, toy_urls):
    import sys

    store, _ = toy
    command = [sys.executable, "-m", "tests.support.racer", toy_urls[1], "12", "25"]
    racers = [await asyncio.create_subprocess_exec(*command, name, stdout=asyncio.subprocess.PIPE) for name in "ab"]
    answers = [(await racer.communicate())[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    claimed = [(stream, version) for answer in answers for stream, version in msgspec.json.decode(answer)]
    assert sorted(claimed) == sorted((r.stream, r.version) for r in await dense(store))
    assert len(claimed) == 2 * 12 * 25


async def test_followers_get_from_memory_what_the_database_has(toy, toy_urls):
    store, handler = toy
    counter = uuid4()
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=2) as pool, open_store(toy_urls[1], pool) as other:
        with tenancy.seeing_all():
            for writer in (store, store, other, store):
                before = await store.head()
                await writer.append(change(f"counter-{uuid4()}", 0, 3, key=str(uuid4())))
                await handler.run(COUNTER, counter, Raise(by=1), cause())
                for after in range(before, before + 4):
                    assert await store.news(after, 2) == await store.read(after, 2)
            head = await store.head()
            assert await store.news(0) == await store.read(0)
            assert await store.news(head) == []


async def test_followers_get_from_memory_only_what_they_may_see(toy):
    store, _ = toy
    await store.append(change("counter-1", 0, 3))
    with tenancy.seeing("globex"):
        assert await store.news(0) == []
    with tenancy.seeing("acme"):
        assert len(await store.news(0)) == 3

"""The store and the write path over a real PostgreSQL."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from chassis.faults import Conflict, CursorMoved
from chassis.handle import ANY_VERSION, Do
from chassis.store import Append, AsOf, CursorMove, Draft, Key
from contracts.envelope import Metadata
from contracts.problems import KeyReused, NotFound, StaleVersion
from tests.support.toy import COUNTER, Empty, Raise, TooMuch, cause, toy_house


def draft(stream: str, version: int) -> Draft:
    why = cause()
    meta = Metadata(
        id=uuid4(), tenant="acme", actor=why.actor, correlation=why.correlation, causation=why.causation, command="Test"
    )
    return Draft(stream=stream, version=version, type="toy.raised.v1", payload=b'{"by":1}', metadata=meta)


async def test_positions_are_dense_and_in_commit_order_over_many_streams(toy):
    store, handler = toy
    counters = [uuid4() for _ in range(20)]
    await asyncio.gather(*(handler.run(COUNTER, c, Raise(by=1), cause()) for c in counters for _ in range(10)))
    records = await store.read(0, limit=1000)
    assert [r.position for r in records] == list(range(1, 201))
    assert [r.recorded_at for r in records] == sorted(r.recorded_at for r in records)
    for counter in counters:
        assert [r.version for r in await store.stream(f"counter-{counter}")] == list(range(1, 11))


async def test_who_has_time_finds_several_events_at_once_and_who_has_none_is_told_of_the_first(toy):
    store, _ = toy
    await store.append(Append(drafts=(draft("counter-a", 1),), expect={"counter-a": 0}, tenant="acme"))
    hasty = asyncio.create_task(store.wait_beyond(1))
    patient = asyncio.create_task(store.wait_beyond(1, gather_s=0.4))
    await asyncio.sleep(0)
    await store.append(Append(drafts=(draft("counter-b", 1),), expect={"counter-b": 0}, tenant="acme"))
    assert await hasty
    await store.append(Append(drafts=(draft("counter-c", 1),), expect={"counter-c": 0}, tenant="acme"))
    assert not patient.done()
    assert await patient
    assert [record.stream for record in await store.news(1)] == ["counter-b", "counter-c"]


async def test_a_conflicting_append_fails_alone_and_says_what_it_found(toy):
    store, _ = toy
    await store.append(Append(drafts=(draft("a-1", 1),), expect={"a-1": 0}))
    results = await asyncio.gather(
        store.append(Append(drafts=(draft("b-1", 1),), expect={"b-1": 0})),
        store.append(Append(drafts=(draft("a-1", 1),), expect={"a-1": 0})),
        store.append(Append(drafts=(draft("c-1", 1),), expect={"c-1": 0})),
        return_exceptions=True,
    )
    assert sorted(r for r in results if isinstance(r, int)) == [2, 3]
    conflict = next(r for r in results if isinstance(r, Conflict))
    assert (conflict.stream, conflict.expected, conflict.found) == ("a-1", 0, 1)


async def test_something_not_storable_fails_alone(toy):
    store, _ = toy
    bad = draft("bad-\x00", 1)
    results = await asyncio.gather(
        *(store.append(Append(drafts=(draft(f"ok-{n}", 1),), expect={f"ok-{n}": 0})) for n in range(5)),
        store.append(Append(drafts=(bad,), expect={"bad": 0})),
        return_exceptions=True,
    )
    assert sorted(results[:5]) == [1, 2, 3, 4, 5]
    assert isinstance(results[5], Exception)


async def test_two_processes_racing_on_one_stream_lose_nothing(toy_urls):
    counter = uuid4()
    async with toy_house(toy_urls[1]) as (store, one), toy_house(toy_urls[1]) as (_, two):
        await asyncio.gather(*(h.run(COUNTER, counter, Raise(by=1), cause()) for _ in range(50) for h in (one, two)))
        assert (await one.state(COUNTER, counter, tenant="acme")) == (100, 100)
        assert (await store.head()) == 100


async def test_a_stale_cache_never_causes_a_wrong_refusal(toy_urls):
    counter = uuid4()
    async with toy_house(toy_urls[1]) as (_, one), toy_house(toy_urls[1]) as (_, two):
        await one.run(COUNTER, counter, Raise(by=1000), cause())
        await two.run(COUNTER, counter, Empty(), cause())
        await one.run(COUNTER, counter, Raise(by=5), cause())
        with pytest.raises(TooMuch):
            await one.run(COUNTER, counter, Raise(by=1000), cause())


async def test_a_repeated_key_returns_the_first_answer_and_records_nothing(toy):
    store, handler = toy
    counter, key = uuid4(), Key(text="k1", fingerprint=b"same")
    first = await handler.run(COUNTER, counter, Raise(by=1), cause(), key=key)
    again = await handler.run(COUNTER, counter, Raise(by=1), cause(), key=key)
    assert again.replayed
    assert (again.events, again.version, again.position) == (first.events, first.version, first.position)
    assert await store.head() == 1


async def test_a_key_with_another_request_is_refused(toy):
    _, handler = toy
    counter = uuid4()
    await handler.run(COUNTER, counter, Raise(by=1), cause(), key=Key(text="k2", fingerprint=b"one"))
    with pytest.raises(KeyReused):
        await handler.run(COUNTER, counter, Raise(by=2), cause(), key=Key(text="k2", fingerprint=b"two"))


async def test_the_same_key_in_flight_many_times_has_one_effect(toy_urls):
    counter, key = uuid4(), Key(text="k3", fingerprint=b"same")
    async with toy_house(toy_urls[1]) as (store, one), toy_house(toy_urls[1]) as (_, two):
        runs = [h.run(COUNTER, counter, Raise(by=1), cause(), key=key) for _ in range(10) for h in (one, two)]
        outcomes = await asyncio.gather(*runs)
        assert len({o.events for o in outcomes}) == 1
        assert await store.head() == 1


async def test_a_stale_if_match_is_refused_with_both_versions(toy):
    _, handler = toy
    counter = uuid4()
    await handler.run(COUNTER, counter, Raise(by=1), cause())
    with pytest.raises(StaleVersion) as stale:
        await handler.run(COUNTER, counter, Raise(by=1), cause(), expect=7)
    assert stale.value.facts == {"expected": 7, "found": 1}


async def test_a_version_of_what_is_not_there_yet_is_stale_where_the_command_would_begin_it(toy):
    store, handler = toy
    with pytest.raises(StaleVersion) as stale:
        await handler.run(COUNTER, uuid4(), Raise(by=1), cause(), expect=7)
    assert stale.value.facts == {"expected": 7, "found": 0}
    with pytest.raises(StaleVersion) as stale:
        await handler.run(COUNTER, uuid4(), Raise(by=1), cause(), expect=ANY_VERSION)
    assert stale.value.facts == {"expected": "*", "found": 0}
    with pytest.raises(TooMuch):
        await handler.run(COUNTER, uuid4(), Raise(by=2000), cause(), expect=7)
    with pytest.raises(NotFound):
        await handler.run_all(
            [Do(decider=COUNTER, ident=uuid4(), command=Raise(by=1), existing=True)], cause(), expect=7
        )
    assert await store.head() == 0


async def test_any_version_is_met_by_whatever_is_there(toy):
    _, handler = toy
    counter = uuid4()
    for version in (1, 2):
        expect = ANY_VERSION if version > 1 else None
        assert (await handler.run(COUNTER, counter, Raise(by=1), cause(), expect=expect)).version == version


async def test_another_tenant_finds_nothing(toy):
    _, handler = toy
    counter = uuid4()
    await handler.run(COUNTER, counter, Raise(by=1), cause("acme"))
    with pytest.raises(NotFound):
        await handler.state(COUNTER, counter, tenant="globex")
    with pytest.raises(NotFound):
        await handler.run(COUNTER, counter, Raise(by=1), cause("globex"))


async def test_state_as_of_a_position_is_the_same_fold_stopped_earlier(toy):
    _, handler = toy
    counter = uuid4()
    positions = [(await handler.run(COUNTER, counter, Raise(by=2), cause())).position for _ in range(5)]
    for nr, position in enumerate(positions, start=1):
        assert await handler.state(COUNTER, counter, tenant="acme", as_of=AsOf(position=position)) == (2 * nr, nr)


async def test_several_streams_are_recorded_together_or_not_at_all(toy):
    store, handler = toy
    full, other = uuid4(), uuid4()
    await handler.run(COUNTER, full, Raise(by=1000), cause())
    dos = [Do(decider=COUNTER, ident=other, command=Raise(by=1)), Do(decider=COUNTER, ident=full, command=Raise(by=1))]
    with pytest.raises(TooMuch):
        await handler.run_all(dos, cause())
    assert await store.head() == 1
    with pytest.raises(NotFound):
        await handler.state(COUNTER, other, tenant="acme")


async def test_a_cursor_that_somebody_moved_takes_its_effects_with_it(toy):
    store, handler = toy
    counter = uuid4()
    do = Do(decider=COUNTER, ident=counter, command=Raise(by=1))
    await handler.run_all([do], cause(), cursor=CursorMove(source="toy", came_from=0, went_to=3))
    with pytest.raises(CursorMoved):
        await handler.run_all([do], cause(), cursor=CursorMove(source="toy", came_from=0, went_to=3))
    assert (await store.cursor("toy"), await store.head()) == (3, 1)


async def test_a_shows_events_are_found_over_all_streams(toy):
    store, handler = toy
    show = uuid4()
    for n in range(6):
        await handler.run(COUNTER, uuid4(), Raise(by=1, show_id=show if n % 2 else None), cause())
    await handler.run(COUNTER, uuid4(), Raise(by=1, show_id=show), cause("globex"))
    assert [r.position for r in await store.of_show(show, tenant="acme")] == [2, 4, 6]
    assert [r.position for r in await store.of_show(show, tenant="globex")] == [7]


async def test_a_cancelled_caller_leaves_the_change_whole(toy):
    store, handler = toy
    counters = [uuid4() for _ in range(30)]
    dos = [[Do(decider=COUNTER, ident=c, command=Raise(by=n)) for n in (1, 2, 3)] for c in counters]
    tasks = [asyncio.create_task(handler.run_all(d, cause())) for d in dos]
    await asyncio.sleep(0.002)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.2)
    for counter in counters:
        assert len(await store.stream(f"counter-{counter}")) in (0, 3)
    records = await store.read(0, limit=1000)
    assert [r.position for r in records] == list(range(1, len(records) + 1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.events SET payload = 'x'",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "INSERT INTO log.events SELECT position + 1, stream, version + 1, type, tenant, show, payload, metadata, recorded_at FROM log.events",
        "UPDATE log.head SET position = 0",
        "DELETE FROM log.answers",
        "DROP TABLE log.events",
    ],
)
async def test_the_services_role_cannot_rewrite_history(toy, toy_urls, statement):
    _, handler = toy
    await handler.run(COUNTER, uuid4(), Raise(by=1), cause())
    connection = await asyncpg.connect(toy_urls[1])
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_repeated_key_is_answered_even_where_the_command_would_now_be_refused(toy, toy_urls):
    store, handler = toy
    counter, key = uuid4(), Key(text="full", fingerprint=b"same")
    first = await handler.run(COUNTER, counter, Raise(by=1000), cause(), key=key)
    async with toy_house(toy_urls[1]) as (_, other):
        for each in (handler, other):
            again = await each.run(COUNTER, counter, Raise(by=1000), cause(), key=key)
            assert (again.replayed, again.events) == (True, first.events)
            with pytest.raises(KeyReused):
                await each.run(COUNTER, counter, Raise(by=999), cause(), key=Key(text="full", fingerprint=b"other"))
    assert await store.head() == 1


async def test_a_new_stream_is_begun_without_reading_and_an_old_one_is_noticed(toy, toy_urls, monkeypatch):
    store, handler = toy
    reads = []
    read = store.stream
    monkeypatch.setattr(store, "stream", lambda *a, **k: reads.append(a) or read(*a, **k))
    counter = uuid4()
    await handler.run(COUNTER, counter, Raise(by=999), cause(), key=Key(text="k", fingerprint=b"f"))
    assert reads == []
    async with toy_house(toy_urls[1]) as (_, other):
        with pytest.raises(TooMuch):
            await other.run(COUNTER, counter, Raise(by=2), cause())
        outcome = await other.run(COUNTER, counter, Raise(by=1), cause())
    assert outcome.version == 2
    with pytest.raises(NotFound):
        async with toy_house(toy_urls[1]) as (_, other):
            await other.run(COUNTER, counter, Raise(by=1), cause("globex"))
    assert await store.head() == 2

"""`regie replay`: the whole history of a real service folded by this program, and the first event that does not fold."""

import argparse
import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chassis import tenancy
from chassis.store import Append, open_store
from contracts.roles import SERVICES
from regie import replay as command
from tests.contract.test_history_corpus import CORPUS, streams
from tests.support.drafts import draft

SERVICE = "entitlement"


@pytest.fixture
async def urls(make_database, monkeypatch, tmp_path):
    found = await make_database(SERVICE)
    monkeypatch.setenv("REGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REGIE_ENTITLEMENT_DATABASE_URL", found.service_url)
    return found


@pytest.fixture
async def events(urls) -> int:
    """What a released version recorded in a demo, as this service's log; how many events that is."""
    [path] = [path for path in CORPUS if path.stem == f"0.1.0-{SERVICE}"]
    total = 0
    with tenancy.seeing_all():
        async with tenancy.open_pool(urls.service_url, min_size=0) as pool, open_store(urls.service_url, pool) as store:
            for stream, stored in streams(path).items():
                drafts = [draft(stream, nr, payload, type_) for nr, (type_, payload) in enumerate(stored, 1)]
                await store.append(Append(drafts=tuple(drafts), expect={stream: 0}, tenant="acme"))
                total += len(drafts)
    return total


async def regie_replay(capsys, *words: str) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    status = await asyncio.to_thread(command.run, parser.parse_args([SERVICE, *words]))
    told = capsys.readouterr()
    return status, told.out, told.err


@contextlib.asynccontextmanager
async def owner_of(urls):
    connection = await asyncpg.connect(urls.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_released_history_replays_as_a_whole_and_up_to_any_point(urls, events, capsys):
    status, out, err = await regie_replay(capsys)
    assert (status, err) == (0, "")
    assert f"folded {events} events" in out
    async with owner_of(urls) as owner:
        await owner.execute("INSERT INTO public.projections VALUES ('toy', 3) ON CONFLICT DO NOTHING")
    _, out, _ = await regie_replay(capsys)
    assert f"read model {'toy':20} {events - 3} events behind the end of the log" in out
    status, out, _ = await regie_replay(capsys, "--until", "@2")
    assert (status, "folded 2 events" in out) == (0, True)
    for days, folded in ((-1, 0), (1, events)):
        instant = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        assert f"folded {folded} events" in (await regie_replay(capsys, "--until", instant))[1]


async def test_the_first_event_that_does_not_fold_is_named_and_nothing_of_what_it_says(urls, events, capsys):
    async with owner_of(urls) as owner:
        at = "UPDATE log.events SET payload = $2 WHERE position = $1 RETURNING stream"
        await owner.fetchval(at, events - 1, b'{"type":"broken","name":"Zo\xc3\xa9"}')
        stream = await owner.fetchval(at, 3, b'{"name":"Zo\xc3\xa9"}')
        status, _, err = await regie_replay(capsys)
        assert status == 1
        assert f"DOES NOT FOLD at position 3 ({stream}, " in err
        assert "Zo" not in err
        assert (await regie_replay(capsys, "--until", "@2"))[0] == 0
        await owner.execute("UPDATE log.events SET type = 'entitlement.from_the_future.v9' WHERE position = 2")
        assert "a type this program does not know" in (await regie_replay(capsys))[2]


async def test_a_stream_that_lacks_a_version_and_one_of_no_aggregate_are_told(urls, events, capsys):
    async with owner_of(urls) as owner:
        longest = "SELECT stream FROM log.events GROUP BY stream ORDER BY count(*) DESC LIMIT 1"
        await owner.execute(f"DELETE FROM log.events WHERE version = 2 AND stream = ({longest})")
        assert (await regie_replay(capsys))[:2][0] == 1
        assert "1 LACK A VERSION" in (await regie_replay(capsys))[1]
        await owner.execute("UPDATE log.events SET stream = 'ghost-1' WHERE position = 1")
        assert "NOT FOLDED: no aggregate has this name" in (await regie_replay(capsys))[1]


async def test_without_a_database_the_command_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("REGIE_HOME", str(tmp_path))
    assert (await regie_replay(capsys))[0] == 2


def test_every_service_has_aggregates_to_replay():
    assert all(command.deciders_of(service) for service in SERVICES)


@pytest.mark.parametrize("text", ["yesterday", "2026-06-10T09:00:00", "@x"])
def test_a_point_is_a_position_or_an_instant_with_its_offset(text):
    with pytest.raises(ValueError, match=r"isoformat|offset"):
        command.point(text)

"""Replacing the vault's key-encryption key: on a vault in use, stopped anywhere, and nobody forgotten comes back."""

import argparse
import asyncio
from urllib.parse import urlsplit

import pytest

from chassis import rotate as rotation
from chassis import tenancy
from chassis.faults import Fault
from chassis.keks import Keks, ident
from chassis.migrate import VAULT_SQL, migrate
from chassis.rotate import Report, rotate, wraps
from chassis.vault import Vault
from regie import vault as command

OLD, NEW = b"o" * 32, b"n" * 32
PEOPLE = [f"speaker-{n}" for n in range(5)]


@pytest.fixture
async def urls(make_database):
    owner, service = await make_database("chassis", migrated=False)
    await migrate(owner, urlsplit(service).username, [VAULT_SQL], log=False)
    return owner, service


@pytest.fixture
async def pool(urls):
    with tenancy.seeing_all():
        async with tenancy.open_pool(urls[1], min_size=0, max_size=5) as made:
            yield made


@pytest.fixture
async def sealed(pool):
    """Five names and a stream key, sealed before the rotation."""
    vault = Vault(pool, Keks(OLD))
    await vault.keep_secret("acme", "destination:1", "live_abc123")
    return {who: await vault.seal("acme", who, "name", f"Name of {who}") for who in PEOPLE}


async def all_open(vault: Vault, sealed) -> bool:
    names = [await vault.open(box, "acme", "name") for box in sealed.values()]
    return (
        names == [f"Name of {who}" for who in sealed] and await vault.secret("acme", "destination:1") == "live_abc123"
    )


async def test_after_a_rotation_the_old_key_is_not_needed_and_nothing_else_has_changed(pool, sealed):
    before = Vault(pool, Keks(OLD)).fingerprint("live_abc123")
    keks = Keks(NEW, OLD, fingerprints=Keks(OLD).fingerprints)
    assert await wraps(pool) == {ident(OLD): 6}
    assert await rotate(pool, keks) == Report(rewrapped=6, unreadable=0, wraps={ident(NEW): 6})
    assert await rotate(pool, keks) == Report(rewrapped=0, unreadable=0, wraps={ident(NEW): 6})
    alone = Vault(pool, Keks(NEW, fingerprints=keks.fingerprints))
    assert await all_open(alone, sealed)
    assert alone.fingerprint("live_abc123") == before
    with pytest.raises(Fault, match=f"{ident(NEW)}, which is not configured"):
        await Vault(pool, Keks(OLD)).open(sealed[PEOPLE[0]], "acme", "name")


async def test_entries_from_before_keys_had_ids_are_rotated_like_the_others(pool, sealed):
    await pool.execute("UPDATE keys SET kek = ''")
    await pool.execute("UPDATE secrets SET kek = ''")
    assert await all_open(Vault(pool, Keks(NEW, OLD)), sealed)
    assert (await rotate(pool, Keks(NEW, OLD))).wraps == {ident(NEW): 6}


class Stopped(Exception):
    pass


class Stopping:
    """The pool of a process that dies before, or right after, its `nth` statement."""

    def __init__(self, pool, nth: int, *, after: bool) -> None:
        self._pool, self._left, self._after = pool, nth, after

    async def fetch(self, *args):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Stopped
        found = await self._pool.fetch(*args)
        if self._left == 0:
            raise Stopped
        return found


async def test_a_rotation_that_is_killed_anywhere_loses_nothing_and_the_next_one_ends_it(pool, sealed, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    keys = [NEW, OLD]
    stops = 0
    for after in (False, True):
        for nth in range(1, 30):
            keks = Keks(bytes([nth + 32 * after]) * 32, *keys)  # a new rotation for each place it can die at
            keys = [bytes([nth + 32 * after]) * 32]
            try:
                await rotate(Stopping(pool, nth, after=after), keks)
            except Stopped:
                stops += 1
                assert await all_open(Vault(pool, keks), sealed)
                assert (await rotate(pool, keks)).wraps == {keks.current: 6}
            else:
                break
        assert await all_open(Vault(pool, Keks(*keys)), sealed)
    assert stops >= 20


async def test_who_is_forgotten_while_the_key_is_rotated_stays_forgotten(pool, sealed):
    class Between:
        """Somebody is forgotten between what was read and what is written."""

        async def fetch(self, query: str, *args):
            if query.startswith("UPDATE public.keys"):
                await Vault(pool, Keks(OLD)).forget("acme", PEOPLE[2])
            return await pool.fetch(query, *args)

    report = await rotate(Between(), Keks(NEW, OLD))
    assert (report.rewrapped, report.wraps) == (5, {ident(NEW): 5})
    assert await Vault(pool, Keks(NEW)).open(sealed[PEOPLE[2]], "acme", "name") is None


async def test_what_cannot_be_read_is_counted_and_stops_nothing(pool, sealed):
    await Vault(pool, Keks(b"l" * 32)).seal("acme", "lost", "name", "of a key nobody has")
    await pool.execute(
        "UPDATE keys SET wrapped = overlay(wrapped placing '\\x00'::bytea from 20) WHERE subject = $1", PEOPLE[0]
    )
    report = await rotate(pool, Keks(NEW, OLD))
    assert (report.rewrapped, report.unreadable) == (5, 2)
    assert report.wraps == {ident(NEW): 5, ident(OLD): 1, ident(b"l" * 32): 1}


def regie_vault(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


async def test_the_command_rotates_while_the_vault_is_used_and_tells_what_is_no_longer_needed(
    pool, sealed, urls, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "vault.key"
    file.write_text(OLD.hex())
    monkeypatch.setenv("REGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REGIE_VAULT_KEY_FILE", str(file))
    monkeypatch.setenv("REGIE_VAULT_DATABASE_URL", urls[1])

    async def run(*words: str) -> tuple[int, str]:
        status = await asyncio.to_thread(regie_vault, *words)
        return status, capsys.readouterr().out

    assert await run("keys") == (0, f"{ident(OLD):16}         6 entries  in use for what is new\n")
    status, _ = await run("add")
    assert (status, file.stat().st_mode & 0o777) == (0, 0o600)
    fresh = command.keks_in(file).current
    status, told = await run("keys")
    assert status == 1
    assert f"{ident(OLD):16}         6 entries  still needed: rotate" in told
    await Vault(pool, command.keks_in(file)).seal("acme", "late", "name", "came after the restart")
    status, told = await run("rotate")
    assert (status, told.splitlines()[0]) == (0, f"6 entries are wrapped by {fresh} now.")
    assert f"{fresh:16}         7 entries  in use for what is new" in told
    assert f"{ident(OLD):16}         0 entries  no longer needed" in told
    file.write_text("\n".join(line for line in file.read_text().splitlines() if line != OLD.hex()))
    assert await all_open(Vault(pool, command.keks_in(file)), sealed)
    file.write_text("something else")
    assert (await run("keys"))[0] == 2


async def test_a_key_that_fingerprints_follow_from_is_not_called_needless(
    pool, sealed, urls, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "vault.key"
    file.write_text(f"{NEW.hex()}\n{OLD.hex()}\n")  # written by hand, without the line `fingerprints`
    monkeypatch.setenv("REGIE_HOME", str(tmp_path))
    monkeypatch.setenv("REGIE_VAULT_KEY_FILE", str(file))
    monkeypatch.setenv("REGIE_VAULT_DATABASE_URL", urls[1])
    assert await asyncio.to_thread(regie_vault, "rotate") == 0
    assert f"{ident(OLD):16}         0 entries  still needed for fingerprints" in capsys.readouterr().out

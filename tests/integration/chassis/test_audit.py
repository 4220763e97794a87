"""The Merkle log over a real PostgreSQL: proofs hold, and a superuser who rewrites history is named."""

import asyncio
import contextlib
from uuid import uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import merkle, notes, tenancy
from chassis.audit import AuditLog, history_differs_at
from chassis.evidence import HistoryChanged
from chassis.recheck import Recheck, history_held_at
from tests.integration.chassis.test_exchange import running, until
from tests.support.rewriting import REWRITES, rewrite
from tests.support.toy import COUNTER, Raise, cause

KEY = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)


@pytest.fixture
async def published() -> list[str]:
    return []


@pytest.fixture
async def audit(toy, toy_urls, published):
    async def publish(note: str) -> None:
        published.append(note)

    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=3) as pool:
        yield AuditLog("stage", toy[0], pool, KEY, publish)


async def record(toy, count: int) -> None:
    counters = [uuid4() for _ in range(7)]
    await asyncio.gather(*(toy[1].run(COUNTER, counters[n % 7], Raise(by=1), cause()) for n in range(count)))


async def test_every_event_is_proven_to_be_in_the_signed_log(toy, audit):
    sizes = []
    for count in (1, 5, 300):
        await record(toy, count)
        sizes.append(await audit.extend())
    assert sizes == [1, 6, 306]
    for size in sizes:
        checkpoint = notes.read(await audit.note(size), KEY.public_key())
        for position in {1, size // 2 + 1, size}:
            proven = await audit.inclusion(position, size)
            assert merkle.verify_inclusion(
                bytes.fromhex(proven.leaf_hash), position - 1, size,
                [bytes.fromhex(step) for step in proven.proof], bytes.fromhex(checkpoint.root),
            )  # fmt: skip


async def test_every_later_log_begins_with_the_earlier_one(toy, audit, published):
    sizes = []
    for count in (3, 250, 20, 260):
        await record(toy, count)
        sizes.append(await audit.extend())
    checkpoints = {size: notes.read(await audit.note(size), KEY.public_key()) for size in sizes}
    assert [notes.read(note, KEY.public_key()).size for note in published] == sizes
    for old in sizes:
        for new in sizes:
            if old > new:
                continue
            proof = (await audit.consistency(old, new)).proof
            steps = [bytes.fromhex(step) for step in proof]
            roots = bytes.fromhex(checkpoints[old].root), bytes.fromhex(checkpoints[new].root)
            assert merkle.verify_consistency(old, new, steps, *roots)


async def test_what_is_recorded_while_the_tree_grows_waits_for_the_next_checkpoint(toy, toy_urls):
    async def publish(_: str) -> None:
        await record(toy, 3)

    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=3) as pool:
        audit = AuditLog("stage", toy[0], pool, KEY, publish)
        await record(toy, 5)
        assert [await audit.extend() for _ in range(3)] == [5, 8, 11]


async def test_a_log_that_ends_before_its_head_is_not_signed(toy, audit, toy_urls):
    await record(toy, 5)
    async with _owner(toy_urls) as owner:
        await owner.execute("DELETE FROM log.events WHERE position = 5")
    with pytest.raises(HistoryChanged):
        await audit.extend()


async def test_two_processes_extend_one_tree(toy, audit, toy_urls):
    async def silent(_: str) -> None: ...

    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=3) as pool:
        other = AuditLog("stage", toy[0], pool, KEY, silent)
        for _ in range(10):
            await record(toy, 30)
            await asyncio.gather(audit.extend(), other.extend())
    assert await audit.extend() == 300
    proven = await audit.inclusion(17)
    root = notes.read(proven.note, KEY.public_key()).root
    steps = [bytes.fromhex(step) for step in proven.proof]
    assert merkle.verify_inclusion(bytes.fromhex(proven.leaf_hash), 16, 300, steps, bytes.fromhex(root))


async def test_the_services_role_cannot_rewrite_a_checkpoint(toy, audit, toy_urls):
    await record(toy, 3)
    await audit.extend()
    connection = await asyncpg.connect(toy_urls[1])
    try:
        for statement in ("UPDATE log.audit_checkpoints SET root = 'x'", "DELETE FROM log.audit_tiles"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("how", REWRITES)
async def test_history_rewritten_by_a_superuser_is_named(toy, audit, toy_urls, how):
    await record(toy, 310)
    await audit.extend()
    recheck = Recheck(audit)
    assert await recheck.first_difference() is None
    await rewrite(toy_urls[0], how)
    assert await recheck.first_difference() == REWRITES[how][1]


async def test_history_rewritten_while_the_service_runs_is_found_without_a_restart(toy, audit, toy_urls):
    await record(toy, 310)
    await audit.extend()
    [before] = await toy[0].read(199, 1)
    history_held_at.labels(audit.base).set(0)
    async with running(Recheck(audit, round_s=0.2).run()):
        await until(lambda: _held(audit))
        assert await audit.check() == "ok"
        await rewrite(toy_urls[0], "changed")
        await until(lambda: _says(audit, "ok, but the history was rewritten: position 200 is not what was signed"))
        assert history_differs_at.labels("regie/stage")._value.get() == 200
        async with _owner(toy_urls) as owner:
            await owner.execute("UPDATE log.events SET payload = $1 WHERE position = 200", before.payload)
        await until(lambda: _says(audit, "ok"))


@contextlib.asynccontextmanager
async def _owner(toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    try:
        yield owner
    finally:
        await owner.close()


async def _held(audit) -> bool:
    return history_held_at.labels(audit.base)._value.get() > 0


async def _says(audit, text: str) -> bool:
    return await audit.check() == text


async def test_an_event_that_is_changed_together_with_its_leaf_does_not_lead_to_what_was_signed(toy, audit, toy_urls):
    await record(toy, 310)
    await audit.extend()
    async with _owner(toy_urls) as owner:
        await owner.execute("UPDATE log.events SET payload = '{\"by\":9}' WHERE position = 200")
        forged = await owner.fetchval("SELECT hashes FROM log.audit_leaves(199, 1)")
        await owner.execute(
            "UPDATE log.audit_tiles SET hashes = overlay(hashes placing $1 from 199 * 32 + 1)"
            " WHERE level = 0 AND number = 0",
            forged,
        )
    assert await Recheck(audit).first_difference() == 1


async def test_a_checkpoint_that_was_seen_and_is_gone_is_noticed(toy, audit, toy_urls):
    recheck = Recheck(audit)
    for count in (20, 5):
        await record(toy, count)
        await audit.extend()
    assert await recheck.first_difference() is None
    async with _owner(toy_urls) as owner:
        await owner.execute("DELETE FROM log.audit_checkpoints WHERE size = 25")
    assert await recheck.first_difference() == 21
    async with _owner(toy_urls) as owner:
        await owner.execute("UPDATE log.audit_checkpoints SET note = replace(note, 'stage', 'media')")
    assert await Recheck(audit).first_difference() == 1

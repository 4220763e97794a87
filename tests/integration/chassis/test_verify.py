"""Exports of a real log, judged offline: untouched ones hold, and the first event somebody touched is named."""

import asyncio
import json
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import notes, tenancy
from chassis.audit import AuditLog
from chassis.epochs import Epoch, sign_epoch
from chassis.evidence import HistoryChanged
from chassis.export import NothingSigned, export_log, export_show
from chassis.verify import Verdict, verify
from regie.__main__ import main
from tests.support import drafts
from tests.support.rewriting import REWRITES, rewrite
from tests.support.toy import COUNTER, Raise, cause

KEY = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
PUBLIC = KEY.public_key()
SHOW = UUID(int=7)


async def silent(_: str) -> None: ...


@pytest.fixture
async def audit(toy, toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=3) as pool:
        yield AuditLog("stage", toy[0], pool, KEY, silent)


async def record(toy, count: int, show: UUID | None = None, *, tenant: str = "acme") -> None:
    counters = [uuid4() for _ in range(7)]
    commands = [toy[1].run(COUNTER, counters[n % 7], Raise(by=1, show_id=show), cause(tenant)) for n in range(count)]
    await asyncio.gather(*commands)


async def whole(audit) -> list[bytes]:
    return [line async for line in export_log(audit)]


async def of_show(audit) -> list[bytes]:
    return [line async for line in export_show(audit, SHOW, "acme")]


async def test_an_untouched_log_is_as_it_was_signed(toy, audit):
    for count in (1, 5, 300, 4000):  # beyond what is exported at a time
        await toy[0].append(drafts.change(f"counter-{uuid4()}", 0, count))
        await audit.extend()
    report = verify(await whole(audit), PUBLIC)
    assert (report.verdict, report.position) == (Verdict.OK, None)
    assert "all 4306 events" in report.says[0]
    assert "4 checkpoints" in report.says[0]


async def test_a_log_nobody_signed_yet_is_not_exported(toy, audit):
    await record(toy, 1)
    with pytest.raises(NothingSigned):
        await whole(audit)


@pytest.mark.parametrize("how", REWRITES)
async def test_history_rewritten_by_a_superuser_is_named(toy, audit, toy_urls, how):
    await record(toy, 150)
    await audit.extend()
    await record(toy, 160)
    await audit.extend()
    await rewrite(toy_urls[0], how)
    report = verify(await whole(audit), PUBLIC)
    assert (report.verdict, report.position) == (Verdict.TAMPERED, REWRITES[how][1])
    assert report.how == {"recorded at another time": "changed"}.get(how, how)


async def test_who_rewrites_the_tree_as_well_is_still_caught(toy, audit, toy_urls):
    await record(toy, 310)
    await audit.extend()
    await rewrite(toy_urls[0], "changed")
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("UPDATE log.audit_tiles SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)")
    await owner.close()
    report = verify(await whole(audit), PUBLIC)
    assert report.verdict is Verdict.TAMPERED
    assert "altered as well" in report.says[0]


def edited(lines: list[bytes], position: int, edit) -> list[bytes]:
    """The export with `edit` applied to the list of its lines and the index of the event at `position`."""
    lines = list(lines)
    edit(
        lines, next(i for i, line in enumerate(lines) if json.loads(line).get("event", {}).get("position") == position)
    )
    return lines


def change(lines, at):
    lines[at] = lines[at].replace(b'"acme"', b'"evil"')


def remove(lines, at):
    del lines[at]


def swap(lines, at):
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def insert(lines, at):
    lines.insert(at, lines[at].replace(b'"acme"', b'"evil"'))


EDITS = {"changed": change, "removed": remove, "reordered": swap, "inserted": insert}


@pytest.mark.parametrize("how", EDITS)
async def test_an_export_that_was_edited_is_named_by_event(toy, audit, how):
    await record(toy, 40)
    await audit.extend()
    await record(toy, 30)
    await audit.extend()
    for position in (1, 39, 40, 41, 69):
        report = verify(edited(await whole(audit), position, EDITS[how]), PUBLIC)
        assert (report.verdict, report.position, report.how) == (Verdict.TAMPERED, position, how), position


async def test_a_log_cut_short_is_seen_with_a_checkpoint_kept_elsewhere(toy, audit, toy_urls):
    await record(toy, 20)
    await audit.extend()
    await record(toy, 10)
    await audit.extend()
    kept = await audit.note()
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("DELETE FROM log.events WHERE position > 20; DELETE FROM log.audit_checkpoints WHERE size > 20")
    await owner.close()
    cut = await whole(audit)
    assert verify(cut, PUBLIC).verdict is Verdict.OK  # nothing in it tells
    report = verify(cut, PUBLIC, [kept])
    assert (report.verdict, report.position, report.how) == (Verdict.TAMPERED, 21, "removed")


async def test_a_log_rewritten_and_signed_again_is_seen_with_a_checkpoint_kept_elsewhere(toy, audit, toy_urls):
    await record(toy, 310)
    await audit.extend()
    kept = await audit.note()
    await rewrite(toy_urls[0], "changed")
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("TRUNCATE log.audit_tiles, log.audit_checkpoints")
    await owner.close()
    await audit.extend()
    again = await whole(audit)
    assert verify(again, PUBLIC).verdict is Verdict.OK  # whoever holds the key can do that
    assert verify(again, PUBLIC, [kept]).verdict is Verdict.TAMPERED


@pytest.fixture
def house_env(toy_urls, tmp_path, monkeypatch):
    """What a command needs to find the toy's log as the stage's."""
    (tmp_path / "audit").write_text("05" * 32)
    monkeypatch.setenv("REGIE_STAGE_DATABASE_URL", toy_urls[1])
    monkeypatch.setenv("REGIE_STAGE_OWNER_DATABASE_URL", toy_urls[0])
    monkeypatch.setenv("REGIE_STAGE_AUDIT_KEY_FILE", str(tmp_path / "audit"))


async def command(monkeypatch, *args: str) -> int:
    """Runs `regie <args>` in a thread, because commands bring an event loop of their own."""
    monkeypatch.setattr("sys.argv", ["regie", *args])
    return await asyncio.to_thread(main)


async def test_a_restore_that_says_so_is_no_rollback(toy, audit, toy_urls, tmp_path, house_env, monkeypatch):
    await record(toy, 20)
    await audit.extend()
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("CREATE TABLE public.backup AS SELECT * FROM log.audit_tiles")
    await record(toy, 10)
    await audit.extend()
    kept = await audit.note()
    (tmp_path / "kept").write_text(kept)
    restored = ("restored", "--service", "stage", "--reason", "disk died", "--lost", str(tmp_path / "kept"))
    assert await command(monkeypatch, *restored) == 1  # nothing is lost yet
    await owner.execute("DELETE FROM log.events WHERE position > 20; DELETE FROM log.audit_checkpoints WHERE size > 20")
    await owner.execute("UPDATE log.head SET position = 20")
    toy[1]._cache.clear()
    await record(toy, 3)
    with pytest.raises(HistoryChanged, match="does not continue"):  # the tree knows better as long as it is there
        await audit.extend()
    await owner.execute("DELETE FROM log.audit_tiles; INSERT INTO log.audit_tiles SELECT * FROM public.backup")
    await owner.close()
    await audit.extend()
    assert verify(await whole(audit), PUBLIC, [kept]).verdict is Verdict.TAMPERED
    assert await command(monkeypatch, *restored) == 0
    await record(toy, 12)
    await audit.extend()
    report = verify(await whole(audit), PUBLIC, [kept])
    assert report.verdict is Verdict.OK, report
    assert "positions 24 to 30 were given up: disk died" in report.says[1]
    assert notes.unverified(await audit.note()).origin == "regie/stage/epoch/2"


async def test_a_restore_nobody_signed_is_no_excuse(toy, audit):
    await record(toy, 5)
    await audit.extend()
    lines = await whole(audit)
    forged = Epoch(origin="regie/stage/epoch/2", before="regie/stage", kept=0, root="", given_up=30, at="", reason="")
    header = json.loads(lines[0])
    header["epochs"] = [sign_epoch(forged, Ed25519PrivateKey.generate())]
    assert verify([json.dumps(header).encode(), *lines[1:]], PUBLIC).verdict is Verdict.TAMPERED


async def test_without_the_key_from_elsewhere_nothing_is_called_untouched(toy, audit):
    await record(toy, 5)
    await audit.extend()
    assert verify(await whole(audit), None).verdict is Verdict.UNDECIDED
    assert verify(await whole(audit), Ed25519PrivateKey.generate().public_key()).verdict is Verdict.TAMPERED


async def test_what_is_no_export_is_not_judged(toy, audit):
    await record(toy, 5)
    await audit.extend()
    lines = await whole(audit)
    for nonsense in ([], [b"not json"], lines[1:], [*lines[:3], b"{]", *lines[3:]], [lines[0].replace(b'"format":1', b'"format":9')]):  # fmt: skip
        assert verify(nonsense, PUBLIC).verdict is Verdict.UNDECIDED, nonsense
    assert verify(lines[:-1], PUBLIC).verdict is Verdict.TAMPERED


@pytest.fixture
async def shown(toy, audit):
    """A show of 25 events, in a log of others, one of whose streams it shares."""
    shared = uuid4()
    await record(toy, 60)
    await record(toy, 20, SHOW)
    await record(toy, 30, SHOW, tenant="globex")
    for show in (SHOW, UUID(int=8), SHOW, SHOW, None, SHOW, SHOW):
        await toy[1].run(COUNTER, shared, Raise(by=1, show_id=show), cause())
    await record(toy, 300)
    await audit.extend()
    return shared


async def test_one_show_is_proven_without_the_rest_of_the_log(audit, shown):
    lines = await of_show(audit)
    report = verify(lines, PUBLIC, [await audit.note()])
    assert (report.verdict, report.position) == (Verdict.OK, None), report
    assert "all 25 events" in report.says[0]
    assert b"globex" not in b"".join(lines)
    assert sum(b'"withheld"' in line for line in lines) == 2


@pytest.mark.parametrize("how", ["changed", "reordered"])
async def test_a_shows_export_that_was_edited_is_named_by_event(audit, shown, how):
    report = verify(edited(await of_show(audit), 65, EDITS[how]), PUBLIC)
    assert report.verdict is Verdict.TAMPERED
    assert report.position == 65


@pytest.mark.parametrize("edit", [remove, insert])
async def test_a_shows_export_with_an_event_too_few_or_too_many_does_not_hold(audit, shown, edit):
    lines = await of_show(audit)
    for position in (61, 70, 117):
        assert verify(edited(lines, position, edit), PUBLIC).verdict is Verdict.TAMPERED
    assert verify(lines[:-1], PUBLIC).verdict is Verdict.TAMPERED


async def test_an_event_of_a_show_removed_by_a_superuser_is_named_by_stream_and_version(audit, shown, toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("DELETE FROM log.events WHERE stream = $1 AND version = 3", f"counter-{shown}")
    await owner.close()
    report = verify(await of_show(audit), PUBLIC)
    assert (report.verdict, report.how) == (Verdict.TAMPERED, "removed")
    assert f"Version 3 of counter-{shown}" in report.says[0]


async def test_an_event_of_a_show_changed_by_a_superuser_is_named(audit, shown, toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    await owner.execute("UPDATE log.events SET payload = '{\"by\":9}' WHERE position = 71")
    await owner.close()
    report = verify(await of_show(audit), PUBLIC)
    assert (report.verdict, report.how) == (Verdict.TAMPERED, "changed")
    assert report.position == 71


async def test_the_command_line_answers_by_exit_status(audit, shown, tmp_path, house_env, monkeypatch, capsys):
    path, edited_path, key = tmp_path / "stage.export", tmp_path / "edited", await audit.verifier()
    assert await command(monkeypatch, "export", "--service", "stage", "--out", str(path)) == 0
    assert await command(monkeypatch, "export", "--service", "stage", "--print-key") == 0
    assert capsys.readouterr().out.strip() == key
    (tmp_path / "stage.key").write_text(key + "\n")
    (tmp_path / "note").write_text(await audit.note())
    assert await command(monkeypatch, "verify", str(path), "--key", key) == 0
    witness = ("--witness", str(tmp_path / "note"))
    assert await command(monkeypatch, "verify", str(path), "--key", str(tmp_path / "stage.key"), *witness) == 0
    assert capsys.readouterr().out.startswith("OK\n")
    assert await command(monkeypatch, "verify", str(path)) == 2
    assert await command(monkeypatch, "verify", str(tmp_path / "absent"), "--key", key) == 2
    assert await command(monkeypatch, "verify", str(path), "--key", "nonsense") == 2
    edited_path.write_bytes(path.read_bytes().replace(b'"acme"', b'"evil"', 1))
    assert await command(monkeypatch, "verify", str(edited_path), "--key", key) == 1
    assert "position 1 was changed" in capsys.readouterr().err
    show = tmp_path / "show.export"
    assert await command(monkeypatch, "export", "--service", "stage", "--show", str(SHOW), "--out", str(show)) == 0
    assert await command(monkeypatch, "verify", str(show), "--key", key) == 0
    monkeypatch.setenv("REGIE_STAGE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert await command(monkeypatch, "export", "--service", "stage") == 2

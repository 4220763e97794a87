"""One conformance suite for every store: a folder always, and a bucket if `REGIE_TEST_S3_URL` names an empty one."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.media.adapters import storage
from services.media.adapters.storage import (
    ChecksumMismatch,
    InvalidKey,
    NotStored,
    ObjectStore,
    OriginalImmutable,
    PartsMissing,
    StorageFault,
    sha256_of,
)
from tests.integration.media_editor.film import names_in

MIB = 1024 * 1024
STORES = ["file", *(["bucket"] if "REGIE_TEST_S3_URL" in os.environ else [])]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "bucket":
        return f"{os.environ['REGIE_TEST_S3_URL']}/{uuid.uuid4().hex}"
    return f"file://{tmp_path}/store"


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore.at(url)


async def everything(blocks: AsyncIterator[bytes]) -> bytes:
    return b"".join([block async for block in blocks])


async def test_an_original_comes_back_as_it_was_stored(store, tmp_path):
    content = os.urandom(20 * MIB + 7)
    source = written(tmp_path / "a.mp4", content)
    head = await store.put_immutable("originals/r1/1.mp4", source, digest(content))
    assert head.size_bytes == len(content)
    back = await store.get_to("originals/r1/1.mp4", tmp_path / "there" / "b.mp4", sha256=digest(content))
    assert await sha256_of(back) == digest(content) == await store.sha256("originals/r1/1.mp4")


async def test_the_same_original_again_is_fine_and_another_is_refused(store, tmp_path):
    first, other = written(tmp_path / "a", b"first"), written(tmp_path / "b", b"other")
    before = await store.put_immutable("originals/x.mp4", first, digest(b"first"))
    assert await store.put_immutable("originals/x.mp4", first, digest(b"first")) == before
    with pytest.raises(OriginalImmutable, match=digest(b"first")):
        await store.put_immutable("originals/x.mp4", other, digest(b"other"))
    assert await everything(store.read_range("originals/x.mp4")) == b"first"


async def test_of_many_writers_at_once_exactly_one_content_wins(store, tmp_path):
    contents = [bytes([65 + n]) * 1000 for n in range(6)]
    files = [written(tmp_path / f"{n}", content) for n, content in enumerate(contents)]
    tries = [store.put_immutable("race.bin", file, digest(c)) for file, c in zip(files, contents, strict=True)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    winners = [c for c, outcome in zip(contents, outcomes, strict=True) if not isinstance(outcome, BaseException)]
    assert winners == [await everything(store.read_range("race.bin"))]
    assert sum(isinstance(outcome, OriginalImmutable) for outcome in outcomes) == 5


async def test_a_crash_between_claim_and_content_is_made_good_by_trying_again(store, url, tmp_path, monkeypatch):
    async def die(*_args: object) -> None:
        raise ConnectionAbortedError

    source = written(tmp_path / "a", b"content")
    with monkeypatch.context() as crash:
        crash.setattr(ObjectStore, "_put", die)
        with pytest.raises(ConnectionAbortedError):
            await store.put_immutable("k.bin", source, digest(b"content"))
    with pytest.raises(NotStored):
        await store.head("k.bin")
    assert (await ObjectStore.at(url).put_immutable("k.bin", source, digest(b"content"))).size_bytes == 7


async def test_a_file_that_is_not_what_was_announced_is_not_stored(store, tmp_path):
    source = written(tmp_path / "a", b"content")
    for wrong in (digest(b"else"), "", "A" * 64):
        with pytest.raises(ChecksumMismatch):
            await store.put_immutable("k.bin", source, wrong)
    with pytest.raises(NotStored):
        await store.head("k.bin")
    await store.put_immutable("k.bin", source, digest(b"content"))


async def test_a_stretch_of_an_object_can_be_read(store, tmp_path):
    content = os.urandom(100_000)
    await store.put_immutable("k.bin", written(tmp_path / "a", content), digest(content))
    for start, end in [(0, 1), (500, 70_000), (99_999, 100_000), (99_000, 200_000), (5, 5), (100_000, 100_001)]:
        assert await everything(store.read_range("k.bin", start, end)) == content[start:end]
    assert await everything(store.read_range("k.bin", 99_990)) == content[99_990:]


async def test_an_empty_object_is_an_object(store, tmp_path):
    await store.put_immutable("empty.bin", written(tmp_path / "a", b""), digest(b""))
    assert await store.sha256("empty.bin") == digest(b"")


async def test_fetching_what_differs_or_is_absent_leaves_no_file(store, tmp_path):
    await store.put_immutable("k.bin", written(tmp_path / "a", b"content"), digest(b"content"))
    with pytest.raises(ChecksumMismatch):
        await store.get_to("k.bin", tmp_path / "out" / "b", sha256=digest(b"else"))
    with pytest.raises(NotStored):
        await store.get_to("absent.bin", tmp_path / "out" / "b")
    assert names_in(tmp_path / "out") == []


@pytest.mark.parametrize(
    "key",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "",
        ".",
        "..",
        "a/",
        "a\\..\\b",
        "a/./b",
        "x\0y",
        "%2e%2e/x",
        "~/x",
        "é",
    ],
)
async def test_a_key_that_could_lead_elsewhere_is_refused_everywhere(store, tmp_path, key):
    source = written(tmp_path / "a", b"x")
    for attempt in (
        store.put_immutable(key, source, digest(b"x")),
        store.get_to(key, tmp_path / "b"),
        store.head(key),
        store.sha256(key),
        store.retract(key),
        store.complete("u1", key, [], digest(b"x")),
        store.upload_part(key, 1, b"x"),
        store.abort(key),
    ):
        with pytest.raises(InvalidKey):
            await attempt


@pytest.mark.parametrize("key", ["uploads/u1/000001-x", "k.bin.sha256"])
async def test_the_stores_own_keys_cannot_be_written(store, tmp_path, key):
    with pytest.raises(InvalidKey):
        await store.put_immutable(key, written(tmp_path / "a", b"x"), digest(b"x"))


async def test_a_retracted_object_is_gone_and_its_key_free(store, tmp_path):
    await store.put_immutable("vod/v.mp4", written(tmp_path / "a", b"one"), digest(b"one"))
    await store.retract("vod/v.mp4")
    await store.retract("vod/v.mp4")
    with pytest.raises(NotStored):
        await store.head("vod/v.mp4")
    await store.put_immutable("vod/v.mp4", written(tmp_path / "b", b"two"), digest(b"two"))


def in_parts(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


async def test_an_upload_broken_off_at_60_percent_is_resumed_after_a_restart(url, monkeypatch):
    content = os.urandom(10 * MIB + 1234)
    parts = in_parts(content, MIB + 123)
    before = ObjectStore.at(url)
    confirmed = [await before.upload_part("vod-1", n, parts[n - 1]) for n in range(1, 7)]

    after = ObjectStore.at(url)
    sent = []
    put = ObjectStore._put

    async def counted(self, key: str, data: object) -> None:
        sent.append(key)
        await put(self, key, data)

    monkeypatch.setattr(ObjectStore, "_put", counted)
    assert await after.parts("vod-1") == confirmed
    rest = [await after.upload_part("vod-1", n, parts[n - 1]) for n in range(7, len(parts) + 1)]
    done = await after.complete("vod-1", "vod/show.mp4", [*confirmed, *rest], digest(content))
    assert done.size_bytes == len(content)
    assert await after.sha256("vod/show.mp4") == digest(content)
    assert [key for key in sent if key.startswith("uploads/")] == [storage._part_key("vod-1", r) for r in rest]
    assert sent.count("vod/show.mp4") == 1
    assert await after.parts("vod-1") == []


async def test_a_part_sent_twice_is_one_part(store):
    first = await store.upload_part("u1", 1, b"part")
    assert await store.upload_part("u1", 1, b"part") == first
    assert await store.parts("u1") == [first]


async def test_a_part_sent_with_other_bytes_does_not_spoil_the_one_receipted(store):
    receipted = await store.upload_part("u1", 1, b"right")
    await store.upload_part("u1", 1, b"wrong and longer")
    await store.complete("u1", "k.bin", [receipted], digest(b"right"))
    assert await everything(store.read_range("k.bin")) == b"right"
    assert await store.parts("u1") == []


async def test_completing_again_answers_the_same_even_without_its_parts(store):
    receipts = [await store.upload_part("u1", n, bytes([n]) * 10) for n in (1, 2)]
    whole = digest(b"\1" * 10 + b"\2" * 10)
    done = await store.complete("u1", "k.bin", receipts, whole)
    assert await store.complete("u1", "k.bin", receipts, whole) == done
    with pytest.raises(PartsMissing):
        await store.complete("u1", "k.bin", receipts, digest(b"else"))


async def test_parts_that_do_not_add_up_store_nothing_and_can_be_mended(store):
    receipts = [await store.upload_part("u1", n, bytes([n]) * 10) for n in (1, 2)]
    with pytest.raises(ChecksumMismatch, match="add up"):
        await store.complete("u1", "k.bin", receipts, digest(b"else"))
    with pytest.raises(NotStored):
        await store.head("k.bin")
    assert await store.parts("u1") == receipts
    await store.complete("u1", "k.bin", receipts, digest(b"\1" * 10 + b"\2" * 10))


async def test_parts_missing_or_out_of_order_are_named(store):
    one, two, three = [await store.upload_part("u1", n, bytes([n])) for n in (1, 2, 3)]
    for journal in ([], [one, three], [two, one], [one, one]):
        with pytest.raises(PartsMissing):
            await store.complete("u1", "k.bin", journal, digest(b"x"))
    await store.abort("u1")
    with pytest.raises(PartsMissing, match="000001"):
        await store.complete("u1", "k.bin", [one, two, three], digest(b"\1\2\3"))


async def test_an_upload_cannot_change_what_is_already_there(store, tmp_path):
    await store.put_immutable("k.bin", written(tmp_path / "a", b"first"), digest(b"first"))
    receipt = await store.upload_part("u1", 1, b"other")
    with pytest.raises(OriginalImmutable):
        await store.complete("u1", "k.bin", [receipt], digest(b"other"))
    assert await everything(store.read_range("k.bin")) == b"first"


async def test_a_part_has_a_number_and_bytes(store):
    for number, data in ((0, b"x"), (-1, b"x"), (1, b"")):
        with pytest.raises(StorageFault):
            await store.upload_part("u1", number, data)


async def test_an_aborted_upload_leaves_nothing(store):
    await store.upload_part("u1", 1, b"x")
    await store.abort("u1")
    await store.abort("u1")
    assert await store.parts("u1") == []

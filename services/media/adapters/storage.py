"""Where originals, edits and published recordings lie: one folder or one bucket, whole objects, never changed.

Any store that `obstore` can address serves (`file://`, `s3://`, `gs://`, `az://`); one class covers them, because it asks
for no more than all of them do: atomic puts, conditional creation of small objects, ranges, lists and deletes.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from chassis.faults import Fault
from services.media.editor.files import appearing_whole, sha256_of

__all__ = [
    "ChecksumMismatch",
    "InvalidKey",
    "NotStored",
    "ObjectHead",
    "ObjectStore",
    "OriginalImmutable",
    "PartReceipt",
    "PartsMissing",
    "StorageFault",
    "sha256_of",
]

PART_LIMIT_BYTES = 256 * 1024 * 1024
"""A part is held in memory while it is sent. Source: judgement; any size from one byte up is accepted."""

_BLOCK = 8 * 1024 * 1024
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLAIM = ".sha256"
_UPLOADS = "uploads/"


class StorageFault(Fault):
    """The store did not do what it was asked; trying again later may help. Names the key and the reason."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key, self.reason = key, reason


class NotStored(StorageFault):
    """There is no object under this key."""


class InvalidKey(StorageFault):
    """The key could lead outside the store, or into the room the store keeps for itself."""


class OriginalImmutable(StorageFault):
    """Something else was already stored under this key, and what is stored is never changed. Source: D17."""


class ChecksumMismatch(StorageFault):
    """The bytes are not the ones announced."""


class PartsMissing(StorageFault):
    """The upload is not whole: parts are absent, out of order or not as receipted."""


class ObjectHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says about an object without reading it."""

    key: str
    size_bytes: int
    modified_at: datetime


class PartReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that part `number` (1 and up) of an upload is safely stored; worth an event."""

    number: int
    size_bytes: int
    sha256: str


class ObjectStore:
    """Objects under keys such as `originals/<recording>/<segment>.mp4`; every object is whole, and final.

    **Immutable.** Before the bytes, a small claim `<key>.sha256` is created only if absent, which every store can do
    atomically. The first claim decides what may ever lie under the key: the same content again is welcome and repeats
    nothing, other content raises `OriginalImmutable`, and two writers at once cannot mix.

    **Resumable.** Multipart uploads by id exist in S3 but not in a folder, and obstore offers them for neither. So a
    part is an object of its own, `uploads/<id>/<number>-<sha256>`, stored whole or not at all, and completing streams
    the parts in order into one object. Whoever holds the receipts can go on after any crash; a part sent twice is the
    same object. The price: an upload is read twice more (checked before, verified after) and lies there twice meanwhile.
    """

    def __init__(self, store: obstore.store.ObjectStore) -> None:
        self._store = store
        self._folder = Path(store.prefix) if isinstance(store, LocalStore) and store.prefix else None

    @classmethod
    def at(cls, url: str) -> Self:
        """Open the store behind a URL; a folder is made if need be. Credentials come from the environment."""
        return cls(from_url(url, mkdir=True) if url.startswith("file:") else from_url(url))

    async def put_immutable(self, key: str, path: Path, sha256: str) -> ObjectHead:
        """Store a file under a key for good; again with the same content is fine and repeats nothing.

        Raises `ChecksumMismatch` if the file is not what `sha256` says, `OriginalImmutable` if the key is taken.
        """
        _check_target(key)
        _check_sha256(key, sha256)
        if (actual := await sha256_of(path)) != sha256:
            raise ChecksumMismatch(key, f"the file has SHA-256 {actual}, announced was {sha256}")
        return await self._keep(key, sha256, lambda: _blocks_of(path))

    async def get_to(self, key: str, path: Path, *, sha256: str | None = None) -> Path:
        """Fetch an object into a file that appears whole or not at all; compares the digest if one is given."""
        async with appearing_whole(path) as draft:
            actual = await self._fetch(key, draft)
            if sha256 not in (None, actual):
                raise ChecksumMismatch(key, f"the object has SHA-256 {actual}, expected was {sha256}")
        return path

    async def read_range(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end) of an object in blocks, to its end if `end` is absent.

        `end` may lie beyond the object's end; nothing is yielded for an empty stretch.
        """
        size = (await self.head(key)).size_bytes
        stop = size if end is None else min(end, size)
        if 0 <= start < stop:
            try:
                found = await obstore.get_async(self._store, key, options={"range": (start, stop)})
                async for block in found.stream(_BLOCK):
                    yield bytes(block)
            except BaseError as fault:
                raise _fault(key, fault) from fault

    async def head(self, key: str) -> ObjectHead:
        """Say how large an object is and when it was stored; raises `NotStored` if it is not there."""
        _check_key(key)
        try:
            meta = await obstore.head_async(self._store, key)
        except FileNotFoundError as absent:
            raise NotStored(key, "nothing is stored here") from absent
        except BaseError as fault:
            raise _fault(key, fault) from fault
        return ObjectHead(key=key, size_bytes=meta["size"], modified_at=meta["last_modified"])

    async def sha256(self, key: str) -> str:
        """Read an object from beginning to end and return its SHA-256 in hex."""
        return await _digest_of(self.read_range(key))

    async def retract(self, key: str) -> None:
        """Remove an object and its claim; nothing happens if it is not there. For derived objects, never originals."""
        _check_target(key)
        await self._delete(key)
        await self._delete(key + _CLAIM)

    async def upload_part(self, upload_id: str, number: int, data: bytes) -> PartReceipt:
        """Store one part of an upload and return its receipt; the same part again gives the same receipt."""
        size, digest = len(data), hashlib.sha256(data).hexdigest()
        if number < 1 or not 1 <= size <= PART_LIMIT_BYTES:
            raise StorageFault(upload_id, f"a part has a number from 1 on and 1 to {PART_LIMIT_BYTES} bytes")
        receipt = PartReceipt(number=number, size_bytes=size, sha256=digest)
        key = _part_key(upload_id, receipt)
        if await self._size_of(key) != size:
            await self._put(key, data)
        return receipt

    async def parts(self, upload_id: str) -> list[PartReceipt]:
        """List the parts that are stored, by number, receipted to the caller or not."""
        folder = _part_folder(upload_id)
        found = []
        try:
            async for batch in obstore.list(self._store, prefix=folder):
                found += [_receipt(meta["path"].rpartition("/")[2], meta["size"]) for meta in batch]
        except BaseError as fault:
            raise _fault(folder, fault) from fault
        return sorted(found, key=lambda receipt: receipt.number)

    async def complete(self, upload_id: str, key: str, parts: Sequence[PartReceipt], sha256: str) -> ObjectHead:
        """Make one object of an upload's parts, verify it, and drop the parts; again it only answers the same.

        Raises `PartsMissing` if the receipts are not 1 to n or a part is gone, `ChecksumMismatch` if the parts do not
        add up to `sha256` (nothing is stored then), `OriginalImmutable` if the key holds something else.
        """
        _check_target(key)
        _check_sha256(key, sha256)
        if await self._claimed(key) != sha256 or await self._size_of(key) is None:
            await self._check_parts(upload_id, key, parts, sha256)
        kept = await self._keep(key, sha256, lambda: self._chain(upload_id, parts))
        await self.abort(upload_id)
        return kept

    async def abort(self, upload_id: str) -> None:
        """Drop every part of an upload; nothing happens if there are none."""
        for receipt in await self.parts(upload_id):
            await self._delete(_part_key(upload_id, receipt))

    async def _keep(self, key: str, sha256: str, source: Callable[[], AsyncIterator[bytes]]) -> ObjectHead:
        """Claim the key, store the bytes unless they are there, and read them back."""
        await self._claim(key, sha256)
        if await self._size_of(key) is None:
            await self._put(key, source())
            if (actual := await self.sha256(key)) != sha256:
                await self._delete(key)
                raise ChecksumMismatch(key, f"what was stored has SHA-256 {actual}, not {sha256}; it was removed")
        return await self.head(key)

    async def _claim(self, key: str, sha256: str) -> None:
        claim = key + _CLAIM
        try:
            await obstore.put_async(self._store, claim, sha256.encode(), mode="create")
        except AlreadyExistsError:
            if (earlier := await self._claimed(key)) != sha256:
                raise OriginalImmutable(key, f"this key holds SHA-256 {earlier}, not {sha256}") from None
        except BaseError as fault:
            raise _fault(claim, fault) from fault
        await self._sync(claim)

    async def _claimed(self, key: str) -> str | None:
        try:
            return b"".join([block async for block in self.read_range(key + _CLAIM)]).decode()
        except NotStored:
            return None

    async def _check_parts(self, upload_id: str, key: str, parts: Sequence[PartReceipt], sha256: str) -> None:
        if [receipt.number for receipt in parts] != list(range(1, len(parts) + 1)) or not parts:
            raise PartsMissing(key, f"the receipts are not numbered 1 to {len(parts)}")
        try:
            actual = await _digest_of(self._chain(upload_id, parts))
        except NotStored as absent:
            raise PartsMissing(key, f"{absent.key} is not stored any more") from absent
        if actual != sha256:
            raise ChecksumMismatch(key, f"the parts add up to SHA-256 {actual}, announced was {sha256}")

    async def _chain(self, upload_id: str, parts: Sequence[PartReceipt]) -> AsyncIterator[bytes]:
        for receipt in parts:
            async for block in self.read_range(_part_key(upload_id, receipt)):
                yield block

    async def _put(self, key: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Put an object which appears whole or not at all: obstore writes aside and renames, or completes a multipart."""
        try:
            await obstore.put_async(self._store, key, data, chunk_size=_BLOCK, max_concurrency=4)
        except BaseError as fault:
            raise _fault(key, fault) from fault
        await self._sync(key)

    async def _fetch(self, key: str, draft: Path) -> str:
        digest = hashlib.sha256()
        with await asyncio.to_thread(draft.open, "wb") as target:
            async for block in self.read_range(key):
                await asyncio.to_thread(_write_and_hash, target.write, digest.update, block)
        return digest.hexdigest()

    async def _size_of(self, key: str) -> int | None:
        try:
            return (await self.head(key)).size_bytes
        except NotStored:
            return None

    async def _delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except BaseError as fault:
            raise _fault(key, fault) from fault

    async def _sync(self, key: str) -> None:
        """Force a file and its folders to disk: a bucket promises this, a file system has to be told."""
        if self._folder is not None:
            await asyncio.to_thread(_sync_up_to, self._folder, self._folder / key)


def _check_key(key: str) -> None:
    """Refuse a key that is not plain names joined by slashes: no `..`, no empty name, nothing to escape or encode."""
    if len(key) > 900 or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise InvalidKey(key[:200], "a key is made of plain names joined by single slashes")


def _check_target(key: str) -> None:
    _check_key(key)
    if key.startswith(_UPLOADS) or key.endswith(_CLAIM):
        raise InvalidKey(key, f"keys in {_UPLOADS} and keys ending in {_CLAIM} belong to the store itself")


def _check_sha256(key: str, sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise ChecksumMismatch(key, "a SHA-256 is 64 lower-case hex digits")


def _part_folder(upload_id: str) -> str:
    if not _SEGMENT.fullmatch(upload_id):
        raise InvalidKey(upload_id[:200], "an upload id is one plain name")
    return f"{_UPLOADS}{upload_id}"


def _part_key(upload_id: str, receipt: PartReceipt) -> str:
    return f"{_part_folder(upload_id)}/{receipt.number:06d}-{receipt.sha256}"


def _receipt(name: str, size_bytes: int) -> PartReceipt:
    number, _, digest = name.partition("-")
    return PartReceipt(number=int(number), size_bytes=size_bytes, sha256=digest)


def _fault(key: str, fault: Exception) -> StorageFault:
    """Return the fault in one line: obstore appends a debug dump, which may hold a signed address."""
    reason = str(fault).partition("\n")[0]
    return StorageFault(key, re.sub(r"https?://\S+", "[address]", reason))


async def _blocks_of(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as stream:
        while block := await asyncio.to_thread(stream.read, _BLOCK):
            yield block


async def _digest_of(blocks: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    async for block in blocks:
        await asyncio.to_thread(digest.update, block)
    return digest.hexdigest()


def _write_and_hash(write: Callable[[bytes], object], update: Callable[[bytes], object], block: bytes) -> None:
    write(block)
    update(block)


def _sync_up_to(root: Path, path: Path) -> None:
    for place in (path, *path.parents):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if place == root:
            return

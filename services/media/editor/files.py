"""Files that are whole or absent: digests, and outputs that appear under their name only when finished."""

import asyncio
import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path


async def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in a thread so that the loop goes on."""
    return await asyncio.to_thread(_digest, path)


@contextlib.asynccontextmanager
async def appearing_whole(target: Path) -> AsyncIterator[Path]:
    """Lend a temporary name beside the target; rename it to the target, synced to disk, when the body succeeds.

    A body that raises or is cancelled leaves neither the target changed nor the temporary file behind.
    """
    draft = target.parent / f".{uuid.uuid4().hex}.draft{target.suffix}"
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        yield draft
        await asyncio.to_thread(_publish, draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _publish(draft: Path, target: Path) -> None:
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    draft.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

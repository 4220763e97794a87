"""Where files are: the folder shared with the stage, the store of originals, the store of video on demand."""

import contextlib
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from chassis.faults import Fault
from services.media.adapters.storage import ObjectStore
from services.media.settings import MediaSettings

VIDEO: Final = "video/mp4"


class OutsideSharedFolder(Fault):
    """A name leads out of the folder stage and media share; nothing was opened."""


def inside(folder: Path, name: str) -> Path:
    """The file a relative name stands for, links followed. Raises OutsideSharedFolder when it is not in the folder."""
    root = folder.resolve()
    if "\0" in name or name.startswith("/") or ".." in name.replace("\\", "/").split("/"):
        raise OutsideSharedFolder(f"{name!r} is not a name inside the shared folder")
    found = (root / name).resolve()
    if not found.is_relative_to(root) or found == root:
        raise OutsideSharedFolder(f"{name!r} leads out of the shared folder")
    return found


@cache
def store_at(url: str) -> ObjectStore:
    """One store object per URL and process."""
    return ObjectStore.at(url)


def originals(settings: MediaSettings) -> ObjectStore:
    """Originals and edits."""
    return store_at(settings.store)


def on_demand(settings: MediaSettings) -> ObjectStore:
    """Films people can watch."""
    return store_at(settings.vod)


def original_key(recording_id: UUID, segment_id: UUID) -> str:
    return f"originals/{recording_id}/{segment_id}.mp4"


def edit_key(edit_id: UUID, sha256: str) -> str:
    """The checksum is part of it: rendering again after an ffmpeg upgrade may give other bytes."""
    return f"edits/{edit_id}/{sha256}.mp4"


def vod_key(show_id: UUID, vod_id: UUID) -> str:
    return f"vod/{show_id}/{vod_id}.mp4"


@contextlib.contextmanager
def workplace(settings: MediaSettings, name: str) -> Iterator[Path]:
    """An empty folder for one piece of work, gone afterwards; what a crash left in it goes first."""
    folder = settings.workplace / name.replace(":", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

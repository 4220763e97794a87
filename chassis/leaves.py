"""What stands under the Merkle log: the canonical bytes of a stored event. Pure; knows no database.

Leaf n is event position n + 1. Anybody with the stored columns can compute its bytes without our code.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from chassis import merkle

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

COLUMNS = "position, stream, version, type, tenant, show, payload, metadata, recorded_at"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log, every column of it; `recorded_us` is microseconds since 1970."""

    position: int
    stream: str
    version: int
    type: str
    tenant: str
    show: UUID | None
    payload: bytes
    metadata: bytes
    recorded_us: int


def stored(row: Any) -> Stored:
    """A database row with `COLUMNS` as data."""
    return Stored(
        position=row["position"],
        stream=row["stream"],
        version=row["version"],
        type=row["type"],
        tenant=row["tenant"],
        show=row["show"],
        payload=row["payload"],
        metadata=row["metadata"],
        recorded_us=micros(row["recorded_at"]),
    )


def micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def leaf_bytes(event: Stored, *, at: int | None = None) -> bytes:
    """Each column's bytes behind its length (4 bytes, big-endian), in the order of `COLUMNS`.

    Integers and the instant (microseconds) are decimal text, an absent show is empty; payload and metadata are the
    bytes as stored. `at` computes the leaf the event would be at another position.
    """
    columns = (
        str(event.position if at is None else at).encode(),
        event.stream.encode(),
        str(event.version).encode(),
        event.type.encode(),
        event.tenant.encode(),
        b"" if event.show is None else str(event.show).encode(),
        bytes(event.payload),
        bytes(event.metadata),
        str(event.recorded_us).encode(),
    )
    return b"".join(len(column).to_bytes(4, "big") + column for column in columns)


def leaf_of(event: Stored, *, at: int | None = None) -> bytes:
    """The leaf hash."""
    return merkle.leaf_hash(leaf_bytes(event, at=at))

"""What may be asked of a store's writer, and how a batch of it is laid out for the functions of chassis/sql.

Data and pure functions; the queue and the connections are in `chassis/writer.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from contracts.envelope import Metadata


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event ready to be written: `version` is the one it will have in `stream`, counted from 1."""

    stream: str
    version: int
    type: str
    payload: bytes
    metadata: Metadata


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an Idempotency-Key was answered: `answer` is the encoded outcome, `position` the log's, its events included."""

    fingerprint: bytes
    answer: bytes
    position: int = 0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An Idempotency-Key with the fingerprint of the request it came with."""

    text: str
    fingerprint: bytes


class CursorMove(msgspec.Struct, frozen=True, kw_only=True):
    """The inbox of `source` goes from one position to a later one, in the transaction of the effects."""

    source: str
    came_from: int
    went_to: int


class Parking(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a policy could not handle, with the reason."""

    source: str
    position: int
    policy: str
    error: str
    message: bytes


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic change. `expect` names the current version (0: new) of every stream the decision was based on."""

    drafts: tuple[Draft, ...] = ()
    expect: Mapping[str, int] = {}
    tenant: str = ""
    key: Key | None = None
    answer: bytes = b""
    cursor: CursorMove | None = None
    parked: tuple[Parking, ...] = ()


_encode = msgspec.json.Encoder(order="deterministic").encode
_NOTHING_ELSE = 200
"""Bytes an append is counted for beside its contents: the objects that hold it."""

ONE = "SELECT * FROM log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
MANY = "SELECT * FROM log.append_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
CHECKED = "SELECT * FROM log.append({})".format(", ".join(f"${n}" for n in range(1, 27)))  # noqa: S608 - numbers alone

Row = tuple[str, int, str, str, Any, bytes, bytes]
"""One event as log.events takes it: stream, version, type, tenant, show, payload, metadata."""


def rows_of(append: Append) -> list[Row]:
    """The events of a change. Raises TypeError or ValueError where the metadata cannot be encoded."""
    return [
        (d.stream, d.version, d.type, d.metadata.tenant, d.metadata.show, d.payload, _encode(d.metadata))
        for d in append.drafts
    ]


def size_of(append: Append, rows: Sequence[Row]) -> int:
    """About how many bytes a waiting change holds."""
    held = len(append.answer) + _NOTHING_ELSE
    for row in rows:
        held += len(row[5]) + len(row[6])
    for parked in append.parked:
        held += len(parked.message) + len(parked.error)
    return held


def is_simple(append: Append) -> bool:
    """Whether the short ways into the log can take it: every stream that something is expected of gets an event."""
    if append.cursor is not None or append.parked:
        return False
    return len(append.expect) == len({draft.stream for draft in append.drafts})


def one(append: Append, rows: Sequence[Row]) -> tuple[Any, ...] | None:
    """The arguments of log.append_one, or None where the change is more than one event that follows its expectation."""
    if len(rows) != 1 or len(append.expect) != 1 or append.expect.get(rows[0][0]) != rows[0][1] - 1:
        return None
    if append.key is None:
        return (*rows[0], None, None, None)
    if append.tenant != rows[0][3]:
        return None
    return (*rows[0], append.key.text, append.key.fingerprint, append.answer)


def many(appends: Sequence[Append], rows: Sequence[Sequence[Row]]) -> list[list[Any] | None]:
    """The arguments of log.append_many. A stream's expectation is the first that is met: later ones build on it."""
    expect: dict[str, int] = {}
    keys: list[tuple[Any, ...]] = []
    upto = 0
    for append, its_rows in zip(appends, rows, strict=True):
        upto += len(its_rows)
        for stream, version in append.expect.items():
            expect.setdefault(stream, version)
        if append.key is not None:
            keys.append((append.tenant, append.key.text, append.key.fingerprint, append.answer, upto))
    events = _columns([row for its_rows in rows for row in its_rows], 7)
    return [*events, list(expect), list(expect.values()), *(_columns(keys, 5) if keys else [None] * 5)]


def checked(appends: Sequence[Append], rows: Sequence[Sequence[Row]]) -> list[list[Any]]:
    """The 26 arrays of log.append: events (8), expected versions (3), keys (5), cursors (4), parked messages (6)."""
    events = [(nr, *row) for nr, its_rows in enumerate(rows) for row in its_rows]
    expects: list[tuple[Any, ...]] = []
    keys: list[tuple[Any, ...]] = []
    cursors: list[tuple[Any, ...]] = []
    parked: list[tuple[Any, ...]] = []
    for nr, append in enumerate(appends):
        expects.extend((nr, stream, version) for stream, version in append.expect.items())
        if append.key is not None:
            keys.append((nr, append.tenant, append.key.text, append.key.fingerprint, append.answer))
        if append.cursor is not None:
            cursors.append((nr, append.cursor.source, append.cursor.came_from, append.cursor.went_to))
        parked.extend((nr, p.source, p.position, p.policy, p.error, p.message) for p in append.parked)
    tables = ((events, 8), (expects, 3), (keys, 5), (cursors, 4), (parked, 6))
    return [column for rows_, width in tables for column in _columns(rows_, width)]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]

"""Which waiting changes may share a transaction. Pure: a queue goes in, a batch and what has to wait come out."""

import asyncio
from collections import deque
from collections.abc import Iterable

from chassis.appends import Append, Row, is_simple, rows_of, size_of

MAX_BATCH = 512
"""Changes that share one transaction."""
MAX_BATCH_BYTES = 4 * 2**20
"""Bytes after which a transaction takes no further change."""
MAX_PASSED_OVER = 2048
"""Changes a search passes over because they must wait, so that a long queue on one stream does not cost each batch more."""


class Waiting:
    """A change in the queue, what it costs in bytes, and the future of who waits for its position."""

    __slots__ = ("append", "claims", "done", "rows", "simple", "size")

    def __init__(self, append: Append, done: asyncio.Future[int]) -> None:
        if not append.expect and append == Append(tenant=append.tenant):
            raise ValueError("an append of nothing")
        _check_versions(append)
        self.append, self.done = append, done
        self.rows: list[Row] = rows_of(append)
        self.size = size_of(append, self.rows)
        self.simple = is_simple(append)
        self.claims: Iterable[object] = append.expect if self.simple and append.key is None else _claims(append)

    def refuse(self, why: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(why)


class Batch:
    """Changes for one transaction, in order: all of them simple, or none, so that none makes the others take the long way.

    `doomed` are changes that expect a version which an earlier change of the batch moves on from: they conflict as soon
    as that one is recorded, without asking the database; each comes with the stream and the version it will find.
    """

    def __init__(self) -> None:
        self.entries: list[Waiting] = []
        self.doomed: list[tuple[Waiting, str, int]] = []
        self.claims: set[object] = set()
        self.versions: dict[str, int] = {}
        self.simple = True
        self.size = 0

    @property
    def full(self) -> bool:
        return len(self.entries) + len(self.doomed) >= MAX_BATCH or self.size >= MAX_BATCH_BYTES

    def take(self, entry: Waiting) -> bool:
        """Adds the change, or answers False: it must wait until this batch is through."""
        if self.entries and entry.simple != self.simple:
            return False
        if not self.claims.isdisjoint(entry.claims):
            if not self.simple:
                return False
            shared = self.claims.intersection(entry.claims)
            expected = {stream: entry.append.expect.get(stream, -1) for stream in shared if isinstance(stream, str)}
            if len(expected) < len(shared):  # the same Idempotency-Key
                return False
            for stream, version in expected.items():
                if version != self.versions[stream]:
                    return self._doom(entry, stream, version)
        self._add(entry)
        return True

    def _doom(self, entry: Waiting, stream: str, version: int) -> bool:
        if version > self.versions[stream]:
            return False
        self.doomed.append((entry, stream, self.versions[stream]))
        return True

    def _add(self, entry: Waiting) -> None:
        self.entries.append(entry)
        self.size += entry.size
        self.simple = entry.simple
        self.claims.update(entry.claims)
        self.versions.update(entry.append.expect)
        for row in entry.rows:
            self.versions[row[0]] = row[1]


def next_batch(queue: deque[Waiting], held: set[object], limit: int) -> tuple[Batch, list[Waiting]]:
    """Takes up to `limit` changes that may share a transaction; what must wait stays in the queue, in its order.

    `held` are the claims of a batch in flight: what shares one of them waits for its outcome. The second answer is what
    was dropped because nobody waits for it any more.
    """
    batch = Batch()
    later: list[Waiting] = []
    dropped: list[Waiting] = []
    blocked = set(held)
    while queue and not batch.full and len(batch.entries) < limit and len(later) < MAX_PASSED_OVER:
        entry = queue.popleft()
        if entry.done.done():
            dropped.append(entry)
        elif not blocked.isdisjoint(entry.claims) or not batch.take(entry):
            blocked.update(entry.claims)
            later.append(entry)
    queue.extendleft(reversed(later))
    return batch, dropped


def apart(entries: Iterable[Waiting]) -> list[list[Waiting]]:
    """The same changes in groups in which no two share a stream, key or source, each after those it may build on."""
    groups: list[tuple[set[object], list[Waiting]]] = []
    for entry in entries:
        nr = len(groups)
        while nr and groups[nr - 1][0].isdisjoint(entry.claims):
            nr -= 1
        if nr == len(groups):
            groups.append((set(), []))
        groups[nr][0].update(entry.claims)
        groups[nr][1].append(entry)
    return [group for _, group in groups]


def _check_versions(append: Append) -> None:
    """Versions are dense: every draft follows what is expected of its stream, or the draft before it."""
    newest: dict[str, int] = {}
    for draft in append.drafts:
        before = newest.get(draft.stream) or append.expect.get(draft.stream, -1)
        if before != draft.version - 1:
            raise ValueError(f"version {draft.version} of {draft.stream} does not follow what is expected of it")
        newest[draft.stream] = draft.version


def _claims(append: Append) -> set[object]:
    claims: set[object] = set(append.expect)
    if append.key is not None:
        claims.add((append.tenant, append.key.text))
    if append.cursor is not None:
        claims.add((append.cursor.source,))
    return claims

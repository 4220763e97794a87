"""An export of one service's log, or of one show's part of it, that can be verified offline.

Lines of JSON, written and read as a stream: the header, then events in position order between the checkpoints over
them. Bytes are base64. Writing it is here; judging it is `chassis/verify.py`, which needs neither database nor network.
"""

from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import UUID

import msgspec

from chassis.evidence import Evidence
from chassis.leaves import Stored
from chassis.notes import unverified

FORMAT = 1


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="regie-export", tag_field="line"):
    """What this is an export of. `size` is how many events the newest checkpoint, `note`, stands over.

    `show` is set for one show's part; then only what `tenant` recorded of it is in here. `epochs` are the signed
    statements of every restore to an older state, oldest first.
    """

    format: int = FORMAT
    origin: str
    verifier: str
    size: int
    note: str
    epochs: list[str]
    show: UUID | None = None
    tenant: str | None = None


class Leaves(msgspec.Struct, frozen=True, kw_only=True, tag="leaves", tag_field="line"):
    """The leaf hashes that were signed, from position `first` on: they tell which event differs, where one does."""

    first: int
    hashes: bytes


class EventLine(msgspec.Struct, frozen=True, kw_only=True, tag="event", tag_field="line", omit_defaults=True):
    """One event, every stored column. In a show's export also its signed leaf and the path from it to the root."""

    event: Stored
    leaf: bytes = b""
    proof: list[bytes] = []


class CheckpointLine(msgspec.Struct, frozen=True, kw_only=True, tag="checkpoint", tag_field="line"):
    """A checkpoint that was signed when the log had exactly the events above this line."""

    note: str


class Withheld(msgspec.Struct, frozen=True, kw_only=True, tag="withheld", tag_field="line"):
    """An event of one of the show's streams that is another show's or another tenant's: it is there, unshown."""

    position: int
    stream: str
    version: int


class Complete(msgspec.Struct, frozen=True, kw_only=True, tag="complete", tag_field="line"):
    """The service's signed word that these are all events of the show up to the checkpoint."""

    note: str


Line = Header | Leaves | EventLine | CheckpointLine | Withheld | Complete

_ENCODER = msgspec.json.Encoder()


class NothingSigned(Exception):  # noqa: N818 - it says what is the case
    """There is no checkpoint yet, so nothing can be proven."""


async def export_log(audit: Evidence) -> AsyncIterator[bytes]:
    """The whole log up to its newest checkpoint. Raises NothingSigned."""
    header = await _header(audit)
    yield _line(header)
    async for notes, leaves, events in audit.stretches(header.size):
        yield _line(Leaves(first=leaves[0], hashes=leaves[1]))
        for event in events:
            for size in [size for size in notes if size < event.position]:
                yield _line(CheckpointLine(note=notes.pop(size)))
            yield _line(EventLine(event=event))
        for note in notes.values():
            yield _line(CheckpointLine(note=note))


async def export_show(audit: Evidence, show: UUID, tenant: str) -> AsyncIterator[bytes]:
    """What one tenant recorded of one show up to the newest checkpoint. Raises NothingSigned."""
    header = msgspec.structs.replace(await _header(audit), show=show, tenant=tenant)
    events = await audit.of_show(show, tenant, header.size)
    yield _line(header)
    leaves = sha256()
    proofs = await audit.paths([event.position for event in events], header.size)
    for event, (leaf, proof) in zip(events, proofs, strict=True):
        leaves.update(leaf)
        yield _line(EventLine(event=event, leaf=leaf, proof=proof))
    shown = {event.position for event in events}
    for row in await audit.beside(sorted({event.stream for event in events}), header.size):
        if row["position"] not in shown:
            yield _line(Withheld(position=row["position"], stream=row["stream"], version=row["version"]))
    text = completeness(header, len(events), leaves.digest())
    yield _line(Complete(note=audit.sign_text(text, header.origin)))


def completeness(header: Header, count: int, digest: bytes) -> str:
    """The text of the statement that a show's export is complete; `digest` is of its leaf hashes, in order."""
    return f"{header.origin} show\n{header.show}\n{header.tenant}\n{header.size}\n{count}\n{digest.hex()}\n"


async def _header(audit: Evidence) -> Header:
    note = await audit.note()
    if note is None:
        raise NothingSigned("the log has no signed checkpoint yet")
    return Header(
        origin=await audit.origin(),
        verifier=await audit.verifier(),
        size=unverified(note).size,
        note=note,
        epochs=await audit.epochs(),
    )


def _line(line: Line) -> bytes:
    return _ENCODER.encode(line) + b"\n"

"""Changes for tests of the store itself, below any decider."""

from uuid import uuid4

from chassis.store import Append, Draft, Key
from contracts.envelope import Actor, Metadata, Role

PAYLOAD = b'{"type":"toy.raised.v1","at":"2026-06-10T09:00:00Z","by":1}'


def draft(stream: str, version: int, payload: bytes = PAYLOAD, type_: str = "toy.raised.v1") -> Draft:
    meta = Metadata(
        id=uuid4(),
        tenant="acme",
        actor=Actor(id="tester", role=Role.SRE),
        correlation=uuid4(),
        causation=uuid4(),
        command="Test",
    )
    return Draft(stream=stream, version=version, type=type_, payload=payload, metadata=meta)


def change(stream: str, after: int, count: int = 1, *, key: str | None = None, payload: bytes = PAYLOAD) -> Append:
    """`count` events for `stream`, which is expected at version `after`."""
    return Append(
        drafts=tuple(draft(stream, after + nr, payload) for nr in range(1, count + 1)),
        expect={stream: after},
        tenant="acme",
        key=Key(text=key, fingerprint=b"f") if key else None,
        answer=b"{}" if key else b"",
    )

"""A toy service of two event types, for testing the chassis: a counter that may be raised up to a limit."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from chassis import tenancy
from chassis.decider import Codec, Decider
from chassis.handle import Cause, Handler
from chassis.store import Store, open_store
from contracts.envelope import Actor, Event, Role
from contracts.problems import Refusal

AT = datetime(2026, 6, 10, 9, tzinfo=UTC)


class Raised(Event, frozen=True, kw_only=True, tag="toy.raised.v1"):
    by: int
    show_id: UUID | None = None


class Emptied(Event, frozen=True, kw_only=True, tag="toy.emptied.v1"):
    pass


class Raise(msgspec.Struct, frozen=True, kw_only=True):
    by: int
    at: datetime = AT
    show_id: UUID | None = None


class Empty(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime = AT


class TooMuch(Refusal):
    """The counter cannot hold that much."""

    code, status = "TOO_MUCH", 409


def decide(command: Raise | Empty, state: int) -> Sequence[Event]:
    match command:
        case Raise():
            if state + command.by > 1000:
                raise TooMuch(state=state)
            return [Raised(at=command.at, by=command.by, show_id=command.show_id)]
        case Empty():
            return [Emptied(at=command.at)] if state else []


def evolve(state: int, event: Raised | Emptied) -> int:
    return state + event.by if isinstance(event, Raised) else 0


EVENTS = {event.tag(): event for event in (Raised, Emptied)}
COUNTER = Decider("counter", 0, decide, evolve, EVENTS)


def cause(tenant: str = "acme") -> Cause:
    return Cause(tenant=tenant, actor=Actor(id="tester", role=Role.SRE), correlation=uuid4(), causation=uuid4())


@contextlib.asynccontextmanager
async def toy_house(url: str) -> AsyncIterator[tuple[Store, Handler]]:
    """A store with its writer and a handler over it."""
    async with tenancy.open_pool(url, min_size=0, max_size=5) as pool, open_store(url, pool) as store:
        yield store, Handler(store, Codec(EVENTS))

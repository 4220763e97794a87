"""The shape every aggregate has: a first state, a pure decide, a pure evolve; plus how its events are written down.

Source: Chassaing, "Functional Event Sourcing Decider"; design.md section 2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from contracts.envelope import Event

C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True)
class Decider(Generic[C, S]):
    """An aggregate, as data.

    `name` is the stream prefix (`<name>-<id>`). `decide` raises a `Refusal` or returns the events, possibly none
    (an idempotent repeat). `evolve` never refuses. `events` is the vocabulary of this aggregate by tag, and `upcasters`
    turn a retired tag's payload (builtins) into `(newer tag, payload)`.
    """

    name: str
    initial: S
    decide: Callable[[C, S], Sequence[Event]]
    evolve: Callable[[S, Any], S]
    events: Mapping[str, type[Event]]
    upcasters: Mapping[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = field(default_factory=dict)

    def stream(self, ident: object) -> str:
        return f"{self.name}-{ident}"

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        state = self.initial if state is None else state
        for event in events:
            state = self.evolve(state, event)
        return state


class UnknownEvent(Exception):  # noqa: N818
    """The log holds an event type newer than this program; it is kept and reported, never dropped."""


class Codec:
    """Writes and reads the events of one service, by tag."""

    def __init__(
        self,
        events: Mapping[str, type[Event]],
        upcasters: Mapping[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] | None = None,
    ) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoders = {tag: msgspec.json.Decoder(event) for tag, event in events.items()}
        self._upcasters = dict(upcasters or {})
        self._events = dict(events)

    def encode(self, event: Event) -> bytes:
        return self._encoder.encode(event)

    def decode(self, tag: str, payload: bytes) -> Event:
        """The event as the newest version this program knows. Raises UnknownEvent for a tag it does not know."""
        decoder = self._decoders.get(tag)
        if decoder is not None:
            return decoder.decode(payload)
        if tag not in self._upcasters:
            raise UnknownEvent(tag)
        body = msgspec.json.decode(payload)
        while tag in self._upcasters:
            tag, body = self._upcasters[tag](body)
        return msgspec.convert({**body, "type": tag}, self._events[tag])

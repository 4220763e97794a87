"""The shape every aggregate has: a first state, a pure decide, a pure evolve; plus how its events are written down.

Source: Chassaing, "Functional Event Sourcing Decider"; design.md section 2.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from chassis import observe
from contracts.envelope import Event, Recorded
from contracts.problems import NewerHistory
from contracts.upcasters import Upcasters

C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True)
class Decider(Generic[C, S]):
    """An aggregate, as data.

    `name` is the stream prefix (`<name>-<id>`). `decide` raises a `Refusal` or returns the events, possibly none
    (an idempotent repeat). `evolve` never refuses. `events` is the vocabulary of this aggregate by tag.
    """

    name: str
    initial: S
    decide: Callable[[C, S], Sequence[Event]]
    evolve: Callable[[S, Any], S]
    events: Mapping[str, type[Event]]

    def stream(self, ident: object) -> str:
        return f"{self.name}-{ident}"

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        state = self.initial if state is None else state
        for event in events:
            state = self.evolve(state, event)
        return state


class UnknownEvent(Exception):  # noqa: N818
    """The log holds an event that this program is too old to read; it is kept and reported, never dropped."""


class Codec:
    """Writes and reads the events of one service, by tag; retired tags through their upcasters."""

    def __init__(self, events: Mapping[str, type[Event]], upcasters: Upcasters | None = None) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoders = {tag: msgspec.json.Decoder(event) for tag, event in events.items()}
        self._upcasters = dict(upcasters or {})
        self._events = dict(events)

    def knows(self, tag: str) -> bool:
        """Whether `decode` can read it, to the best of what the tag tells."""
        return tag in self._decoders or tag in self._upcasters

    def encode(self, event: Event) -> bytes:
        return self._encoder.encode(event)

    def decode(self, tag: str, payload: bytes) -> Event:
        """The event as the newest version this program knows. Raises UnknownEvent for what it cannot read."""
        try:
            decoder = self._decoders.get(tag)
            return decoder.decode(payload) if decoder is not None else self._upcast(tag, payload)
        except msgspec.ValidationError as misfit:  # say, a word that was added to an enumeration
            raise UnknownEvent(f"{tag}: {misfit}") from misfit

    def history(self, records: Iterable[Recorded]) -> Iterator[Event]:
        """The events of a stream. Raises NewerHistory at the first one this program is too old to read."""
        for record in records:
            try:
                yield self.decode(record.type, record.payload)
            except UnknownEvent as unknown:
                observe.unknown_events_total.labels("fold", record.type).inc()
                raise NewerHistory(type=record.type, position=record.position) from unknown

    def _upcast(self, tag: str, payload: bytes) -> Event:
        if tag not in self._upcasters:
            raise UnknownEvent(tag)
        body = msgspec.json.decode(payload)
        while tag in self._upcasters:
            try:
                tag, body = self._upcasters[tag](body)
            except (KeyError, TypeError, ValueError, AttributeError) as misfit:
                raise UnknownEvent(f"{tag} is not what its upcaster expects: {misfit!r}") from misfit
        if tag not in self._events:  # of a service whose words we only know in part
            raise UnknownEvent(tag)
        event: Event = msgspec.convert({**body, "type": tag}, self._events[tag])
        return event

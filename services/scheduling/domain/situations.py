"""The situations a show can be in, and what is known in each. Data and small questions only."""

from datetime import datetime
from typing import Any, Final, TypeAlias, get_args
from uuid import UUID

import msgspec

from contracts.envelope import Event
from contracts.problems import WrongState
from contracts.scheduling import CoverageTerms


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a state."""


class About(Value, frozen=True):
    """What is known of every show. `times` are planned start and end; `rejected` the last refusal of its hours."""

    show_id: UUID
    title: str
    zone: str
    times: tuple[datetime, datetime] | None = None
    rejected: tuple[str, str] | None = None


class Hours(Value, frozen=True):
    """The coverage that is bound to the show, [`opens_at`, `closes_at`)."""

    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime
    terms: CoverageTerms
    features: tuple[str, ...] = ()

    @property
    def window(self) -> tuple[datetime, datetime]:
        return self.opens_at, self.closes_at


class Retiming(Value, frozen=True):
    """A change of time the hours have not answered: the times before it, and how far the plan is to move."""

    starts_at: datetime
    ends_at: datetime
    shift_s: int


class Absent(Value, frozen=True, tag="ABSENT"):
    """There is no such show."""


class Draft(Value, frozen=True, tag="DRAFT"):
    """It is being planned; no hours are bound."""

    about: About

    @property
    def bound_to(self) -> UUID | None:
        return None


class Confirming(Value, frozen=True, tag="CONFIRMING"):
    """The hours are asked for."""

    about: About
    entitlement_id: UUID

    @property
    def bound_to(self) -> UUID | None:
        return self.entitlement_id


class WithHours(Value, frozen=True):
    """It takes place."""

    about: About
    hours: Hours

    @property
    def bound_to(self) -> UUID | None:
        return self.hours.entitlement_id


class Confirmed(WithHours, frozen=True, tag="CONFIRMED"):
    """The hours are reserved; not everything is there yet."""

    retiming: Retiming | None = None


class Ready(WithHours, frozen=True, tag="READY"):
    """Everything that has to be there is there."""

    retiming: Retiming | None = None


class Running(WithHours, frozen=True, tag="RUNNING"):
    """It has begun. `on_air` are its stages on air; `coverage_over` since when its covered day is over."""

    on_air: frozenset[UUID] = frozenset()
    coverage_over: datetime | None = None


class Wrapping(WithHours, frozen=True, tag="WRAPPING"):
    """It has ended; coverage lasts for its margin."""

    ended_at: datetime
    on_air: frozenset[UUID] = frozenset()


class Closed(WithHours, frozen=True, tag="CLOSED"):
    """It has ended, and so has its coverage."""

    ended_at: datetime


class Abandoned(WithHours, frozen=True, tag="ABANDONED"):
    """It never began."""

    reason: str


class Cancelled(Value, frozen=True, tag="CANCELLED"):
    """It does not take place."""

    about: About
    reason: str
    entitlement_id: UUID | None

    @property
    def bound_to(self) -> UUID | None:
        return self.entitlement_id


Exists: TypeAlias = Draft | Confirming | Confirmed | Ready | Running | Wrapping | Closed | Abandoned | Cancelled
Show: TypeAlias = Absent | Exists

OVER: Final = (Wrapping, Closed, Abandoned, Cancelled)


ALLOWED: Final[dict[type[Value], tuple[str, ...]]] = {
    Draft: ("PublishRundown", "RetimeShow", "ConfirmShow", "CancelShow"),
    Confirming: ("CancelShow",),
    Confirmed: ("PublishRundown", "RetimeShow", "AbandonShow", "CancelShow"),
    Ready: ("PublishRundown", "RetimeShow", "AbandonShow", "CancelShow"),
    Running: ("PublishRundown", "EndShow"),
}
"""What a caller may ask of a show in each situation; nothing in the others."""


def tags(events: Any) -> dict[str, type[Event]]:
    """The vocabulary of an aggregate, by tag, from the union of its events."""
    return {event.tag(): event for event in (get_args(events) or (events,))}


def name_of(state: Value) -> str:
    """The situation's name as it stands in answers."""
    return str(state.__struct_config__.tag)


def wrong_state(state: Show, detail: str = "") -> WrongState:
    return WrongState(detail, state=name_of(state), allowed=list(ALLOWED.get(type(state), ())))

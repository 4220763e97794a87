"""What every service that seals fields of people says when one of them is forgotten."""

from typing import Literal

from contracts.envelope import Event

Basis = Literal["request", "retention", "mistake"]
"""Why: the person asked, the time they may be kept is over, or they should never have been in here."""


class Forgotten(Event, frozen=True, kw_only=True):
    """A person's fields can never be opened again: the key of the subject was destroyed."""

    subject: str
    basis: Basis

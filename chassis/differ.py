"""Which event is the first that is not as it was signed, and what happened to it. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from chassis.leaves import Stored, leaf_of

CHANGED, REMOVED, INSERTED, REORDERED = "changed", "removed", "inserted", "reordered"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """`position` is None where only the stretch is known that the difference lies in; `text` says it in words."""

    text: str
    position: int | None = None
    how: str | None = None


def first_difference(events: Sequence[Stored], signed: Mapping[int, bytes]) -> Difference | None:
    """Compares events, in the order they were found, with the signed leaves by position, ascending.

    None where every signed leaf has its event. Events behind the last signed leaf are only looked at to tell where a
    missing one has gone.
    """
    for index, (position, leaf) in enumerate(signed.items()):
        found = events[index] if index < len(events) else None
        if found is None or found.position != position or leaf_of(found) != leaf:
            return _difference(position, events[index:], {at: one for at, one in signed.items() if at >= position})
    return None


def _difference(position: int, events: Sequence[Stored], signed: Mapping[int, bytes]) -> Difference:
    """What happened at `position`, the first signed leaf whose event is not `events[0]`."""
    if not events:
        return _named(position, REMOVED)
    here, leaf = events[0], signed[position]
    if leaf_of(here, at=position) == leaf:
        return _named(position, CHANGED, f"It says that it stands at {here.position}.")
    further_down = any(leaf_of(event, at=position) == leaf for event in events[1:])
    genuine = any(leaf_of(here, at=at) == one for at, one in signed.items())
    if genuine:
        return _named(position, REORDERED if further_down else REMOVED)
    what = f"Found there: {here.type}, version {here.version} of {here.stream}."
    return _named(position, INSERTED if further_down else CHANGED, what)


def _named(position: int, how: str, more: str = "") -> Difference:
    what = {
        CHANGED: f"The event at position {position} was changed.",
        REMOVED: f"The event at position {position} was removed.",
        INSERTED: f"The event at position {position} was inserted: it was never signed.",
        REORDERED: f"The events from position {position} on were reordered.",
    }
    return Difference(position=position, how=how, text=f"{what[how]} {more}".strip())

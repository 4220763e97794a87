"""The aggregate of one analyst's time for one customer: dedicated means that no two shifts overlap.

Shifts for other customers stand in other rotas; what is known of them arrives with the command (`elsewhere`).
Source: duties.md L4; domain.md section 3 (7), I13.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event
from services.scheduling import commands as c
from services.scheduling.domain.refusals import AlreadyBooked
from services.scheduling.domain.situations import Value, tags

RotaEvent: TypeAlias = e.ShiftBooked | e.ShiftMoved | e.ShiftReleased | e.AnalystDoubleBooked


class Rota(Value, frozen=True):
    """Shifts by seat, pairwise disjoint."""

    shifts: Mapping[UUID, c.Shift] = {}


def decide(command: c.RotaCommand, rota: Rota) -> Sequence[Event]:
    match command:
        case c.BookShift():
            return _book(command, rota)
        case c.ReleaseShift():
            return _release(command, rota)
        case c.ReportDoubleBooking():
            return _report(command, rota)
        case _:
            assert_never(command)


def overlap(one: c.Shift, other: c.Shift) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def _book(command: c.BookShift, rota: Rota) -> list[Event]:
    """Booking a seat again moves its shift."""
    shift, former = command.shift, rota.shifts.get(command.shift.seat_id)
    if former == shift:
        return []
    for other in rota.shifts.values():
        if other.seat_id != shift.seat_id and overlap(shift, other):
            raise _taken(other, str(other.show_id))
    for other in command.elsewhere:
        if other.seat_id != shift.seat_id and overlap(shift, other):
            raise _taken(other, None)
    told = e.ShiftBooked if former is None else e.ShiftMoved
    return [
        told(
            at=command.at,
            show_id=shift.show_id,
            analyst_id=command.analyst_id,
            seat_id=shift.seat_id,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
        )
    ]


def _taken(other: c.Shift, show_id: str | None) -> AlreadyBooked:
    return AlreadyBooked(show_id=show_id, starts_at=other.starts_at.isoformat(), ends_at=other.ends_at.isoformat())


def _release(command: c.ReleaseShift, rota: Rota) -> list[Event]:
    shift = rota.shifts.get(command.seat_id)
    if shift is None or command.from_at >= shift.ends_at:
        return []
    return [_released(command, shift)]


def _released(command: c.ReleaseShift | c.ReportDoubleBooking, shift: c.Shift) -> Event:
    from_at = command.from_at if isinstance(command, c.ReleaseShift) else shift.starts_at
    return e.ShiftReleased(
        at=command.at, show_id=shift.show_id, analyst_id=command.analyst_id, seat_id=shift.seat_id, from_at=from_at
    )


def _report(command: c.ReportDoubleBooking, rota: Rota) -> list[Event]:
    """The seat moved onto another shift; a shift that is not released stays as it was."""
    wanted, held = command.shift, rota.shifts.get(command.shift.seat_id)
    if held is None:
        return []
    found = e.AnalystDoubleBooked(
        at=command.at,
        show_id=wanted.show_id,
        analyst_id=command.analyst_id,
        seat_id=wanted.seat_id,
        other_show_id=command.other_show_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
    )
    return [found, _released(command, held)] if command.release else [found]


def evolve(rota: Rota, event: RotaEvent) -> Rota:
    match event:
        case e.ShiftBooked() | e.ShiftMoved():
            shift = c.Shift(
                seat_id=event.seat_id, show_id=event.show_id, starts_at=event.starts_at, ends_at=event.ends_at
            )
            return Rota(shifts={**rota.shifts, event.seat_id: shift})
        case e.ShiftReleased():
            others = {key: it for key, it in rota.shifts.items() if key != event.seat_id}
            shift = rota.shifts[event.seat_id]
            kept = {event.seat_id: replace(shift, ends_at=min(shift.ends_at, event.from_at))}
            return Rota(shifts={**others, **kept} if event.from_at > shift.starts_at else others)
        case e.AnalystDoubleBooked():
            return rota
        case _:
            assert_never(event)


ROTA: Final[Decider[c.RotaCommand, Rota]] = Decider("rota", Rota(), decide, evolve, tags(RotaEvent))

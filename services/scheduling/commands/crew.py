"""Asking something of teams, seats and rotas."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from contracts.envelope import Sealed
from services.scheduling.commands._base import Command, OfShow


class JoinTeam(Command, frozen=True, kw_only=True):
    analyst_id: UUID
    name: Sealed


class LeaveTeam(Command, frozen=True, kw_only=True):
    analyst_id: UUID


class RequireMember(Command, frozen=True, kw_only=True):
    """Raises AnalystNotInTeam."""

    analyst_id: UUID


class OpenSeat(OfShow, frozen=True, kw_only=True):
    seat_id: UUID
    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime


class MoveSeat(Command, frozen=True, kw_only=True):
    """Follow the coverage; without `opens_at` only its end has moved."""

    opens_at: datetime | None
    closes_at: datetime


class WithdrawSeat(Command, frozen=True, kw_only=True):
    reason: str


class AssignAnalyst(Command, frozen=True, kw_only=True):
    """The rota was booked for [`opens_at`, `closes_at`), so the seat must still be at that time."""

    analyst_id: UUID
    mode: str
    opens_at: datetime
    closes_at: datetime


class UnassignAnalyst(Command, frozen=True, kw_only=True):
    analyst_id: UUID
    reason: str


class CheckIn(Command, frozen=True, kw_only=True):
    analyst_id: UUID


class CheckOut(Command, frozen=True, kw_only=True):
    analyst_id: UUID


class HandOver(Command, frozen=True, kw_only=True):
    to_analyst_id: UUID


class Shift(Struct, frozen=True, kw_only=True):
    """An analyst's time on a seat, [`starts_at`, `ends_at`)."""

    seat_id: UUID
    show_id: UUID
    starts_at: datetime
    ends_at: datetime


class BookShift(Command, frozen=True, kw_only=True):
    """`elsewhere` are the analyst's shifts for other customers, which this rota does not hold."""

    analyst_id: UUID
    shift: Shift
    elsewhere: tuple[Shift, ...] = ()


class ReleaseShift(Command, frozen=True, kw_only=True):
    """Free the analyst from `from_at` on."""

    analyst_id: UUID
    seat_id: UUID
    from_at: datetime


class ReportDoubleBooking(Command, frozen=True, kw_only=True):
    """A shift could not follow its seat: say so, and with `release` take it off the rota."""

    analyst_id: UUID
    shift: Shift
    other_show_id: UUID | None
    release: bool


TeamCommand: TypeAlias = JoinTeam | LeaveTeam | RequireMember
SeatCommand: TypeAlias = (
    OpenSeat | MoveSeat | WithdrawSeat | AssignAnalyst | UnassignAnalyst | CheckIn | CheckOut | HandOver
)
RotaCommand: TypeAlias = BookShift | ReleaseShift | ReportDoubleBooking

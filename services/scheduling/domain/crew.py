"""The aggregates of a customer's team and of one seat: who may serve the customer, and who occupies the place now.

Source: duties.md R2, R3, L1, Q19; domain.md section 3 (6).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event, Sealed
from contracts.problems import NotFound, WrongState
from services.scheduling import commands as c
from services.scheduling.domain.refusals import (
    AnalystNotInTeam,
    NotOnThisSeat,
    OutsideCoverage,
    RemoteOnly,
    SeatAlreadyStaffed,
    SeatHasMoved,
)
from services.scheduling.domain.situations import Value, name_of, tags

REMOTE: Final = "remote"

TeamEvent: TypeAlias = e.AnalystJoinedTeam | e.AnalystLeftTeam


class Team(Value, frozen=True):
    """The analysts who may serve one customer, with their names."""

    analysts: Mapping[UUID, Sealed] = {}


def decide_team(command: c.TeamCommand, team: Team) -> Sequence[Event]:
    known = command.analyst_id in team.analysts
    match command:
        case c.JoinTeam():
            return (
                [] if known else [e.AnalystJoinedTeam(at=command.at, analyst_id=command.analyst_id, name=command.name)]
            )
        case c.LeaveTeam():
            return [e.AnalystLeftTeam(at=command.at, analyst_id=command.analyst_id)] if known else []
        case c.RequireMember():
            if not known:
                raise AnalystNotInTeam(analyst_id=str(command.analyst_id))
            return []
        case _:
            assert_never(command)


def evolve_team(team: Team, event: TeamEvent) -> Team:
    others = {key: name for key, name in team.analysts.items() if key != event.analyst_id}
    return Team(analysts={**others, event.analyst_id: event.name} if isinstance(event, e.AnalystJoinedTeam) else others)


TEAM: Final[Decider[c.TeamCommand, Team]] = Decider("team", Team(), decide_team, evolve_team, tags(TeamEvent))


SeatEvent: TypeAlias = (
    e.SeatOpened
    | e.SeatMoved
    | e.SeatWithdrawn
    | e.AnalystAssigned
    | e.AnalystUnassigned
    | e.AnalystCheckedIn
    | e.AnalystCheckedOut
    | e.HandoverStarted
    | e.HandoverCompleted
)


class Place(Value, frozen=True):
    """What is known of every seat."""

    seat_id: UUID
    show_id: UUID
    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime


class NoSeat(Value, frozen=True, tag="ABSENT"):
    """There is no such seat."""


class OnSeat(Value, frozen=True):
    place: Place

    @property
    def analysts(self) -> tuple[UUID, ...]:
        """Everybody who has to do with the seat now, who acts first."""
        return ()


class Open(OnSeat, frozen=True, tag="OPEN"):
    """Nobody is assigned."""


class Staffed(OnSeat, frozen=True, tag="STAFFED"):
    """Somebody is assigned and not there yet."""

    analyst_id: UUID

    @property
    def analysts(self) -> tuple[UUID, ...]:
        return (self.analyst_id,)


class OnDuty(Staffed, frozen=True, tag="ON_DUTY"):
    """The analyst is there."""


class OffDuty(Staffed, frozen=True, tag="OFF_DUTY"):
    """The analyst has gone."""


class HandingOver(OnSeat, frozen=True, tag="HANDING_OVER"):
    """One analyst is there and gives the seat to another, who `arrived` or not."""

    from_analyst_id: UUID
    to_analyst_id: UUID
    arrived: bool = False

    @property
    def analysts(self) -> tuple[UUID, ...]:
        return (self.from_analyst_id, self.to_analyst_id)


class Withdrawn(OnSeat, frozen=True, tag="WITHDRAWN"):
    """The seat is not needed any more."""

    reason: str


Taken: TypeAlias = Open | Staffed | OnDuty | OffDuty | HandingOver | Withdrawn
Seat: TypeAlias = NoSeat | Taken


def decide_seat(command: c.SeatCommand, seat: Seat) -> Sequence[Event]:
    """Raises NotFound for anything but an opening where there is no seat."""
    if isinstance(command, c.OpenSeat):
        return _open(command, seat)
    if isinstance(seat, NoSeat):
        raise NotFound
    match command:
        case c.MoveSeat():
            opens_at = command.opens_at or seat.place.opens_at
            if (opens_at, command.closes_at) == (seat.place.opens_at, seat.place.closes_at):
                return []
            return [_told(e.SeatMoved, command, seat, opens_at=opens_at, closes_at=command.closes_at)]
        case c.WithdrawSeat():
            gone = isinstance(seat, Withdrawn)
            return [] if gone else [_told(e.SeatWithdrawn, command, seat, reason=command.reason)]
        case c.AssignAnalyst():
            return _assign(command, seat)
        case c.UnassignAnalyst():
            if not isinstance(seat, Staffed) or isinstance(seat, OnDuty) or seat.analyst_id != command.analyst_id:
                return []
            return [_told(e.AnalystUnassigned, command, seat, analyst_id=command.analyst_id, reason=command.reason)]
        case c.CheckIn():
            return _check_in(command, seat)
        case c.CheckOut():
            return _check_out(command, seat)
        case c.HandOver():
            return _hand_over(command, seat)
        case _:
            assert_never(command)


def _told(event: type[Event], command: c.SeatCommand, seat: Taken, **fields: object) -> Event:
    place = seat.place
    return event(at=command.at, show_id=place.show_id, seat_id=place.seat_id, **fields)  # type: ignore[call-arg]


def _open(command: c.OpenSeat, seat: Seat) -> list[Event]:
    """A seat that was withdrawn opens again when its show is confirmed again."""
    if not isinstance(seat, NoSeat | Withdrawn):
        return []
    return [
        e.SeatOpened(
            at=command.at,
            show_id=command.show_id,
            seat_id=command.seat_id,
            entitlement_id=command.entitlement_id,
            opens_at=command.opens_at,
            closes_at=command.closes_at,
        )
    ]


def _assign(command: c.AssignAnalyst, seat: Taken) -> list[Event]:
    if command.mode != REMOTE:
        raise RemoteOnly(mode=command.mode)
    if isinstance(seat, Withdrawn):
        raise _wrong(seat, ())
    if not isinstance(seat, Open | OffDuty):
        if seat.analysts == (command.analyst_id,):
            return []
        raise SeatAlreadyStaffed(analyst_id=str(seat.analysts[0]))
    place = seat.place
    if (command.opens_at, command.closes_at) != (place.opens_at, place.closes_at):
        raise SeatHasMoved(opens_at=place.opens_at.isoformat(), closes_at=place.closes_at.isoformat())
    return [_told(e.AnalystAssigned, command, seat, analyst_id=command.analyst_id, mode=command.mode)]


def _check_in(command: c.CheckIn, seat: Taken) -> list[Event]:
    """Early is fine: coverage starts when the window opens (Q8)."""
    who, place = command.analyst_id, seat.place
    told = _told(e.AnalystCheckedIn, command, seat, entitlement_id=place.entitlement_id, analyst_id=who)
    match seat:
        case OnDuty() if seat.analyst_id == who:
            return []
        case OnDuty():
            raise _elsewhere(seat)
        case HandingOver():
            if who == seat.from_analyst_id or (who == seat.to_analyst_id and seat.arrived):
                return []
            if who != seat.to_analyst_id:
                raise _elsewhere(seat)
            return [told]
        case Staffed() if seat.analyst_id == who:
            if command.at >= place.closes_at:
                raise OutsideCoverage(opens_at=place.opens_at.isoformat(), closes_at=place.closes_at.isoformat())
            return [told]
        case _:
            raise _elsewhere(seat)


def _check_out(command: c.CheckOut, seat: Taken) -> list[Event]:
    who, place = command.analyst_id, seat.place
    told = _told(e.AnalystCheckedOut, command, seat, entitlement_id=place.entitlement_id, analyst_id=who)
    match seat:
        case OnDuty() if seat.analyst_id == who:
            return [told]
        case OffDuty() if seat.analyst_id == who:
            return []
        case HandingOver() if who == seat.from_analyst_id:
            both = {"from_analyst_id": seat.from_analyst_id, "to_analyst_id": seat.to_analyst_id}
            return [told, _told(e.HandoverCompleted, command, seat, **both)]
        case HandingOver() if who == seat.to_analyst_id and seat.arrived:
            return [told]
        case _:
            raise _elsewhere(seat)


def _hand_over(command: c.HandOver, seat: Taken) -> list[Event]:
    match seat:
        case HandingOver() if seat.to_analyst_id == command.to_analyst_id:
            return []
        case OnDuty() if seat.analyst_id != command.to_analyst_id:
            both = {"from_analyst_id": seat.analyst_id, "to_analyst_id": command.to_analyst_id}
            return [_told(e.HandoverStarted, command, seat, **both)]
        case _:
            raise _wrong(seat, ("CheckIn",) if isinstance(seat, Staffed) else ())


def _elsewhere(seat: Taken) -> NotOnThisSeat:
    return NotOnThisSeat(state=name_of(seat), analysts=[str(one) for one in seat.analysts])


def _wrong(seat: Taken, allowed: tuple[str, ...]) -> WrongState:
    return WrongState(state=name_of(seat), allowed=list(allowed))


def evolve_seat(seat: Seat, event: SeatEvent) -> Seat:
    if isinstance(event, e.SeatOpened):
        return Open(
            place=Place(
                seat_id=event.seat_id,
                show_id=event.show_id,
                entitlement_id=event.entitlement_id,
                opens_at=event.opens_at,
                closes_at=event.closes_at,
            )
        )
    if isinstance(seat, NoSeat):
        return seat
    place = seat.place
    match event:
        case e.SeatMoved():
            return replace(seat, place=replace(place, opens_at=event.opens_at, closes_at=event.closes_at))
        case e.SeatWithdrawn():
            return Withdrawn(place=place, reason=event.reason)
        case e.AnalystUnassigned():
            return Open(place=place)
        case e.AnalystAssigned():
            return Staffed(place=place, analyst_id=event.analyst_id)
        case e.AnalystCheckedIn():
            if isinstance(seat, HandingOver):
                return replace(seat, arrived=True)
            return OnDuty(place=place, analyst_id=event.analyst_id)
        case e.AnalystCheckedOut():
            return _left(seat, event)
        case e.HandoverStarted():
            return HandingOver(place=place, from_analyst_id=event.from_analyst_id, to_analyst_id=event.to_analyst_id)
        case e.HandoverCompleted():
            there = isinstance(seat, HandingOver) and seat.arrived
            return (OnDuty if there else Staffed)(place=place, analyst_id=event.to_analyst_id)
        case _:
            assert_never(event)


def _left(seat: Taken, event: e.AnalystCheckedOut) -> Seat:
    if isinstance(seat, HandingOver):
        return replace(seat, arrived=False) if event.analyst_id == seat.to_analyst_id else seat
    return OffDuty(place=seat.place, analyst_id=event.analyst_id)


SEAT: Final[Decider[c.SeatCommand, Seat]] = Decider("seat", NoSeat(), decide_seat, evolve_seat, tags(SeatEvent))

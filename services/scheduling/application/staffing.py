"""The crew: who belongs to the team, who occupies the seat, whose time is taken. Several aggregates, one append."""

from collections.abc import Sequence
from uuid import UUID

from chassis import tenancy
from chassis.handle import Do, Outcome
from chassis.service import House
from contracts.problems import NotFound
from services.scheduling import commands as c
from services.scheduling.application.request import ANALYST_NAME, Request
from services.scheduling.domain.crew import SEAT, TEAM, NoSeat, OffDuty, Seat
from services.scheduling.domain.ids import rota_id_of
from services.scheduling.domain.rota import ROTA


async def join_team(house: House, request: Request, analyst_id: UUID, name: str) -> Outcome:
    sealed = await house.sealed.seal(request.tenant, str(analyst_id), ANALYST_NAME, name)
    command = c.JoinTeam(at=request.at, analyst_id=analyst_id, name=sealed)
    return await request.run(house, [Do(decider=TEAM, ident=request.tenant, command=command)])


async def leave_team(house: House, request: Request, analyst_id: UUID) -> Outcome:
    command = c.LeaveTeam(at=request.at, analyst_id=analyst_id)
    return await request.run(house, [Do(decider=TEAM, ident=request.tenant, command=command)])


async def seat_of(house: House, request: Request, show_id: UUID, seat_id: UUID) -> Seat:
    """Raises NotFound where this show has no such seat."""
    seat, _ = await house.handler.state(SEAT, seat_id, tenant=request.tenant)
    if isinstance(seat, NoSeat) or seat.place.show_id != show_id:
        raise NotFound
    return seat


async def assign(house: House, request: Request, show_id: UUID, seat_id: UUID, analyst_id: UUID, mode: str) -> Outcome:
    """The seat, the team and the rota agree, or nothing happens. Who went off duty before is free from now on."""
    seat = await seat_of(house, request, show_id, seat_id)
    assert not isinstance(seat, NoSeat), "seat_of refuses a seat that is not there"
    place = seat.place
    command = c.AssignAnalyst(
        at=request.at, analyst_id=analyst_id, mode=mode, opens_at=place.opens_at, closes_at=place.closes_at
    )
    shift = c.Shift(seat_id=seat_id, show_id=show_id, starts_at=place.opens_at, ends_at=place.closes_at)
    freed = (
        [_release(request, seat_id, seat.analyst_id)]
        if isinstance(seat, OffDuty) and seat.analyst_id != analyst_id
        else []
    )
    dos = [_on(seat_id, command), *await _booked(house, request, analyst_id, shift), *freed]
    return await request.run(house, dos)


async def check_in(house: House, request: Request, show_id: UUID, seat_id: UUID, analyst_id: UUID) -> Outcome:
    await seat_of(house, request, show_id, seat_id)
    return await request.run(house, [_on(seat_id, c.CheckIn(at=request.at, analyst_id=analyst_id))])


async def check_out(house: House, request: Request, show_id: UUID, seat_id: UUID, analyst_id: UUID) -> Outcome:
    """Who has handed over is free from now on; who only stepped out stays on the rota."""
    seat = await seat_of(house, request, show_id, seat_id)
    command = c.CheckOut(at=request.at, analyst_id=analyst_id)
    handed_over = getattr(seat, "from_analyst_id", None) == analyst_id
    freed = [_release(request, seat_id, analyst_id)] if handed_over else []
    return await request.run(house, [_on(seat_id, command), *freed])


async def hand_over(house: House, request: Request, show_id: UUID, seat_id: UUID, to_analyst_id: UUID) -> Outcome:
    """The successor's time is taken from now to the end of the seat (Q19)."""
    seat = await seat_of(house, request, show_id, seat_id)
    assert not isinstance(seat, NoSeat), "seat_of refuses a seat that is not there"
    place = seat.place
    starts_at = max(request.at, place.opens_at)
    shift = c.Shift(seat_id=seat_id, show_id=show_id, starts_at=starts_at, ends_at=max(place.closes_at, starts_at))
    command = c.HandOver(at=request.at, to_analyst_id=to_analyst_id)
    return await request.run(house, [_on(seat_id, command), *await _booked(house, request, to_analyst_id, shift)])


def _on(seat_id: UUID, command: c.SeatCommand) -> Do:
    return Do(decider=SEAT, ident=seat_id, command=command)


async def _booked(house: House, request: Request, analyst_id: UUID, shift: c.Shift) -> Sequence[Do]:
    """In the team, and free: in this customer's rota for certain, in the others' as far as they are known."""
    elsewhere = await _elsewhere(house, request, analyst_id)
    book = c.BookShift(at=request.at, analyst_id=analyst_id, shift=shift, elsewhere=elsewhere)
    member = c.RequireMember(at=request.at, analyst_id=analyst_id)
    return [
        Do(decider=TEAM, ident=request.tenant, command=member),
        Do(decider=ROTA, ident=rota_id_of(request.tenant, analyst_id), command=book),
    ]


async def _elsewhere(house: House, request: Request, analyst_id: UUID) -> tuple[c.Shift, ...]:
    """The analyst's shifts for other customers, from the read model that spans them all."""
    with tenancy.seeing_all():
        rows = await house.db.fetch(
            "SELECT seat_id, show_id, starts_at, ends_at FROM public.shifts WHERE analyst_id = $1 AND tenant <> $2",
            analyst_id, request.tenant,
        )  # fmt: skip
    return tuple(c.Shift(**dict(row)) for row in rows)


def _release(request: Request, seat_id: UUID, analyst_id: UUID) -> Do:
    command = c.ReleaseShift(at=request.at, analyst_id=analyst_id, seat_id=seat_id, from_at=request.at)
    return Do(decider=ROTA, ident=rota_id_of(request.tenant, analyst_id), command=command)

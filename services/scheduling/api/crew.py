"""The crew: the customer's team, the seat of a show, and an analyst's rota."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, AsOf, Caller, Tagged, Versioned, receipt, refuses, tagged, versioned
from chassis.service import House
from contracts.problems import NotFound, WrongState
from services.scheduling.api.common import ADMIN, OPERATE, READ, REQUEST, Body, Text
from services.scheduling.application import planning_shows, staffing
from services.scheduling.application.request import ANALYST_NAME, Request, names, or_initial
from services.scheduling.domain import refusals as no
from services.scheduling.domain.crew import SEAT, TEAM, HandingOver, NoSeat, Seat, Taken, Team
from services.scheduling.domain.ids import rota_id_of, seat_id_of
from services.scheduling.domain.rota import ROTA, Rota
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import WithHours, name_of

TAGS: Final = ["Crew"]


class JoinTeam(Body, frozen=True, kw_only=True):
    """An analyst who serves this customer from now on."""

    name: Text
    analyst_id: UUID | None = None


class AssignAnalyst(Body, frozen=True, kw_only=True):
    """Who will occupy the seat. `mode` has to be `remote`."""

    analyst_id: UUID
    mode: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] = "remote"


class Analyst(Body, frozen=True, kw_only=True):
    """An analyst of the team."""

    analyst_id: UUID


class AnalystView(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is null once the person is forgotten, or if they left the team."""

    analyst_id: UUID
    name: str | None


class SeatView(msgspec.Struct, frozen=True, kw_only=True):
    """The place one add-on buys, [`opens_at`, `closes_at`). `analysts` are those who have to do with it, who acts first."""

    seat_id: UUID
    entitlement_id: UUID
    state: str
    opens_at: datetime
    closes_at: datetime
    analysts: tuple[AnalystView, ...]
    handing_over_to: UUID | None


class CrewView(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on a show. There is no seat before the show has hours."""

    show_id: UUID
    seats: tuple[SeatView, ...]


class TeamView(msgspec.Struct, frozen=True, kw_only=True):
    """The analysts who may serve this customer."""

    analysts: tuple[AnalystView, ...]


class ShiftView(msgspec.Struct, frozen=True, kw_only=True):
    """An analyst's time on a seat, [`starts_at`, `ends_at`)."""

    seat_id: UUID
    show_id: UUID
    starts_at: datetime
    ends_at: datetime


class RotaView(msgspec.Struct, frozen=True, kw_only=True):
    """An analyst's shifts for this customer, ascending; they never overlap."""

    analyst_id: UUID
    shifts: tuple[ShiftView, ...]


@post("/team/analysts", operation_id="joinTeam", scopes=ADMIN, tags=TAGS, dependencies=REQUEST)
async def join_team(
    data: JSONBody[JoinTeam], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Take an analyst into the team that serves this customer."""
    analyst_id = data.analyst_id or planning_shows.made(request_, "analyst")
    outcome = await staffing.join_team(house, request_, analyst_id, data.name)
    return receipt(outcome, analyst_id, location=f"/analysts/{analyst_id}/rota")


@delete(
    "/team/analysts/{analyst_id:uuid}",
    operation_id="leaveTeam",
    scopes=ADMIN,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
)
async def leave_team(
    analyst_id: FromPath[UUID], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Take an analyst out of the team; what they are assigned to stays."""
    return receipt(await staffing.leave_team(house, request_, analyst_id), analyst_id)


@get("/team", operation_id="getTeam", scopes=READ, tags=TAGS)
async def get_team(
    house: NamedDependency[House], me: NamedDependency[Caller], as_of: NamedDependency[AsOf | None]
) -> Versioned[TeamView]:
    """Show the team that serves you, now or as it was."""
    team: Team
    team, version = await or_initial(house, TEAM, me.tenant, me.tenant, as_of)
    known = await names(house, me.tenant, team.analysts.values(), ANALYST_NAME)
    analysts = tuple(AnalystView(analyst_id=one, name=known.get(str(one))) for one in sorted(team.analysts))
    return versioned(TeamView(analysts=analysts), version, and_more=True)


@get("/shows/{show_id:uuid}/crew", operation_id="getCrew", scopes=READ, tags=TAGS, responses=refuses(NotFound))
async def get_crew(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Tagged[CrewView]:
    """Show who works on a show, now or as it was."""
    show, _ = await house.handler.state(SHOW, show_id, tenant=me.tenant, as_of=as_of)
    if not isinstance(show, WithHours):
        return tagged(CrewView(show_id=show_id, seats=()))
    seat_id = seat_id_of(show_id, show.hours.entitlement_id)
    seat: Seat
    try:
        seat, _ = await house.handler.state(SEAT, seat_id, tenant=me.tenant, as_of=as_of)
    except NotFound:
        return tagged(CrewView(show_id=show_id, seats=()))
    if isinstance(seat, NoSeat):
        return tagged(CrewView(show_id=show_id, seats=()))
    team: Team
    team, _ = await or_initial(house, TEAM, me.tenant, me.tenant, as_of)
    boxes = (team.analysts[one] for one in seat.analysts if one in team.analysts)
    taken = _seat(seat, await names(house, me.tenant, boxes, ANALYST_NAME))
    return tagged(CrewView(show_id=show_id, seats=(taken,)))


def _seat(seat: Taken, known: dict[str, str | None]) -> SeatView:
    return SeatView(
        seat_id=seat.place.seat_id,
        entitlement_id=seat.place.entitlement_id,
        state=name_of(seat),
        opens_at=seat.place.opens_at,
        closes_at=seat.place.closes_at,
        analysts=tuple(AnalystView(analyst_id=one, name=known.get(str(one))) for one in seat.analysts),
        handing_over_to=seat.to_analyst_id if isinstance(seat, HandingOver) else None,
    )


@get("/analysts/{analyst_id:uuid}/rota", operation_id="getRota", scopes=READ, tags=TAGS, responses=refuses(NotFound))
async def get_rota(
    analyst_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[RotaView]:
    """Show when an analyst is dedicated to your shows, now or as it was."""
    team: Team
    rota: Rota
    team, _ = await or_initial(house, TEAM, me.tenant, me.tenant, as_of)
    rota, version = await or_initial(house, ROTA, rota_id_of(me.tenant, analyst_id), me.tenant, as_of)
    if analyst_id not in team.analysts and not version:
        raise NotFound
    shifts = sorted(rota.shifts.values(), key=lambda shift: shift.starts_at)
    views = tuple(
        ShiftView(seat_id=it.seat_id, show_id=it.show_id, starts_at=it.starts_at, ends_at=it.ends_at) for it in shifts
    )
    return versioned(RotaView(analyst_id=analyst_id, shifts=views), version)


@post(
    "/shows/{show_id:uuid}/seats/{seat_id:uuid}/assign",
    operation_id="assignAnalyst",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(
        no.RemoteOnly, no.SeatAlreadyStaffed, no.SeatHasMoved, no.AnalystNotInTeam, no.AlreadyBooked, WrongState
    ),
)
async def assign_analyst(
    show_id: FromPath[UUID],
    seat_id: FromPath[UUID],
    data: JSONBody[AssignAnalyst],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Assign an analyst of the team, whose time is free, to the seat."""
    return receipt(await staffing.assign(house, request_, show_id, seat_id, data.analyst_id, data.mode), seat_id)


@post(
    "/shows/{show_id:uuid}/seats/{seat_id:uuid}/check-in",
    operation_id="checkIn",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.NotOnThisSeat, no.OutsideCoverage),
)
async def check_in(
    show_id: FromPath[UUID],
    seat_id: FromPath[UUID],
    data: JSONBody[Analyst],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Go on duty. Before the window opens this is noted, and coverage starts with the window."""
    return receipt(await staffing.check_in(house, request_, show_id, seat_id, data.analyst_id), seat_id)


@post(
    "/shows/{show_id:uuid}/seats/{seat_id:uuid}/check-out",
    operation_id="checkOut",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.NotOnThisSeat),
)
async def check_out(
    show_id: FromPath[UUID],
    seat_id: FromPath[UUID],
    data: JSONBody[Analyst],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Go off duty; who hands over completes it with this."""
    return receipt(await staffing.check_out(house, request_, show_id, seat_id, data.analyst_id), seat_id)


@post(
    "/shows/{show_id:uuid}/seats/{seat_id:uuid}/hand-over",
    operation_id="handOver",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState, no.AnalystNotInTeam, no.AlreadyBooked),
)
async def hand_over(
    show_id: FromPath[UUID],
    seat_id: FromPath[UUID],
    data: JSONBody[Analyst],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Begin to give the seat to another analyst, who checks in before the present one checks out."""
    return receipt(await staffing.hand_over(house, request_, show_id, seat_id, data.analyst_id), seat_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    join_team,
    leave_team,
    get_team,
    get_crew,
    get_rota,
    assign_analyst,
    check_in,
    check_out,
    hand_over,
]

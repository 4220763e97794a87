"""Shows: drafted, listed, confirmed, moved, ended."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.clock import LocalTimeAmbiguous, LocalTimeNonexistent, ZoneUnknown
from chassis.handle import Do
from chassis.http import Answer, AsOf, Caller, Instant, Page, Paging, Versioned, receipt, refuses, versioned
from chassis.service import House
from contracts.problems import Invalid, NotFound, WrongState
from services.scheduling import commands as c
from services.scheduling import views
from services.scheduling.api.common import OPERATE, READ, REQUEST, WRITE, Body, Fold, Reason, Text
from services.scheduling.application import planning_shows
from services.scheduling.application.request import Request
from services.scheduling.domain.ids import seat_id_of
from services.scheduling.domain.refusals import RundownNotPublished, ShowNotTimed, ShowOver, StageStillLive
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import (
    ALLOWED,
    Abandoned,
    Absent,
    Cancelled,
    Closed,
    Confirmed,
    Exists,
    Ready,
    Running,
    Show,
    WithHours,
    Wrapping,
    name_of,
)
from services.scheduling.timing import ShowTimesInvalid

TAGS: Final = ["Shows"]
Local = Annotated[
    str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?\Z", description="A local time of the show's zone.")
]


ShowSort = Annotated[
    Literal["drafted", "-drafted", "starts_at", "-starts_at", "title", "-title"],
    QueryParameter(name="sort", description="The order; a minus reverses it. Shows without times come last by start."),
]
ShowState = Literal[
    "DRAFT", "CONFIRMING", "CONFIRMED", "READY", "RUNNING", "WRAPPING", "CLOSED", "CANCELLED", "ABANDONED"
]
ShowStateWanted = Annotated[ShowState | None, QueryParameter(name="state", description="Only those in this state.")]


class LocalTime(Body, frozen=True, kw_only=True):
    """A local time; `fold` says which, where the clocks are put back and it exists twice."""

    local: Local
    fold: Fold | None = None


class DraftShow(Body, frozen=True, kw_only=True):
    """A show to plan. Without times, the published run of show gives them."""

    between_fields: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"required": ["starts", "ends"], "properties": {time: {"type": "object"} for time in ("starts", "ends")}},
            {"properties": {time: {"type": "null"} for time in ("starts", "ends")}},
        ]
    }
    title: Text
    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="IANA name, such as Europe/Paris.")]
    starts: LocalTime | None = None
    ends: LocalTime | None = None


class Covers(Body, frozen=True, kw_only=True):
    """The part of the show the customer chose to have covered, where the hours do not suffice for all."""

    opens_at: Instant
    closes_at: Instant


class ConfirmShow(Body, frozen=True, kw_only=True):
    """The hours to take for the show."""

    entitlement_id: UUID
    covers: Covers | None = None


class RetimeShow(Body, frozen=True, kw_only=True):
    """The new start; the length stays."""

    starts_at: Instant


class Reasoned(Body, frozen=True, kw_only=True):
    """Why."""

    reason: Reason


class HoursView(msgspec.Struct, frozen=True, kw_only=True):
    """The coverage bound to the show, [`opens_at`, `closes_at`)."""

    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime
    terms_version: str
    seat_id: UUID
    features: tuple[str, ...]


class RejectionView(msgspec.Struct, frozen=True, kw_only=True):
    """Why the hours were refused the last time."""

    code: str
    detail: str


class ShowView(msgspec.Struct, frozen=True, kw_only=True):
    """A show as it is, or was. Expect states you do not know.

    `retiming` tells that the hours have not answered a change of time yet. `allowed` are the commands it takes now.
    """

    show_id: UUID
    title: str
    zone: str
    state: str
    version: int
    starts_at: datetime | None
    ends_at: datetime | None
    hours: HoursView | None
    retiming: bool
    rejected: RejectionView | None
    on_air: tuple[UUID, ...]
    ended_at: datetime | None
    reason: str | None
    allowed: tuple[str, ...]


def show_view(state: Exists, version: int) -> ShowView:
    about = state.about
    times = about.times or (None, None)
    return ShowView(
        show_id=about.show_id,
        title=about.title,
        zone=about.zone,
        state=name_of(state),
        version=version,
        starts_at=times[0],
        ends_at=times[1],
        hours=_hours(state),
        retiming=isinstance(state, Confirmed | Ready) and state.retiming is not None,
        rejected=RejectionView(code=about.rejected[0], detail=about.rejected[1]) if about.rejected else None,
        on_air=tuple(sorted(state.on_air)) if isinstance(state, Running | Wrapping) else (),
        ended_at=state.ended_at if isinstance(state, Wrapping | Closed) else None,
        reason=state.reason if isinstance(state, Cancelled | Abandoned) else None,
        allowed=ALLOWED.get(type(state), ()),
    )


def _hours(state: Exists) -> HoursView | None:
    if not isinstance(state, WithHours):
        return None
    hours = state.hours
    return HoursView(
        entitlement_id=hours.entitlement_id,
        opens_at=hours.opens_at,
        closes_at=hours.closes_at,
        terms_version=hours.terms.terms_version,
        seat_id=seat_id_of(state.about.show_id, hours.entitlement_id),
        features=hours.features,
    )


@post(
    "/shows",
    operation_id="draftShow",
    scopes=WRITE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(ZoneUnknown, LocalTimeNonexistent, LocalTimeAmbiguous, ShowTimesInvalid),
)
async def draft_show(
    data: JSONBody[DraftShow], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Draft a show."""
    if (data.starts is None) != (data.ends is None):
        rule = "starts and ends are given together or not at all"
        raise Invalid(errors=[{"place": "body", "field": "/ends", "rule": rule}])
    times = (_local(data.starts), _local(data.ends)) if data.starts is not None and data.ends is not None else None
    show_id = planning_shows.made(request_, "show")
    outcome = await planning_shows.draft_show(house, request_, show_id, data.title, data.zone, times)
    return receipt(outcome, show_id, location=f"/shows/{show_id}")


def _local(given: LocalTime) -> planning_shows.LocalTime:
    try:
        local = datetime.fromisoformat(given.local)
    except ValueError:
        raise LocalTimeNonexistent(f"{given.local} is in no calendar.", local=given.local) from None
    return planning_shows.LocalTime(local=local, fold=given.fold)


@get("/shows", operation_id="listShows", scopes=READ, tags=TAGS)
async def list_shows(
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    sort: ShowSort = "-drafted",
    in_state: ShowStateWanted = None,
) -> Page[views.ShowLine]:
    """List your shows, the newest first or in another order; all, or those in one state."""
    if seen is not None:
        await house.projector.wait(seen)
    order = views.SHOW_ORDERS[sort]
    return order.page(await views.shows(house.db, me.tenant, order, paging, in_state), paging)


@get("/shows/{show_id:uuid}", operation_id="getShow", scopes=READ, tags=TAGS, responses=refuses(NotFound))
async def get_show(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[ShowView]:
    """Show a show as it is, or as it was."""
    state: Show
    state, version = await house.handler.state(SHOW, show_id, tenant=me.tenant, as_of=as_of)
    if isinstance(state, Absent):
        raise NotFound
    return versioned(show_view(state, version), version)


@post(
    "/shows/{show_id:uuid}/confirm",
    operation_id="confirmShow",
    scopes=WRITE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState, ShowNotTimed, RundownNotPublished, ShowTimesInvalid),
)
async def confirm_show(
    show_id: FromPath[UUID],
    data: JSONBody[ConfirmShow],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Confirm a show with the hours of an entitlement.

    The hours are asked for: `show_confirmed` or `show_confirmation_rejected` with its code follows.
    """
    covers = (data.covers.opens_at, data.covers.closes_at) if data.covers else None
    outcome = await planning_shows.confirm(house, request_, show_id, data.entitlement_id, covers)
    return receipt(outcome, show_id)


@post(
    "/shows/{show_id:uuid}/retime",
    operation_id="retimeShow",
    scopes=WRITE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState, ShowNotTimed, ShowOver),
)
async def retime_show(
    show_id: FromPath[UUID],
    data: JSONBody[RetimeShow],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Move a show and all its sessions to another start.

    A draft moves at once. A confirmed show moves when its hours have: `show_retiming_accepted` or
    `show_retiming_rejected` follows.
    """
    return receipt(await planning_shows.retime(house, request_, show_id, data.starts_at), show_id)


@post(
    "/shows/{show_id:uuid}/cancel",
    operation_id="cancelShow",
    scopes=WRITE,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState),
)
async def cancel_show(
    show_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Cancel a show that has not begun."""
    return await _run(house, request_, show_id, c.CancelShow(at=request_.at, reason=data.reason))


@post(
    "/shows/{show_id:uuid}/end",
    operation_id="endShow",
    scopes=OPERATE,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState, StageStillLive),
)
async def end_show(
    show_id: FromPath[UUID], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Say that a show is over; its coverage lasts for the margin after now."""
    return await _run(house, request_, show_id, c.EndShow(at=request_.at))


@post(
    "/shows/{show_id:uuid}/abandon",
    operation_id="abandonShow",
    scopes=OPERATE,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState),
)
async def abandon_show(
    show_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Give up a confirmed show to which nobody came."""
    return await _run(house, request_, show_id, c.AbandonShow(at=request_.at, reason=data.reason))


async def _run(house: House, request: Request, show_id: UUID, command: c.ShowCommand) -> Answer:
    return receipt(await request.run(house, [Do(decider=SHOW, ident=show_id, command=command)]), show_id)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    draft_show,
    list_shows,
    get_show,
    confirm_show,
    retime_show,
    cancel_show,
    end_show,
    abandon_show,
]

"""The checklist before a show: invitations, briefing, contacts, and what is still missing."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import Answer, AsOf, Caller, Instant, Versioned, receipt, refuses, versioned
from chassis.service import House
from contracts.problems import NotFound
from contracts.scheduling import ReadinessItem
from services.scheduling.api.common import OPERATE, READ, REQUEST, WRITE, Body, Text
from services.scheduling.application import planning_shows, preparing
from services.scheduling.application.request import (
    CONTACT_ADDRESS,
    CONTACT_NAME,
    SPEAKER_NAME,
    Request,
    names,
    or_initial,
    run_of,
)
from services.scheduling.domain import refusals as no
from services.scheduling.domain.readiness import READINESS, Readiness
from services.scheduling.domain.show import SHOW

TAGS: Final = ["Readiness"]
Topics = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=30)]
Side = Annotated[str, msgspec.Meta(pattern=r"^(attendees|speakers|sponsors)\Z")]

OWNERS: Final[dict[ReadinessItem, str]] = {
    ReadinessItem.RUNDOWN_PUBLISHED: "customer",
    ReadinessItem.HOURS_RESERVED: "customer",
    ReadinessItem.SEAT_STAFFED: "provider",
    ReadinessItem.SPEAKERS_INVITED: "customer",
    ReadinessItem.BEST_PRACTICES_BRIEFED: "analyst",
    ReadinessItem.BRAND_KIT_APPLIED: "analyst",
}
"""Who owes what. Source: duties.md D1, D3, R2, K1a, K2."""


class RecordBriefing(Body, frozen=True, kw_only=True):
    """A briefing that was held. Outside coverage it has to be logged as preparation work."""

    topics: Topics
    started_at: Instant
    ended_at: Instant
    as_preparation: bool = False


class RegisterContact(Body, frozen=True, kw_only=True):
    """Somebody the customer coordinates with; nothing is sent to them."""

    side: Side
    name: Text
    address: Text


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that has to be there, who owes it, and whether it is there. Expect items you do not know."""

    item: str
    owner: str
    there: bool


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the customer has confirmed a speaker's invitation."""

    speaker_id: UUID
    name: str | None
    confirmed: bool


class BriefingView(msgspec.Struct, frozen=True, kw_only=True):
    """A briefing that was held."""

    topics: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    activity: str


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """A contact; null once they are forgotten."""

    contact_id: UUID
    side: str
    name: str | None
    address: str | None


class ReadinessView(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be there before the show."""

    show_id: UUID
    ready: bool
    items: tuple[ItemView, ...]
    invitations: tuple[InvitationView, ...]
    briefings: tuple[BriefingView, ...]
    contacts: tuple[ContactView, ...]


@get(
    "/shows/{show_id:uuid}/readiness", operation_id="getReadiness", scopes=READ, tags=TAGS, responses=refuses(NotFound)
)
async def get_readiness(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[ReadinessView]:
    """Show what is there and what is still owed before a show, and by whom, now or as it was."""
    await house.handler.state(SHOW, show_id, tenant=me.tenant, as_of=as_of)
    found: Readiness
    found, version = await or_initial(house, READINESS, show_id, me.tenant, as_of)
    run, _ = await run_of(house, me.tenant, show_id, as_of)
    people = await names(house, me.tenant, (one.name for one in run.plan.speakers), SPEAKER_NAME)
    view = ReadinessView(
        show_id=show_id,
        ready=found.reached,
        items=tuple(ItemView(item=it.value, owner=OWNERS[it], there=found.has(it)) for it in ReadinessItem),
        invitations=tuple(
            InvitationView(speaker_id=one, name=people.get(str(one)), confirmed=one in found.invited)
            for one in sorted(found.expected)
        ),
        briefings=tuple(
            BriefingView(topics=it.topics, started_at=it.started_at, ended_at=it.ended_at, activity=it.activity)
            for it in found.briefings
        ),
        contacts=await _contacts(house, me.tenant, found),
    )
    return versioned(view, version, and_more=True)


async def _contacts(house: House, tenant: str, found: Readiness) -> tuple[ContactView, ...]:
    known = await names(house, tenant, (it.name for it in found.contacts.values()), CONTACT_NAME)
    where = await names(house, tenant, (it.address for it in found.contacts.values()), CONTACT_ADDRESS)
    return tuple(
        ContactView(contact_id=ident, side=it.side, name=known.get(str(ident)), address=where.get(str(ident)))
        for ident, it in found.contacts.items()
    )


@post(
    "/shows/{show_id:uuid}/speakers/{speaker_id:uuid}/invitation-confirmed",
    operation_id="confirmInvitation",
    scopes=READ,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(no.CustomerDuty, no.ShowOver),
)
async def confirm_invitation(
    show_id: FromPath[UUID],
    speaker_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Confirm that a speaker has got the link and the instructions. Only the customer may."""
    return receipt(await preparing.confirm_invitation(house, request_, show_id, speaker_id), show_id)


@post(
    "/shows/{show_id:uuid}/briefings",
    operation_id="recordBriefing",
    scopes=OPERATE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(no.OutsideCoverage, no.BriefingTimesInvalid, no.ShowOver),
)
async def record_briefing(
    show_id: FromPath[UUID],
    data: JSONBody[RecordBriefing],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Record that the practices of the trade were presented to the customer's team."""
    outcome = await preparing.record_briefing(
        house,
        request_,
        show_id,
        data.topics,
        (data.started_at, data.ended_at),
        as_preparation=data.as_preparation,
    )
    return receipt(outcome, show_id, location=f"/shows/{show_id}/readiness")


@post(
    "/shows/{show_id:uuid}/contacts",
    operation_id="registerContact",
    scopes=WRITE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(no.ShowOver),
)
async def register_contact(
    show_id: FromPath[UUID],
    data: JSONBody[RegisterContact],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Put somebody on the roster of those the customer coordinates with."""
    contact_id = planning_shows.made(request_, "contact")
    outcome = await preparing.register_contact(house, request_, show_id, contact_id, data.side, data.name, data.address)
    return receipt(outcome, contact_id, location=f"/shows/{show_id}/readiness")


HANDLERS: Final[list[HTTPRouteHandler]] = [get_readiness, confirm_invitation, record_briefing, register_contact]

"""What a customer has beside its hours: the software, base packages, standard support and learning resources."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
import uuid6
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.handle import Outcome, utc_now
from chassis.http import Answer, AsOf, Caller, Instant, Versioned, receipt, refuses, versioned
from services.entitlement import commands as c
from services.entitlement.api.common import COMMAND, QUERY, READ, WRITE, Asked, Body, Name, Reason, Text
from services.entitlement.application import Desk, customer_id
from services.entitlement.domain.access import BasePackage, Platform, Resource
from services.entitlement.domain.refusals import BasePackageUnknown, TermInvalid

TAGS: Final = ["Customer access"]
ACCESS: Final = "/customers/me/access"


class PlatformTerm(Body, frozen=True, kw_only=True):
    """The term of the master agreement, [`starts_at`, `ends_at`); without an end it is open."""

    starts_at: Instant
    ends_at: Instant | None = None


class LinkPackage(Body, frozen=True, kw_only=True):
    """A base production package the customer holds, and its features, such as `vod`."""

    package_id: UUID
    features: Annotated[tuple[Name, ...], msgspec.Meta(max_length=50)] = ()


class Support(Body, frozen=True, kw_only=True):
    """How the customer reaches standard support, such as `chat` and `email`."""

    channels: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)]


class ShareResource(Body, frozen=True, kw_only=True):
    """A tutorial, video or article."""

    title: Text
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]{1,2000}\Z")]


class AccessCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer has. Nothing of it is metered."""

    platform: Platform | None
    base_packages: tuple[BasePackage, ...]
    standard_support: tuple[str, ...]
    resources: tuple[Resource, ...]


async def _change(asked: Asked, command: c.AccessCommand) -> Outcome:
    return await asked.desk.change_access(command, asked.cause, expect=asked.expect, key=asked.key)


async def _created(asked: Asked, command: c.AccessCommand) -> Answer:
    return receipt(await _change(asked, command), customer_id(asked.me.tenant), location=ACCESS)


@post(
    "/customers/me/platform-access",
    operation_id="recordPlatformAccess",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
    responses=refuses(TermInvalid),
)
async def record_platform_access(data: JSONBody[PlatformTerm], asked: NamedDependency[Asked]) -> Answer:
    """Record that the customer may use the software; this is apart from any service term."""
    return await _created(asked, c.RecordPlatformAccess(at=utc_now(), starts_at=data.starts_at, ends_at=data.ends_at))


@post(
    "/customers/me/platform-access/revocation",
    operation_id="revokePlatformAccess",
    scopes=WRITE,
    if_match=True,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
)
async def revoke_platform_access(data: JSONBody[Reason], asked: NamedDependency[Asked]) -> Answer:
    """Record that the customer may no longer use the software."""
    outcome = await _change(asked, c.RevokePlatformAccess(at=utc_now(), reason=data.reason))
    return receipt(outcome, customer_id(asked.me.tenant))


@post("/customers/me/base-packages", operation_id="linkBasePackage", scopes=WRITE, tags=TAGS, dependencies=COMMAND)
async def link_base_package(data: JSONBody[LinkPackage], asked: NamedDependency[Asked]) -> Answer:
    """Record a base production package; add-ons that waited for it become active."""
    command = c.LinkBasePackage(at=utc_now(), package_id=data.package_id, features=data.features)
    return await _created(asked, command)


@delete(
    "/customers/me/base-packages/{package_id:uuid}",
    operation_id="lapseBasePackage",
    scopes=WRITE,
    if_match=True,
    tags=TAGS,
    dependencies=COMMAND,
    status_code=200,
    responses=refuses(BasePackageUnknown),
)
async def lapse_base_package(package_id: FromPath[UUID], asked: NamedDependency[Asked]) -> Answer:
    """Record that a base package has ended; what builds on it is suspended, running shows excepted."""
    command = c.LapseBasePackage(at=utc_now(), package_id=package_id, reason="lapsed")
    return receipt(await _change(asked, command), customer_id(asked.me.tenant))


@post(
    "/customers/me/standard-support",
    operation_id="confirmStandardSupport",
    scopes=WRITE,
    tags=TAGS,
    dependencies=COMMAND,
)
async def confirm_standard_support(data: JSONBody[Support], asked: NamedDependency[Asked]) -> Answer:
    """Record how the customer reaches standard support."""
    return await _created(asked, c.ConfirmStandardSupport(at=utc_now(), channels=data.channels))


@post("/customers/me/resources", operation_id="shareResource", scopes=WRITE, tags=TAGS, dependencies=COMMAND)
async def share_resource(data: JSONBody[ShareResource], asked: NamedDependency[Asked]) -> Answer:
    """Make a learning resource available to the customer."""
    command = c.ShareResource(at=utc_now(), resource_id=uuid6.uuid7(), title=data.title, url=data.url)
    return await _created(asked, command)


@get(ACCESS, operation_id="getAccess", scopes=READ, tags=TAGS, dependencies=QUERY)
async def get_access(
    me: NamedDependency[Caller], desk: NamedDependency[Desk], as_of: NamedDependency[AsOf | None]
) -> Versioned[AccessCard]:
    """Read what the customer has, or had."""
    access, version = await desk.access_as_of(me.tenant, as_of)
    card = AccessCard(
        platform=access.platform,
        base_packages=tuple(access.packages.values()),
        standard_support=access.support,
        resources=access.resources,
    )
    return versioned(card, version)


HANDLERS: Final[list[HTTPRouteHandler]] = [
    record_platform_access,
    revoke_platform_access,
    link_base_package,
    lapse_base_package,
    confirm_standard_support,
    share_resource,
    get_access,
]

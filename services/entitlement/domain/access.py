"""A customer's access: the software, base packages, standard support and learning resources. One stream per tenant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never
from uuid import UUID

import msgspec

from chassis.decider import Decider
from contracts.entitlement import (
    BasePackageLapsed,
    BasePackageLinked,
    LearningResourceShared,
    PlatformAccessGranted,
    PlatformAccessRevoked,
    ReservationRefused,
    StandardSupportConfirmed,
)
from contracts.envelope import Event
from services.entitlement import commands as c
from services.entitlement.domain.refusals import BasePackageUnknown, TermInvalid


class BasePackage(msgspec.Struct, frozen=True, kw_only=True):
    """A base production package, which every add-on needs (R5)."""

    package_id: UUID
    features: tuple[str, ...]
    active: bool


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """The term of the master agreement, [`starts_at`, `ends_at`); without an end it is open (R6)."""

    starts_at: datetime
    ends_at: datetime | None

    def covers(self, moment: datetime) -> bool:
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    resource_id: UUID
    title: str
    url: str


class CustomerAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer has beside its entitlements. Nothing in here is metered (R9, R10)."""

    platform: Platform | None = None
    packages: Mapping[UUID, BasePackage] = {}
    support: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()

    def has_package(self, package_id: UUID) -> bool:
        package = self.packages.get(package_id)
        return package is not None and package.active

    def features(self, package_id: UUID) -> tuple[str, ...]:
        return self.packages[package_id].features if self.has_package(package_id) else ()

    def may_use_platform(self, moment: datetime) -> bool:
        return self.platform is not None and self.platform.covers(moment)


AccessEvent: TypeAlias = (
    PlatformAccessGranted
    | PlatformAccessRevoked
    | BasePackageLinked
    | BasePackageLapsed
    | StandardSupportConfirmed
    | LearningResourceShared
    | ReservationRefused
)


def decide(command: c.AccessCommand, state: CustomerAccess) -> Sequence[Event]:
    """What is already so is not recorded again."""
    event = _event_of(command, state)
    return [] if evolve(state, event) == state and not isinstance(event, ReservationRefused) else [event]


def _event_of(command: c.AccessCommand, state: CustomerAccess) -> AccessEvent:
    match command:
        case c.RecordPlatformAccess(at=at, starts_at=starts_at, ends_at=ends_at):
            if ends_at is not None and ends_at <= starts_at:
                raise TermInvalid
            return PlatformAccessGranted(at=at, starts_at=starts_at, ends_at=ends_at)
        case c.RevokePlatformAccess(at=at, reason=reason):
            return PlatformAccessRevoked(at=at, reason=reason)
        case c.LinkBasePackage(at=at, package_id=package_id, features=features):
            return BasePackageLinked(at=at, package_id=package_id, features=tuple(sorted(set(features))))
        case c.LapseBasePackage(at=at, package_id=package_id, reason=reason):
            if package_id not in state.packages:
                raise BasePackageUnknown(package_id=package_id)
            return BasePackageLapsed(at=at, package_id=package_id, reason=reason)
        case c.ConfirmStandardSupport(at=at, channels=channels):
            return StandardSupportConfirmed(at=at, channels=channels)
        case c.ShareResource(at=at, resource_id=resource_id, title=title, url=url):
            return LearningResourceShared(at=at, resource_id=resource_id, title=title, url=url)
        case c.RefuseReservation(at=at, entitlement_id=entitlement_id, show_id=show_id, code=code, detail=detail):
            return ReservationRefused(at=at, entitlement_id=entitlement_id, show_id=show_id, code=code, detail=detail)
        case _:
            assert_never(command)


def evolve(state: CustomerAccess, event: AccessEvent) -> CustomerAccess:
    replace = msgspec.structs.replace
    match event:
        case PlatformAccessGranted(starts_at=starts_at, ends_at=ends_at):
            return replace(state, platform=Platform(starts_at=starts_at, ends_at=ends_at))
        case PlatformAccessRevoked():
            return replace(state, platform=None)
        case BasePackageLinked(package_id=package_id, features=features):
            package = BasePackage(package_id=package_id, features=features, active=True)
            return replace(state, packages={**state.packages, package_id: package})
        case BasePackageLapsed(package_id=package_id):
            package = replace(state.packages[package_id], active=False)
            return replace(state, packages={**state.packages, package_id: package})
        case StandardSupportConfirmed(channels=channels):
            return replace(state, support=channels)
        case LearningResourceShared(resource_id=resource_id, title=title, url=url):
            others = tuple(known for known in state.resources if known.resource_id != resource_id)
            return replace(state, resources=(*others, Resource(resource_id=resource_id, title=title, url=url)))
        case ReservationRefused():
            return state
        case _:
            assert_never(event)


CUSTOMER_ACCESS: Final[Decider[c.AccessCommand, CustomerAccess]] = Decider(
    name="customer",
    initial=CustomerAccess(),
    decide=decide,
    evolve=evolve,
    events={event.tag(): event for event in AccessEvent.__args__},
)

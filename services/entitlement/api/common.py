"""What the routes share: the request as one thing, and the shape of bodies."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.di import NamedDependency, Provide

from chassis.handle import Outcome
from chassis.http import Answer, Caller, Cause, IdempotencyKey, receipt
from chassis.service import House
from contracts.envelope import Role
from services.entitlement.application import Desk
from services.entitlement.commands import EntitlementCommand
from services.entitlement.domain.entitlement import ENTITLEMENT

READ: Final = ["entitlement:read"]
WRITE: Final = ["entitlement:write"]
ADMIN: Final = ["entitlement:admin"]

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request; fields nobody knows are refused."""


class Reason(Body, frozen=True, kw_only=True):
    """Why this is done; it is recorded."""

    reason: Text


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, why, under which key and expected version, and the desk that looks things up."""

    me: Caller
    cause: Cause
    key: IdempotencyKey | None
    expect: int | None
    desk: Desk

    async def run(self, ident: UUID, command: EntitlementCommand) -> Outcome:
        """Decides a command on one entitlement."""
        return await self.desk.handler.run(ENTITLEMENT, ident, command, self.cause, expect=self.expect, key=self.key)

    def acting_as(self, wanted: Role) -> Role:
        """The role an action is done in: the wanted one where the token has it, else the token's first."""
        return wanted if wanted in self.me.roles else self.me.roles[0]

    async def answer(self, ident: UUID, command: EntitlementCommand) -> Answer:
        return receipt(await self.run(ident, command), ident)


def provide_asked(
    me: NamedDependency[Caller],
    cause: NamedDependency[Cause],
    key: NamedDependency[IdempotencyKey | None],
    expect: NamedDependency[int | None],
    house: NamedDependency[House],
) -> Asked:
    return Asked(me=me, cause=cause, key=key, expect=expect, desk=Desk(house.handler))


def provide_desk(house: NamedDependency[House]) -> Desk:
    return Desk(house.handler)


COMMAND: Final[dict[str, Any]] = {"asked": Provide(provide_asked, sync_to_thread=False)}
"""Dependency of every command route."""
QUERY: Final[dict[str, Any]] = {"desk": Provide(provide_desk, sync_to_thread=False)}
"""Dependency of every query route."""

"""Who asks, why, and under which key and expected version; and the names of people, sealed and opened."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.decider import Decider
from chassis.handle import ANY_VERSION, Cause, Do, Outcome, utc_now
from chassis.http import AsOf, Caller, IdempotencyKey
from chassis.service import House
from contracts.envelope import Role, Sealed
from contracts.problems import Forbidden, NotFound
from services.scheduling import commands as c
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import Absent, Exists

SPEAKER_NAME: Final = "speaker.name"
ANALYST_NAME: Final = "analyst.name"
CONTACT_NAME: Final = "contact.name"
CONTACT_ADDRESS: Final = "contact.address"
"""Fields of sealed boxes; a box opens under its own field only."""

TRIES: Final = 8
"""How often something is decided on what was read before, when somebody else was faster."""


class Request(msgspec.Struct, frozen=True):
    """One caller's request. `at` is when we got it."""

    me: Caller
    cause: Cause
    key: IdempotencyKey | None = None
    expect: int | None = None
    at: datetime = msgspec.field(default_factory=utc_now)

    @property
    def names_version(self) -> bool:
        """Whether If-Match says which version is meant, so that looking again is the client's."""
        return self.expect not in (None, ANY_VERSION)

    @property
    def by(self) -> str:
        return self.me.subject

    @property
    def tenant(self) -> str:
        return self.me.tenant

    def acting_as(self, *wanted: Role) -> Role:
        """The first of these roles the caller has, else their first role: a token may carry several."""
        return next((role for role in wanted if role in self.me.roles), self.me.roles[0])

    def require_any(self, *scopes: str) -> None:
        """Raises Forbidden unless the caller has one of the scopes."""
        if not any(self.me.may(scope) for scope in scopes):
            raise Forbidden(f"The token lacks {' or '.join(scopes)}.", needs=list(scopes))

    async def run(self, house: House, dos: Sequence[Do], *, expect: int | None = None) -> Outcome:
        """Decide it all or nothing; If-Match is about the first command's resource.

        `expect` is the version it was prepared on, and holds where If-Match names none.
        """
        prepared = self.expect is None or (self.expect == ANY_VERSION and expect)
        return await house.handler.run_all(dos, self.cause, expect=expect if prepared else self.expect, key=self.key)


def open_show(request: Request, show_id: UUID) -> Do:
    """A condition of everything that plans or prepares: the show is this tenant's and not over."""
    return Do(decider=SHOW, ident=show_id, command=c.RequireOpenShow(at=request.at))


async def show_of(house: House, request: Request, show_id: UUID) -> tuple[Exists, int]:
    """The show as it is. Raises NotFound where this tenant has none."""
    state, version = await house.handler.state(SHOW, show_id, tenant=request.tenant)
    if isinstance(state, Absent):
        raise NotFound
    return state, version


async def run_of(house: House, tenant: str, show_id: UUID, as_of: AsOf | None = None) -> tuple[RunOfShow, int]:
    """The run of show as it is or was, empty where nothing was planned."""
    return await or_initial(house, RUNDOWN, show_id, tenant, as_of)


async def or_initial(
    house: House, decider: Decider[Any, Any], ident: UUID | str, tenant: str, as_of: AsOf | None = None
) -> tuple[Any, int]:
    """A resource as it is or was; in its first state at version 0 where nothing had happened to it yet."""
    try:
        return await house.handler.state(decider, ident, tenant=tenant, as_of=as_of)
    except NotFound:
        return decider.initial, 0


async def names(house: House, tenant: str, sealed: Iterable[Sealed], field: str) -> dict[str, str | None]:
    """The texts by subject; None for who was forgotten."""
    boxes = {box.subject: box for box in sealed}
    texts = await asyncio.gather(*(house.sealed.open(box, tenant, field) for box in boxes.values()))
    return dict(zip(boxes, texts, strict=True))

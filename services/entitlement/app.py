"""The composition root: what the entitlement service is made of."""

from pathlib import Path
from typing import Final

from litestar import Litestar

from chassis.service import Definition, House, api
from contracts import entitlement
from contracts.envelope import events_of
from contracts.upcasters import UPCASTERS
from services.entitlement.api import HANDLERS, TAGS
from services.entitlement.application import Desk
from services.entitlement.policies import policies
from services.entitlement.timers import TIMER_COMMANDS, timers
from services.entitlement.views.entitlements import EntitlementList
from services.entitlement.views.terms import TermsList


async def register_standard_terms(house: House) -> None:
    """The standard terms are there before anybody buys under them."""
    await Desk(house.handler).register_standard_terms()


DEFINITION: Final = Definition(
    name="entitlement",
    title="Regie entitlement",
    summary="Who has bought which hours, what they are bound to, and what was used of them, minute by minute.",
    events=events_of(entitlement),
    upcasters=UPCASTERS["entitlement"],
    migrations=Path(__file__).parent / "sql",
    projections=[EntitlementList(), TermsList()],
    policies=policies,
    timers=timers,
    timer_commands=TIMER_COMMANDS,
    handlers=HANDLERS,
    tags=TAGS,
    on_start=[register_standard_terms],
)


def describe() -> Litestar:
    """The application without its house, for its contract alone."""
    return api(DEFINITION)

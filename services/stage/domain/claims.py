"""Claims: what can be in one place only, over all stages of a customer: a stream key, or a presenter. Source: duties.md D15, I9."""

from typing import TypeAlias, assert_never
from uuid import UUID

from contracts import stage as e
from contracts.envelope import Event
from contracts.problems import Refusal
from services.stage import commands as c
from services.stage.domain.refusals import DestinationInUse, PresenterElsewhere
from services.stage.domain.state import Value

Asked: TypeAlias = c.TakeClaim | c.FreeClaim
Told: TypeAlias = e.ClaimTaken | e.ClaimFreed

KEY, PRESENTER = "stream-key", "presenter"


def claim_on(what: str, ident: UUID | str) -> str:
    """The name of the claim on one key (by fingerprint) or presenter."""
    return f"{what}-{ident}"


class Free(Value, frozen=True):
    """Nobody uses it."""


class Taken(Value, frozen=True):
    """In use by this destination, or on this stage."""

    what: str
    holder: UUID
    show_id: UUID


Claim: TypeAlias = Free | Taken


def decide(command: Asked, claim: Claim) -> list[Event]:
    match command, claim:
        case c.TakeClaim(), Free():
            fields = {"what": command.what, "holder": command.holder, "show_id": command.show_id}
            return [e.ClaimTaken(at=command.at, **fields)]  # type: ignore[arg-type]
        case c.TakeClaim(), Taken():
            if claim.holder == command.holder:
                return []
            refusal: type[Refusal] = DestinationInUse if claim.what == KEY else PresenterElsewhere
            raise refusal(holder=str(claim.holder))
        case c.FreeClaim(), Taken() if claim.holder == command.holder:
            return [e.ClaimFreed(at=command.at, what=claim.what, holder=claim.holder, show_id=claim.show_id)]
        case c.FreeClaim(), _:
            return []
        case _:
            raise AssertionError(command)


def evolve(_: Claim, event: Told) -> Claim:
    match event:
        case e.ClaimTaken():
            return Taken(what=event.what, holder=event.holder, show_id=event.show_id)
        case e.ClaimFreed():
            return Free()
        case _:
            assert_never(event)

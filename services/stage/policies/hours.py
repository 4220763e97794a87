"""What the entitlement service decided about the hours of a show goes onto its call sheet."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from chassis.handle import Do
from chassis.inbox import Policy
from contracts import entitlement
from contracts import stage as e
from contracts.envelope import Recorded
from services.stage import commands as c
from services.stage.policies.sheet import note


async def note_the_hours_reserved(event: entitlement.CoverageReserved, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, status=e.CoverageStatus.RESERVED, window=event, capped=False)


async def note_the_hours_retimed(event: entitlement.CoverageRetimed, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, window=event)


async def note_the_hours_released(event: entitlement.CoverageReleased, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, status=e.CoverageStatus.RELEASED)


async def note_the_window_opened(event: entitlement.CoverageWindowOpened, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, status=e.CoverageStatus.OPEN, window=event)


async def note_the_window_extended(event: entitlement.CoverageWindowExtended, _: Recorded) -> Sequence[Do]:
    return note(event.show_id, c.UpdateCoverage(at=event.at, show_id=event.show_id, closes_at=event.closes_at))


async def note_the_window_closing(event: entitlement.CoverageWindowClosing, _: Recorded) -> Sequence[Do]:
    return note(event.show_id, c.UpdateCoverage(at=event.at, show_id=event.show_id, closes_at=event.closes_at))


async def restrict_to_what_ends_or_hides(event: entitlement.CoverageCapReached, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, capped=True)


async def go_on_in_overtime(event: entitlement.OvertimeAuthorised, _: Recorded) -> Sequence[Do]:
    if event.show_id is None:
        return []
    command = c.UpdateCoverage(at=event.at, show_id=event.show_id, capped=False, closes_at=event.cap_at)
    return note(event.show_id, command)


async def note_the_end_of_coverage(event: entitlement.CoverageEnded, _: Recorded) -> Sequence[Do]:
    return _hours(event.show_id, event, status=e.CoverageStatus.ENDED)


_Window: TypeAlias = entitlement.CoverageReserved | entitlement.CoverageRetimed | entitlement.CoverageWindowOpened


def _hours(
    show_id: UUID,
    event: entitlement.CoverageReserved
    | entitlement.CoverageRetimed
    | entitlement.CoverageReleased
    | entitlement.CoverageWindowOpened
    | entitlement.CoverageCapReached
    | entitlement.CoverageEnded,
    *,
    status: e.CoverageStatus | None = None,
    window: _Window | None = None,
    capped: bool | None = None,
) -> list[Do]:
    command = c.UpdateCoverage(
        at=event.at,
        show_id=show_id,
        status=status,
        opens_at=window.opens_at if window is not None else None,
        closes_at=window.closes_at if window is not None else None,
        capped=capped,
    )
    return note(show_id, command)


POLICIES = [
    Policy(on=entitlement.CoverageReserved, then=note_the_hours_reserved),
    Policy(on=entitlement.CoverageRetimed, then=note_the_hours_retimed),
    Policy(on=entitlement.CoverageReleased, then=note_the_hours_released),
    Policy(on=entitlement.CoverageWindowOpened, then=note_the_window_opened),
    Policy(on=entitlement.CoverageWindowExtended, then=note_the_window_extended),
    Policy(on=entitlement.CoverageWindowClosing, then=note_the_window_closing),
    Policy(on=entitlement.CoverageCapReached, then=restrict_to_what_ends_or_hides),
    Policy(on=entitlement.OvertimeAuthorised, then=go_on_in_overtime),
    Policy(on=entitlement.CoverageEnded, then=note_the_end_of_coverage),
]

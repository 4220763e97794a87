"""Read models of many: the shows of a customer, and an analyst's shifts over all customers.

One show, its run of show, its crew and its preparation need none of these: each is a fold of its stream.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.http import Paging
from contracts import scheduling as e
from contracts.envelope import Event, Recorded

STATES: Final[dict[type[Event], str]] = {
    e.ShowConfirmationRequested: "CONFIRMING",
    e.ShowConfirmed: "CONFIRMED",
    e.ShowConfirmationRejected: "DRAFT",
    e.ShowReady: "READY",
    e.ShowNotReady: "CONFIRMED",
    e.ShowStarted: "RUNNING",
    e.ShowClosed: "CLOSED",
    e.ShowCancelled: "CANCELLED",
    e.ShowAbandoned: "ABANDONED",
}
"""The situation a show is in after each event that changes it."""


class ShowList:
    """Which shows there are, when, and in which situation."""

    name = "shows"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.ShowDrafted():
                await db.execute(
                    "INSERT INTO public.shows (show_id, tenant, title, zone, state) VALUES ($1, $2, $3, $4, 'DRAFT')",
                    event.show_id, about.metadata.tenant, event.title, event.zone,
                )  # fmt: skip
            case e.ShowPlanned() | e.ShowRetimed() | e.ShowRetimingAccepted() | e.ShowRetimingRejected():
                await db.execute(
                    "UPDATE public.shows SET starts_at = $2, ends_at = $3 WHERE show_id = $1",
                    event.show_id, event.starts_at, event.ends_at,
                )  # fmt: skip
            case e.ShowEnded():
                await db.execute(
                    "UPDATE public.shows SET state = 'WRAPPING' WHERE show_id = $1 AND state = 'RUNNING'", event.show_id
                )
        if (state := STATES.get(type(event))) is not None:
            await db.execute("UPDATE public.shows SET state = $2 WHERE show_id = $1", _show_of(event), state)
        if isinstance(event, e.ShowConfirmationRequested | e.ShowConfirmationRejected):
            bound = event.entitlement_id if isinstance(event, e.ShowConfirmationRequested) else None
            await db.execute("UPDATE public.shows SET entitlement_id = $2 WHERE show_id = $1", event.show_id, bound)


def _show_of(event: Event) -> UUID:
    show_id: UUID = event.show_id  # type: ignore[attr-defined]
    return show_id


class ShiftTable:
    """Whose time is taken, whoever the customer is."""

    name = "shifts"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.ShiftBooked() | e.ShiftMoved():
                await db.execute(
                    "INSERT INTO public.shifts VALUES ($1, $2, $3, $4, $5, $6)"
                    " ON CONFLICT (analyst_id, seat_id) DO UPDATE SET starts_at = $5, ends_at = $6",
                    event.analyst_id, event.seat_id, about.metadata.tenant, event.show_id, event.starts_at,
                    event.ends_at,
                )  # fmt: skip
            case e.ShiftReleased():
                await db.execute(
                    "DELETE FROM public.shifts WHERE analyst_id = $1 AND seat_id = $2 AND starts_at >= $3",
                    event.analyst_id, event.seat_id, event.from_at,
                )  # fmt: skip
                await db.execute(
                    "UPDATE public.shifts SET ends_at = least(ends_at, $3) WHERE analyst_id = $1 AND seat_id = $2",
                    event.analyst_id, event.seat_id, event.from_at,
                )  # fmt: skip


class ShowLine(msgspec.Struct, frozen=True, kw_only=True):
    """A show in a list. Expect states you do not know."""

    show_id: UUID
    title: str
    zone: str
    state: str
    starts_at: datetime | None
    ends_at: datetime | None
    entitlement_id: UUID | None


async def shows(db: Any, tenant: str, paging: Paging) -> list[ShowLine]:
    """The newest first; one more than the page holds, where there is one."""
    before = UUID(paging.after[0]) if paging.after else None
    rows = await db.fetch(
        "SELECT show_id, title, zone, state, starts_at, ends_at, entitlement_id FROM public.shows"
        " WHERE tenant = $1 AND ($2::uuid IS NULL OR show_id < $2) ORDER BY show_id DESC LIMIT $3",
        tenant, before, paging.limit + 1,
    )  # fmt: skip
    return [ShowLine(**dict(row)) for row in rows]

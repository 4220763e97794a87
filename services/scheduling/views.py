"""Read models of many: the shows of a customer, and an analyst's shifts over all customers.

One show, its run of show, its crew and its preparation need none of these: each is a fold of its stream.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.http import Paging
from chassis.http.listing import LAST, LAST_SQL, Order, Whole, orders
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
                    "INSERT INTO public.shows (show_id, tenant, title, zone, state, position)"
                    " VALUES ($1, $2, $3, $4, 'DRAFT', $5)",
                    event.show_id, about.metadata.tenant, event.title, event.zone, about.position,
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
    position: int


SHOW_ORDERS: Final = orders(
    Order(
        name="drafted",
        by=(("position", Whole), ("show_id", UUID)),
        key=lambda show: (show.position, show.show_id),
    ),
    Order(
        name="starts_at",
        by=((f"coalesce(starts_at, {LAST_SQL})", datetime), ("show_id", UUID)),
        key=lambda show: (show.starts_at or LAST, show.show_id),
    ),
    Order(
        name="title", by=(('title COLLATE "C"', str), ("show_id", UUID)), key=lambda show: (show.title, show.show_id)
    ),
)


async def shows(db: Any, tenant: str, order: Order, paging: Paging, state: str | None = None) -> list[ShowLine]:
    """One more than the page holds, where there is one; all, or those in one state."""
    rows = await order.fetch(
        db,
        "SELECT show_id, title, zone, state, starts_at, ends_at, entitlement_id, position FROM public.shows"
        " WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)",
        paging,
        tenant,
        state,
    )
    return [ShowLine(**dict(row)) for row in rows]

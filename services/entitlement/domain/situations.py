"""The situations an entitlement can be in, and how each event leads from one to the next.

PENDING -> ACTIVE -> RESERVED -> OPEN (the window is open) -> COVERING (the meter runs) -> SETTLED; beside them SUSPENDED,
EXPIRED and REVOKED. Source: domain.md section 3.1.
"""

from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import msgspec

from contracts import entitlement as e
from contracts.envelope import Event
from services.entitlement.domain.ledger import Ledger

replace = msgspec.structs.replace


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What was bought, and under which rules. It never changes."""

    entitlement_id: UUID
    order_ref: str
    terms_version: str
    terms_sha256: str
    base_package_id: UUID
    term_starts_at: datetime
    term_ends_at: datetime
    zone: str
    rules: e.CoverageRules


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """A show and its window [`opens_at`, `closes_at`); `waiting` are analysts who checked in before it opened."""

    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    partial: bool
    features: tuple[str, ...]
    waiting: tuple[UUID, ...] = ()


class Absent(msgspec.Struct, frozen=True, tag=True):
    """Nothing was bought under this id."""


class Owned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every situation after the purchase has: the grant, its ledger, and the ids of work and corrections seen."""

    grant: Grant
    ledger: Ledger
    seen: frozenset[UUID] = frozenset()


class Pending(Owned, frozen=True, kw_only=True):
    """Bought, waiting for the base package."""


class Active(Owned, frozen=True, kw_only=True):
    """Free to be reserved. `missed` is a window that was released because nobody was known to have checked in."""

    missed: Reservation | None = None


class Reserved(Owned, frozen=True, kw_only=True):
    """Bound to a show whose window has not opened."""

    reservation: Reservation


class Open(Owned, frozen=True, kw_only=True):
    """The window is open, and no analyst is there yet."""

    reservation: Reservation


class Covering(Owned, frozen=True, kw_only=True):
    """An analyst is on the seat and the meter runs.

    `metered_from` is when the meter started, moved forward by the time it stood still at the cap. `cap_at` is when grant
    and overtime are spent. `closes_at` is when the clock looks again; with `show_ended_at` set, it is the end.
    """

    reservation: Reservation
    started_at: datetime
    metered_from: datetime
    closes_at: datetime
    cap_at: datetime
    present: frozenset[UUID]
    reported: frozenset[int] = frozenset()
    show_ended_at: datetime | None = None
    capped_at: datetime | None = None


class Settled(Owned, frozen=True, kw_only=True):
    """The covered day is over. The rest, where the terms leave one, is for post-production until `rest_usable_until`."""

    show_id: UUID
    ended_at: datetime
    rest_usable_until: datetime | None


class Suspended(Owned, frozen=True, kw_only=True):
    """Held back for `reason`; a reservation is kept."""

    reason: str
    reservation: Reservation | None


class Expired(Owned, frozen=True, kw_only=True):
    """The service term is over."""


class Revoked(Owned, frozen=True, kw_only=True):
    """Withdrawn for good."""


Entitlement: TypeAlias = (
    Absent | Pending | Active | Reserved | Open | Covering | Settled | Suspended | Expired | Revoked
)


def evolve(state: Entitlement, event: Event) -> Entitlement:
    """The situation after an event. An event that fits none (a history cut short) changes nothing but the ledger."""
    if isinstance(event, e.AddOnPurchased):
        return Pending(grant=_granted(event), ledger=Ledger().after(event))
    if isinstance(state, Absent):
        return state
    return _turned(replace(state, ledger=state.ledger.after(event)), event)


def _turned(state: Owned, event: Event) -> "Entitlement":
    match event, state:
        case e.EntitlementActivated(), _:
            return _as(Active, state)
        case e.CoverageReserved(), Reserved():
            return state
        case e.CoverageReserved(), _:
            return _as(Reserved, state, reservation=_reservation(event))
        case e.CoverageRetimed(), Reserved(reservation=reservation):
            return replace(state, reservation=_retimed(reservation, event))
        case e.CoverageReleased(), Suspended():
            return replace(state, reservation=None)
        case e.CoverageReleased(), Open(reservation=reservation):
            return _as(Active, state, missed=reservation)
        case e.CoverageReleased(), _:
            return _as(Active, state)
        case e.EntitlementSuspended(reason=reason), _:
            return _as(Suspended, state, reason=reason, reservation=getattr(state, "reservation", None))
        case e.EntitlementReinstated(), Suspended(reservation=None):
            return _as(Active, state)
        case e.EntitlementReinstated(), Suspended(reservation=reservation):
            return _as(Reserved, state, reservation=reservation)
        case e.EntitlementExpired(), _:
            return _as(Expired, state)
        case e.EntitlementRevoked(), _:
            return _as(Revoked, state)
        case ((e.WorkLogged(work_id=done) | e.ConsumptionCorrected(correction_id=done)), _):
            return replace(state, seen=state.seen | {done})  # type: ignore[return-value]
        case _:
            return _covered(state, event)


def _covered(state: Owned, event: Event) -> "Entitlement":
    """The covered day: check-in, window, meter."""
    match event, state:
        case e.EarlyCheckInNoted(analyst_id=analyst), Reserved(reservation=r):
            return replace(state, reservation=replace(r, waiting=(*r.waiting, analyst)))
        case e.EarlyCheckInWithdrawn(analyst_id=analyst), Reserved(reservation=r):
            return replace(state, reservation=replace(r, waiting=tuple(w for w in r.waiting if w != analyst)))
        case e.CoverageWindowOpened(), Reserved(reservation=r):
            return _as(Open, state, reservation=r)
        case e.CoverageWindowClosing(closes_at=closes_at), Open(reservation=r):
            return replace(state, reservation=replace(r, closes_at=closes_at))
        case e.CoverageStarted(), Open(reservation=r):
            return _started(state, r, event)
        case e.CoverageEnded(), _:
            return _as(
                Settled,
                state,
                show_id=event.show_id,
                ended_at=event.ended_at,
                rest_usable_until=event.rest_usable_until,
            )
        case _, Covering():
            return _metered(state, event)
        case _:
            return state  # type: ignore[return-value]


def _metered(state: Covering, event: Event) -> Covering:
    """While the meter runs."""
    match event:
        case e.AnalystJoinedCoverage(analyst_id=analyst):
            return replace(state, present=state.present | {analyst})
        case e.AnalystLeftCoverage(analyst_id=analyst):
            return replace(state, present=state.present - {analyst})
        case e.HoursThresholdReached(remaining_minutes=minutes):
            return replace(state, reported=state.reported | {minutes})
        case e.CoverageCapReached(capped_at=capped_at):
            return replace(state, capped_at=capped_at)
        case e.CoverageWindowExtended(closes_at=closes_at):
            return replace(state, closes_at=closes_at)
        case e.CoverageWindowClosing(show_ended_at=ended_at, closes_at=closes_at):
            return replace(state, show_ended_at=ended_at, closes_at=closes_at)
        case e.OvertimeAuthorised(cap_at=datetime() as cap_at):
            stood_still = max(timedelta(), event.at - state.capped_at) if state.capped_at else timedelta()
            return replace(state, cap_at=cap_at, metered_from=state.metered_from + stood_still, capped_at=None)
        case _:
            return state


def _as(situation: type, state: Owned, **more: object) -> "Entitlement":
    """The same grant and ledger in another situation."""
    moved: Entitlement = situation(grant=state.grant, ledger=state.ledger, seen=state.seen, **more)
    return moved


def _granted(event: e.AddOnPurchased) -> Grant:
    return msgspec.convert(event, Grant, from_attributes=True)


def _reservation(event: e.CoverageReserved) -> Reservation:
    return Reservation(
        show_id=event.show_id,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
        partial=event.partial,
        features=event.features,
    )


def _retimed(reservation: Reservation, event: e.CoverageRetimed) -> Reservation:
    return replace(
        reservation,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
    )


def _started(state: Owned, reservation: Reservation, event: e.CoverageStarted) -> "Entitlement":
    return _as(
        Covering,
        state,
        reservation=reservation,
        started_at=event.started_at,
        metered_from=event.started_at,
        closes_at=event.closes_at,
        cap_at=event.cap_at,
        present=frozenset({event.analyst_id}),
    )

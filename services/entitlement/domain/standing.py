"""The life of an entitlement: purchase, activation, suspension, revocation and the end of its term."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts import entitlement as e
from contracts.envelope import Event
from contracts.problems import WrongState
from services.entitlement import commands as c
from services.entitlement.domain.facts import released, reservation_of
from services.entitlement.domain.ledger import MINUTE_MS
from services.entitlement.domain.refusals import (
    BasePackageRequired,
    EntitlementIsRevoked,
    EntitlementIsSuspended,
    OrderAlreadyRegistered,
    TermExpired,
)
from services.entitlement.domain.situations import (
    Absent,
    Active,
    Covering,
    Entitlement,
    Expired,
    Open,
    Owned,
    Pending,
    Reserved,
    Revoked,
    Settled,
    Suspended,
)
from services.entitlement.domain.window import service_term

LAPSED = "base_package_lapsed"
"""The reason of a suspension that ends by itself when the base package is back."""


def register_purchase(command: c.RegisterPurchase, state: Entitlement) -> Sequence[Event]:
    """The same order again changes nothing; another content under its reference raises OrderAlreadyRegistered (E6)."""
    purchased = _purchased(command)
    if isinstance(state, Absent):
        return [purchased]
    known = state.grant
    same = (purchased.terms_sha256, purchased.base_package_id, purchased.term_starts_at, purchased.zone)
    if same != (known.terms_sha256, known.base_package_id, known.term_starts_at, known.zone):
        raise OrderAlreadyRegistered(entitlement_id=known.entitlement_id)
    return []


def _purchased(command: c.RegisterPurchase) -> e.AddOnPurchased:
    term_starts_at, term_ends_at = service_term(command.starts_on, command.term_months, command.zone)
    return e.AddOnPurchased(
        at=command.at,
        entitlement_id=command.entitlement_id,
        order_ref=command.order_ref,
        terms_version=command.terms_version,
        terms_sha256=command.terms_sha256,
        base_package_id=command.base_package_id,
        granted_ms=command.granted_minutes * MINUTE_MS,
        term_starts_at=term_starts_at,
        term_ends_at=term_ends_at,
        zone=command.zone,
        rules=command.rules,
    )


def activate(command: c.Activate, state: Owned) -> Sequence[Event]:
    """Raises BasePackageRequired without an active base package (R5), TermExpired after the term."""
    if not isinstance(state, Pending):
        return []
    if not command.base_package_active:
        raise BasePackageRequired(base_package_id=state.grant.base_package_id)
    if command.at >= state.grant.term_ends_at:
        raise TermExpired(term_ends_at=state.grant.term_ends_at)
    grant = state.grant
    return [e.EntitlementActivated(at=command.at, entitlement_id=grant.entitlement_id, term_ends_at=grant.term_ends_at)]


def suspend(command: c.Suspend, state: Owned) -> Sequence[Event]:
    """Holds back what is not running; open coverage is finished first (Q17)."""
    match state:
        case Suspended():
            return []
        case Active():
            return [_suspended(command, state)]
        case Reserved(reservation=reservation):
            return [_suspended(command, state, show_id=reservation.show_id)]
        case _:
            raise wrong_state(state, "Suspend")


def _suspended(command: c.Suspend, state: Owned, show_id: UUID | None = None) -> e.EntitlementSuspended:
    return e.EntitlementSuspended(
        at=command.at, entitlement_id=state.grant.entitlement_id, reason=command.reason, show_id=show_id
    )


def reinstate(command: c.Reinstate, state: Owned) -> Sequence[Event]:
    """Ends a suspension. A reservation comes back with it, unless its window has passed: then it is released."""
    if not isinstance(state, Suspended):
        if command.reason is not None:
            return []
        raise wrong_state(state, "Reinstate")
    if command.reason not in (None, state.reason):
        return []
    if not command.base_package_active:
        raise BasePackageRequired(base_package_id=state.grant.base_package_id)
    ident, reservation = state.grant.entitlement_id, state.reservation
    if reservation is None:
        return [e.EntitlementReinstated(at=command.at, entitlement_id=ident)]
    if command.at >= reservation.closes_at:
        return [
            released(state, command.at, reservation.show_id, "missed_while_suspended"),
            e.EntitlementReinstated(at=command.at, entitlement_id=ident),
        ]
    return [
        e.EntitlementReinstated(
            at=command.at, entitlement_id=ident, show_id=reservation.show_id, opens_at=reservation.opens_at
        )
    ]


def revoke(command: c.Revoke, state: Owned) -> Sequence[Event]:
    """Withdraws what is not running, with all its hours."""
    match state:
        case Revoked():
            return []
        case Pending() | Active() | Reserved() | Suspended():
            end = e.EntitlementRevoked(at=command.at, entitlement_id=state.grant.entitlement_id, reason=command.reason)
            return [*given_up(state, command.at, "revoked"), end]
        case _:
            raise wrong_state(state, "Revoke")


def warn_of_expiry(command: c.WarnOfExpiry, state: Owned) -> Sequence[Event]:
    """Only where there are hours left to lose."""
    if isinstance(state, Settled | Expired | Revoked) or state.ledger.available + state.ledger.reserved == 0:
        return []
    grant = state.grant
    return [
        e.EntitlementExpiring(
            at=command.at, entitlement_id=grant.entitlement_id, days=command.days, term_ends_at=grant.term_ends_at
        )
    ]


def expire(command: c.Expire, state: Owned) -> Sequence[Event]:
    """What has not been used by the end of the term is forfeited; a running window is completed first (Q15)."""
    if command.at < state.grant.term_ends_at:
        return []
    match state:
        case Open(reservation=reservation) | Covering(reservation=reservation):
            ident = state.grant.entitlement_id
            return [e.ExpiryDeferred(at=command.at, entitlement_id=ident, show_id=reservation.show_id)]
        case Pending() | Active() | Reserved() | Suspended():
            return expired(state, command.at)
        case _:
            return []


def expired(state: Owned, at: datetime) -> list[Event]:
    return [
        *given_up(state, at, "term_expired"),
        e.EntitlementExpired(at=at, entitlement_id=state.grant.entitlement_id),
    ]


def given_up(state: Owned, at: datetime, reason: str) -> list[Event]:
    """A reservation is released first; then nothing is left to use."""
    events: list[Event] = []
    reservation = reservation_of(state)
    if reservation is not None:
        events.append(released(state, at, reservation.show_id, reason))
    rest = state.ledger.available + state.ledger.reserved
    if rest:
        ident = state.grant.entitlement_id
        events.append(e.HoursForfeited(at=at, entitlement_id=ident, forfeited_ms=rest))
    return events


def require_standing(state: Owned) -> None:
    """Raises the refusal that names why the hours may not be used at all."""
    match state:
        case Pending() | Suspended(reason="base_package_lapsed"):
            raise BasePackageRequired(base_package_id=state.grant.base_package_id)
        case Suspended(reason=reason):
            raise EntitlementIsSuspended(reason=reason)
        case Revoked():
            raise EntitlementIsRevoked
        case Expired():
            raise TermExpired(term_ends_at=state.grant.term_ends_at)


_ALLOWED: dict[type[Owned], tuple[str, ...]] = {
    Pending: ("Activate", "Revoke"),
    Active: ("ReserveCoverage", "LogWork", "AuthoriseOvertime", "CorrectConsumption", "Suspend", "Revoke"),
    Reserved: ("RetimeReservation", "ReleaseReservation", "LogWork", "AuthoriseOvertime", "Suspend", "Revoke"),
    Open: ("StartCoverage", "AuthoriseOvertime"),
    Covering: ("EndCoverage", "AuthoriseOvertime"),
    Settled: ("LogWork", "AuthoriseOvertime", "CorrectConsumption"),
    Suspended: ("Reinstate", "Revoke"),
    Expired: ("CorrectConsumption",),
    Revoked: (),
}


def wrong_state(state: Owned, asked: str) -> WrongState:
    """The refusal of a command the situation has no answer for, with what it accepts instead."""
    name = type(state).__name__.upper()
    return WrongState(f"{asked} is not possible while {name}.", state=name, allowed=list(_ALLOWED[type(state)]))

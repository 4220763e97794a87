"""How an entitlement is shown: its card. The shape is part of the API."""

from datetime import datetime
from uuid import UUID

import msgspec

from contracts.entitlement import CoverageRules
from services.entitlement.domain.facts import reservation_of, show_of
from services.entitlement.domain.ledger import Ledger, minutes_down, minutes_up
from services.entitlement.domain.rights import situation_of
from services.entitlement.domain.situations import Owned, Settled, Suspended


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """The service term, [`starts_at`, `ends_at`), days in `zone` (Q14)."""

    starts_at: datetime
    ends_at: datetime
    zone: str


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts in milliseconds; granted = available + reserved + consumed + forfeited. `*_minutes` are for people.

    What is left is rounded down, what was used is rounded up, each once (Q10).
    """

    granted_ms: int
    available_ms: int
    reserved_ms: int
    consumed_ms: int
    forfeited_ms: int
    overage_authorised_ms: int
    overage_consumed_ms: int
    available_minutes: int
    consumed_minutes: int


class CoverageWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The show the hours are bound to, and its coverage [`opens_at`, `closes_at`)."""

    show_id: UUID
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    closes_at: datetime
    partial: bool


class EntitlementCard(msgspec.Struct, frozen=True, kw_only=True):
    """One add-on: one seat, one day. `situation` is PENDING, ACTIVE, RESERVED, OPEN, COVERING, SETTLED, SUSPENDED, EXPIRED or REVOKED."""

    entitlement_id: UUID
    order_ref: str
    situation: str
    terms_version: str
    terms_sha256: str
    base_package_id: UUID
    term: Term
    rules: CoverageRules
    hours: Hours
    show_id: UUID | None
    reservation: CoverageWindow | None
    suspended_because: str | None
    ended_at: datetime | None


def card(state: Owned) -> EntitlementCard:
    grant = state.grant
    return EntitlementCard(
        entitlement_id=grant.entitlement_id,
        order_ref=grant.order_ref,
        situation=situation_of(state),
        terms_version=grant.terms_version,
        terms_sha256=grant.terms_sha256,
        base_package_id=grant.base_package_id,
        term=Term(starts_at=grant.term_starts_at, ends_at=grant.term_ends_at, zone=grant.zone),
        rules=grant.rules,
        hours=hours(state.ledger),
        show_id=show_of(state),
        reservation=_window(state),
        suspended_because=state.reason if isinstance(state, Suspended) else None,
        ended_at=state.ended_at if isinstance(state, Settled) else None,
    )


def hours(ledger: Ledger) -> Hours:
    amounts = {f"{name}_ms": amount for name, amount in msgspec.structs.asdict(ledger).items()}
    return Hours(
        **amounts,
        available_minutes=minutes_down(ledger.available),
        consumed_minutes=minutes_up(ledger.consumed),
    )


def _window(state: Owned) -> CoverageWindow | None:
    reservation = reservation_of(state)
    return None if reservation is None else msgspec.convert(reservation, CoverageWindow, from_attributes=True)

"""The double entry of hours: five accounts of whole milliseconds, and which event moves what between them.

`moves` is the one place that says so; the aggregate, the ledger of the API and the read models all use it.
Source: domain.md section 3.1 and I1, I2; duties.md Q9, Q10; features.md E11.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from contracts.entitlement import (
    Account,
    AddOnPurchased,
    ConsumptionCorrected,
    CoverageEnded,
    CoverageReleased,
    CoverageReserved,
    CoverageRetimed,
    CoverageWindowExtended,
    HoursConsumed,
    HoursForfeited,
    OvertimeAuthorised,
    OvertimeConsumed,
    WorkLogged,
)
from contracts.envelope import Event

MINUTE_MS: Final = 60_000


class Move(msgspec.Struct, frozen=True):
    """`ms` leave `source` and reach `target`; `purchase` is outside the ledger, where a grant comes from."""

    source: Account | Literal["purchase"]
    target: Account
    ms: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of one entitlement. granted = available + reserved + consumed + forfeited, always (I1).

    Overage is beside them: what the customer authorised beyond the grant, and what of it was used (Q6).
    """

    granted: int = 0
    available: int = 0
    reserved: int = 0
    consumed: int = 0
    forfeited: int = 0
    overage_authorised: int = 0
    overage_consumed: int = 0

    @property
    def overage_left(self) -> int:
        return self.overage_authorised - self.overage_consumed

    @property
    def left(self) -> int:
        """What coverage can still draw on: the rest of the grant, and overtime the customer agreed to."""
        return self.available + self.reserved + self.overage_left

    def after(self, event: Event) -> "Ledger":
        match event:
            case OvertimeAuthorised(minutes=minutes):
                return msgspec.structs.replace(self, overage_authorised=self.overage_authorised + minutes * MINUTE_MS)
            case OvertimeConsumed(overage_ms=overage_ms):
                return msgspec.structs.replace(self, overage_consumed=self.overage_consumed + overage_ms)
            case _:
                return self._moved(moves(event))

    def _moved(self, done: Iterable[Move]) -> "Ledger":
        accounts: dict[str, int] = msgspec.structs.asdict(self)
        for move in done:
            if move.source == "purchase":
                accounts["granted"] += move.ms
            else:
                accounts[move.source] -= move.ms
            accounts[move.target] += move.ms
        return Ledger(**accounts)


def moves(event: Event) -> tuple[Move, ...]:
    """What an event moves between the accounts; nothing for most."""
    match event:
        case AddOnPurchased(granted_ms=ms):
            return (Move("purchase", "available", ms),)
        case CoverageReserved(reserved_ms=ms) | CoverageWindowExtended(reserved_ms=ms):
            return (Move("available", "reserved", ms),)
        case CoverageRetimed(released_ms=released_ms, reserved_ms=ms):
            return (Move("reserved", "available", released_ms), Move("available", "reserved", ms))
        case CoverageReleased(released_ms=ms) | CoverageEnded(released_ms=ms):
            return (Move("reserved", "available", ms),)
        case HoursConsumed(consumed_ms=ms):
            return (Move("reserved", "consumed", ms),)
        case WorkLogged(consumed_ms=ms):
            return (Move("available", "consumed", ms),)
        case HoursForfeited(forfeited_ms=ms):
            return (Move("available", "forfeited", ms),)
        case ConsumptionCorrected(source=source, target=target, moved_ms=ms):
            return (Move(source, target, ms),)
        case _:
            return ()


def minutes_down(ms: int) -> int:
    """Whole minutes that are left, never promising one too many."""
    return ms // MINUTE_MS


def minutes_up(ms: int) -> int:
    """Whole minutes that are needed or used: the total is rounded up, once (Q10)."""
    return -(-ms // MINUTE_MS)

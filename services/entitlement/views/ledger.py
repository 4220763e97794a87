"""The ledger of one entitlement: every movement of hours, with the events that are its evidence.

Source: features.md E11, E13, E14; duties.md Q9.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from chassis.decider import Codec
from contracts import entitlement as e
from contracts.envelope import Event, Recorded
from services.entitlement.domain.ledger import Ledger, Move, moves
from services.entitlement.views.cards import Hours, hours

_OF_THE_METER = (
    e.EarlyCheckInNoted,
    e.CoverageWindowOpened,
    e.CoverageStarted,
    e.AnalystJoinedCoverage,
    e.AnalystLeftCoverage,
    e.HoursThresholdReached,
    e.CoverageCapReached,
    e.CoverageWindowExtended,
    e.CoverageWindowClosing,
    e.OvertimeAuthorised,
    e.CoverageEnded,
)
"""What a covered minute rests on."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and what caused it: for a check-in, the event of the scheduling service with this id."""

    event_id: UUID
    type: str
    caused_by: UUID


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The time that was worked, [`started_at`, `ended_at`)."""

    started_at: datetime
    ended_at: datetime


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of hours. `worked` tells which minutes they were, `evidence` which events say so; `hours` is after it."""

    version: int
    position: int
    event_id: UUID
    type: str
    at: datetime
    recorded_at: datetime
    by: str
    moves: tuple[Move, ...]
    overage_ms: int
    worked: Interval | None
    evidence: tuple[Evidence, ...]
    hours: Hours


def entries(records: Sequence[Recorded], codec: Codec) -> list[LedgerEntry]:
    """The entries of one stream, oldest first; events that move nothing are left out. Raises NewerHistory."""
    ledger, met = Ledger(), list[Evidence]()
    found: list[LedgerEntry] = []
    for record, event in zip(records, codec.history(records), strict=True):
        if isinstance(event, e.CoverageReserved):
            met.clear()
        if isinstance(event, _OF_THE_METER):
            met.append(_evidence(record))
        before, ledger = ledger, ledger.after(event)
        if moves(event) or ledger != before:
            found.append(_entry(record, event, ledger, met))
    return found


def _evidence(record: Recorded) -> Evidence:
    return Evidence(event_id=record.metadata.id, type=record.type, caused_by=record.metadata.causation)


def _entry(record: Recorded, event: Event, ledger: Ledger, met: Sequence[Evidence]) -> LedgerEntry:
    of_the_meter = isinstance(event, e.HoursConsumed | e.OvertimeConsumed | e.HoursForfeited)
    return LedgerEntry(
        version=record.version,
        position=record.position,
        event_id=record.metadata.id,
        type=record.type,
        at=event.at,
        recorded_at=record.recorded_at,
        by=record.metadata.actor.id,
        moves=moves(event),
        overage_ms=event.overage_ms if isinstance(event, e.OvertimeConsumed) else 0,
        worked=_worked(event),
        evidence=tuple(met) if of_the_meter else (_evidence(record),),
        hours=hours(ledger),
    )


def _worked(event: Event) -> Interval | None:
    match event:
        case e.HoursConsumed(started_at=datetime() as started_at, ended_at=ended_at):
            return Interval(started_at=started_at, ended_at=ended_at)
        case e.WorkLogged(started_at=started_at, ended_at=ended_at):
            return Interval(started_at=started_at, ended_at=ended_at)
        case _:
            return None

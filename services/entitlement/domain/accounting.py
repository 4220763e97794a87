"""The ledger beside the covered day: work outside the window, overtime and corrections.

Source: duties.md R8, R9, Q2, Q6, Q9, Q16, Q20; features.md E6, E7, E8.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.clock import elapsed_ms
from contracts import entitlement as e
from contracts.envelope import Event, Role
from services.entitlement import commands as c
from services.entitlement.domain.facts import hours_exceeded, show_of
from services.entitlement.domain.refusals import (
    CorrectionInvalid,
    CustomerDuty,
    NotInScope,
    NotMetered,
    OutsideCoverage,
    SupervisorOnly,
    TermExpired,
    TermNotStarted,
    WindowInvalid,
)
from services.entitlement.domain.situations import (
    Active,
    Covering,
    Expired,
    Open,
    Owned,
    Reserved,
    Settled,
)
from services.entitlement.domain.standing import require_standing, wrong_state


def log_work(command: c.LogWork, state: Owned) -> Sequence[Event]:
    """Draws preparation or post-production from what is not reserved, then from overtime the customer agreed to (Q2)."""
    if command.work_id in state.seen:
        return []
    require_standing(state)
    _require_metered(command)
    if not isinstance(state, Active | Reserved | Settled):
        raise wrong_state(state, "LogWork")
    _require_time_of_work(command, state)
    return _drawn(command, state)


def _require_metered(command: c.LogWork) -> None:
    if command.activity is None:
        raise NotInScope(duty=command.duty)
    if command.activity == "unmetered" or not command.of_seat:
        raise NotMetered(duty=command.duty)
    if command.activity == "coverage":
        raise OutsideCoverage("This duty is done within the coverage window, and metered with it.", duty=command.duty)


def _require_time_of_work(command: c.LogWork, state: Owned) -> None:
    """Work that starts after the term is refused, work already started is not (Q16)."""
    grant = state.grant
    if not command.started_at < command.ended_at <= command.at:
        raise WindowInvalid("Work has an end after its start, and is logged when it is done.")
    if command.started_at >= grant.term_ends_at:
        raise TermExpired(term_ends_at=grant.term_ends_at)
    if command.started_at < grant.term_starts_at:
        raise TermNotStarted(term_starts_at=grant.term_starts_at)


def _drawn(command: c.LogWork, state: Owned) -> list[Event]:
    ident, ledger = state.grant.entitlement_id, state.ledger
    show_id = show_of(state)
    needed_ms = elapsed_ms(command.started_at, command.ended_at)
    consumed_ms = min(needed_ms, ledger.available)
    overage_ms = needed_ms - consumed_ms
    if overage_ms > ledger.overage_left:
        raise hours_exceeded(needed_ms, ledger.available + ledger.overage_left)
    logged = e.WorkLogged(
        at=command.at,
        entitlement_id=ident,
        work_id=command.work_id,
        duty=command.duty,
        activity=command.activity or "preparation",
        started_at=command.started_at,
        ended_at=command.ended_at,
        consumed_ms=consumed_ms,
        show_id=show_id,
    )
    if not overage_ms:
        return [logged]
    return [logged, e.OvertimeConsumed(at=command.at, entitlement_id=ident, show_id=show_id, overage_ms=overage_ms)]


def authorise_overtime(command: c.AuthoriseOvertime, state: Owned) -> Sequence[Event]:
    """The customer agrees to more than the grant; while the meter runs, the cap moves (Q6, U3).

    Overtime agreed to after the cap counts from then on: in between the meter stood still.
    """
    if command.role is not Role.CUSTOMER:
        raise CustomerDuty(role=command.role)
    require_standing(state)
    cap_at: datetime | None = None
    match state:
        case Covering():
            cap_at = max(state.cap_at, command.at if state.capped_at else state.cap_at)
            cap_at += timedelta(minutes=command.minutes)
        case Active() | Reserved() | Open() | Settled():
            pass
        case _:
            raise wrong_state(state, "AuthoriseOvertime")
    return [
        e.OvertimeAuthorised(
            at=command.at,
            entitlement_id=state.grant.entitlement_id,
            minutes=command.minutes,
            reason=command.reason,
            by=command.by,
            show_id=show_of(state),
            cap_at=cap_at,
            thresholds_minutes=state.grant.rules.thresholds_minutes if cap_at else (),
        )
    ]


def correct(command: c.CorrectConsumption, state: Owned) -> Sequence[Event]:
    """Moves hours between two accounts with a reason; never edits what was recorded (Q9, E7)."""
    if command.correction_id in state.seen:
        return []
    if command.role is not Role.SUPERVISOR:
        raise SupervisorOnly(role=command.role)
    if not isinstance(state, Active | Reserved | Settled | Expired):
        raise wrong_state(state, "CorrectConsumption")
    source_ms = getattr(state.ledger, command.source)
    same_or_bound = command.source == command.target or "reserved" in (command.source, command.target)
    if same_or_bound or not 0 < command.moved_ms <= source_ms:
        raise CorrectionInvalid(source_ms=source_ms)
    return [
        e.ConsumptionCorrected(
            at=command.at,
            entitlement_id=state.grant.entitlement_id,
            correction_id=command.correction_id,
            source=command.source,
            target=command.target,
            moved_ms=command.moved_ms,
            reason=command.reason,
            by=command.by,
        )
    ]

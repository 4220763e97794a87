"""The aggregate of one purchased add-on: which function decides which command."""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from chassis.decider import Decider
from contracts import entitlement as e
from contracts.envelope import Event
from contracts.problems import NotFound
from services.entitlement import commands as c
from services.entitlement.domain import accounting, covering, reserving, settling, standing
from services.entitlement.domain.situations import Absent, Entitlement, Owned, evolve

EntitlementEvent: TypeAlias = (
    e.AddOnPurchased
    | e.EntitlementActivated
    | e.EntitlementExpiring
    | e.EntitlementExpired
    | e.ExpiryDeferred
    | e.EntitlementSuspended
    | e.EntitlementReinstated
    | e.EntitlementRevoked
    | e.CoverageReserved
    | e.ReservationRefused
    | e.CoverageRetimed
    | e.RetimingRefused
    | e.CoverageReleased
    | e.EarlyCheckInNoted
    | e.EarlyCheckInWithdrawn
    | e.CoverageWindowOpened
    | e.CoverageStarted
    | e.AnalystJoinedCoverage
    | e.AnalystLeftCoverage
    | e.HoursThresholdReached
    | e.CoverageCapReached
    | e.CoverageWindowExtended
    | e.CoverageWindowClosing
    | e.OvertimeAuthorised
    | e.CoverageEnded
    | e.HoursConsumed
    | e.OvertimeConsumed
    | e.HoursForfeited
    | e.WorkLogged
    | e.ConsumptionCorrected
)


def decide(command: c.EntitlementCommand, state: Entitlement) -> Sequence[Event]:
    """Raises NotFound for anything but a purchase where nothing was bought."""
    if isinstance(command, c.RegisterPurchase):
        return standing.register_purchase(command, state)
    if isinstance(state, Absent):
        raise NotFound
    return _decided(command, state)


def _decided(command: c.EntitlementCommand, state: Owned) -> Sequence[Event]:
    match command:
        case c.Activate():
            return standing.activate(command, state)
        case c.Suspend():
            return standing.suspend(command, state)
        case c.Reinstate():
            return standing.reinstate(command, state)
        case c.Revoke():
            return standing.revoke(command, state)
        case c.WarnOfExpiry():
            return standing.warn_of_expiry(command, state)
        case c.Expire():
            return standing.expire(command, state)
        case c.ReserveCoverage():
            return reserving.reserve(command, state)
        case c.RefuseReservation():
            return reserving.refuse(command, state)
        case c.RetimeReservation():
            return reserving.retime(command, state)
        case c.RefuseRetiming():
            return reserving.refuse_retiming(command, state)
        case c.ReleaseReservation():
            return reserving.release(command, state)
        case c.CancelCoverage():
            return reserving.cancel(command, state)
        case c.OpenCoverage():
            return covering.open_window(command, state)
        case c.StartCoverage():
            return covering.start(command, state)
        case c.EndCoverage():
            return covering.end(command, state)
        case c.NoteShowEnded():
            return covering.note_show_ended(command, state)
        case c.CloseCoverage():
            return covering.close(command, state)
        case c.ReportThreshold():
            return covering.report(command, state)
        case c.ForfeitRest():
            return settling.forfeit_rest(command, state)
        case c.LogWork():
            return accounting.log_work(command, state)
        case c.AuthoriseOvertime():
            return accounting.authorise_overtime(command, state)
        case c.CorrectConsumption():
            return accounting.correct(command, state)
        case c.RegisterPurchase():
            raise AssertionError("a purchase is decided without a state")
        case _:
            assert_never(command)


ENTITLEMENT: Final[Decider[c.EntitlementCommand, Entitlement]] = Decider(
    name="entitlement",
    initial=Absent(),
    decide=decide,
    evolve=evolve,
    events={event.tag(): event for event in EntitlementEvent.__args__},
)

"""Who may do what at this moment: the control lease, and the window of the analyst's hours. One table for all commands.

The order of the questions matters: a fenced lease is told before anything else, so that an operator whose tablet woke
up late never acts on what somebody else now commands.
Source: duties.md L5, L6, Q6, Q20; domain.md U2, U8, U9, U23; design.md section 5.
"""

from enum import Enum, auto
from typing import Any, Final

from contracts.envelope import Role
from contracts.stage import CoverageStatus
from services.stage import commands as c
from services.stage.domain.refusals import CoverageExhausted, LeaseFenced, LeaseNotHeld, OutsideCoverage
from services.stage.domain.state import StageRun


class Right(Enum):
    """What a command needs of the one who gives it."""

    LIVE = auto()
    """The control lease, inside coverage."""
    SAFE = auto()
    """The control lease, at any time: it ends, hides or hands over something, and is allowed when the hours are spent."""
    ALWAYS = auto()
    """Nothing."""
    DUTY = auto()
    """Coverage; no lease, since it changes nothing on air."""
    PREPARATION = auto()
    """Nothing before the show; the control lease while on air."""
    OWN = auto()
    """Judged where it is decided."""


RIGHTS: Final[dict[type[c.Operated], Right]] = {
    c.ApplyBrandKit: Right.PREPARATION,
    c.WaiveReadiness: Right.PREPARATION,
    c.AcquireLease: Right.ALWAYS,
    c.RenewLease: Right.SAFE,
    c.ReleaseLease: Right.SAFE,
    c.HandOver: Right.SAFE,
    c.CreateDestination: Right.PREPARATION,
    c.EnableDestination: Right.PREPARATION,
    c.RotateStreamKey: Right.PREPARATION,
    c.RemoveDestination: Right.PREPARATION,
    c.ConnectPresenter: Right.DUTY,
    c.RecordTechCheck: Right.DUTY,
    c.WaiveTechCheck: Right.DUTY,
    c.RecordScreenShareRehearsal: Right.DUTY,
    c.MarkPresenterReady: Right.DUTY,
    c.BringOnStage: Right.LIVE,
    c.TakeOffStage: Right.SAFE,
    c.ArmSession: Right.LIVE,
    c.GoLive: Right.LIVE,
    c.StartNextSession: Right.LIVE,
    c.CloseSession: Right.OWN,
    c.EndStream: Right.SAFE,
    c.PreviewScene: Right.LIVE,
    c.Take: Right.LIVE,
    c.EmergencyCut: Right.ALWAYS,
    c.ShowOverlay: Right.LIVE,
    c.HideOverlay: Right.SAFE,
    c.SetBackground: Right.LIVE,
    c.CueClip: Right.LIVE,
    c.PlayClip: Right.LIVE,
    c.RemoveClip: Right.LIVE,
    c.TakeCue: Right.LIVE,
    c.SkipCue: Right.LIVE,
    c.HoldCue: Right.LIVE,
    c.JumpToCue: Right.LIVE,
    c.RecordAttendeeViewCheck: Right.DUTY,
    c.OpenChatWatch: Right.DUTY,
    c.FlagMessage: Right.DUTY,
    c.AcknowledgeFlag: Right.DUTY,
}

SAFE_SET: Final = tuple(sorted(kind.__name__ for kind, right in RIGHTS.items() if right in (Right.SAFE, Right.ALWAYS)))
"""What stays allowed when the hours are spent."""


def check(command: c.Operated, stage: StageRun) -> None:
    """Refuse a command its giver has no right to now."""
    match RIGHTS[type(command)]:
        case Right.LIVE:
            require_lease(command, stage)
            require_coverage(command, stage)
        case Right.SAFE:
            require_lease(command, stage)
        case Right.DUTY:
            require_coverage(command, stage)
        case Right.PREPARATION:
            if stage.on_air:
                require_lease(command, stage)
        case Right.ALWAYS | Right.OWN:
            pass


def require_lease(command: c.Operated, stage: StageRun) -> None:
    """Raises LeaseFenced for a number that has been replaced, LeaseNotHeld for none, an expired one or somebody else's."""
    if command.role is Role.SYSTEM:
        return
    lease = stage.lease
    holder = lease.holder if lease is not None and lease.expires_at > command.at else None
    if command.lease is not None and command.lease < stage.lease_number:
        raise LeaseFenced(yours=command.lease, current=stage.lease_number, holder=holder)
    if lease is None or holder is None or command.lease != lease.number or command.by != holder:
        raise LeaseNotHeld(holder=holder)


def require_coverage(command: c.Operated, stage: StageRun) -> None:
    """Raises CoverageExhausted when the hours are spent, OutsideCoverage before the window, behind it, or without one.

    A stage on air fails open: that its cached window ran out does not stop it, only word that the hours are spent or
    that coverage has ended.
    """
    coverage = stage.coverage
    if coverage is None:
        raise OutsideCoverage("No coverage is known for this show.", opens_at=None, closes_at=None)
    facts: dict[str, Any] = {"opens_at": coverage.opens_at, "closes_at": coverage.closes_at, "allowed": SAFE_SET}
    if coverage.capped:
        raise CoverageExhausted(**facts)
    if coverage.status is CoverageStatus.ENDED:
        raise OutsideCoverage("Coverage of this show has ended.", **facts)
    if stage.on_air:
        return
    if coverage.status is CoverageStatus.RELEASED:
        raise OutsideCoverage("The hours reserved for this show were released.", **facts)
    if not coverage.opens_at <= command.at < coverage.closes_at:
        raise OutsideCoverage(**facts)

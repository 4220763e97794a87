"""The aggregate of one show: from a draft over its confirmation with hours to the end of its covered day.

The hours live in the entitlement service: a confirmation and a re-timing are requests until it has answered.
Source: duties.md A2 (Q7, Q11 to Q13); domain.md section 3 (4), section 4 (P1, P2, P6, P16).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from chassis.clock import as_utc
from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event
from contracts.problems import NotFound
from services.scheduling import commands as c
from services.scheduling.domain import onair
from services.scheduling.domain.refusals import ShowNotTimed, ShowOver
from services.scheduling.domain.situations import (
    OVER,
    Abandoned,
    About,
    Absent,
    Cancelled,
    Closed,
    Confirmed,
    Confirming,
    Draft,
    Exists,
    Hours,
    Ready,
    Retiming,
    Running,
    Show,
    Wrapping,
    name_of,
    tags,
    wrong_state,
)
from services.scheduling.timing import ShowTimesInvalid

ShowEvent: TypeAlias = (
    e.ShowDrafted
    | e.ShowPlanned
    | e.ShowConfirmationRequested
    | e.ShowConfirmed
    | e.ShowConfirmationRejected
    | e.ShowRetimed
    | e.ShowRetimingAccepted
    | e.ShowRetimingRejected
    | e.ShowReady
    | e.ShowNotReady
    | e.ShowStarted
    | e.StageWentOnAir
    | e.StageWentOffAir
    | e.ShowEnded
    | e.ShowAbandoned
    | e.ShowCancelled
    | e.CoverageOver
    | e.ShowClosed
)


def decide(command: c.ShowCommand, state: Show) -> Sequence[Event]:
    """Raises NotFound for anything but a draft where there is no show."""
    if isinstance(command, c.DraftShow):
        return _draft(command, state)
    if isinstance(state, Absent):
        raise NotFound
    match command:
        case c.RequireShow():
            return []
        case c.RequireOpenShow():
            return _require_open(state)
        case c.PlanShow():
            return _plan(command, state)
        case c.RetimeShow():
            return _retime(command, state)
        case c.ConfirmShow():
            return _confirm(command, state)
        case c.AcceptCoverage():
            return _accept_coverage(command, state)
        case c.RejectConfirmation():
            return _reject_confirmation(command, state)
        case c.AcceptRetiming():
            return _accept_retiming(command, state)
        case c.RejectRetiming():
            return _reject_retiming(command, state)
        case c.MarkReady():
            return _mark_ready(command, state)
        case c.CancelShow():
            return _cancel(command, state)
        case c.NoteStreamStarted() | c.NoteStreamEnded() | c.EndShow() | c.AbandonShow() | c.NoteCoverageEnded():
            return onair.decide(command, state)
        case _:
            assert_never(command)


def _draft(command: c.DraftShow, state: Show) -> list[Event]:
    if not isinstance(state, Absent):
        raise wrong_state(state)
    told: list[Event] = [
        e.ShowDrafted(
            at=command.at, show_id=command.show_id, title=command.title, zone=command.zone, tzdata=command.tzdata
        )
    ]
    if command.times is not None:
        starts_at, ends_at = _valid(*command.times)
        told.append(e.ShowPlanned(at=command.at, show_id=command.show_id, starts_at=starts_at, ends_at=ends_at))
    return told


def _valid(starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    if as_utc(ends_at) <= as_utc(starts_at):
        raise ShowTimesInvalid(starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    return as_utc(starts_at), as_utc(ends_at)


def _require_open(state: Exists) -> list[Event]:
    if isinstance(state, OVER):
        raise ShowOver(state=name_of(state))
    return []


def _plan(command: c.PlanShow, state: Exists) -> list[Event]:
    """A published plan of other times re-times a confirmed show; on the day itself the plan follows the show."""
    times = _valid(command.starts_at, command.ends_at)
    if times == state.about.times:
        return []
    match state:
        case Draft():
            show_id = state.about.show_id
            return [e.ShowPlanned(at=command.at, show_id=show_id, starts_at=times[0], ends_at=times[1])]
        case Confirmed() | Ready():
            return [_retimed(command.at, state, times, shift_s=0)]
        case Running():
            return []
        case Confirming():
            raise wrong_state(state)
        case Wrapping() | Closed() | Cancelled() | Abandoned():
            raise ShowOver(state=name_of(state))
        case _:
            assert_never(state)


def _retime(command: c.RetimeShow, state: Exists) -> list[Event]:
    if isinstance(state, OVER):
        raise ShowOver(state=name_of(state))
    if not isinstance(state, Draft | Confirmed | Ready):
        raise wrong_state(state)
    if state.about.times is None:
        raise ShowNotTimed
    starts_at, ends_at = state.about.times
    shift = as_utc(command.starts_at) - starts_at
    if not shift:
        return []
    times = (starts_at + shift, ends_at + shift)
    return [_retimed(command.at, state, times, shift_s=int(shift.total_seconds()))]


def _retimed(
    at: datetime, state: Draft | Confirmed | Ready, times: tuple[datetime, datetime], *, shift_s: int
) -> Event:
    if not isinstance(state, Draft) and state.retiming is not None:
        raise wrong_state(state, "The hours have not answered the last change of time yet.")
    former = state.about.times
    if former is None:
        raise ShowNotTimed
    return e.ShowRetimed(
        at=at,
        show_id=state.about.show_id,
        entitlement_id=None if isinstance(state, Draft) else state.hours.entitlement_id,
        former_starts_at=former[0],
        former_ends_at=former[1],
        starts_at=times[0],
        ends_at=times[1],
        shift_s=shift_s,
    )


def _confirm(command: c.ConfirmShow, state: Exists) -> list[Event]:
    match state:
        case Draft():
            if state.about.times is None:
                raise ShowNotTimed
            starts_at, ends_at = state.about.times
            covers = _valid(*command.covers) if command.covers else (None, None)
            return [
                e.ShowConfirmationRequested(
                    at=command.at,
                    show_id=state.about.show_id,
                    entitlement_id=command.entitlement_id,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    covers_from=covers[0],
                    covers_until=covers[1],
                )
            ]
        case Confirming() if state.entitlement_id == command.entitlement_id:
            return []
        case _:
            raise wrong_state(state)


def _accept_coverage(command: c.AcceptCoverage, state: Exists) -> list[Event]:
    """An answer nobody waits for any more changes nothing: a cancelled show has told so already."""
    if not isinstance(state, Confirming) or state.entitlement_id != command.entitlement_id:
        return []
    times = state.about.times
    assert times is not None, "a show without times cannot be confirmed"
    return [
        e.ShowConfirmed(
            at=command.at,
            show_id=state.about.show_id,
            entitlement_id=command.entitlement_id,
            starts_at=times[0],
            ends_at=times[1],
            opens_at=command.opens_at,
            closes_at=command.closes_at,
            terms=command.terms,
            features=command.features,
        )
    ]


def _reject_confirmation(command: c.RejectConfirmation, state: Exists) -> list[Event]:
    match state:
        case Confirming(entitlement_id=bound):
            pass
        case Confirmed() | Ready():
            bound = state.hours.entitlement_id
        case _:
            return []
    if bound != command.entitlement_id:
        return []
    return [
        e.ShowConfirmationRejected(
            at=command.at,
            show_id=state.about.show_id,
            entitlement_id=bound,
            code=command.code,
            detail=command.detail,
        )
    ]


def _accept_retiming(command: c.AcceptRetiming, state: Exists) -> list[Event]:
    """Also the word of hours that moved while the show's times stayed, such as a part chosen anew (Q5)."""
    if not isinstance(state, Confirmed | Ready) or state.hours.entitlement_id != command.entitlement_id:
        return []
    times = (as_utc(command.starts_at), as_utc(command.ends_at))
    window = (command.opens_at, command.closes_at)
    if times != state.about.times or (state.retiming is None and window == state.hours.window):
        return []
    return [
        e.ShowRetimingAccepted(
            at=command.at,
            show_id=state.about.show_id,
            entitlement_id=command.entitlement_id,
            starts_at=times[0],
            ends_at=times[1],
            opens_at=command.opens_at,
            closes_at=command.closes_at,
            shift_s=state.retiming.shift_s if state.retiming else 0,
        )
    ]


def _reject_retiming(command: c.RejectRetiming, state: Exists) -> list[Event]:
    if not isinstance(state, Confirmed | Ready) or state.retiming is None:
        return []
    if state.hours.entitlement_id != command.entitlement_id:
        return []
    return [
        e.ShowRetimingRejected(
            at=command.at,
            show_id=state.about.show_id,
            entitlement_id=command.entitlement_id,
            code=command.code,
            detail=command.detail,
            starts_at=state.retiming.starts_at,
            ends_at=state.retiming.ends_at,
        )
    ]


def _mark_ready(command: c.MarkReady, state: Exists) -> list[Event]:
    show_id = state.about.show_id
    match state:
        case Confirmed() if command.ready:
            return [e.ShowReady(at=command.at, show_id=show_id)]
        case Ready() if not command.ready:
            return [e.ShowNotReady(at=command.at, show_id=show_id)]
        case _:
            return []


def _cancel(command: c.CancelShow, state: Exists) -> list[Event]:
    match state:
        case Cancelled():
            return []
        case Draft() | Confirming() | Confirmed() | Ready():
            return [
                e.ShowCancelled(
                    at=command.at,
                    show_id=state.about.show_id,
                    reason=command.reason,
                    entitlement_id=state.bound_to,
                )
            ]
        case _:
            raise wrong_state(state)


def evolve(state: Show, event: ShowEvent) -> Show:
    if isinstance(event, e.ShowDrafted):
        return Draft(about=About(show_id=event.show_id, title=event.title, zone=event.zone))
    if isinstance(state, Absent):
        return state
    match event:
        case e.ShowPlanned():
            return replace(state, about=replace(state.about, times=(event.starts_at, event.ends_at)))
        case e.ShowConfirmationRequested():
            return Confirming(about=state.about, entitlement_id=event.entitlement_id)
        case e.ShowConfirmed():
            return Confirmed(about=state.about, hours=_hours(event))
        case e.ShowConfirmationRejected():
            rejected = (event.code, event.detail)
            return Draft(about=replace(_with_former_times(state), rejected=rejected))
        case e.ShowRetimed() | e.ShowRetimingAccepted() | e.ShowRetimingRejected():
            return _evolve_times(state, event)
        case e.ShowReady():
            if not isinstance(state, Confirmed):
                return state
            return Ready(about=state.about, hours=state.hours, retiming=state.retiming)
        case e.ShowNotReady():
            if not isinstance(state, Ready):
                return state
            return Confirmed(about=state.about, hours=state.hours, retiming=state.retiming)
        case e.ShowCancelled():
            return Cancelled(about=state.about, reason=event.reason, entitlement_id=event.entitlement_id)
        case _:
            return onair.evolve(state, event)


def _hours(event: e.ShowConfirmed) -> Hours:
    return Hours(
        entitlement_id=event.entitlement_id,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
        terms=event.terms,
        features=event.features,
    )


def _evolve_times(state: Exists, event: e.ShowRetimed | e.ShowRetimingAccepted | e.ShowRetimingRejected) -> Exists:
    about = replace(state.about, times=(event.starts_at, event.ends_at))
    if not isinstance(state, Confirmed | Ready):
        return replace(state, about=about)
    match event:
        case e.ShowRetimed():
            former = Retiming(starts_at=event.former_starts_at, ends_at=event.former_ends_at, shift_s=event.shift_s)
            return replace(state, about=about, retiming=former)
        case e.ShowRetimingAccepted():
            hours = replace(state.hours, opens_at=event.opens_at, closes_at=event.closes_at)
            return replace(state, about=about, hours=hours, retiming=None)
        case e.ShowRetimingRejected():
            return replace(state, about=about, retiming=None)
        case _:
            assert_never(event)


def _with_former_times(state: Exists) -> About:
    """A show that loses its hours while a change of time is open stays at the time its plan is at."""
    retiming = state.retiming if isinstance(state, Confirmed | Ready) else None
    if retiming is None or not retiming.shift_s:
        return state.about
    return replace(state.about, times=(retiming.starts_at, retiming.ends_at))


SHOW: Final[Decider[c.ShowCommand, Show]] = Decider(
    "show",
    Absent(),
    decide,
    evolve,
    tags(ShowEvent),
)

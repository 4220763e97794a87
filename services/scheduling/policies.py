"""Whenever hours, stages or our own shows say something scheduling has to act on: one table, a sentence each."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from chassis.decider import Decider
from chassis.handle import Do, Handler
from chassis.inbox import AfterParked, Policy
from contracts import entitlement, stage
from contracts import scheduling as e
from contracts.envelope import Recorded
from contracts.problems import NotFound, Refusal
from contracts.scheduling import CoverageTerms, ReadinessItem
from services.scheduling import commands as c
from services.scheduling.domain.crew import SEAT, NoSeat, Seat
from services.scheduling.domain.ids import rota_id_of, seat_id_of
from services.scheduling.domain.prep import PREP
from services.scheduling.domain.readiness import READINESS
from services.scheduling.domain.rota import ROTA
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import OVER, Absent, Show, WithHours
from services.scheduling.domain.training import TRAINING
from services.scheduling.planning import back_to_back_of, prep_of

S = TypeVar("S")
in_order = partial(Policy, after_parked=AfterParked.WAIT_SHOW)
"""Hours of a show: released after reserved is not reserved after released."""


def policies(handler: Handler) -> list[Policy]:
    """Everything the scheduling service reacts to."""
    return [*_of_entitlement(), *_of_stage(), *_of_readiness(), *_of_plan(handler), *_of_crew(handler)]


def _show(show_id: UUID, command: c.ShowCommand) -> Do:
    """Hours may be reserved for, and streams started in, a show that was never planned here."""
    return Do(decider=SHOW, ident=show_id, command=command, tolerate=(NotFound,))


def _run(show_id: UUID, command: c.RundownCommand) -> Do:
    return Do(decider=RUNDOWN, ident=show_id, command=command)


def _tick(at: datetime, show_id: UUID, item: ReadinessItem, *, there: bool = True) -> Do:
    command = c.TickItem(at=at, show_id=show_id, item=item, there=there)
    return Do(decider=READINESS, ident=show_id, command=command)


# --- hours


def _of_entitlement() -> list[Policy]:
    async def confirm_the_show_whose_hours_are_reserved(
        event: entitlement.CoverageReserved, _: Recorded
    ) -> Sequence[Do]:
        return [_show(event.show_id, _accepted(event))]

    async def return_the_show_whose_hours_are_refused(
        event: entitlement.ReservationRefused, _: Recorded
    ) -> Sequence[Do]:
        return [_show(event.show_id, _rejected(event, event.code, event.detail))]

    async def return_the_show_whose_hours_are_released(
        event: entitlement.CoverageReleased, _: Recorded
    ) -> Sequence[Do]:
        return [_show(event.show_id, _rejected(event, "COVERAGE_RELEASED", event.reason))]

    async def move_the_show_whose_hours_moved(event: entitlement.CoverageRetimed, _: Recorded) -> Sequence[Do]:
        accept = c.AcceptRetiming(
            at=event.at,
            entitlement_id=event.entitlement_id,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            opens_at=event.opens_at,
            closes_at=event.closes_at,
        )
        return [_show(event.show_id, accept)]

    async def keep_the_show_whose_hours_stay(event: entitlement.RetimingRefused, _: Recorded) -> Sequence[Do]:
        reject = c.RejectRetiming(
            at=event.at, entitlement_id=event.entitlement_id, code=event.code, detail=event.detail
        )
        return [_show(event.show_id, reject)]

    async def keep_the_seat_for_an_overrun(event: entitlement.CoverageWindowExtended, _: Recorded) -> Sequence[Do]:
        move = c.MoveSeat(at=event.at, opens_at=None, closes_at=event.closes_at)
        seat_id = seat_id_of(event.show_id, event.entitlement_id)
        return [Do(decider=SEAT, ident=seat_id, command=move, tolerate=(NotFound,))]

    async def close_the_show_after_its_coverage(event: entitlement.CoverageEnded, _: Recorded) -> Sequence[Do]:
        return [_show(event.show_id, c.NoteCoverageEnded(at=event.at, ended_at=event.ended_at))]

    return [
        in_order(on=entitlement.CoverageReserved, then=confirm_the_show_whose_hours_are_reserved),
        in_order(on=entitlement.ReservationRefused, then=return_the_show_whose_hours_are_refused),
        in_order(on=entitlement.CoverageReleased, then=return_the_show_whose_hours_are_released),
        in_order(on=entitlement.CoverageRetimed, then=move_the_show_whose_hours_moved),
        in_order(on=entitlement.RetimingRefused, then=keep_the_show_whose_hours_stay),
        Policy(on=entitlement.CoverageWindowExtended, then=keep_the_seat_for_an_overrun),
        Policy(on=entitlement.CoverageEnded, then=close_the_show_after_its_coverage),
    ]


def _accepted(event: entitlement.CoverageReserved) -> c.AcceptCoverage:
    terms = CoverageTerms(
        terms_version=event.terms_version,
        prep_s=event.prep_s,
        back_to_back_s=event.back_to_back_s,
        margin_before_s=event.margin_before_s,
        margin_after_s=event.margin_after_s,
        no_show_grace_s=event.no_show_grace_s,
    )
    return c.AcceptCoverage(
        at=event.at,
        entitlement_id=event.entitlement_id,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
        terms=terms,
        features=event.features,
    )


def _rejected(
    event: entitlement.ReservationRefused | entitlement.CoverageReleased, code: str, detail: str
) -> c.RejectConfirmation:
    return c.RejectConfirmation(at=event.at, entitlement_id=event.entitlement_id, code=code, detail=detail)


# --- stages


def _of_stage() -> list[Policy]:
    async def note_what_goes_live(event: stage.StreamStarted, _: Recorded) -> Sequence[Do]:
        started = c.NoteStreamStarted(at=event.at, stage_id=event.stage_id, run_id=event.run_id)
        return [_show(event.show_id, started), _began(event)]

    async def note_the_session_that_begins(event: stage.SessionStarted, _: Recorded) -> Sequence[Do]:
        return [_began(event)]

    async def note_the_session_that_ends(event: stage.SessionEnded, _: Recorded) -> Sequence[Do]:
        return [_over(event, event.session_id)]

    async def note_what_goes_off_air(event: stage.StreamEnded, _: Recorded) -> Sequence[Do]:
        ended = c.NoteStreamEnded(at=event.at, stage_id=event.stage_id, run_id=event.run_id)
        last = [] if event.session_id is None else [_over(event, event.session_id)]
        return [_show(event.show_id, ended), *last]

    async def tick_the_brand_kit(event: stage.BrandKitApplied, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.BRAND_KIT_APPLIED)]

    return [
        Policy(on=stage.StreamStarted, then=note_what_goes_live),
        Policy(on=stage.SessionStarted, then=note_the_session_that_begins),
        Policy(on=stage.SessionEnded, then=note_the_session_that_ends),
        Policy(on=stage.StreamEnded, then=note_what_goes_off_air),
        Policy(on=stage.BrandKitApplied, then=tick_the_brand_kit),
    ]


def _began(event: stage.StreamStarted | stage.SessionStarted) -> Do:
    command = c.NoteSessionBegan(at=event.at, show_id=event.show_id, session_id=event.session_id, began_at=event.at)
    return _run(event.show_id, command)


def _over(event: stage.SessionEnded | stage.StreamEnded, session_id: UUID) -> Do:
    command = c.NoteSessionOver(at=event.at, show_id=event.show_id, session_id=session_id, ended_at=event.at)
    return _run(event.show_id, command)


# --- the checklist


def _of_readiness() -> list[Policy]:
    async def tick_the_hours(event: e.ShowConfirmed, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.HOURS_RESERVED)]

    async def untick_the_hours(event: e.ShowConfirmationRejected, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.HOURS_RESERVED, there=False)]

    async def tick_the_staffed_seat(event: e.AnalystAssigned, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.SEAT_STAFFED)]

    async def untick_the_open_seat(event: e.AnalystUnassigned, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.SEAT_STAFFED, there=False)]

    async def untick_the_withdrawn_seat(event: e.SeatWithdrawn, _: Recorded) -> Sequence[Do]:
        return [_tick(event.at, event.show_id, ReadinessItem.SEAT_STAFFED, there=False)]

    async def mark_the_show_ready(event: e.ReadinessReached, _: Recorded) -> Sequence[Do]:
        return [_show(event.show_id, c.MarkReady(at=event.at, ready=True))]

    async def mark_the_show_not_ready(event: e.ReadinessLost, _: Recorded) -> Sequence[Do]:
        return [_show(event.show_id, c.MarkReady(at=event.at, ready=False))]

    return [
        Policy(on=e.ShowConfirmed, then=tick_the_hours),
        Policy(on=e.ShowConfirmationRejected, then=untick_the_hours),
        Policy(on=e.AnalystAssigned, then=tick_the_staffed_seat),
        Policy(on=e.AnalystUnassigned, then=untick_the_open_seat),
        Policy(on=e.SeatWithdrawn, then=untick_the_withdrawn_seat),
        Policy(on=e.ReadinessReached, then=mark_the_show_ready),
        Policy(on=e.ReadinessLost, then=mark_the_show_not_ready),
    ]


# --- the plan and what follows from it


def _of_plan(handler: Handler) -> list[Policy]:
    async def expect_the_speakers_of_the_plan(event: e.RundownPublished, about: Recorded) -> Sequence[Do]:
        run = await _run_of(handler, event.show_id, about)
        people = tuple(one.speaker_id for one in run.plan.speakers)
        expect = c.ExpectSpeakers(at=event.at, show_id=event.show_id, rundown_version=run.version, speaker_ids=people)
        return [
            Do(decider=READINESS, ident=event.show_id, command=expect),
            _tick(event.at, event.show_id, ReadinessItem.RUNDOWN_PUBLISHED),
        ]

    async def prepare_for_the_plan(event: e.RundownPublished, about: Recorded) -> Sequence[Do]:
        return await _prepared(handler, event.show_id, event.at, about)

    async def prepare_for_the_confirmed_show(event: e.ShowConfirmed, about: Recorded) -> Sequence[Do]:
        return await _prepared(handler, event.show_id, event.at, about)

    async def prepare_for_the_late_day(event: e.RundownRetimed, about: Recorded) -> Sequence[Do]:
        return await _prepared(handler, event.show_id, event.at, about)

    async def move_plan_and_seat_with_the_show(event: e.ShowRetimingAccepted, _: Recorded) -> Sequence[Do]:
        shift = c.ShiftRunOfShow(at=event.at, show_id=event.show_id, shift_s=event.shift_s)
        move = c.MoveSeat(at=event.at, opens_at=event.opens_at, closes_at=event.closes_at)
        seat_id = seat_id_of(event.show_id, event.entitlement_id)
        return [_run(event.show_id, shift), Do(decider=SEAT, ident=seat_id, command=move, tolerate=(NotFound,))]

    async def drop_the_preparation_of_a_cancelled_show(event: e.ShowCancelled, _: Recorded) -> Sequence[Do]:
        return _unprepared(event.show_id, event.at)

    async def drop_the_preparation_of_an_abandoned_show(event: e.ShowAbandoned, _: Recorded) -> Sequence[Do]:
        return _unprepared(event.show_id, event.at)

    async def drop_the_preparation_of_a_returned_show(event: e.ShowConfirmationRejected, _: Recorded) -> Sequence[Do]:
        return _unprepared(event.show_id, event.at)

    return [
        Policy(on=e.RundownPublished, then=expect_the_speakers_of_the_plan),
        Policy(on=e.RundownPublished, then=prepare_for_the_plan),
        Policy(on=e.ShowConfirmed, then=prepare_for_the_confirmed_show),
        Policy(on=e.RundownRetimed, then=prepare_for_the_late_day),
        Policy(on=e.ShowRetimingAccepted, then=move_plan_and_seat_with_the_show),
        Policy(on=e.ShowCancelled, then=drop_the_preparation_of_a_cancelled_show),
        Policy(on=e.ShowAbandoned, then=drop_the_preparation_of_an_abandoned_show),
        Policy(on=e.ShowConfirmationRejected, then=drop_the_preparation_of_a_returned_show),
    ]


async def _prepared(handler: Handler, show_id: UUID, at: datetime, about: Recorded) -> Sequence[Do]:
    """Back-to-back sessions are told of from the first publication on; slots need the terms of reserved hours."""
    show = await _show_of(handler, show_id, about)
    if isinstance(show, (*OVER, Absent)):
        return []
    run = await _run_of(handler, show_id, about)
    terms = show.hours.terms if isinstance(show, WithHours) else CoverageTerms(terms_version="")
    found = Do(decider=TRAINING, ident=show_id, command=back_to_back_of(show_id, run, terms, at))
    if not isinstance(show, WithHours):
        return [found]
    return [Do(decider=PREP, ident=show_id, command=prep_of(show_id, run, terms, at)), found]


def _unprepared(show_id: UUID, at: datetime) -> list[Do]:
    command = c.PlanPrep(at=at, show_id=show_id, slots=(), conflicts=(), compressed=(), no_show_grace_s=0)
    return [Do(decider=PREP, ident=show_id, command=command)]


# --- the crew


def _of_crew(handler: Handler) -> list[Policy]:
    async def open_the_seat_of_a_confirmed_show(event: e.ShowConfirmed, _: Recorded) -> Sequence[Do]:
        seat_id = seat_id_of(event.show_id, event.entitlement_id)
        command = c.OpenSeat(
            at=event.at,
            show_id=event.show_id,
            seat_id=seat_id,
            entitlement_id=event.entitlement_id,
            opens_at=event.opens_at,
            closes_at=event.closes_at,
        )
        return [Do(decider=SEAT, ident=seat_id, command=command)]

    async def let_the_shift_follow_the_seat(event: e.SeatMoved, about: Recorded) -> Sequence[Do]:
        seat = await _seat_of(handler, event.seat_id, about)
        return [] if isinstance(seat, NoSeat) else [do for one in seat.analysts for do in _follow(event, one, about)]

    async def take_the_double_booked_off_the_seat(event: e.AnalystDoubleBooked, _: Recorded) -> Sequence[Do]:
        command = c.UnassignAnalyst(at=event.at, analyst_id=event.analyst_id, reason="ANALYST_DOUBLE_BOOKED")
        return [Do(decider=SEAT, ident=event.seat_id, command=command)]

    async def withdraw_the_seat_of_a_cancelled_show(event: e.ShowCancelled, about: Recorded) -> Sequence[Do]:
        return await _withdrawn(handler, event, "The show was cancelled.", about)

    async def withdraw_the_seat_of_a_returned_show(event: e.ShowConfirmationRejected, about: Recorded) -> Sequence[Do]:
        return await _withdrawn(handler, event, "The hours of the show are gone.", about)

    async def withdraw_the_seat_of_an_abandoned_show(event: e.ShowAbandoned, about: Recorded) -> Sequence[Do]:
        return await _withdrawn(handler, event, "The show was abandoned.", about)

    async def free_the_analyst_of_a_closed_show(event: e.ShowClosed, about: Recorded) -> Sequence[Do]:
        show = await _show_of(handler, event.show_id, about)
        if not isinstance(show, WithHours):
            return []
        seat_id = seat_id_of(event.show_id, show.hours.entitlement_id)
        seat = await _seat_of(handler, seat_id, about)
        return [] if isinstance(seat, NoSeat) else _freed(seat_id, seat.analysts, event.at, about)

    return [
        Policy(on=e.ShowConfirmed, then=open_the_seat_of_a_confirmed_show),
        Policy(on=e.SeatMoved, then=let_the_shift_follow_the_seat),
        Policy(on=e.AnalystDoubleBooked, then=take_the_double_booked_off_the_seat),
        Policy(on=e.ShowCancelled, then=withdraw_the_seat_of_a_cancelled_show),
        Policy(on=e.ShowConfirmationRejected, then=withdraw_the_seat_of_a_returned_show),
        Policy(on=e.ShowAbandoned, then=withdraw_the_seat_of_an_abandoned_show),
        Policy(on=e.ShowClosed, then=free_the_analyst_of_a_closed_show),
    ]


def _follow(event: e.SeatMoved, analyst_id: UUID, about: Recorded) -> list[Do]:
    """A seat that moves onto another shift of its analyst loses them, unless they are on duty already (L4)."""
    rota = rota_id_of(about.metadata.tenant, analyst_id)
    shift = c.Shift(seat_id=event.seat_id, show_id=event.show_id, starts_at=event.opens_at, ends_at=event.closes_at)
    overrun = event.at >= event.opens_at

    def report(refusal: Refusal) -> Do:
        other = refusal.facts.get("show_id")
        command = c.ReportDoubleBooking(
            at=event.at,
            analyst_id=analyst_id,
            shift=shift,
            other_show_id=UUID(other) if other else None,
            release=not overrun,
        )
        return Do(decider=ROTA, ident=rota, command=command)

    book = c.BookShift(at=event.at, analyst_id=analyst_id, shift=shift)
    return [Do(decider=ROTA, ident=rota, command=book, otherwise=report)]


async def _withdrawn(
    handler: Handler,
    event: e.ShowCancelled | e.ShowAbandoned | e.ShowConfirmationRejected,
    reason: str,
    about: Recorded,
) -> Sequence[Do]:
    if event.entitlement_id is None:
        return []
    seat_id = seat_id_of(event.show_id, event.entitlement_id)
    seat = await _seat_of(handler, seat_id, about)
    if isinstance(seat, NoSeat):
        return []
    withdraw = Do(decider=SEAT, ident=seat_id, command=c.WithdrawSeat(at=event.at, reason=reason))
    return [withdraw, *_freed(seat_id, seat.analysts, event.at, about)]


def _freed(seat_id: UUID, analysts: Sequence[UUID], at: datetime, about: Recorded) -> list[Do]:
    return [
        Do(
            decider=ROTA,
            ident=rota_id_of(about.metadata.tenant, one),
            command=c.ReleaseShift(at=at, analyst_id=one, seat_id=seat_id, from_at=at),
        )
        for one in analysts
    ]


async def _show_of(handler: Handler, show_id: UUID, about: Recorded) -> Show:
    return await _or_initial(handler, SHOW, show_id, about)


async def _run_of(handler: Handler, show_id: UUID, about: Recorded) -> RunOfShow:
    return await _or_initial(handler, RUNDOWN, show_id, about)


async def _seat_of(handler: Handler, seat_id: UUID, about: Recorded) -> Seat:
    return await _or_initial(handler, SEAT, seat_id, about)


async def _or_initial(handler: Handler, decider: Decider[Any, S], ident: UUID, about: Recorded) -> S:
    try:
        state, _ = await handler.state(decider, ident, tenant=about.metadata.tenant)
    except NotFound:
        return decider.initial
    return state

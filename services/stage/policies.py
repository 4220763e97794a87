"""Whenever another service, or a stage, says something a stage has to act on: one table, a sentence each.

What is said about a show goes onto its call sheet first; what the call sheet notes goes to every stage of the show.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import uuid6

from chassis.handle import Do, Handler
from chassis.inbox import Policy
from contracts import entitlement, media, scheduling
from contracts import stage as e
from contracts.envelope import Recorded
from contracts.problems import NotFound, WrongState
from services.stage import commands as c
from services.stage.domain import CALL_SHEET, CLAIM, STAGE
from services.stage.domain.callsheet import CallSheet
from services.stage.domain.claims import PRESENTER, claim_on
from services.stage.domain.refusals import UnknownPresenter
from services.stage.domain.state import PresenterStatus, StageRun


def policies(handler: Handler) -> list[Policy]:
    """Everything the stage service reacts to."""
    return [*_of_entitlement(), *_of_scheduling(handler), *_of_media(), *_own(handler)]


def _note(show_id: UUID, command: c.Command) -> list[Do]:
    return [Do(decider=CALL_SHEET, ident=show_id, command=command)]


# --- hours


def _of_entitlement() -> list[Policy]:
    async def note_the_hours_reserved(event: entitlement.CoverageReserved, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, status=e.CoverageStatus.RESERVED, window=event, capped=False)

    async def note_the_hours_retimed(event: entitlement.CoverageRetimed, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, window=event)

    async def note_the_hours_released(event: entitlement.CoverageReleased, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, status=e.CoverageStatus.RELEASED)

    async def note_the_window_opened(event: entitlement.CoverageWindowOpened, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, status=e.CoverageStatus.OPEN, window=event)

    async def note_the_window_extended(event: entitlement.CoverageWindowExtended, _: Recorded) -> Sequence[Do]:
        return _note(event.show_id, c.UpdateCoverage(at=event.at, show_id=event.show_id, closes_at=event.closes_at))

    async def note_the_window_closing(event: entitlement.CoverageWindowClosing, _: Recorded) -> Sequence[Do]:
        return _note(event.show_id, c.UpdateCoverage(at=event.at, show_id=event.show_id, closes_at=event.closes_at))

    async def restrict_to_what_ends_or_hides(event: entitlement.CoverageCapReached, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, capped=True)

    async def go_on_in_overtime(event: entitlement.OvertimeAuthorised, _: Recorded) -> Sequence[Do]:
        if event.show_id is None:
            return []
        command = c.UpdateCoverage(at=event.at, show_id=event.show_id, capped=False, closes_at=event.cap_at)
        return _note(event.show_id, command)

    async def note_the_end_of_coverage(event: entitlement.CoverageEnded, _: Recorded) -> Sequence[Do]:
        return _hours(event.show_id, event, status=e.CoverageStatus.ENDED)

    return [
        Policy(on=entitlement.CoverageReserved, then=note_the_hours_reserved),
        Policy(on=entitlement.CoverageRetimed, then=note_the_hours_retimed),
        Policy(on=entitlement.CoverageReleased, then=note_the_hours_released),
        Policy(on=entitlement.CoverageWindowOpened, then=note_the_window_opened),
        Policy(on=entitlement.CoverageWindowExtended, then=note_the_window_extended),
        Policy(on=entitlement.CoverageWindowClosing, then=note_the_window_closing),
        Policy(on=entitlement.CoverageCapReached, then=restrict_to_what_ends_or_hides),
        Policy(on=entitlement.OvertimeAuthorised, then=go_on_in_overtime),
        Policy(on=entitlement.CoverageEnded, then=note_the_end_of_coverage),
    ]


_Window = entitlement.CoverageReserved | entitlement.CoverageRetimed | entitlement.CoverageWindowOpened


def _hours(
    show_id: UUID,
    event: entitlement.CoverageReserved
    | entitlement.CoverageRetimed
    | entitlement.CoverageReleased
    | entitlement.CoverageWindowOpened
    | entitlement.CoverageCapReached
    | entitlement.CoverageEnded,
    *,
    status: e.CoverageStatus | None = None,
    window: _Window | None = None,
    capped: bool | None = None,
) -> list[Do]:
    command = c.UpdateCoverage(
        at=event.at,
        show_id=show_id,
        status=status,
        opens_at=window.opens_at if window is not None else None,
        closes_at=window.closes_at if window is not None else None,
        capped=capped,
    )
    return _note(show_id, command)


# --- plan and crew


def _of_scheduling(handler: Handler) -> list[Policy]:
    async def prepare_what_is_published(event: scheduling.RundownPublished, _: Recorded) -> Sequence[Do]:
        enter = c.EnterStage(at=event.at, show_id=event.show_id, stage_id=event.stage_id)
        return [
            Do(decider=STAGE, ident=event.stage_id, command=_plan(event)),
            Do(decider=CALL_SHEET, ident=event.show_id, command=enter),
        ]

    async def seat_who_is_assigned(event: scheduling.AnalystAssigned, _: Recorded) -> Sequence[Do]:
        return _arrived(event.show_id, event.at, event.analyst_id)

    async def seat_who_checks_in(event: scheduling.AnalystCheckedIn, _: Recorded) -> Sequence[Do]:
        return _arrived(event.show_id, event.at, event.analyst_id)

    async def unseat_who_is_unassigned(event: scheduling.AnalystUnassigned, _: Recorded) -> Sequence[Do]:
        return _left(event.show_id, event.at, event.analyst_id)

    async def unseat_who_checks_out(event: scheduling.AnalystCheckedOut, _: Recorded) -> Sequence[Do]:
        return _left(event.show_id, event.at, event.analyst_id)

    async def seat_who_takes_over(event: scheduling.HandoverStarted, _: Recorded) -> Sequence[Do]:
        return _arrived(event.show_id, event.at, event.to_analyst_id)

    async def unseat_who_handed_over(event: scheduling.HandoverCompleted, _: Recorded) -> Sequence[Do]:
        return _left(event.show_id, event.at, event.from_analyst_id)

    async def let_the_customer_close(event: scheduling.SessionCloseDelegated, _: Recorded) -> Sequence[Do]:
        command = c.DelegateClose(at=event.at, show_id=event.show_id, session_id=event.session_id)
        return _note(event.show_id, command)

    async def tell_who_did_not_come(event: scheduling.SpeakerPrepMissed, about: Recorded) -> Sequence[Do]:
        command = c.ReportPresenterMissing(at=event.at, presenter_id=event.speaker_id)
        sheet = await _sheet(handler, event.show_id, about)
        return [Do(decider=STAGE, ident=one, command=command, tolerate=(UnknownPresenter,)) for one in sheet.stages]

    async def release_the_stages_of_a_cancelled_show(event: scheduling.ShowCancelled, about: Recorded) -> Sequence[Do]:
        return await _stand_down(handler, event.show_id, c.StandDown(at=event.at, reason="show cancelled"), about)

    async def release_the_stages_of_a_closed_show(event: scheduling.ShowClosed, about: Recorded) -> Sequence[Do]:
        return await _stand_down(handler, event.show_id, c.StandDown(at=event.at, reason="show closed"), about)

    return [
        Policy(on=scheduling.RundownPublished, then=prepare_what_is_published),
        Policy(on=scheduling.AnalystAssigned, then=seat_who_is_assigned),
        Policy(on=scheduling.AnalystCheckedIn, then=seat_who_checks_in),
        Policy(on=scheduling.AnalystUnassigned, then=unseat_who_is_unassigned),
        Policy(on=scheduling.AnalystCheckedOut, then=unseat_who_checks_out),
        Policy(on=scheduling.HandoverStarted, then=seat_who_takes_over),
        Policy(on=scheduling.HandoverCompleted, then=unseat_who_handed_over),
        Policy(on=scheduling.SessionCloseDelegated, then=let_the_customer_close),
        Policy(on=scheduling.SpeakerPrepMissed, then=tell_who_did_not_come),
        Policy(on=scheduling.ShowCancelled, then=release_the_stages_of_a_cancelled_show),
        Policy(on=scheduling.ShowClosed, then=release_the_stages_of_a_closed_show),
    ]


def _plan(event: scheduling.RundownPublished) -> c.PrepareStage:
    sessions = tuple(
        e.SessionPlan(
            session_id=one.session_id,
            title=one.title,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            kind=str(one.kind),
            do_not_record=one.do_not_record,
            do_not_stream=one.do_not_stream,
            speaker_ids=one.speaker_ids,
        )
        for one in event.sessions
    )
    cues = tuple(
        e.CuePlan(cue_id=one.cue_id, session_id=one.session_id, kind=one.kind, label=one.label, order=one.order)
        for one in event.cues
    )
    return c.PrepareStage(
        at=event.at,
        show_id=event.show_id,
        stage_id=event.stage_id,
        name=event.stage_name,
        rundown_version=event.rundown_version,
        sessions=sessions,
        cues=cues,
        presenters={one.speaker_id: one.name for one in event.speakers},
        effect_id=uuid6.uuid7(),
    )


def _arrived(show_id: UUID, at: datetime, analyst_id: UUID) -> list[Do]:
    return _note(show_id, c.StaffSeat(at=at, show_id=show_id, arriving=(analyst_id,)))


def _left(show_id: UUID, at: datetime, analyst_id: UUID) -> list[Do]:
    return _note(show_id, c.StaffSeat(at=at, show_id=show_id, leaving=(analyst_id,)))


async def _stand_down(handler: Handler, show_id: UUID, command: c.StandDown, about: Recorded) -> Sequence[Do]:
    """A stage that is on air is not cut; it ends when its operator ends it. Source: duties.md Q6."""
    sheet = await _sheet(handler, show_id, about)
    return [Do(decider=STAGE, ident=one, command=command, tolerate=(WrongState,)) for one in sheet.stages]


async def _sheet(handler: Handler, show_id: UUID, about: Recorded) -> CallSheet:
    try:
        sheet, _ = await handler.state(CALL_SHEET, show_id, tenant=about.metadata.tenant)
    except NotFound:
        return CallSheet()
    return sheet


# --- assets


def _of_media() -> list[Policy]:
    async def admit_what_is_delivered(event: media.AssetDelivered, _: Recorded) -> Sequence[Do]:
        asset = e.Asset(asset_id=event.asset_id, kind=str(event.kind), file=event.file)
        return _note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))

    async def admit_what_is_approved(event: media.AssetApproved, _: Recorded) -> Sequence[Do]:
        asset = e.Asset(asset_id=event.asset_id, kind="", approved=True)
        return _note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))

    async def admit_what_is_shared(event: media.AssetShared, _: Recorded) -> Sequence[Do]:
        asset = e.Asset(asset_id=event.asset_id, kind="", shared=True)
        return _note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))

    return [
        Policy(on=media.AssetDelivered, then=admit_what_is_delivered),
        Policy(on=media.AssetApproved, then=admit_what_is_approved),
        Policy(on=media.AssetShared, then=admit_what_is_shared),
    ]


# --- from the call sheet to the stages, and claims given back


def _own(handler: Handler) -> list[Policy]:
    async def tell_a_new_stage_what_is_known(event: e.StageEntered, about: Recorded) -> Sequence[Do]:
        sheet = await _sheet(handler, event.show_id, about)
        known = [_coverage(event.at, event.show_id, sheet.coverage)] if sheet.coverage is not None else []
        seat = c.StaffSeat(at=event.at, show_id=event.show_id, arriving=tuple(sorted(sheet.analysts)))
        assets = [c.AdmitAsset(at=event.at, show_id=event.show_id, asset=one) for one in sheet.assets.values()]
        sessions: list[UUID | None] = [*sheet.delegation.sessions, *([None] if sheet.delegation.every else [])]
        closes = [c.DelegateClose(at=event.at, show_id=event.show_id, session_id=one) for one in sessions]
        return [Do(decider=STAGE, ident=event.stage_id, command=one) for one in (*known, seat, *assets, *closes)]

    async def tell_every_stage_its_coverage(event: e.CoverageNoted, about: Recorded) -> Sequence[Do]:
        return await _to_stages(event.show_id, _coverage(event.at, event.show_id, event.coverage), about)

    async def tell_every_stage_its_seat(event: e.SeatNoted, about: Recorded) -> Sequence[Do]:
        sheet = await _sheet(handler, event.show_id, about)
        found = []
        for stage_id in sheet.stages:
            stage, _ = await handler.state(STAGE, stage_id, tenant=about.metadata.tenant)
            leaving = tuple(sorted(stage.analysts - set(event.analysts)))
            seat = c.StaffSeat(at=event.at, show_id=event.show_id, arriving=event.analysts, leaving=leaving)
            found.append(Do(decider=STAGE, ident=stage_id, command=seat))
        return found

    async def tell_every_stage_its_assets(event: e.AssetNoted, about: Recorded) -> Sequence[Do]:
        command = c.AdmitAsset(at=event.at, show_id=event.show_id, asset=event.asset)
        return await _to_stages(event.show_id, command, about)

    async def tell_every_stage_who_may_close(event: e.DelegationNoted, about: Recorded) -> Sequence[Do]:
        command = c.DelegateClose(at=event.at, show_id=event.show_id, session_id=event.session_id)
        return await _to_stages(event.show_id, command, about)

    async def _to_stages(show_id: UUID, command: c.Command, about: Recorded) -> Sequence[Do]:
        sheet = await _sheet(handler, show_id, about)
        return [Do(decider=STAGE, ident=one, command=command) for one in sheet.stages]

    async def let_who_left_the_stage_go(event: e.PresenterTakenOffStage, about: Recorded) -> Sequence[Do]:
        return await _free(event.stage_id, about)

    async def let_who_did_not_reach_the_stage_go(event: e.ActionFailed, about: Recorded) -> Sequence[Do]:
        return await _free(event.stage_id, about) if event.action == e.PresenterEntryRequested.tag() else []

    async def let_everybody_go(event: e.EngineStopped, about: Recorded) -> Sequence[Do]:
        return await _free(event.stage_id, about)

    async def _free(stage_id: UUID, about: Recorded) -> Sequence[Do]:
        stage, _ = await handler.state(STAGE, stage_id, tenant=about.metadata.tenant)
        free = c.FreeClaim(at=about.recorded_at, holder=stage_id)
        return [Do(decider=CLAIM, ident=claim_on(PRESENTER, one), command=free) for one in _off(stage)]

    return [
        Policy(on=e.StageEntered, then=tell_a_new_stage_what_is_known),
        Policy(on=e.CoverageNoted, then=tell_every_stage_its_coverage),
        Policy(on=e.SeatNoted, then=tell_every_stage_its_seat),
        Policy(on=e.AssetNoted, then=tell_every_stage_its_assets),
        Policy(on=e.DelegationNoted, then=tell_every_stage_who_may_close),
        Policy(on=e.PresenterTakenOffStage, then=let_who_left_the_stage_go),
        Policy(on=e.ActionFailed, then=let_who_did_not_reach_the_stage_go),
        Policy(on=e.EngineStopped, then=let_everybody_go),
    ]


def _coverage(at: datetime, show_id: UUID, known: e.Coverage) -> c.UpdateCoverage:
    return c.UpdateCoverage(
        at=at,
        show_id=show_id,
        status=known.status,
        opens_at=known.opens_at,
        closes_at=known.closes_at,
        capped=known.capped,
    )


def _off(stage: StageRun) -> list[UUID]:
    """Who is neither on stage nor on the way there."""
    coming = {one.presenter_id for one in stage.pending.values() if isinstance(one, e.PresenterEntryRequested)}
    return [
        ident
        for ident, one in stage.presenters.items()
        if one.place is not PresenterStatus.ON_STAGE and ident not in coming
    ]

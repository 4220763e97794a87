"""What the scheduling service says: plans for stages, who sits where, which show does not take place."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import uuid6

from chassis.handle import Do, Handler
from chassis.inbox import Policy
from contracts import scheduling
from contracts import stage as e
from contracts.envelope import Recorded
from contracts.problems import WrongState
from services.stage import commands as c
from services.stage.domain import CALL_SHEET, STAGE
from services.stage.domain.refusals import UnknownPresenter
from services.stage.policies.sheet import note, sheet_of


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
    return note(event.show_id, command)


class OnStages:
    """Those that go to the stages of a show at once."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def tell_who_did_not_come(self, event: scheduling.SpeakerPrepMissed, about: Recorded) -> Sequence[Do]:
        command = c.ReportPresenterMissing(at=event.at, presenter_id=event.speaker_id)
        sheet = await sheet_of(self._handler, event.show_id, about)
        return [Do(decider=STAGE, ident=one, command=command, tolerate=(UnknownPresenter,)) for one in sheet.stages]

    async def release_the_stages_of_a_cancelled_show(
        self, event: scheduling.ShowCancelled, about: Recorded
    ) -> Sequence[Do]:
        return await self._stand_down(event.show_id, c.StandDown(at=event.at, reason="show cancelled"), about)

    async def release_the_stages_of_a_closed_show(self, event: scheduling.ShowClosed, about: Recorded) -> Sequence[Do]:
        return await self._stand_down(event.show_id, c.StandDown(at=event.at, reason="show closed"), about)

    async def _stand_down(self, show_id: UUID, command: c.StandDown, about: Recorded) -> Sequence[Do]:
        """A stage that is on air is not cut; it ends when its operator ends it. Source: duties.md Q6."""
        sheet = await sheet_of(self._handler, show_id, about)
        return [Do(decider=STAGE, ident=one, command=command, tolerate=(WrongState,)) for one in sheet.stages]


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
    return note(show_id, c.StaffSeat(at=at, show_id=show_id, arriving=(analyst_id,)))


def _left(show_id: UUID, at: datetime, analyst_id: UUID) -> list[Do]:
    return note(show_id, c.StaffSeat(at=at, show_id=show_id, leaving=(analyst_id,)))


def policies(handler: Handler) -> list[Policy]:
    """Everything scheduling says that a stage acts on."""
    stages = OnStages(handler)
    return [
        Policy(on=scheduling.RundownPublished, then=prepare_what_is_published),
        Policy(on=scheduling.AnalystAssigned, then=seat_who_is_assigned),
        Policy(on=scheduling.AnalystCheckedIn, then=seat_who_checks_in),
        Policy(on=scheduling.AnalystUnassigned, then=unseat_who_is_unassigned),
        Policy(on=scheduling.AnalystCheckedOut, then=unseat_who_checks_out),
        Policy(on=scheduling.HandoverStarted, then=seat_who_takes_over),
        Policy(on=scheduling.HandoverCompleted, then=unseat_who_handed_over),
        Policy(on=scheduling.SessionCloseDelegated, then=let_the_customer_close),
        Policy(on=scheduling.SpeakerPrepMissed, then=stages.tell_who_did_not_come),
        Policy(on=scheduling.ShowCancelled, then=stages.release_the_stages_of_a_cancelled_show),
        Policy(on=scheduling.ShowClosed, then=stages.release_the_stages_of_a_closed_show),
    ]

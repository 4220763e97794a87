"""Speakers: invited before they are prepared, told the time on request; and what the checklist needs from outside."""

from datetime import datetime
from uuid import UUID

from chassis.handle import Do, Outcome
from chassis.service import House
from contracts.envelope import Role
from contracts.problems import NotFound
from contracts.scheduling import Session, TimeBasis
from services.scheduling import commands as c
from services.scheduling.application.planning_shows import made
from services.scheduling.application.request import (
    CONTACT_ADDRESS,
    CONTACT_NAME,
    Request,
    open_show,
    run_of,
    show_of,
)
from services.scheduling.domain.prep import PREP
from services.scheduling.domain.readiness import READINESS
from services.scheduling.domain.retiming import remaining
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.runofshow import RunOfShow
from services.scheduling.domain.situations import WithHours
from services.scheduling.domain.timechecks import TIMECHECKS
from services.scheduling.timing import TimeRemaining


async def start_prep(house: House, request: Request, show_id: UUID, session_id: UUID, speaker_id: UUID) -> Outcome:
    """Only for a speaker whose invitation the customer has confirmed (K1a)."""
    command = c.StartSpeakerPrep(at=request.at, session_id=session_id, speaker_id=speaker_id, by=request.by)
    invited = c.RequireInvited(at=request.at, speaker_id=speaker_id)
    dos = [
        Do(decider=PREP, ident=show_id, command=command),
        Do(decider=READINESS, ident=show_id, command=invited),
        open_show(request, show_id),
    ]
    return await request.run(house, dos)


def session_in(run: RunOfShow, session_id: UUID) -> Session:
    """Raises NotFound for a session that is not in force."""
    session = run.plan.session(session_id)
    if session is None:
        raise NotFound
    return session


def time_left(run: RunOfShow, session_id: UUID, at: datetime) -> TimeRemaining:
    return remaining(run.plan, run.expected_times(), session_in(run, session_id), at)


async def request_time_check(house: House, request: Request, show_id: UUID, session_id: UUID) -> tuple[UUID, Outcome]:
    run, _ = await run_of(house, request.tenant, show_id)
    session, check_id = session_in(run, session_id), made(request, "time-check")
    command = c.RequestTimeCheck(
        at=request.at,
        show_id=show_id,
        check_id=check_id,
        stage_id=session.stage_id,
        session_id=session_id,
        by=request.by,
    )
    dos = [
        Do(decider=TIMECHECKS, ident=session_id, command=command),
        Do(decider=RUNDOWN, ident=show_id, command=c.RequireSession(at=request.at, session_id=session_id)),
    ]
    return check_id, await request.run(house, dos)


async def answer_time_check(house: House, request: Request, show_id: UUID, session_id: UUID, check_id: UUID) -> Outcome:
    """What is told is what is true now, with its basis (D16)."""
    run, _ = await run_of(house, request.tenant, show_id)
    left = time_left(run, session_id, request.at)
    command = c.AnswerTimeCheck(
        at=request.at,
        check_id=check_id,
        remaining_s=left.remaining_s,
        ends_at=left.ends_at,
        basis=TimeBasis(left.basis.value),
        by=request.by,
    )
    return await request.run(house, [Do(decider=TIMECHECKS, ident=session_id, command=command)])


async def confirm_invitation(house: House, request: Request, show_id: UUID, speaker_id: UUID) -> Outcome:
    command = c.ConfirmInvitation(
        at=request.at,
        show_id=show_id,
        speaker_id=speaker_id,
        by=request.by,
        role=request.acting_as(Role.CUSTOMER, Role.INTEGRATOR),
    )
    return await request.run(house, [_on_list(show_id, command), open_show(request, show_id)])


async def record_briefing(
    house: House,
    request: Request,
    show_id: UUID,
    topics: tuple[str, ...],
    times: tuple[datetime, datetime],
    *,
    as_preparation: bool,
) -> Outcome:
    show, _ = await show_of(house, request, show_id)
    command = c.RecordBriefing(
        at=request.at,
        show_id=show_id,
        topics=topics,
        started_at=times[0],
        ended_at=times[1],
        as_preparation=as_preparation,
        coverage=show.hours.window if isinstance(show, WithHours) else None,
        by=request.by,
    )
    return await request.run(house, [_on_list(show_id, command), open_show(request, show_id)])


async def register_contact(
    house: House, request: Request, show_id: UUID, contact_id: UUID, side: str, name: str, address: str
) -> Outcome:
    await show_of(house, request, show_id)
    subject = str(contact_id)
    command = c.RegisterContact(
        at=request.at,
        show_id=show_id,
        contact_id=contact_id,
        side=side,
        name=await house.sealed.seal(request.tenant, subject, CONTACT_NAME, name),
        address=await house.sealed.seal(request.tenant, subject, CONTACT_ADDRESS, address),
    )
    return await request.run(house, [_on_list(show_id, command), open_show(request, show_id)])


def _on_list(show_id: UUID, command: c.ReadinessCommand) -> Do:
    return Do(decider=READINESS, ident=show_id, command=command)

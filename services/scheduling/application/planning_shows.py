"""Shows and their run of show: drafted at a local time, published with its times, confirmed, moved."""

from datetime import datetime
from uuid import UUID, uuid5

import msgspec
import uuid6

from chassis.clock import instant, tzdb_version, zone_named
from chassis.handle import Do, Outcome
from chassis.service import House
from contracts.problems import NotFound, StaleVersion
from contracts.scheduling import Cue, Session, SessionKind, Speaker
from services.scheduling import commands as c
from services.scheduling.application.request import SPEAKER_NAME, TRIES, Request, open_show, run_of, show_of
from services.scheduling.domain.ids import stage_id_of
from services.scheduling.domain.rundown import RUNDOWN
from services.scheduling.domain.show import SHOW
from services.scheduling.domain.situations import Draft


class LocalTime(msgspec.Struct, frozen=True, kw_only=True):
    """A local time of the show's zone without offset; `fold` 0 or 1 says which, where it exists twice (Q26)."""

    local: datetime
    fold: int | None = None


async def draft_show(
    house: House, request: Request, show_id: UUID, title: str, zone: str, times: tuple[LocalTime, LocalTime] | None
) -> Outcome:
    """Raises ZoneUnknown, LocalTimeNonexistent and LocalTimeAmbiguous."""
    zone_named(zone)
    command = c.DraftShow(
        at=request.at,
        show_id=show_id,
        title=title,
        zone=zone,
        tzdata=tzdb_version(),
        times=None if times is None else (_instant(times[0], zone), _instant(times[1], zone)),
    )
    return await request.run(house, [Do(decider=SHOW, ident=show_id, command=command)])


def _instant(time: LocalTime, zone: str) -> datetime:
    return instant(time.local, zone_named(zone), time.fold)


async def publish(house: House, request: Request, show_id: UUID) -> Outcome:
    """The plan and the show's times change together; who is faster makes us look at the draft again."""
    await show_of(house, request, show_id)
    for _ in range(TRIES):
        run, version = await run_of(house, request.tenant, show_id)
        dos = [
            Do(decider=RUNDOWN, ident=show_id, command=c.PublishRundown(at=request.at, show_id=show_id)),
            open_show(request, show_id),
        ]
        times = run.draft.times if run.draft is not None else None
        if times is not None:
            plan = c.PlanShow(at=request.at, starts_at=times[0], ends_at=times[1])
            dos.append(Do(decider=SHOW, ident=show_id, command=plan))
        try:
            return await request.run(house, dos, expect=version)
        except StaleVersion:
            if request.names_version:
                raise
    raise StaleVersion


async def confirm(
    house: House, request: Request, show_id: UUID, entitlement_id: UUID, covers: tuple[datetime, datetime] | None
) -> Outcome:
    command = c.ConfirmShow(at=request.at, entitlement_id=entitlement_id, covers=covers)
    dos = [
        Do(decider=SHOW, ident=show_id, command=command),
        Do(decider=RUNDOWN, ident=show_id, command=c.RequirePublished(at=request.at)),
    ]
    return await request.run(house, dos)


async def retime(house: House, request: Request, show_id: UUID, starts_at: datetime) -> Outcome:
    """A draft moves at once, plan and all; a confirmed show moves when its hours have."""
    for _ in range(TRIES):
        show, version = await show_of(house, request, show_id)
        dos = [Do(decider=SHOW, ident=show_id, command=c.RetimeShow(at=request.at, starts_at=starts_at))]
        if isinstance(show, Draft) and show.about.times is not None:
            shift_s = int((starts_at - show.about.times[0]).total_seconds())
            shift = c.ShiftRunOfShow(at=request.at, show_id=show_id, shift_s=shift_s)
            dos.append(Do(decider=RUNDOWN, ident=show_id, command=shift))
        try:
            return await request.run(house, dos, expect=version)
        except StaleVersion:
            if request.names_version:
                raise
    raise StaleVersion


class WantedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session to plan by hand. An unknown `stage_name` makes a new stage."""

    title: str
    stage_name: str
    starts_at: datetime
    ends_at: datetime
    kind: SessionKind
    do_not_record: bool
    do_not_stream: bool
    hard_start: bool
    speaker_ids: tuple[UUID, ...]


async def plan_session(
    house: House, request: Request, show_id: UUID, session_id: UUID, wanted: WantedSession
) -> Outcome:
    session = Session(
        session_id=session_id,
        stage_id=stage_id_of(show_id, wanted.stage_name),
        title=wanted.title,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        kind=wanted.kind,
        do_not_record=wanted.do_not_record,
        do_not_stream=wanted.do_not_stream,
        hard_start=wanted.hard_start,
        speaker_ids=wanted.speaker_ids,
    )
    await show_of(house, request, show_id)
    command = c.PlanSession(at=request.at, show_id=show_id, session=session, stage_name=wanted.stage_name)
    return await request.run(house, [_planned(show_id, command), open_show(request, show_id)])


async def plan_cue(
    house: House, request: Request, show_id: UUID, session_id: UUID, kind: str, label: str, order: int
) -> tuple[UUID, Outcome]:
    cue_id = made(request, "cue")
    cue = Cue(cue_id=cue_id, session_id=session_id, kind=kind, label=label, order=order)
    command = c.PlanCue(at=request.at, show_id=show_id, cue=cue)
    return cue_id, await request.run(house, [_planned(show_id, command), open_show(request, show_id)])


async def assign_speaker(
    house: House, request: Request, show_id: UUID, session_id: UUID, speaker_id: UUID, name: str
) -> Outcome:
    await show_of(house, request, show_id)
    run, _ = await run_of(house, request.tenant, show_id)
    if run.latest.session(session_id) is None:  # before a key is made for somebody who is then refused
        raise NotFound
    sealed = await house.sealed.seal(request.tenant, str(speaker_id), SPEAKER_NAME, name)
    speaker = Speaker(speaker_id=speaker_id, name=sealed)
    command = c.AssignSpeaker(at=request.at, show_id=show_id, session_id=session_id, speaker=speaker)
    return await request.run(house, [_planned(show_id, command), open_show(request, show_id)])


def _planned(show_id: UUID, command: c.RundownCommand) -> Do:
    return Do(decider=RUNDOWN, ident=show_id, command=command)


def made(request: Request, what: str) -> UUID:
    """A new id; the same for the same Idempotency-Key, so that a repeat names the same thing."""
    if request.key is None:
        return uuid6.uuid7()
    return uuid5(uuid5(_KEYS, f"{request.tenant}:{request.key.text}"), what)


_KEYS = UUID("5b1f3d0a-7c52-5d86-9a39-2f6f0c7e4b10")

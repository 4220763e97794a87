"""Whenever another service, or a recording, says something media has to act on: one table, a sentence each."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from chassis.handle import Do, Handler
from chassis.inbox import AfterParked, Policy
from chassis.service import House
from contracts import entitlement, scheduling, stage
from contracts import media as e
from contracts.envelope import Recorded
from contracts.problems import WrongState
from services.media import commands as c
from services.media.domain import RECORDING, RIGHTS, VOD
from services.media.rules import obstacle_now, rights_of
from services.media.views import VOD as ON_DEMAND
from services.media.views import all_recordings, films_of


def policies(house: House) -> list[Policy]:
    """Everything the media service reacts to."""
    return [*_of_stage(house.handler), *_of_rights(), *_own(house)]


def recording_id(run_id: UUID, session_id: UUID) -> UUID:
    """One recording per stream and session, over any number of segments. Source: features.md M2."""
    return uuid5(run_id, str(session_id))


# --- what the stage recorded


def _of_stage(handler: Handler) -> list[Policy]:
    async def record_what_is_recorded(event: stage.ProgramSegmentOpened, about: Recorded) -> Sequence[Do]:
        rights = await rights_of(handler, event.show_id, about.metadata.tenant)
        ident = recording_id(event.run_id, event.session_id)
        command = c.OpenSegment(
            at=event.at,
            show_id=event.show_id,
            recording_id=ident,
            stage_id=event.stage_id,
            run_id=event.run_id,
            session_id=event.session_id,
            segment_id=event.segment_id,
            file=event.file,
            first_frame=event.first_frame,
            forbidden=rights.forbids(event.session_id),
        )
        return [Do(decider=RECORDING, ident=ident, command=command)]

    async def close_what_is_closed(event: stage.ProgramSegmentClosed, _: Recorded) -> Sequence[Do]:
        command = c.CloseSegment(
            at=event.at,
            segment_id=event.segment_id,
            last_frame=event.last_frame,
            frames=event.frames,
            cause=event.cause,
        )
        return [Do(decider=RECORDING, ident=recording_id(event.run_id, event.session_id), command=command)]

    async def end_with_the_session(event: stage.SessionEnded, _: Recorded) -> Sequence[Do]:
        return _end(event, event.session_id)

    async def end_with_the_stream(event: stage.StreamEnded, _: Recorded) -> Sequence[Do]:
        return [] if event.session_id is None else _end(event, event.session_id)

    return [
        Policy(on=stage.ProgramSegmentOpened, then=record_what_is_recorded, after_parked=AfterParked.WAIT_SHOW),
        Policy(on=stage.ProgramSegmentClosed, then=close_what_is_closed, after_parked=AfterParked.WAIT_SHOW),
        Policy(on=stage.SessionEnded, then=end_with_the_session, after_parked=AfterParked.WAIT_SHOW),
        Policy(on=stage.StreamEnded, then=end_with_the_stream, after_parked=AfterParked.WAIT_SHOW),
    ]


def _end(event: stage.SessionEnded | stage.StreamEnded, session_id: UUID) -> list[Do]:
    """A session that was not recorded has nothing to end."""
    ident = recording_id(event.run_id, session_id)
    return [Do(decider=RECORDING, ident=ident, command=c.EndRecording(at=event.at), tolerate=(WrongState,))]


# --- what may be done


def _of_rights() -> list[Policy]:
    async def note_what_the_package_brings(event: entitlement.CoverageReserved, _: Recorded) -> Sequence[Do]:
        command = c.NoteVodRight(at=event.at, show_id=event.show_id, entitled="vod" in event.features)
        return [Do(decider=RIGHTS, ident=event.show_id, command=command)]

    async def note_what_must_not_be_recorded(event: scheduling.RundownPublished, _: Recorded) -> Sequence[Do]:
        command = c.NoteRecordingRules(
            at=event.at,
            show_id=event.show_id,
            stage_id=event.stage_id,
            titles={one.session_id: one.title for one in event.sessions},
            do_not_record=tuple(one.session_id for one in event.sessions if one.do_not_record),
        )
        return [Do(decider=RIGHTS, ident=event.show_id, command=command)]

    return [
        Policy(on=entitlement.CoverageReserved, then=note_what_the_package_brings),
        Policy(on=scheduling.RundownPublished, then=note_what_must_not_be_recorded),
    ]


# --- what follows from our own facts


def _own(house: House) -> list[Policy]:
    handler = house.handler

    async def quarantine_what_began_against_the_rules(event: e.RecordingStarted, about: Recorded) -> Sequence[Do]:
        rights = await rights_of(handler, event.show_id, about.metadata.tenant)
        return [_quarantine(event, event.recording_id)] if rights.forbids(event.session_id) else []

    async def quarantine_what_is_forbidden_now(event: e.RecordingRulesNoted, about: Recorded) -> Sequence[Do]:
        if not event.do_not_record:
            return []
        await house.projector.wait(about.position)
        found = await all_recordings(house.db, about.metadata.tenant, event.show_id)
        return [_quarantine(event, one.recording_id) for one in found if one.session_id in event.do_not_record]

    async def say_why_it_does_not_go_on_demand(
        event: e.RecordingFinalised | e.RecordingIncomplete, about: Recorded
    ) -> Sequence[Do]:
        obstacle = await obstacle_now(handler, event.recording_id, about.metadata.tenant)
        return [] if obstacle is None else [_skip(event, event.recording_id, obstacle)]

    async def take_the_quarantined_off_demand(event: e.RecordingQuarantined, about: Recorded) -> Sequence[Do]:
        await house.projector.wait(about.position)
        reason = f"quarantined: {event.reason}"
        films = await films_of(house.db, about.metadata.tenant, recording_id=event.recording_id)
        return [_skip(event, event.recording_id, reason), *_retract(event, films, reason)]

    async def take_off_demand_what_the_customer_declines(event: e.VodOptedOut, about: Recorded) -> Sequence[Do]:
        await house.projector.wait(about.position)
        reason = f"opted_out: {event.reason}"
        found = await all_recordings(house.db, about.metadata.tenant, event.show_id)
        films = await films_of(house.db, about.metadata.tenant, show_id=event.show_id)
        over = [one for one in found if one.situation in ("FINALISED", "INCOMPLETE")]
        return [*(_skip(event, one.recording_id, reason) for one in over), *_retract(event, films, reason)]

    async def take_back_what_must_not_be_on_demand(event: e.VodUploadStarted, about: Recorded) -> Sequence[Do]:
        obstacle = await obstacle_now(handler, event.recording_id, about.metadata.tenant)
        if obstacle is None:
            return []
        return [Do(decider=VOD, ident=event.vod_id, command=c.RetractVod(at=about.recorded_at, reason=obstacle))]

    return [
        Policy(on=e.RecordingStarted, then=quarantine_what_began_against_the_rules),
        Policy(on=e.RecordingRulesNoted, then=quarantine_what_is_forbidden_now),
        Policy(on=e.RecordingFinalised, then=say_why_it_does_not_go_on_demand),
        Policy(on=e.RecordingIncomplete, then=say_why_it_does_not_go_on_demand),
        Policy(on=e.RecordingQuarantined, then=take_the_quarantined_off_demand),
        Policy(on=e.VodOptedOut, then=take_off_demand_what_the_customer_declines),
        Policy(on=e.VodUploadStarted, then=take_back_what_must_not_be_on_demand),
    ]


def _quarantine(event: e.RecordingStarted | e.RecordingRulesNoted, ident: UUID) -> Do:
    return Do(decider=RECORDING, ident=ident, command=c.Quarantine(at=event.at, reason="do_not_record"))


def _skip(event: Any, ident: UUID, reason: str) -> Do:
    return Do(decider=RECORDING, ident=ident, command=c.SkipVod(at=event.at, reason=reason))


def _retract(event: Any, films: Sequence[Any], reason: str) -> list[Do]:
    command = c.RetractVod(at=event.at, reason=reason)
    return [
        Do(decider=VOD, ident=film.film_id, command=command)
        for film in films
        if film.kind == ON_DEMAND and film.situation not in ("FAILED", "RETRACTED")
    ]

"""Sessions and the stream: armed, live, next session, closed, ended. Source: duties.md D7, D8, L8; domain.md I6, I7, U7.

The recording is asked for before the stream and finished before its end is, so that no frame on air goes unrecorded.
"""

from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event, Role
from contracts.problems import WrongState
from services.stage import commands as c
from services.stage.domain import preparation, recording, rights
from services.stage.domain.refusals import (
    AlreadyLive,
    CloseNotDelegated,
    NotLive,
    NotReady,
    SeatNotStaffed,
    StageBusy,
    UnknownSession,
)
from services.stage.domain.state import (
    Armed,
    DestinationStatus,
    Ended,
    Ending,
    Failed,
    Live,
    Prepared,
    Program,
    StageRun,
    Starting,
)
from services.stage.domain.telling import ALLOWED, tell, wrong_state

Asked: TypeAlias = c.ArmSession | c.GoLive | c.StartNextSession | c.CloseSession | c.EndStream
Told: TypeAlias = (
    e.SessionArmed
    | e.StreamStartRequested
    | e.StreamStarted
    | e.StreamStartFailed
    | e.SessionStartRequested
    | e.SessionStarted
    | e.SessionCloseRequested
    | e.SessionEnded
    | e.StreamEndRequested
    | e.StreamEnded
    | e.StreamEndFailed
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.ArmSession():
            return _arm(command, stage)
        case c.GoLive():
            return _go_live(command, stage)
        case c.StartNextSession():
            return _start_next(command, stage)
        case c.CloseSession():
            return _close(command, stage)
        case c.EndStream():
            if not isinstance(stage.phase, Live):
                raise wrong_state(stage, NotLive)
            fields = {"effect_id": command.effect_id, "run_id": stage.phase.run_id, "by": command.by}
            stops = recording.stop(command, stage, e.SegmentCause.STREAM_END, command.effect_id)
            return [*stops, tell(e.StreamEndRequested, command, stage, **fields)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.SessionArmed():
            return replace(stage, phase=Armed(session_id=event.session_id))
        case e.StreamStartRequested():
            return _starting(stage, event)
        case e.StreamStarted():
            live = Live(run_id=event.run_id, session_id=event.session_id, since=event.at)
            return replace(stage, phase=live)
        case e.StreamStartFailed():
            failed = Failed(session_id=event.session_id, reason=event.reason)
            return replace(stage, phase=failed, engine=replace(stage.engine, retiring=stage.engine.up))
        case e.SessionStarted() | e.SessionEnded():
            return _session_changed(stage, event)
        case e.StreamEndRequested():
            return replace(stage, phase=_ending(stage))
        case e.StreamEnded():
            engine = replace(stage.engine, retiring=stage.engine.up)
            return replace(stage, phase=Ended(run_id=event.run_id), program=Program(), preview=None, engine=engine)
        case e.StreamEndFailed():
            return _still_live(stage)
        case e.SessionStartRequested() | e.SessionCloseRequested():
            return stage
        case _:
            assert_never(event)


def _starting(stage: StageRun, event: e.StreamStartRequested) -> StageRun:
    """Destinations of an earlier stream are wanted again."""
    again = {
        ident: replace(one, status=DestinationStatus.ENABLED) if one.wanted else one
        for ident, one in stage.destinations.items()
    }
    phase = Starting(run_id=event.run_id, session_id=event.session_id)
    return replace(stage, phase=phase, destinations=again)


def _session_changed(stage: StageRun, event: e.SessionStarted | e.SessionEnded) -> StageRun:
    """What must not be streamed stays hidden until the next session begins."""
    if not isinstance(stage.phase, Live | Ending):
        return stage
    if isinstance(event, e.SessionEnded):
        return replace(stage, phase=replace(stage.phase, session_id=None))
    program = replace(stage.program, withheld=withheld(event.session_id, stage))
    return replace(stage, phase=replace(stage.phase, session_id=event.session_id), program=program)


def _ending(stage: StageRun) -> Ending:
    assert isinstance(stage.phase, Live)
    return Ending(run_id=stage.phase.run_id, session_id=stage.phase.session_id, since=stage.phase.since)


def _still_live(stage: StageRun) -> StageRun:
    if not isinstance(stage.phase, Ending):
        return stage
    phase = stage.phase
    return replace(stage, phase=Live(run_id=phase.run_id, session_id=phase.session_id, since=phase.since))


def withheld(session_id: UUID, stage: StageRun) -> bool:
    """Whether a session must not be streamed. Source: duties.md Q29."""
    session = stage.rundown.sessions.get(session_id)
    return session is not None and session.do_not_stream


def _require_session(session_id: UUID, stage: StageRun) -> None:
    if session_id not in stage.rundown.sessions:
        raise UnknownSession
    if not stage.analysts:
        raise SeatNotStaffed


def _busy(session_id: UUID, stage: StageRun) -> AlreadyLive | StageBusy:
    running = str(stage.session_id) if stage.session_id else None
    refusal = AlreadyLive if stage.session_id == session_id else StageBusy
    return refusal(session_id=running, run_id=str(stage.run_id))


def _arm(command: c.ArmSession, stage: StageRun) -> list[Event]:
    if stage.on_air:
        raise _busy(command.session_id, stage)
    if not isinstance(stage.phase, Prepared | Armed | Ended | Failed) or not stage.rundown.version:
        raise wrong_state(stage)
    _require_session(command.session_id, stage)
    if stage.session_id == command.session_id:
        return []
    return [tell(e.SessionArmed, command, stage, session_id=command.session_id, by=command.by)]


def _go_live(command: c.GoLive, stage: StageRun) -> list[Event]:
    """Going live twice is refused with the stream that runs, so that nobody believes in two."""
    if stage.on_air:
        raise _busy(command.session_id, stage)
    if not isinstance(stage.phase, Armed) or stage.phase.session_id != command.session_id:
        armed = str(stage.session_id) if stage.session_id else None
        raise WrongState(state=stage.situation, allowed=ALLOWED[stage.situation], armed=armed)
    _require_session(command.session_id, stage)
    missing = preparation.missing(stage)
    if missing and stage.waived is None:
        raise NotReady(missing=missing)
    fields = {"effect_id": command.effect_id, "run_id": command.run_id, "session_id": command.session_id}
    record = recording.start(command, stage, command.segment_id, command.run_id, command.session_id)
    return [*record, tell(e.StreamStartRequested, command, stage, by=command.by, **fields)]


def _start_next(command: c.StartNextSession, stage: StageRun) -> list[Event]:
    if not isinstance(stage.phase, Live):
        raise wrong_state(stage, NotLive)
    asked = [one.session_id for one in stage.pending.values() if isinstance(one, e.SessionStartRequested)]
    if stage.phase.session_id is not None or asked:
        session_id = str(stage.phase.session_id or asked[0])
        refusal = AlreadyLive if session_id == str(command.session_id) else StageBusy
        raise refusal(session_id=session_id, run_id=str(stage.phase.run_id))
    _require_session(command.session_id, stage)
    run_id = stage.phase.run_id
    fields = {"effect_id": command.effect_id, "run_id": run_id, "session_id": command.session_id}
    record = recording.start(command, stage, command.segment_id, run_id, command.session_id)
    return [*record, tell(e.SessionStartRequested, command, stage, by=command.by, **fields)]


def _close(command: c.CloseSession, stage: StageRun) -> list[Event]:
    """The analyst closes under the lease; the customer's team by delegation, which needs no lease. Source: duties.md L8."""
    if command.role is Role.CUSTOMER:
        if not stage.delegation.covers(command.session_id):
            raise CloseNotDelegated
    else:
        rights.require_lease(command, stage)
        rights.require_coverage(command, stage)
    if not isinstance(stage.phase, Live):
        raise wrong_state(stage, NotLive)
    if stage.phase.session_id != command.session_id:
        running = str(stage.phase.session_id) if stage.phase.session_id else None
        raise WrongState("This session is not running.", state="LIVE", allowed=ALLOWED["LIVE"], session_id=running)
    asked = [one for one in stage.pending.values() if isinstance(one, e.SessionCloseRequested)]
    if asked:
        return []
    fields = {"effect_id": command.effect_id, "run_id": stage.phase.run_id, "session_id": command.session_id}
    stops = recording.stop(command, stage, e.SegmentCause.SESSION_END, command.effect_id)
    return [*stops, tell(e.SessionCloseRequested, command, stage, by=command.by, **fields)]

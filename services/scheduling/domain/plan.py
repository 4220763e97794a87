"""A plan: stages, sessions, cues and speakers of a show, and what keeps it from being put in force. Pure data.

Source: duties.md D2, L7, L8.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from msgspec.structs import replace

from contracts.scheduling import Cue, Session, SessionKind, Speaker, Stage
from services.scheduling.domain.situations import Value
from services.scheduling.schedules.model import Problem
from services.scheduling.timing import Slot, overlaps

CUES_OF_A_SESSION: Final = (("session_start", "Start"), ("speakers_on", "Speakers on stage"), ("session_end", "Close"))
CUES_OF_A_BREAK: Final = (("break", "Break"),)
CUES_OF_A_CLIP: Final = (("clip", "Play"),)


class Plan(Value, frozen=True):
    """Made with `plan_of`, so that equal plans are equal: sorted, and without speakers nobody names."""

    stages: tuple[Stage, ...] = ()
    sessions: tuple[Session, ...] = ()
    cues: tuple[Cue, ...] = ()
    speakers: tuple[Speaker, ...] = ()

    def session(self, session_id: UUID) -> Session | None:
        return next((session for session in self.sessions if session.session_id == session_id), None)

    def of_stage(self, stage_id: UUID) -> "Plan":
        """The part of one stage."""
        return plan_of(
            (stage for stage in self.stages if stage.stage_id == stage_id),
            (session for session in self.sessions if session.stage_id == stage_id),
            self.cues,
            self.speakers,
        )

    @property
    def times(self) -> tuple[datetime, datetime] | None:
        """When the first session starts and the last one ends."""
        if not self.sessions:
            return None
        return min(s.starts_at for s in self.sessions), max(s.ends_at for s in self.sessions)

    def slots(self) -> list[Slot]:
        return [slot_of(session) for session in self.sessions]


def plan_of(
    stages: Iterable[Stage], sessions: Iterable[Session], cues: Iterable[Cue], speakers: Iterable[Speaker]
) -> Plan:
    """Stages and speakers of no session are left out, and cues of sessions that are not there."""
    ordered = tuple(sorted(sessions, key=lambda it: (it.stage_id, it.starts_at, it.ends_at, it.session_id)))
    known = {session.session_id for session in ordered}
    used = {session.stage_id for session in ordered}
    named = {speaker_id for session in ordered for speaker_id in session.speaker_ids}
    return Plan(
        stages=tuple(sorted((it for it in stages if it.stage_id in used), key=lambda it: (it.name, it.stage_id))),
        sessions=ordered,
        cues=tuple(sorted((cue for cue in cues if cue.session_id in known), key=lambda it: (it.order, it.cue_id))),
        speakers=tuple(sorted((one for one in speakers if one.speaker_id in named), key=lambda one: one.speaker_id)),
    )


def slot_of(session: Session) -> Slot:
    return Slot(
        id=str(session.session_id),
        stage=str(session.stage_id),
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        session=session.kind.is_session,
    )


def shifted(plan: Plan, shift_s: int) -> Plan:
    by = timedelta(seconds=shift_s)
    moved = (replace(it, starts_at=it.starts_at + by, ends_at=it.ends_at + by) for it in plan.sessions)
    return plan_of(plan.stages, moved, plan.cues, plan.speakers)


def with_session(plan: Plan, session: Session, stage_name: str | None) -> Plan:
    """The plan with this session in place of the one with its id, and the cues in the order of the sessions again.

    A session new to the plan gets its usual cues.
    """
    known = plan.session(session.session_id) is not None
    stages = {stage.stage_id: stage for stage in plan.stages}
    if stage_name is not None:
        stages[session.stage_id] = Stage(stage_id=session.stage_id, name=stage_name)
    sessions = (*(it for it in plan.sessions if it.session_id != session.session_id), session)
    cues = plan.cues if known else (*plan.cues, *usual_cues([session]))
    return plan_of(stages.values(), sessions, _in_order(cues, sessions), plan.speakers)


def _in_order(cues: Iterable[Cue], sessions: Iterable[Session]) -> list[Cue]:
    """The cues sorted as their sessions start and, within a session, as they were; counted anew on each stage."""
    by_id = {session.session_id: session for session in sessions}
    return _counted(
        sorted(cues, key=lambda it: (by_id[it.session_id].starts_at, by_id[it.session_id].ends_at, it.order)), by_id
    )


def _counted(cues: Iterable[Cue], by_id: Mapping[UUID, Session]) -> list[Cue]:
    last, found = dict[UUID, int](), list[Cue]()
    for cue in cues:
        stage_id = by_id[cue.session_id].stage_id
        last[stage_id] = last.get(stage_id, 0) + 1
        found.append(replace(cue, order=last[stage_id]))
    return found


def with_speaker(plan: Plan, session_id: UUID, speaker: Speaker) -> Plan:
    sessions = (
        replace(it, speaker_ids=(*it.speaker_ids, speaker.speaker_id))
        if it.session_id == session_id and speaker.speaker_id not in it.speaker_ids
        else it
        for it in plan.sessions
    )
    others = (one for one in plan.speakers if one.speaker_id != speaker.speaker_id)
    return plan_of(plan.stages, sessions, plan.cues, (*others, speaker))


def with_cue(plan: Plan, cue: Cue) -> Plan:
    """The plan with this cue where its order says on its stage, or behind the last cue of its session for order 0."""
    by_id = {session.session_id: session for session in plan.sessions}
    stage_id = by_id[cue.session_id].stage_id
    mine = [it for it in plan.cues if by_id[it.session_id].stage_id == stage_id]
    last = max((it.order for it in mine if it.session_id == cue.session_id), default=len(mine))
    place = min(cue.order - 1 if cue.order else last, len(mine))
    others = [it for it in plan.cues if it not in mine]
    cues = (*others, *_counted((*mine[:place], cue, *mine[place:]), by_id))
    return plan_of(plan.stages, plan.sessions, cues, plan.speakers)


def usual_cues(sessions: Sequence[Session]) -> list[Cue]:
    """The cues every session has, counted on each stage in the order of time; their ids follow from the session's."""
    by_id = {session.session_id: session for session in sessions}
    found = list[Cue]()
    for session in sorted(sessions, key=lambda it: (it.starts_at, it.stage_id)):
        for kind, label in _usual(session.kind):
            text = label if kind == "break" else f"{label}: {session.title}"
            cue_id = uuid5(session.session_id, f"cue:{kind}")
            found.append(Cue(cue_id=cue_id, session_id=session.session_id, kind=kind, label=text, order=0))
    return _counted(found, by_id)


def _usual(kind: SessionKind) -> tuple[tuple[str, str], ...]:
    match kind:
        case SessionKind.BREAK:
            return CUES_OF_A_BREAK
        case SessionKind.CLIP:
            return CUES_OF_A_CLIP
        case _:
            return CUES_OF_A_SESSION


def problems(plan: Plan) -> list[Problem]:
    """Everything that keeps the plan from being put in force. Source: duties.md D2 (RUNDOWN_INVALID)."""
    if not plan.sessions:
        return [Problem(line=None, field="/sessions", rule="there are no sessions")]
    return [*_of_sessions(plan), *_overlapping(plan), *_of_cues(plan)]


def _of_sessions(plan: Plan) -> Iterable[Problem]:
    stages = {stage.stage_id for stage in plan.stages}
    people = {one.speaker_id for one in plan.speakers}
    for session in plan.sessions:
        place = f"/sessions/{session.session_id}"
        if session.ends_at <= session.starts_at:
            yield Problem(line=None, field=f"{place}/ends_at", rule=f"{session.title!r} does not end after it starts")
        if session.stage_id not in stages:
            yield Problem(line=None, field=f"{place}/stage_id", rule=f"{session.title!r} is on no stage of this show")
        if session.kind.is_session and not session.speaker_ids:
            rule = f"{session.title!r} has no speaker and is neither a break nor a clip"
            yield Problem(line=None, field=f"{place}/speakers", rule=rule)
        for speaker_id in session.speaker_ids:
            if speaker_id not in people:
                yield Problem(line=None, field=f"{place}/speakers", rule=f"nobody is known as {speaker_id}")


def _overlapping(plan: Plan) -> Iterable[Problem]:
    by_id: Mapping[str, Session] = {str(session.session_id): session for session in plan.sessions}
    for found in overlaps(it for it in plan.slots() if it.starts_at < it.ends_at):
        first, second = by_id[found.first], by_id[found.second]
        yield Problem(
            line=None,
            field=f"/sessions/{found.second}/starts_at",
            rule=f"{second.title!r} overlaps {first.title!r} on the same stage by {found.overlap_s} s",
        )


def _of_cues(plan: Plan) -> Iterable[Problem]:
    """The cues of a stage have to come in the order of its sessions."""
    starts = {session.session_id: (session.stage_id, session.starts_at) for session in plan.sessions}
    latest = dict[UUID, datetime]()
    for cue in plan.cues:
        stage_id, starts_at = starts[cue.session_id]
        if stage_id in latest and starts_at < latest[stage_id]:
            rule = f"{cue.label!r} comes after cues of a later session"
            yield Problem(line=None, field=f"/cues/{cue.cue_id}/order", rule=rule)
        latest[stage_id] = max(starts_at, latest.get(stage_id, starts_at))

"""The aggregate of a show's preparation: a slot per session, and where each of its speakers stands.

A slot ends as its session starts; who comes late is prepared all the same. Source: duties.md L7, D6, Q11, Q21;
domain.md section 3 (8), P15.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event
from contracts.problems import NotFound, WrongState
from services.scheduling import commands as c
from services.scheduling.domain.refusals import PrepSlotNotOpen
from services.scheduling.domain.situations import Value, tags

PrepEvent: TypeAlias = (
    e.PrepSlotPlanned
    | e.PrepSlotWithdrawn
    | e.PrepConflictFound
    | e.PrepWindowCompressed
    | e.PrepSlotOpened
    | e.SpeakerPrepStarted
    | e.SpeakerPrepCompleted
    | e.SpeakerPrepMissed
)
NO_SHOW: Final = "no_show"


class PrepStatus(StrEnum):
    PLANNED = "PLANNED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    MISSED = "MISSED"


class SpeakerPrep(Value, frozen=True):
    status: PrepStatus = PrepStatus.PLANNED
    screen_share_rehearsed: bool = False
    reason: str = ""


class PrepSlot(Value, frozen=True):
    """[`starts_at`, `ends_at`) and where its speakers stand. `left_s` is what an overrun before it leaves."""

    session_id: UUID
    stage_id: UUID
    starts_at: datetime
    ends_at: datetime
    speakers: Mapping[UUID, SpeakerPrep]
    opened: bool = False
    left_s: int | None = None


class Prep(Value, frozen=True):
    show_id: UUID | None = None
    grace_s: int = 0
    slots: Mapping[UUID, PrepSlot] = {}
    conflicts: frozenset[tuple[UUID, UUID, str]] = frozenset()


def decide(command: c.PrepCommand, prep: Prep) -> Sequence[Event]:
    if isinstance(command, c.PlanPrep):
        return _plan(command, prep)
    slot = prep.slots.get(command.session_id)
    if slot is None or prep.show_id is None:
        raise NotFound
    match command:
        case c.OpenPrepSlot():
            if slot.opened or command.at < slot.starts_at:
                return []
            return [
                e.PrepSlotOpened(
                    at=command.at, show_id=prep.show_id, session_id=slot.session_id, stage_id=slot.stage_id
                )
            ]
        case c.ReportNoShows():
            waiting = [one for one, it in slot.speakers.items() if it.status is PrepStatus.PLANNED]
            return [_missed(command, prep.show_id, one, NO_SHOW) for one in sorted(waiting)]
        case c.StartSpeakerPrep() | c.CompleteSpeakerPrep() | c.MissSpeakerPrep():
            return _of_speaker(command, prep.show_id, slot)
        case _:
            assert_never(command)


def _plan(command: c.PlanPrep, prep: Prep) -> list[Event]:
    """Tells the difference. A slot in which somebody was prepared is not withdrawn."""
    told = list[Event]()
    wanted = {slot.session_id: slot for slot in command.slots}
    for slot in prep.slots.values():
        untouched = all(it.status is PrepStatus.PLANNED for it in slot.speakers.values())
        if slot.session_id not in wanted and untouched:
            told.append(e.PrepSlotWithdrawn(at=command.at, show_id=command.show_id, session_id=slot.session_id))
    told += [_planned(command, slot) for slot in command.slots if _differs(slot, prep, command.no_show_grace_s)]
    for found in command.conflicts:
        claim: str = "live" if found.live else "prep"
        if (found.session_id, found.other_session_id, claim) not in prep.conflicts:
            told.append(
                e.PrepConflictFound(
                    at=command.at,
                    show_id=command.show_id,
                    session_id=found.session_id,
                    other_session_id=found.other_session_id,
                    claim="live" if found.live else "prep",
                )
            )
    return told + _compressed(command, prep)


def _compressed(command: c.PlanPrep, prep: Prep) -> list[Event]:
    told = list[Event]()
    for found in command.compressed:
        slot = prep.slots.get(found.session_id)
        if slot is not None and slot.left_s != found.left_s:
            told.append(
                e.PrepWindowCompressed(
                    at=command.at,
                    show_id=command.show_id,
                    session_id=found.session_id,
                    previous_session_id=found.previous_session_id,
                    left_s=found.left_s,
                )
            )
    return told


def _differs(slot: c.PlannedSlot, prep: Prep, grace_s: int) -> bool:
    known = prep.slots.get(slot.session_id)
    if known is None or prep.grace_s != grace_s:
        return True
    same_time = (known.starts_at, known.ends_at) == (slot.starts_at, slot.ends_at)
    return not same_time or known.stage_id != slot.stage_id or set(known.speakers) != set(slot.speaker_ids)


def _planned(command: c.PlanPrep, slot: c.PlannedSlot) -> Event:
    return e.PrepSlotPlanned(
        at=command.at,
        show_id=command.show_id,
        session_id=slot.session_id,
        stage_id=slot.stage_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        speaker_ids=slot.speaker_ids,
        no_show_grace_s=command.no_show_grace_s,
    )


def _of_speaker(
    command: c.StartSpeakerPrep | c.CompleteSpeakerPrep | c.MissSpeakerPrep, show_id: UUID, slot: PrepSlot
) -> list[Event]:
    known = slot.speakers.get(command.speaker_id)
    if known is None:
        raise NotFound
    if command.at < slot.starts_at:
        raise PrepSlotNotOpen(opens_at=slot.starts_at.isoformat())
    match command, known.status:
        case (
            (c.StartSpeakerPrep(), PrepStatus.STARTED)
            | (c.CompleteSpeakerPrep(), PrepStatus.COMPLETED)
            | (c.MissSpeakerPrep(), PrepStatus.MISSED)
        ):
            return []
        case c.StartSpeakerPrep(), PrepStatus.PLANNED | PrepStatus.MISSED:
            return [
                e.SpeakerPrepStarted(
                    at=command.at,
                    show_id=show_id,
                    session_id=slot.session_id,
                    speaker_id=command.speaker_id,
                    by=command.by,
                )
            ]
        case c.CompleteSpeakerPrep(), PrepStatus.STARTED:
            return [
                e.SpeakerPrepCompleted(
                    at=command.at,
                    show_id=show_id,
                    session_id=slot.session_id,
                    speaker_id=command.speaker_id,
                    screen_share_rehearsed=command.screen_share_rehearsed,
                    by=command.by,
                )
            ]
        case c.MissSpeakerPrep(), PrepStatus.PLANNED | PrepStatus.STARTED:
            return [_missed(command, show_id, command.speaker_id, command.reason)]
        case _:
            raise WrongState(state=known.status.value, allowed=list(_ALLOWED[known.status]))


_ALLOWED: Final[dict[PrepStatus, tuple[str, ...]]] = {
    PrepStatus.PLANNED: ("StartSpeakerPrep", "MissSpeakerPrep"),
    PrepStatus.STARTED: ("CompleteSpeakerPrep", "MissSpeakerPrep"),
    PrepStatus.COMPLETED: (),
    PrepStatus.MISSED: ("StartSpeakerPrep",),
}


def _missed(command: c.MissSpeakerPrep | c.ReportNoShows, show_id: UUID, speaker_id: UUID, reason: str) -> Event:
    return e.SpeakerPrepMissed(
        at=command.at, show_id=show_id, session_id=command.session_id, speaker_id=speaker_id, reason=reason
    )


def evolve(prep: Prep, event: PrepEvent) -> Prep:
    match event:
        case e.PrepSlotPlanned():
            return _with_plan(prep, event)
        case e.PrepSlotWithdrawn():
            gone = event.session_id
            conflicts = frozenset(it for it in prep.conflicts if gone not in it)
            return replace(prep, slots={k: it for k, it in prep.slots.items() if k != gone}, conflicts=conflicts)
        case e.PrepConflictFound():
            found = (event.session_id, event.other_session_id, str(event.claim))
            return replace(prep, conflicts=prep.conflicts | {found})
        case e.PrepWindowCompressed():
            return _with(prep, replace(prep.slots[event.session_id], left_s=event.left_s))
        case e.PrepSlotOpened():
            return _with(prep, replace(prep.slots[event.session_id], opened=True))
        case e.SpeakerPrepStarted() | e.SpeakerPrepCompleted() | e.SpeakerPrepMissed():
            slot = prep.slots[event.session_id]
            return _with(prep, replace(slot, speakers={**slot.speakers, event.speaker_id: _standing(event)}))
        case _:
            assert_never(event)


def _standing(event: e.SpeakerPrepStarted | e.SpeakerPrepCompleted | e.SpeakerPrepMissed) -> SpeakerPrep:
    match event:
        case e.SpeakerPrepStarted():
            return SpeakerPrep(status=PrepStatus.STARTED)
        case e.SpeakerPrepCompleted():
            return SpeakerPrep(status=PrepStatus.COMPLETED, screen_share_rehearsed=event.screen_share_rehearsed)
        case e.SpeakerPrepMissed():
            return SpeakerPrep(status=PrepStatus.MISSED, reason=event.reason)
        case _:
            assert_never(event)


def _with(prep: Prep, slot: PrepSlot) -> Prep:
    return replace(prep, slots={**prep.slots, slot.session_id: slot})


def _with_plan(prep: Prep, event: e.PrepSlotPlanned) -> Prep:
    """A slot that moves opens anew; its speakers stay where they stand."""
    known = prep.slots.get(event.session_id)
    before = known.speakers if known is not None else {}
    moved = known is None or known.starts_at != event.starts_at
    slot = PrepSlot(
        session_id=event.session_id,
        stage_id=event.stage_id,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        speakers={one: before.get(one, SpeakerPrep()) for one in event.speaker_ids},
        opened=known is not None and known.opened and not moved,
        left_s=known.left_s if known is not None and not moved else None,
    )
    return _with(replace(prep, show_id=event.show_id, grace_s=event.no_show_grace_s), slot)


PREP: Final[Decider[c.PrepCommand, Prep]] = Decider("prep", Prep(), decide, evolve, tags(PrepEvent))

"""The aggregate of a show's checklist: what the customer and the analyst owe before it, and when all of it is there.

Source: duties.md D1, K1, K1a, K3; domain.md section 3 (9); features.md S17.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event, Sealed
from contracts.problems import NotFound
from contracts.scheduling import ReadinessItem
from services.scheduling import commands as c
from services.scheduling.domain.editing import CUSTOMER_SIDE
from services.scheduling.domain.refusals import (
    BriefingTimesInvalid,
    CustomerDuty,
    OutsideCoverage,
    SpeakerNotInvited,
)
from services.scheduling.domain.situations import Value, tags

ReadinessEvent: TypeAlias = (
    e.SpeakersExpected
    | e.SpeakerInvitationConfirmed
    | e.BestPracticesBriefed
    | e.ContactRegistered
    | e.ReadinessItemTicked
    | e.ReadinessItemUnticked
    | e.ReadinessReached
    | e.ReadinessLost
)


class Contact(Value, frozen=True):
    side: str
    name: Sealed
    address: Sealed


class Briefing(Value, frozen=True):
    topics: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    activity: str
    by: str


class Readiness(Value, frozen=True):
    """`ticked` are items told of by others; the speakers' item follows from `expected` and `invited`."""

    version: int = 0
    expected: frozenset[UUID] = frozenset()
    invited: frozenset[UUID] = frozenset()
    briefings: tuple[Briefing, ...] = ()
    contacts: Mapping[UUID, Contact] = {}
    ticked: frozenset[ReadinessItem] = frozenset()
    reached: bool = False

    def has(self, item: ReadinessItem) -> bool:
        match item:
            case ReadinessItem.SPEAKERS_INVITED:
                return self.version > 0 and self.expected <= self.invited
            case ReadinessItem.BEST_PRACTICES_BRIEFED:
                return bool(self.briefings)
            case _:
                return item in self.ticked

    @property
    def missing(self) -> tuple[ReadinessItem, ...]:
        return tuple(item for item in ReadinessItem if not self.has(item))


def decide(command: c.ReadinessCommand, ready: Readiness) -> Sequence[Event]:
    if isinstance(command, c.RequireInvited):
        if command.speaker_id not in ready.invited:
            raise SpeakerNotInvited(speaker_id=str(command.speaker_id))
        return []
    told = _facts(command, ready)
    if not told:
        return []
    after = ready
    for event in told:
        after = evolve(after, event)
    if after.reached and after.missing:
        return [*told, e.ReadinessLost(at=command.at, show_id=command.show_id, missing=after.missing)]
    if not after.reached and not after.missing:
        return [*told, e.ReadinessReached(at=command.at, show_id=command.show_id)]
    return told


Fact: TypeAlias = c.ExpectSpeakers | c.ConfirmInvitation | c.RecordBriefing | c.RegisterContact | c.TickItem


def _facts(command: Fact, ready: Readiness) -> Sequence[ReadinessEvent]:
    at, show_id = command.at, command.show_id
    match command:
        case c.ExpectSpeakers():
            people = frozenset(command.speaker_ids)
            if command.rundown_version < ready.version or (ready.version and people == ready.expected):
                return []
            return [
                e.SpeakersExpected(
                    at=at, show_id=show_id, rundown_version=command.rundown_version, speaker_ids=tuple(sorted(people))
                )
            ]
        case c.ConfirmInvitation():
            return _confirm(command, ready)
        case c.RecordBriefing():
            return _brief(command)
        case c.RegisterContact():
            if command.contact_id in ready.contacts:
                return []
            return [
                e.ContactRegistered(
                    at=at,
                    show_id=show_id,
                    contact_id=command.contact_id,
                    side=command.side,
                    name=command.name,
                    address=command.address,
                )
            ]
        case c.TickItem():
            if (command.item in ready.ticked) == command.there:
                return []
            told = e.ReadinessItemTicked if command.there else e.ReadinessItemUnticked
            return [told(at=at, show_id=show_id, item=command.item)]
        case _:
            assert_never(command)


def _confirm(command: c.ConfirmInvitation, ready: Readiness) -> Sequence[ReadinessEvent]:
    """Sending links is the customer's duty, whoever the analyst wants to help. Source: duties.md K1a."""
    if command.role not in CUSTOMER_SIDE:
        raise CustomerDuty("The customer sends the invitations and confirms it.", role=command.role)
    if command.speaker_id not in ready.expected:
        raise NotFound
    if command.speaker_id in ready.invited:
        return []
    return [
        e.SpeakerInvitationConfirmed(
            at=command.at, show_id=command.show_id, speaker_id=command.speaker_id, by=command.by
        )
    ]


def _brief(command: c.RecordBriefing) -> Sequence[ReadinessEvent]:
    if not command.started_at < command.ended_at <= command.at:
        raise BriefingTimesInvalid
    window = command.coverage
    inside = window is not None and window[0] <= command.started_at and command.ended_at <= window[1]
    if not inside and not command.as_preparation:
        raise OutsideCoverage(
            "Log it as preparation work, or brief inside coverage.",
            opens_at=window[0].isoformat() if window else None,
            closes_at=window[1].isoformat() if window else None,
        )
    return [
        e.BestPracticesBriefed(
            at=command.at,
            show_id=command.show_id,
            topics=command.topics,
            started_at=command.started_at,
            ended_at=command.ended_at,
            activity="preparation" if command.as_preparation else "coverage",
            by=command.by,
        )
    ]


def evolve(ready: Readiness, event: ReadinessEvent) -> Readiness:
    match event:
        case e.SpeakersExpected():
            return replace(ready, version=event.rundown_version, expected=frozenset(event.speaker_ids))
        case e.SpeakerInvitationConfirmed():
            return replace(ready, invited=ready.invited | {event.speaker_id})
        case e.BestPracticesBriefed():
            briefing = Briefing(
                topics=event.topics,
                started_at=event.started_at,
                ended_at=event.ended_at,
                activity=event.activity,
                by=event.by,
            )
            return replace(ready, briefings=(*ready.briefings, briefing))
        case e.ContactRegistered():
            contact = Contact(side=event.side, name=event.name, address=event.address)
            return replace(ready, contacts={**ready.contacts, event.contact_id: contact})
        case e.ReadinessItemTicked():
            return replace(ready, ticked=ready.ticked | {event.item})
        case e.ReadinessItemUnticked():
            return replace(ready, ticked=ready.ticked - {event.item})
        case e.ReadinessReached():
            return replace(ready, reached=True)
        case e.ReadinessLost():
            return replace(ready, reached=False)
        case _:
            assert_never(event)


READINESS: Final[Decider[c.ReadinessCommand, Readiness]] = Decider(
    "readiness", Readiness(), decide, evolve, tags(ReadinessEvent)
)

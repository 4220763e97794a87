"""What may be recorded and put on demand, for one show; the sources are entitlement, scheduling and the customer."""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never, get_args
from uuid import UUID

import msgspec

from chassis.decider import Decider
from contracts import media as e
from contracts.envelope import Event, Role
from services.media import commands as c
from services.media.domain.refusals import CustomerDuty

WISHES: Final = frozenset({Role.CUSTOMER, Role.INTEGRATOR})
"""Who speaks for the customer; an integrator is the customer's own platform."""


class StageRules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one stage's rundown, as last published."""

    titles: dict[UUID, str]
    do_not_record: tuple[UUID, ...]


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """`entitled` is None while nobody has said; that counts as no, and can still change."""

    entitled: bool | None = None
    opted_out: str | None = None
    stages: dict[UUID, StageRules] = {}

    def forbids(self, session_id: UUID) -> bool:
        """Whether the session must not be recorded, on whichever stage it is planned. Source: duties.md Q29."""
        return any(session_id in rules.do_not_record for rules in self.stages.values())

    def title(self, session_id: UUID) -> str | None:
        return next((rules.titles[session_id] for rules in self.stages.values() if session_id in rules.titles), None)

    def obstacle(self, session_id: UUID) -> str | None:
        """Why a recording of the session does not go on demand; None when it may. Source: duties.md Q25, Q29."""
        if self.forbids(session_id):
            return "recording_forbidden"
        if self.opted_out is not None:
            return f"opted_out: {self.opted_out}"
        return None if self.entitled else "vod_not_entitled"


Told: TypeAlias = e.VodRightNoted | e.VodOptedOut | e.RecordingRulesNoted


def decide(command: c.RightsCommand, rights: Rights) -> Sequence[Event]:
    match command:
        case c.NoteVodRight():
            if rights.entitled == command.entitled:
                return []
            return [e.VodRightNoted(at=command.at, show_id=command.show_id, entitled=command.entitled)]
        case c.OptOutOfVod():
            if command.role not in WISHES:
                raise CustomerDuty
            if rights.opted_out is not None:
                return []
            return [e.VodOptedOut(at=command.at, show_id=command.show_id, reason=command.reason)]
        case c.NoteRecordingRules():
            rules = StageRules(titles=command.titles, do_not_record=command.do_not_record)
            if rights.stages.get(command.stage_id) == rules:
                return []
            return [e.RecordingRulesNoted(**msgspec.structs.asdict(command))]
        case _:
            assert_never(command)


def evolve(rights: Rights, event: Told) -> Rights:
    match event:
        case e.VodRightNoted():
            return msgspec.structs.replace(rights, entitled=event.entitled)
        case e.VodOptedOut():
            return msgspec.structs.replace(rights, opted_out=event.reason)
        case e.RecordingRulesNoted():
            rules = StageRules(titles=event.titles, do_not_record=event.do_not_record)
            return msgspec.structs.replace(rights, stages={**rights.stages, event.stage_id: rules})
        case _:
            assert_never(event)


RIGHTS: Final = Decider("rights", Rights(), decide, evolve, {event.tag(): event for event in get_args(Told)})

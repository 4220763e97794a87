"""The aggregate of a session's time checks: asked for by somebody on stage, answered by the analyst.

Source: duties.md D16 (on request; the value is derived, with its basis).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event
from contracts.problems import NotFound
from contracts.scheduling import TimeBasis
from services.scheduling import commands as c
from services.scheduling.domain.situations import Value, tags

TimeCheckEvent: TypeAlias = e.TimeCheckRequested | e.TimeCheckGiven


class TimeCheck(Value, frozen=True):
    """Answered once `remaining_s` is there."""

    check_id: UUID
    show_id: UUID
    stage_id: UUID
    session_id: UUID
    requested_at: datetime
    by: str
    remaining_s: int | None = None
    ends_at: datetime | None = None
    basis: TimeBasis | None = None


class TimeChecks(Value, frozen=True):
    checks: Mapping[UUID, TimeCheck] = {}


def decide(command: c.TimeCheckCommand, asked: TimeChecks) -> Sequence[Event]:
    known = asked.checks.get(command.check_id)
    match command:
        case c.RequestTimeCheck():
            if known is not None:
                return []
            return [
                e.TimeCheckRequested(
                    at=command.at,
                    show_id=command.show_id,
                    check_id=command.check_id,
                    stage_id=command.stage_id,
                    session_id=command.session_id,
                    by=command.by,
                )
            ]
        case c.AnswerTimeCheck():
            if known is None:
                raise NotFound
            if known.remaining_s is not None:
                return []
            return [
                e.TimeCheckGiven(
                    at=command.at,
                    show_id=known.show_id,
                    check_id=command.check_id,
                    stage_id=known.stage_id,
                    session_id=known.session_id,
                    remaining_s=command.remaining_s,
                    ends_at=command.ends_at,
                    basis=command.basis,
                    by=command.by,
                )
            ]
        case _:
            assert_never(command)


def evolve(asked: TimeChecks, event: TimeCheckEvent) -> TimeChecks:
    match event:
        case e.TimeCheckRequested():
            check = TimeCheck(
                check_id=event.check_id,
                show_id=event.show_id,
                stage_id=event.stage_id,
                session_id=event.session_id,
                requested_at=event.at,
                by=event.by,
            )
        case e.TimeCheckGiven():
            known = asked.checks[event.check_id]
            check = replace(known, remaining_s=event.remaining_s, ends_at=event.ends_at, basis=event.basis)
        case _:
            assert_never(event)
    return TimeChecks(checks={**asked.checks, event.check_id: check})


TIMECHECKS: Final[Decider[c.TimeCheckCommand, TimeChecks]] = Decider(
    "timechecks", TimeChecks(), decide, evolve, tags(TimeCheckEvent)
)

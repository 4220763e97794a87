"""The aggregate of a show's back-to-back sessions: the training that lets the customer's team close the first of two.

An option, never a block: a training is completed or waived before the closing is delegated. Source: duties.md L8, Q21,
Q23; domain.md section 3 (10).
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
from contracts.problems import NotFound
from services.scheduling import commands as c
from services.scheduling.domain.refusals import CloseAlreadyDelegated
from services.scheduling.domain.situations import Value, tags

TrainingEvent: TypeAlias = (
    e.BackToBackDetected
    | e.BackToBackCleared
    | e.CloseSessionTrainingScheduled
    | e.CloseSessionTrainingCompleted
    | e.CloseSessionTrainingWaived
    | e.SessionCloseDelegated
)


class TrainingStatus(StrEnum):
    DETECTED = "DETECTED"
    SCHEDULED = "SCHEDULED"
    COMPLETED = "COMPLETED"
    WAIVED = "WAIVED"
    CLEARED = "CLEARED"


SETTLED: Final = (TrainingStatus.COMPLETED, TrainingStatus.WAIVED)


class Pair(Value, frozen=True):
    """Two sessions without the minimum break. `closable` once the customer's team may close the first one."""

    show_id: UUID
    pair: c.BackToBackPair
    status: TrainingStatus = TrainingStatus.DETECTED
    scheduled_for: datetime | None = None
    closable: bool = False


class Trainings(Value, frozen=True):
    pairs: Mapping[UUID, Pair] = {}


def decide(command: c.TrainingCommand, trainings: Trainings) -> Sequence[Event]:
    if isinstance(command, c.FindBackToBack):
        return _find(command, trainings)
    pair = trainings.pairs.get(command.training_id)
    if pair is None:
        raise NotFound
    match command:
        case c.ScheduleTraining():
            _require_unsettled(pair)
            if pair.scheduled_for == command.scheduled_for:
                return []
            return [
                e.CloseSessionTrainingScheduled(
                    at=command.at,
                    show_id=pair.show_id,
                    training_id=command.training_id,
                    scheduled_for=command.scheduled_for,
                )
            ]
        case c.CompleteTraining():
            if pair.status is TrainingStatus.COMPLETED:
                return []
            _require_unsettled(pair)
            done = e.CloseSessionTrainingCompleted(
                at=command.at, show_id=pair.show_id, training_id=command.training_id, by=command.by
            )
            return [done, _delegated(command, pair)]
        case c.WaiveTraining():
            if pair.status is TrainingStatus.WAIVED:
                return []
            _require_unsettled(pair)
            waived = e.CloseSessionTrainingWaived(
                at=command.at,
                show_id=pair.show_id,
                training_id=command.training_id,
                reason=command.reason,
                by=command.by,
            )
            return [waived, _delegated(command, pair)]
        case _:
            assert_never(command)


def _require_unsettled(pair: Pair) -> None:
    if pair.status in SETTLED:
        raise CloseAlreadyDelegated(state=pair.status.value)


def _delegated(command: c.CompleteTraining | c.WaiveTraining, pair: Pair) -> Event:
    return e.SessionCloseDelegated(
        at=command.at,
        show_id=pair.show_id,
        training_id=command.training_id,
        stage_id=pair.pair.stage_id,
        session_id=pair.pair.first_session_id,
    )


def _find(command: c.FindBackToBack, trainings: Trainings) -> list[Event]:
    """Tells the difference; a training that was given stays given."""
    told = list[Event]()
    wanted = {pair.training_id for pair in command.pairs}
    for ident, known in trainings.pairs.items():
        if ident not in wanted and known.status in (TrainingStatus.DETECTED, TrainingStatus.SCHEDULED):
            told.append(e.BackToBackCleared(at=command.at, show_id=command.show_id, training_id=ident))
    for pair in command.pairs:
        known_pair = trainings.pairs.get(pair.training_id)
        if known_pair is not None and known_pair.status is not TrainingStatus.CLEARED and known_pair.pair == pair:
            continue
        if known_pair is not None and known_pair.status in SETTLED:
            continue
        told.append(
            e.BackToBackDetected(
                at=command.at,
                show_id=command.show_id,
                training_id=pair.training_id,
                stage_id=pair.stage_id,
                first_session_id=pair.first_session_id,
                second_session_id=pair.second_session_id,
                gap_s=pair.gap_s,
                live=pair.live,
            )
        )
    return told


def evolve(trainings: Trainings, event: TrainingEvent) -> Trainings:
    if isinstance(event, e.BackToBackDetected):
        return _with(trainings, _detected(trainings, event))
    pair = trainings.pairs[event.training_id]
    match event:
        case e.BackToBackCleared():
            return _with(trainings, replace(pair, status=TrainingStatus.CLEARED))
        case e.CloseSessionTrainingScheduled():
            return _with(trainings, replace(pair, status=TrainingStatus.SCHEDULED, scheduled_for=event.scheduled_for))
        case e.CloseSessionTrainingCompleted():
            return _with(trainings, replace(pair, status=TrainingStatus.COMPLETED))
        case e.CloseSessionTrainingWaived():
            return _with(trainings, replace(pair, status=TrainingStatus.WAIVED))
        case e.SessionCloseDelegated():
            return _with(trainings, replace(pair, closable=True))
        case _:
            assert_never(event)


def _detected(trainings: Trainings, event: e.BackToBackDetected) -> Pair:
    pair = c.BackToBackPair(
        training_id=event.training_id,
        stage_id=event.stage_id,
        first_session_id=event.first_session_id,
        second_session_id=event.second_session_id,
        gap_s=event.gap_s,
        live=event.live,
    )
    known = trainings.pairs.get(event.training_id)
    if known is not None and known.status is TrainingStatus.SCHEDULED:
        return replace(known, pair=pair)
    return Pair(show_id=event.show_id, pair=pair)


def _with(trainings: Trainings, pair: Pair) -> Trainings:
    return Trainings(pairs={**trainings.pairs, pair.pair.training_id: pair})


TRAINING: Final[Decider[c.TrainingCommand, Trainings]] = Decider(
    "training", Trainings(), decide, evolve, tags(TrainingEvent)
)

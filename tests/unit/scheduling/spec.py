"""The grammar of these tests: what was told before, what is asked, what is told then; and a show to speak of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from chassis.decider import Decider
from contracts import scheduling as e
from contracts.envelope import Event, Sealed
from contracts.problems import Refusal
from services.scheduling import commands as c
from services.scheduling.domain.plan import usual_cues

NINE = datetime(2026, 6, 10, 7, tzinfo=UTC)
"""Nine o'clock in Paris, when the show starts."""
NS = UUID(int=7)
SHOW_ID, STAGE, OTHER_STAGE = (uuid5(NS, name) for name in ("show", "stage", "other stage"))
ENTITLEMENT, RUN, SEAT_ID = (uuid5(NS, name) for name in ("entitlement", "run", "seat"))
ANNA, BEN = (uuid5(NS, name) for name in ("anna", "ben"))
ADA = uuid5(NS, "ada")


def at(minutes: float) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=minutes)


def sealed(subject: UUID) -> Sealed:
    return Sealed(subject=str(subject), box="box")


def ident(name: str) -> UUID:
    return uuid5(NS, name)


def session(name: str, start: float, end: float, **more: Any) -> e.Session:
    fields = {"stage_id": STAGE, "speaker_ids": (ADA,), **more}
    return e.Session(session_id=ident(name), title=name, starts_at=at(start), ends_at=at(end), **fields)


def imported(*sessions: e.Session, **more: Any) -> c.ImportRunOfShow:
    stages = {it.stage_id: e.Stage(stage_id=it.stage_id, name=str(it.stage_id)[:4]) for it in sessions}
    fields = {
        "at": at(-600),
        "show_id": SHOW_ID,
        "stages": tuple(stages.values()),
        "sessions": sessions,
        "cues": tuple(usual_cues(sessions)),
        "speakers": (e.Speaker(speaker_id=ADA, name=sealed(ADA)),),
        "source_title": "t",
        "source_version": "1",
        "sha256": "0",
    }
    return c.ImportRunOfShow(**{**fields, **more})


@dataclass
class Story:
    """A stream under test."""

    decider: Decider[Any, Any]
    state: Any
    told: Sequence[Event] = ()

    def given(self, *events: Event) -> "Story":
        return Story(self.decider, self.decider.fold(events, self.state))

    def when(self, *commands: Any) -> "Story":
        """Decides the commands one after the other; `told` is what the last one led to."""
        state, told = self.state, ()
        for command in commands:
            told = tuple(self.decider.decide(command, state))
            state = self.decider.fold(told, state)
        return Story(self.decider, state, told)

    def tells(self, *kinds: type[Event]) -> "Story":
        assert [type(event) for event in self.told] == list(kinds), self.told
        return self

    def refuses(self, command: Any, code: str) -> Refusal:
        with pytest.raises(Refusal) as refusal:
            self.decider.decide(command, self.state)
        assert refusal.value.code == code, refusal.value
        return refusal.value


def story(decider: Decider[Any, Any]) -> Story:
    return Story(decider, decider.initial)

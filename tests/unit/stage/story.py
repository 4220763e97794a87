"""A stage with two sessions, told step by step: what the unit tests of the stage start from."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

import pytest

from contracts import stage as e
from contracts.envelope import Event, Role, Sealed
from contracts.problems import Refusal
from services.stage import commands as c
from services.stage.domain import STAGE
from services.stage.domain.state import StageRun

R = TypeVar("R", bound=Refusal)

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
ANNA, BEN = "anna", "ben"


def ident(name: str) -> UUID:
    return uuid5(UUID(int=7), name)


SHOW, MAIN, TALK, PANEL = (ident(name) for name in ("show", "stage", "talk", "panel"))
ADA, BOB = ident("ada"), ident("bob")
CUES = tuple(ident(f"cue {number}") for number in range(4))
NAME = Sealed(subject="speaker", box="")
BRAND = e.BrandKit(colour="#112233")
SCENE = e.Scene(layout=e.Layout.FULL, sources=(e.Source(kind=e.SourceKind.PRESENTER, id=ADA),))
BOTH = e.Scene(
    layout=e.Layout.SPLIT, sources=tuple(e.Source(kind=e.SourceKind.PRESENTER, id=one) for one in (ADA, BOB))
)


def rundown(version: int = 1, **talk: Any) -> c.PrepareStage:
    plan = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=1)}
    return c.PrepareStage(
        at=NOON,
        show_id=SHOW,
        stage_id=MAIN,
        name="Main",
        rundown_version=version,
        sessions=(
            e.SessionPlan(session_id=TALK, title="Talk", **plan, **talk),
            e.SessionPlan(session_id=PANEL, title="Panel", **plan),
        ),
        cues=tuple(
            e.CuePlan(cue_id=cue, session_id=TALK, kind="cue", label=str(number), order=number)
            for number, cue in enumerate(CUES)
        ),
        presenters={ADA: NAME, BOB: NAME},
        effect_id=ident(f"rundown {version}"),
    )


def coverage(**changes: Any) -> c.UpdateCoverage:
    window = {"opens_at": NOON - timedelta(minutes=30), "closes_at": NOON + timedelta(hours=8)}
    return c.UpdateCoverage(at=NOON, show_id=SHOW, **{"status": e.CoverageStatus.OPEN, **window, **changes})


class Story:
    """Given what happened, when somebody asks, then these events follow, or this refusal."""

    def __init__(self, at: datetime = NOON) -> None:
        self.stage: StageRun = STAGE.initial
        self.events: list[Event] = []
        self.at = at
        self.number = 0

    def now(self, command: c.Command) -> list[Event]:
        """Decide and fold; the events that follow."""
        told = STAGE.decide(command, self.stage)
        self.stage = STAGE.fold(told, self.stage)
        self.events += told
        return list(told)

    def ask(self, kind: type[c.Operated], /, **fields: Any) -> list[Event]:
        """An operator's command: by Anna, who names the lease the stage has now, with a fresh effect id."""
        return self.now(self.build(kind, **fields))

    def build(self, kind: type[c.Operated], /, **fields: Any) -> c.Operated:
        self.number += 1
        given: dict[str, Any] = {"at": self.at, "by": ANNA, "lease": self.stage.lease_number or None, **fields}
        for name in ("effect_id", "segment_id", "run_id"):
            if name in kind.__struct_fields__ and name not in given:
                given[name] = ident(f"{name} {self.number}")
        return kind(**given)

    def refused(self, refusal: type[R], kind: type[c.Operated], /, **fields: Any) -> R:
        command = self.build(kind, **fields)
        with pytest.raises(refusal) as caught:
            STAGE.decide(command, self.stage)
        return caught.value

    def settle(self, frame: int = 100) -> list[Event]:
        """The engine does everything it was asked."""
        told: list[Event] = []
        for effect_id in list(self.stage.pending):
            told += self.now(c.Settle(at=self.at, effect_id=effect_id, frame=frame))
        return told

    def fail(self, reason: str = "no room") -> list[Event]:
        """The engine refuses everything it was asked."""
        told: list[Event] = []
        for effect_id in list(self.stage.pending):
            told += self.now(c.SettleFailed(at=self.at, effect_id=effect_id, reason=reason))
        return told

    # --- the story so far

    def prepared(self, **talk: Any) -> "Story":
        self.now(rundown(**talk))
        self.now(coverage())
        self.now(c.StaffSeat(at=self.at, show_id=SHOW, arriving=(ident("analyst"),)))
        self.ask(c.ApplyBrandKit, brand=BRAND)
        self.ask(c.AcquireLease, ttl_s=36_000)
        return self

    def armed(self, **talk: Any) -> "Story":
        self.prepared(**talk)
        self.ask(c.ArmSession, session_id=TALK)
        self.now(c.ReportEngineStarted(at=self.at))
        return self

    def live(self, **talk: Any) -> "Story":
        self.armed(**talk)
        self.ask(c.GoLive, session_id=TALK)
        self.settle()
        return self

    def ready(self, *presenters: UUID) -> "Story":
        for presenter in presenters:
            self.ask(c.ConnectPresenter, presenter_id=presenter, feed=e.FeedKind.CARD, key_fingerprint=None)
            self.settle()
            source = e.Source(kind=e.SourceKind.PRESENTER, id=presenter)
            self.now(c.ReportSource(at=self.at, source=source, live=True))
            self.ask(c.RecordTechCheck, presenter_id=presenter, light=True, video=True, audio=True)
            self.ask(c.MarkPresenterReady, presenter_id=presenter)
        return self

    def on_stage(self, *presenters: UUID) -> "Story":
        self.ready(*presenters)
        for presenter in presenters:
            self.ask(c.BringOnStage, presenter_id=presenter)
        self.settle()
        return self

    def destination(self, name: str = "tube", *, enabled: bool = True) -> UUID:
        made = ident(name)
        fields = {"name": name, "kind": e.DestinationKind.RTMP, "url": f"rtmp://{name}.example/live"}
        self.ask(c.CreateDestination, destination_id=made, key_fingerprint=f"key of {name}", **fields)
        if enabled:
            self.ask(c.EnableDestination, destination_id=made)
        return made

    def report(self, destination: UUID, state: str, **fields: Any) -> list[Event]:
        return self.now(c.ReportDestination(at=self.at, destination_id=destination, state=state, **fields))


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


CUSTOMER = {"by": "customer", "role": Role.CUSTOMER, "lease": None}

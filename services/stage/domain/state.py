"""What a stage is at one moment: its situation, and everything an operator sees of it. Data and small questions only."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

import msgspec

from contracts.envelope import Event, Sealed
from contracts.stage import (
    Asset,
    BrandKit,
    ChatChannel,
    Coverage,
    CuePlan,
    DestinationKind,
    FeedKind,
    OverlayKind,
    Scene,
    SegmentCause,
    SessionPlan,
)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Part of the state of a stage."""


# The situations of a stage.


class Idle(Value, frozen=True, tag="IDLE"):
    """No rundown has been published for it."""


class Prepared(Value, frozen=True, tag="PREPARED"):
    """It has a rundown."""


class Armed(Value, frozen=True, tag="ARMED"):
    """A session is next to go live; the engine runs."""

    session_id: UUID


class Starting(Value, frozen=True, tag="STARTING"):
    """Somebody asked to go live; the engine has not answered yet."""

    run_id: UUID
    session_id: UUID


class Live(Value, frozen=True, tag="LIVE"):
    """On air; between two sessions `session_id` is None. `degraded`: no destination receives it."""

    run_id: UUID
    session_id: UUID | None
    since: datetime
    degraded: bool = False


class Ending(Value, frozen=True, tag="ENDING"):
    """Somebody asked to end the stream; the engine has not answered yet."""

    run_id: UUID
    session_id: UUID | None
    since: datetime


class Ended(Value, frozen=True, tag="ENDED"):
    """Off air. Another session may be armed."""

    run_id: UUID | None


class Failed(Value, frozen=True, tag="FAILED"):
    """The stream could not be started. The session may be armed again."""

    session_id: UUID
    reason: str


Phase: TypeAlias = Idle | Prepared | Armed | Starting | Live | Ending | Ended | Failed


class Lease(Value, frozen=True):
    """Who may command the stage; `number` only ever grows."""

    number: int
    holder: str
    expires_at: datetime


class PresenterStatus(StrEnum):
    INVITED = "INVITED"
    CONNECTED = "CONNECTED"
    CHECKED = "CHECKED"
    READY = "READY"
    ON_STAGE = "ON_STAGE"
    OFF_STAGE = "OFF_STAGE"
    LEFT = "LEFT"
    DROPPED = "DROPPED"
    NO_SHOW = "NO_SHOW"


class Presenter(Value, frozen=True):
    """Where a presenter is. `checked` outlives a dropped line; `before_drop` is where they return to."""

    name: Sealed
    status: PresenterStatus = PresenterStatus.INVITED
    before_drop: PresenterStatus | None = None
    feed: FeedKind | None = None
    key_fingerprint: str | None = None
    checked: bool = False
    rehearsed: bool = False

    @property
    def place(self) -> PresenterStatus:
        """Where they are, or return to, whether or not their line is up."""
        return self.before_drop if self.before_drop is not None else self.status


class DestinationStatus(StrEnum):
    CREATED = "CREATED"
    ENABLED = "ENABLED"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    RECONNECTING = "RECONNECTING"
    FAILED = "FAILED"
    DISABLED = "DISABLED"


class Destination(Value, frozen=True):
    """A place the programme is streamed to; `reason` is why it does not receive it now."""

    name: str
    kind: DestinationKind
    url: str
    key_fingerprint: str
    status: DestinationStatus = DestinationStatus.CREATED
    reason: str = ""
    attempt: int = 0

    @property
    def wanted(self) -> bool:
        """Whether it receives the programme while the stage is on air."""
        return self.status is not DestinationStatus.CREATED


class Overlay(Value, frozen=True):
    """What lies on a layer; `shown` is False until the engine has answered."""

    overlay_id: UUID
    kind: OverlayKind
    text: Sealed | None
    asset_id: UUID | None
    shown: bool = False


class Background(Value, frozen=True):
    asset_id: UUID | None = None
    colour: str | None = None


class ClipStatus(StrEnum):
    CUED = "CUED"
    STARTING = "STARTING"
    PLAYING = "PLAYING"
    ENDED = "ENDED"


class Clip(Value, frozen=True):
    asset_id: UUID
    status: ClipStatus = ClipStatus.CUED


class Segment(Value, frozen=True):
    """A recording that is not complete on disk. `closing` says why it is being finished."""

    session_id: UUID
    run_id: UUID
    file: str
    first_frame: int | None = None
    closing: SegmentCause | None = None


class Engine(Value, frozen=True):
    """`generation` counts engines started for this stage, from 1; 0 means none yet.

    `restoring`: the one before was lost on duty. `retiring`: it leaves as soon as its recordings are complete.
    """

    generation: int = 0
    up: bool = False
    restoring: bool = False
    retiring: bool = False
    last_frame: int = 0


class Rundown(Value, frozen=True):
    """The plan, and how far it has come. Cues are in order; `next_cue` is None at the end."""

    version: int = 0
    sessions: Mapping[UUID, SessionPlan] = {}
    cues: tuple[CuePlan, ...] = ()
    done: frozenset[UUID] = frozenset()
    current_cue: UUID | None = None
    next_cue: UUID | None = None
    held: UUID | None = None

    def cue(self, cue_id: UUID) -> CuePlan | None:
        return next((cue for cue in self.cues if cue.cue_id == cue_id), None)

    def after(self, cue_id: UUID) -> UUID | None:
        """The first cue behind this one that is still pending."""
        found = False
        for cue in self.cues:
            if found and cue.cue_id not in self.done:
                return cue.cue_id
            found = found or cue.cue_id == cue_id
        return None


class Program(Value, frozen=True):
    """What attendees see. `cut`: somebody blanked it; `withheld`: the session must not be streamed."""

    scene: Scene | None = None
    cut: bool = False
    withheld: bool = False
    frame: int | None = None

    @property
    def blank(self) -> bool:
        """Whether attendees see nothing of the scene."""
        return self.cut or self.withheld


class Watch(Value, frozen=True):
    """What the analyst watches beside the picture. `flags` are those nobody has taken care of."""

    channels: tuple[ChatChannel, ...] = ()
    flags: frozenset[UUID] = frozenset()
    view_checked_in: UUID | None = None
    view_checked_at: datetime | None = None
    view_faults: tuple[str, ...] = ()


class Delegation(Value, frozen=True):
    """Which sessions the customer's team may close."""

    every: bool = False
    sessions: frozenset[UUID] = frozenset()

    def covers(self, session_id: UUID) -> bool:
        return self.every or session_id in self.sessions


class StageRun(Value, frozen=True):
    """One stage of a show. Maps are never changed in place.

    `pending` holds the intents the engine has not answered, by effect id, oldest first.
    """

    phase: Phase = Idle()
    show_id: UUID = UUID(int=0)
    stage_id: UUID = UUID(int=0)
    name: str = ""
    rundown: Rundown = Rundown()
    coverage: Coverage | None = None
    analysts: frozenset[UUID] = frozenset()
    delegation: Delegation = Delegation()
    lease: Lease | None = None
    lease_number: int = 0
    brand: BrandKit | None = None
    waived: str | None = None
    assets: Mapping[UUID, Asset] = {}
    presenters: Mapping[UUID, Presenter] = {}
    preview: Scene | None = None
    program: Program = Program()
    overlays: Mapping[int, Overlay] = {}
    background: Background = Background()
    clips: Mapping[UUID, Clip] = {}
    destinations: Mapping[UUID, Destination] = {}
    segments: Mapping[UUID, Segment] = {}
    pending: Mapping[UUID, Event] = {}
    engine: Engine = Engine()
    watch: Watch = Watch()

    @property
    def on_air(self) -> bool:
        """Whether attendees may be watching: from the wish to go live to the end of the stream."""
        return isinstance(self.phase, Starting | Live | Ending)

    @property
    def engine_wanted(self) -> bool:
        """Whether the stage needs its engine now."""
        return isinstance(self.phase, Armed | Starting | Live | Ending)

    @property
    def session_id(self) -> UUID | None:
        """The session that is armed or on air."""
        match self.phase:
            case Armed() | Starting() | Live() | Ending():
                return self.phase.session_id
            case _:
                return None

    @property
    def run_id(self) -> UUID | None:
        match self.phase:
            case Starting() | Live() | Ending() | Ended():
                return self.phase.run_id
            case _:
                return None

    @property
    def situation(self) -> str:
        """The name of the situation, as partners read it."""
        return str(self.phase.__struct_config__.tag)

    def on_stage(self) -> tuple[UUID, ...]:
        """Who is on stage, or asked to be."""
        return tuple(
            ident for ident, presenter in self.presenters.items() if presenter.place is PresenterStatus.ON_STAGE
        )

"""Data the events of a stage share: scenes, sources, coverage, assets, destinations. Nothing happens in here.

Enumerations that partners read are open: expect values you do not know.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from contracts.envelope import Sealed


class CoverageStatus(StrEnum):
    """What the entitlement service last said about the hours of a show."""

    RESERVED = "reserved"
    OPEN = "open"
    ENDED = "ended"
    RELEASED = "released"


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The window in which the analyst's duties may be done: `[opens_at, closes_at)`.

    A cached decision: it holds until `closes_at` for stages that are not on air, and longer for those that are.
    Source: duties.md L5, L6, Q6; domain.md U23.
    """

    opens_at: datetime
    closes_at: datetime
    status: CoverageStatus
    capped: bool = False


class SourceKind(StrEnum):
    """What a scene can show."""

    PRESENTER = "presenter"
    CLIP = "clip"
    ASSET = "asset"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a scene shows: a presenter, a clip, or the picture of an asset."""

    kind: SourceKind
    id: UUID

    @property
    def key(self) -> str:
        """The name the engine knows it by."""
        return f"{self.kind.value}-{self.id}"


class Layout(StrEnum):
    """How the sources of a scene share the picture."""

    FULL = "full"
    SPLIT = "split"
    PIP = "pip"
    SLATE = "slate"
    GRID = "grid"


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A picture made of sources, the first one largest where the layout has a largest."""

    layout: Layout
    sources: tuple[Source, ...] = ()


class Transition(StrEnum):
    """How the programme moves from one scene to the next."""

    CUT = "cut"
    FADE = "fade"
    WIPE = "wipe"


class OverlayKind(StrEnum):
    """What lies over the picture. Source: duties.md Q24 ."""

    LOWER_THIRD = "lower_third"
    TITLE = "title"
    TICKER = "ticker"
    IMAGE = "image"


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file the customer or a presenter gave for the show; `file` is relative to the shared media folder."""

    asset_id: UUID
    kind: str
    file: str | None = None
    approved: bool = False
    shared: bool = False


class BrandKit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the show looks; colours are `#rrggbb`, the rest are asset ids. Source: duties.md D3, K3."""

    colour: str
    accent: str = "#ffffff"
    logo: UUID | None = None
    background: UUID | None = None
    slate: UUID | None = None


class SessionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An agenda item of the stage, as the published rundown has it."""

    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    kind: str = "talk"
    do_not_record: bool = False
    do_not_stream: bool = False
    speaker_ids: tuple[UUID, ...] = ()


class PresenterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody the published rundown has on this stage; the subject of the name is `presenter_id`."""

    presenter_id: UUID
    name: Sealed


class CuePlan(msgspec.Struct, frozen=True, kw_only=True):
    """An executable line of the rundown; `order` is ascending within the stage."""

    cue_id: UUID
    session_id: UUID
    kind: str
    label: str
    order: int


class DestinationKind(StrEnum):
    """The protocol a destination is reached by."""

    RTMP = "rtmp"
    RTMPS = "rtmps"


class SegmentCause(StrEnum):
    """Why a recorded segment of the programme ended. Source: duties.md D17, Q29."""

    SESSION_END = "session_end"
    STREAM_END = "stream_end"
    ENGINE_LOST = "engine_lost"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class FeedKind(StrEnum):
    """How a presenter's picture reaches us: published to our ingest, pulled from a URL, or a still card with their name."""

    INGEST = "ingest"
    URL = "url"
    CARD = "card"


class ProgramCause(StrEnum):
    """Why the programme picture changed."""

    TAKE = "take"
    OFF_STAGE = "off_stage"
    CLIP_REMOVED = "clip_removed"


class ChatChannel(StrEnum):
    """The chats the analyst watches; the attendees' chat is out of scope. Source: duties.md D13."""

    SPEAKER = "speaker"
    MODERATOR = "moderator"
    ATTENDEE = "attendee"

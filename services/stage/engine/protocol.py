"""What the stage service and the program engine say to each other: JSON lines over a Unix socket.

Requests are told apart by `verb`, events by `event`. Not in here: how a request takes effect (`desk.py`).
Nothing in this module imports media libraries, so a service may import it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]
Cid = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Color = Annotated[str, msgspec.Meta(pattern=r"^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$")]
Layout = Literal["full", "split", "pip", "slate", "grid"]
Transition = Literal["cut", "fade", "wipe"]
OverlayKind = Literal["lower_third", "title", "ticker", "image"]


class Scene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the programme shows: a layout and the sources that fill its places, first place first."""

    layout: Layout
    sources: Annotated[tuple[Id, ...], msgspec.Meta(max_length=9)] = ()


class Style(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Colours of a text overlay, `#rrggbb` or `#rrggbbaa`."""

    color: Color = "#FFFFFF"
    background: Color = "#101820C8"


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb", forbid_unknown_fields=True):
    """One thing asked of the engine; the same `cid` is never carried out twice."""

    cid: Cid


class SourceAdd(Request, frozen=True, kw_only=True, tag="source.add"):
    """Add a picture and sound source from exactly one of `url`, `still` (a picture file) and `color`."""

    id: Id
    url: str | None = None
    still: str | None = None
    color: Color | None = None
    loop: bool = False

    def __repr__(self) -> str:
        return f"SourceAdd(cid={self.cid!r}, id={self.id!r})"


class SourceRemove(Request, frozen=True, kw_only=True, tag="source.remove"):
    id: Id


class PreviewSet(Request, frozen=True, kw_only=True, tag="preview.set"):
    scene: Scene


class SceneTake(Request, frozen=True, kw_only=True, tag="scene.take"):
    """Put a scene on air; the named frame of the answer is the first one that differs."""

    scene: Scene
    transition: Transition = "cut"
    frames: Annotated[int, msgspec.Meta(ge=0, le=250)] = 0


class OverlaySet(Request, frozen=True, kw_only=True, tag="overlay.set"):
    """Draw `text`, or the picture at `path` when `kind` is image, above the scene; higher layers lie on top."""

    id: Id
    kind: OverlayKind
    layer: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    text: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    path: str | None = None
    style: Style = Style()


class OverlayClear(Request, frozen=True, kw_only=True, tag="overlay.clear"):
    id: Id


class BackgroundSet(Request, frozen=True, kw_only=True, tag="background.set"):
    """What is seen where no source lies: exactly one of a colour and a picture file."""

    color: Color | None = None
    path: str | None = None


class AudioSet(Request, frozen=True, kw_only=True, tag="audio.set"):
    """Level of one source; kept when the source leaves the scene and comes back."""

    id: Id
    gain_db: Annotated[float, msgspec.Meta(ge=-96, le=24)] = 0.0
    mute: bool = False


class ClipPlay(Request, frozen=True, kw_only=True, tag="clip.play"):
    """Add a source that plays a file once from its start and then reports `clip.ended`."""

    id: Id
    path: str


class ClipStop(Request, frozen=True, kw_only=True, tag="clip.stop"):
    id: Id


class DestAdd(Request, frozen=True, kw_only=True, tag="dest.add"):
    """Push the programme to an RTMP server, again and again until the destination is removed."""

    id: Id
    url: str
    kind: Literal["rtmp"] = "rtmp"

    def __repr__(self) -> str:
        return f"DestAdd(cid={self.cid!r}, id={self.id!r})"


class DestRemove(Request, frozen=True, kw_only=True, tag="dest.remove"):
    id: Id


class RecStart(Request, frozen=True, kw_only=True, tag="rec.start"):
    """Record the programme to a new fragmented MP4 file; an existing file is never overwritten."""

    id: Id
    path: str


class RecStop(Request, frozen=True, kw_only=True, tag="rec.stop"):
    id: Id


class Blank(Request, frozen=True, kw_only=True, tag="blank"):
    """The emergency cut: slate and silence while on."""

    on: bool


class State(Request, frozen=True, kw_only=True, tag="state"):
    """Ask what is on air; answered to the asker alone, never remembered."""


class Stats(Request, frozen=True, kw_only=True, tag="stats"):
    """Ask for counters; answered to the asker alone, never remembered."""


class Quit(Request, frozen=True, kw_only=True, tag="quit"):
    """End the programme: recordings are finalised, destinations closed, the process ends."""


AnyRequest = (
    SourceAdd
    | SourceRemove
    | PreviewSet
    | SceneTake
    | OverlaySet
    | OverlayClear
    | BackgroundSet
    | AudioSet
    | ClipPlay
    | ClipStop
    | DestAdd
    | DestRemove
    | RecStart
    | RecStop
    | Blank
    | State
    | Stats
    | Quit
)


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One thing the engine tells; `frame` counts programme frames from 0 and never goes back."""


class Hello(Event, frozen=True, kw_only=True, tag="hello"):
    """First line of every connection."""

    pid: int
    started_at: datetime
    frame: int
    fps: int
    size: str


class Applied(Event, frozen=True, kw_only=True, tag="applied"):
    """The request took effect; `frame` is the first programme frame that shows it, the anchor of the audit trail."""

    cid: str
    verb: str
    frame: int
    at: datetime
    state: dict[str, Any] | None = None
    stats: dict[str, Any] | None = None


class Rejected(Event, frozen=True, kw_only=True, tag="rejected"):
    """The request changed nothing, for a reason in words that never holds a URL."""

    cid: str
    verb: str
    reason: str


class SourceState(Event, frozen=True, kw_only=True, tag="source.state"):
    """`lost` sources are opened again by themselves; `eof` and `removed` are final."""

    id: str
    state: Literal["live", "stalled", "lost", "eof", "removed"]
    frame: int
    reason: str | None = None


class DestState(Event, frozen=True, kw_only=True, tag="dest.state"):
    """`connected` = the server accepted the publication and media was written; `attempt` counts from 1 per outage."""

    id: str
    state: Literal["connecting", "connected", "down", "closed"]
    attempt: int
    frame: int
    reason: str | None = None


class ClipEnded(Event, frozen=True, kw_only=True, tag="clip.ended"):
    """The clip is over; `frame` is the first programme frame without new material of it."""

    id: str
    frame: int
    reason: Literal["played", "stopped", "failed"]


class RecState(Event, frozen=True, kw_only=True, tag="rec.state"):
    """A recording began, was finalised or failed; frames are programme frames, both ends included."""

    id: str
    state: Literal["recording", "closed", "failed"]
    path: str
    first_frame: int | None = None
    last_frame: int | None = None
    frames: int = 0
    reason: str | None = None


class Levels(Event, frozen=True, kw_only=True, tag="levels"):
    """Loudness of the programme in the last second, RMS in dBFS, -120 = digital silence. Telemetry."""

    frame: int
    left_dbfs: float
    right_dbfs: float


class Late(Event, frozen=True, kw_only=True, tag="late"):
    """The engine could not keep real time; `dropped_ms` > 0 means that the programme clock was set back. Telemetry."""

    frame: int
    behind_ms: int
    dropped_ms: int = 0


AnyEvent = Hello | Applied | Rejected | SourceState | DestState | ClipEnded | RecState | Levels | Late


class Head(msgspec.Struct, frozen=True):
    """What can be read of a request that does not decode, so that it can still be answered."""

    cid: str = ""
    verb: str = ""


REQUESTS: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
EVENTS: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
ENCODER = msgspec.json.Encoder()


def verb_of(request: AnyRequest) -> str:
    return str(type(request).__struct_config__.tag)

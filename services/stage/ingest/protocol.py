"""What ingest and its controller, the stage service, say to each other: JSON lines over a Unix socket.

Stream keys travel in `Authorize` alone, and nowhere else.
"""

from typing import Annotated, Literal

import msgspec

SourceId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Told(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One thing ingest tells."""


class Hello(Told, frozen=True, kw_only=True, tag="hello"):
    """First line of every connection, with the sources that publish now."""

    pid: int
    port: int
    connected: tuple[str, ...] = ()


class Authorize(Told, frozen=True, kw_only=True, tag="authorize"):
    """Somebody wants to publish with this key; to be answered with the same id."""

    id: int
    key: str

    def __repr__(self) -> str:
        return f"Authorize(id={self.id})"


class Publisher(Told, frozen=True, kw_only=True, tag="publisher"):
    """A publisher was let in, or has left; its media is at `<directory>/<source_id>.sock` meanwhile."""

    source_id: str
    state: Literal["connected", "gone"]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The controller's answer to `Authorize`."""

    id: int
    allow: bool
    source_id: SourceId | None = None


TOLD: msgspec.json.Decoder[Hello | Authorize | Publisher] = msgspec.json.Decoder(Hello | Authorize | Publisher)
ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
ENCODER = msgspec.json.Encoder()

"""What travels with every event: the base class of events, who acted, and the CloudEvents names of it all.

Source: CloudEvents 1.0 and its NATS protocol binding; design.md sections 1, 3 and 4.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from string import punctuation
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

_HEADER_SAFE: Final = punctuation.replace('"', "").replace("%", "")
"""What stays as it is in a header value beside letters and digits."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact somebody recorded.

    Subclasses carry a versioned tag, `<service>.<past_tense>.v<n>`, which is the one name the event has in the store,
    on the stream, in replays and in documents. `at` is when it happened (aware UTC), which may be earlier than when
    it was recorded.
    """

    at: datetime

    @classmethod
    def tag(cls) -> str:
        return str(cls.__struct_config__.tag)


class Role(StrEnum):
    """Who may act. Source: duties.md A.1-A.4; `system` is a policy or a timer, never a token."""

    CUSTOMER = "customer"
    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    INTEGRATOR = "integrator"
    PARTNER = "partner"
    SRE = "sre"
    SYSTEM = "system"


class Mode(StrEnum):
    """Whether effects may follow. It is a subject token, so that a replay can never trigger one."""

    LIVE = "live"
    REHEARSAL = "rehearsal"
    REPLAY = "replay"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is the token's subject, or the name of the policy or timer that acted."""

    id: str
    role: Role


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the store keeps beside an event's payload.

    `id` is a UUIDv7 (RFC 9562). `correlation` is the human action everything follows from; `causation` is the event or
    command that directly caused this one. `show` is set on every event that belongs to a show, in all services.
    """

    id: UUID
    tenant: str
    actor: Actor
    correlation: UUID
    causation: UUID
    command: str
    show: UUID | None = None
    mode: Mode = Mode.LIVE
    traceparent: str | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log.

    `position` is dense and in commit order within one service; `version` counts from 1 within `stream`;
    `recorded_at` is the server's clock and the authority for order and metering (Q27).
    `type` keeps the stored tag even where this program is too old to know it; `payload` is the stored JSON.
    """

    position: int
    stream: str
    version: int
    type: str
    payload: bytes
    metadata: Metadata
    recorded_at: datetime


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """Personal data or a secret inside an event, readable only while its subject's key exists.

    `subject` is an opaque id; `box` is base64 of nonce, AES-256-GCM ciphertext and tag. Forgetting the subject destroys
    the key and leaves these bytes, and every proof over them, as they are.
    """

    subject: str
    box: str


NO_SHOW = "-"
"""The subject's last token for an event that belongs to no show."""


def aggregate_of(stream: str) -> tuple[str, str]:
    """Split a stream name, `<aggregate>-<id>`, into its two parts."""
    aggregate, _, ident = stream.partition("-")
    return aggregate, ident


def subject_of(service: str, record: Recorded) -> str:
    """The NATS subject: `regie.<mode>.<service>.<tenant>.<aggregate>.<id>.<event>.<show>`, `-` where there is no show.

    Source: design.md section 4; the show is a token so that a partner can follow one show alone.
    """
    aggregate, ident = aggregate_of(record.stream)
    meta = record.metadata
    return f"regie.{meta.mode}.{service}.{meta.tenant}.{aggregate}.{ident}.{_event_token(record.type)}.{meta.show or NO_SHOW}"


def event_subject(service: str, tag: str) -> str:
    """The subjects of all events of one type, whosever they are."""
    return f"regie.*.{service}.*.*.*.{_event_token(tag)}.*"


def _event_token(tag: str) -> str:
    return tag.split(".", 1)[1].replace(".", "_")


def cloudevent_headers(service: str, record: Recorded) -> dict[str, str]:
    """Binary-mode CloudEvents headers of a stored event; extension names are lower case without separators.

    Values are percent-encoded where a header could not carry them. Source: CloudEvents 1.0, HTTP protocol binding,
    section 3.1.3.2, which the NATS binding follows.
    """
    meta = record.metadata
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(meta.id),
        "ce-source": f"/{service}",
        "ce-type": f"regie.{record.type}",
        "ce-subject": _header_text(record.stream),
        "ce-time": record.recorded_at.isoformat().replace("+00:00", "Z"),
        "content-type": "application/json",
        "ce-tenant": _header_text(meta.tenant),
        "ce-streamversion": str(record.version),
        "ce-position": str(record.position),
        "ce-correlationid": str(meta.correlation),
        "ce-causationid": str(meta.causation),
        "ce-command": _header_text(meta.command),
        "ce-actor": _header_text(meta.actor.id),
        "ce-actorrole": meta.actor.role,
        "ce-mode": meta.mode,
    }
    if meta.show is not None:
        headers["ce-show"] = str(meta.show)
    if meta.traceparent is not None:
        headers["ce-traceparent"] = meta.traceparent
    return headers


@lru_cache(maxsize=4096)
def _header_text(text: str) -> str:
    return quote(text, safe=_HEADER_SAFE)


def from_cloudevent(headers: dict[str, str], data: bytes) -> Recorded:
    """The stored event a message carries; the inverse of `cloudevent_headers`.

    Raises KeyError or ValueError when the message is not one of ours.
    """
    show = headers.get("ce-show")
    return Recorded(
        position=int(headers["ce-position"]),
        stream=unquote(headers["ce-subject"]),
        version=int(headers["ce-streamversion"]),
        type=headers["ce-type"].removeprefix("regie."),
        payload=data,
        recorded_at=datetime.fromisoformat(headers["ce-time"]),
        metadata=Metadata(
            id=UUID(headers["ce-id"]),
            tenant=unquote(headers["ce-tenant"]),
            actor=Actor(id=unquote(headers["ce-actor"]), role=Role(headers["ce-actorrole"])),
            correlation=UUID(headers["ce-correlationid"]),
            causation=UUID(headers["ce-causationid"]),
            command=unquote(headers["ce-command"]),
            show=UUID(show) if show else None,
            mode=Mode(headers["ce-mode"]),
            traceparent=headers.get("ce-traceparent"),
        ),
    )


def events_of(module: Any) -> dict[str, type[Event]]:
    """Every event a contracts module declares, by tag."""
    found = (thing for thing in vars(module).values() if isinstance(thing, type) and issubclass(thing, Event))
    return {event.tag(): event for event in found if event is not Event}

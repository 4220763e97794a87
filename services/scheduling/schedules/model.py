"""What an imported conference schedule is: sessions with instants, and the report of what was wrong with a file.

Not in here: how files are read (`frab_xml`, `frab_json`), judged (`assemble`) or written (`write`).
"""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import msgspec

from contracts.problems import Refusal
from services.scheduling.timing import Slot

REPORTED = 100
"""How many problems a report spells out; the count tells of the rest."""

UNNAMED_STAGE = "Stage"
"""The stage of sessions whose file names no room: single-track exporters leave it empty."""

NAMESPACE = UUID("8f6c1c4e-54a5-5c1b-9a53-3f0f2d0b7a11")
"""Of the ids derived for sessions and speakers to which a file gives none (UUIDv5, RFC 9562)."""


def derived_id(*facts: str) -> str:
    """A stable id from facts of the file; the separator cannot occur in cleaned text."""
    return str(uuid5(NAMESPACE, "\x1f".join(facts)))


class SessionKind(StrEnum):
    """What happens on the stage. Breaks and clips are not sessions: nobody is prepared for them (duties.md Q21, D2)."""

    TALK = "talk"
    WORKSHOP = "workshop"
    PERFORMANCE = "performance"
    BREAK = "break"
    CLIP = "clip"
    OTHER = "other"

    @property
    def is_session(self) -> bool:
        return self not in {SessionKind.BREAK, SessionKind.CLIP}


class ScheduledSpeaker(msgspec.Struct, frozen=True, kw_only=True):
    """`source_id` is the file's guid, code or id of the person, else derived from the name. `name` is personal data."""

    source_id: str
    name: str


class ScheduledSession(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a stage, `starts_at` before `ends_at`, both aware UTC.

    `id` is the file's guid, else derived from facts of the file, so that the same file read again gives the same ids.
    It is unique within a schedule, not beyond it: two customers may import the same file. `source_id` is the number or
    code in the file, possibly empty. `local_start` is ISO 8601 with the offset of the schedule's zone. `type` is the
    file's own word, from which `kind` was concluded. `day` is the `index` of a `ScheduleDay`, which after midnight is
    not the local date's.
    """

    id: str
    source_id: str
    title: str
    subtitle: str
    stage: str
    starts_at: datetime
    ends_at: datetime
    local_start: str
    day: int
    track: str
    type: str
    kind: SessionKind
    language: str
    speakers: tuple[ScheduledSpeaker, ...]
    do_not_record: bool
    do_not_stream: bool

    def slot(self) -> Slot:
        """The session as far as time is concerned."""
        return Slot(
            id=self.id,
            stage=self.stage,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            session=self.kind.is_session,
        )


class ScheduleDay(msgspec.Struct, frozen=True, kw_only=True):
    """A conference day: a label and its bounds, which usually reach beyond midnight."""

    index: int
    date: date
    starts_at: datetime
    ends_at: datetime


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a file: where, and which rule it breaks.

    `field` is a JSON pointer (RFC 6901) or a path of elements like `/schedule/day[1]/room[2]/event[3]/duration`, and
    empty for the file as a whole; `line` counts from 1 and is null where it is not known.
    """

    line: int | None
    field: str
    rule: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A whole schedule, or what was chosen of it.

    `zone` is an IANA name. `sessions` are ordered by stage, then start. `warnings` say what was read liberally; they
    belong to the reading, not to the schedule, and are not written out.
    """

    title: str
    acronym: str
    zone: str
    version: str
    generator: str
    days: tuple[ScheduleDay, ...]
    sessions: tuple[ScheduledSession, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that have sessions, by name."""
        return tuple(sorted({session.stage for session in self.sessions}))

    @property
    def starts_at(self) -> datetime:
        return min(session.starts_at for session in self.sessions)

    @property
    def ends_at(self) -> datetime:
        return max(session.ends_at for session in self.sessions)

    def slots(self) -> list[Slot]:
        return [session.slot() for session in self.sessions]


class ScheduleInvalid(Refusal):
    """The schedule cannot be imported as it is.

    `facts`: `errors`, a list of `{"place", "line", "field", "rule"}` by line, at most 100; `error_count`, how
    many there are; `warnings` likewise; `format`, what the file was recognised as, or null. Source: duties.md D2.
    """

    code, status = "RUNDOWN_INVALID", 422
    fr = "Le programme ne peut pas être importé tel quel."

    def __init__(
        self,
        errors: list[Problem],
        *,
        error_count: int | None = None,
        warnings: list[Problem] | None = None,
        format: str | None = None,  # noqa: A002 - the word a reader of the answer expects
    ) -> None:
        self.errors = [{"place": "body", **msgspec.to_builtins(problem)} for problem in errors[:REPORTED]]
        count = len(errors) if error_count is None else error_count
        facts: dict[str, Any] = {"errors": self.errors, "error_count": count, "format": format}
        facts["warnings"] = [msgspec.to_builtins(problem) for problem in warnings or []]
        super().__init__(_summary(errors, count), **facts)


def _summary(errors: list[Problem], count: int) -> str:
    first = errors[0]
    where = ", ".join(part for part in (f"line {first.line}" if first.line else "", first.field) if part)
    return f"{where or 'the file'}: {first.rule}" + (f" (and {count - 1} more)" if count > 1 else "")


_KINDS = {kind.value for kind in SessionKind}
_BREAK = re.compile(r"\b(break|pause|lunch|dinner|coffee|meta)\b")
_CLIP = re.compile(r"\b(clip|video|trailer)\b")
_WORKSHOP = re.compile(r"workshop|tutorial|hands-on|training|atelier")
_PERFORMANCE = re.compile(r"performance|concert|\bdj\b")
_BREAK_TITLE = re.compile(
    r"(the )?((coffee|tea|lunch|dinner|short|long)[ -]?)?(break|pause)( \(.*\)| \d+)?|lunch|dinner|breakfast"
    r"|(la )?pause([ -](caf[ée]|d[ée]jeuner))?|d[ée]jeuner|d[îi]ner|(mittags|kaffee)pause|mittagessen|abendessen"
)


def kind_of(type_: str, title: str, *, has_speakers: bool) -> SessionKind:
    """What the file's own words say an item is; a kind's very name, as `write` writes it, is taken at its word.

    Where somebody speaks it is no clip, and a break only if that is all the type says: there are lunch talks. A break
    is also known by its title alone, but only where nobody speaks: "Break" may be a talk's name.
    """
    if type_ in _KINDS:
        return SessionKind(type_)
    words = type_.casefold()
    if _BREAK.fullmatch(words):
        return SessionKind.BREAK
    if not has_speakers and (_BREAK.search(words) or _BREAK_TITLE.fullmatch(title.casefold())):
        return SessionKind.BREAK
    if _WORKSHOP.search(words):
        return SessionKind.WORKSHOP
    if _PERFORMANCE.search(words):
        return SessionKind.PERFORMANCE
    if not has_speakers and _CLIP.search(words):
        return SessionKind.CLIP
    return SessionKind.OTHER if words == "other" else SessionKind.TALK

"""What every format is read into first: plain texts with the place each stood in, nothing judged yet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from services.scheduling.schedules.model import REPORTED, Problem, ScheduleInvalid

MOST_SESSIONS = 10_000
"""Sessions of a schedule; the largest public one seen has 1,007 (38C3)."""

LONGEST_FIELD = 2000


class Place(Protocol):
    """Where something stands in a file."""

    @property
    def line(self) -> int | None: ...

    @property
    def field(self) -> str: ...

    def child(self, name: str) -> "Place":
        """The place of a named part, or of where it is missing."""
        ...


@dataclass(frozen=True)
class Whole:
    """The file as such."""

    line: int | None = None
    field: str = ""

    def child(self, name: str) -> "Whole":
        return Whole(self.line, f"/{name}")


@dataclass(frozen=True)
class RawPerson:
    """`ids` in the order of trust: guid, code, id."""

    place: Place
    name: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class RawDay:
    place: Place
    index: str
    date: str
    start: str
    end: str


@dataclass(frozen=True)
class RawEvent:
    """`fields` by the names of schedule.json v1, absent ones missing; `room` is the enclosing one where there is one."""

    place: Place
    day: RawDay | None
    room: str
    fields: dict[str, str]
    persons: tuple[RawPerson, ...]

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


@dataclass
class Draft:
    """A file's facts. `unrecorded` are rooms whose recording is declared forbidden, impossible or not the default."""

    place: Place
    format: str
    title: str = ""
    acronym: str = ""
    zone: str = ""
    version: str = ""
    generator: str = ""
    day_change: str = ""
    days_declared: str = ""
    start: str = ""
    days: list[RawDay] = field(default_factory=list)
    events: list[RawEvent] = field(default_factory=list)
    unrecorded: set[str] = field(default_factory=set)
    listed: int = 0

    def add(self, event: RawEvent) -> None:
        """Counts all and keeps as many as are accepted, so that a hostile file does not fill the memory."""
        self.listed += 1
        if self.listed <= MOST_SESSIONS:
            self.events.append(event)


class Report:
    """Collects what is wrong, all of it, so that a file is mended in one go.

    `lines` finds the lines of fields whose place does not know its own; it is asked once, for what is reported.
    """

    def __init__(self, format_: str | None, lines: Callable[[Iterable[str]], dict[str, int]] | None = None) -> None:
        self.format = format_
        self._lines = lines
        self._errors = list[Problem]()
        self._warnings = list[Problem]()
        self._counts = {"error": 0, "warning": 0}

    def error(self, place: Place, rule: str) -> None:
        self._add("error", self._errors, place, rule)

    def warn(self, place: Place, rule: str) -> None:
        self._add("warning", self._warnings, place, rule)

    def _add(self, what: str, problems: list[Problem], place: Place, rule: str) -> None:
        self._counts[what] += 1
        if len(problems) < REPORTED:
            problems.append(Problem(line=place.line, field=place.field, rule=rule))

    @property
    def failed(self) -> bool:
        return self._counts["error"] > 0

    def refuse_if_failed(self) -> None:
        """Raises ScheduleInvalid if there was an error."""
        if self.failed:
            raise self.refusal()

    def refusal(self) -> ScheduleInvalid:
        return ScheduleInvalid(
            self._located(self._errors),
            error_count=self._counts["error"],
            warnings=list(self.warnings()),
            format=self.format,
        )

    def warnings(self) -> tuple[Problem, ...]:
        """What was read liberally; a last entry tells of those beyond the cap."""
        located = self._located(self._warnings)
        beyond = self._counts["warning"] - len(located)
        if beyond:
            located.append(Problem(line=None, field="", rule=f"{beyond} more warnings are not listed"))
        return tuple(located)

    def _located(self, problems: list[Problem]) -> list[Problem]:
        """With lines as far as they can be found, in their order."""
        unknown = {problem.field for problem in problems if problem.line is None}
        lines = self._lines(unknown) if self._lines is not None and unknown else {}
        located = [
            Problem(
                line=problem.line or lines.get(problem.field), field=problem.field[:LONGEST_FIELD], rule=problem.rule
            )
            for problem in problems
        ]
        return sorted(located, key=lambda problem: problem.line or 0)

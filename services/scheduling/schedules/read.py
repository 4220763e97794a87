"""From bytes to a schedule: what the file is, by its content alone, and then the reader for it."""

import re
from typing import Any

import msgspec

from services.scheduling.schedules import frab_json, frab_xml
from services.scheduling.schedules.assemble import Assembler, overlap_rule
from services.scheduling.schedules.draft import Draft, Place, Report, Whole
from services.scheduling.schedules.model import Problem, Schedule, ScheduleInvalid
from services.scheduling.schedules.pointers import Pointer, lines_of
from services.scheduling.schedules.tree import parse
from services.scheduling.schedules.values import quoted
from services.scheduling.timing import overlaps

LARGEST = 16 << 20
"""Bytes of a file; the largest public one seen has 2.8 million (FOSDEM 2026)."""

MOST_OBJECTS = 200_000
"""Objects and lists of a JSON file, counted by their brackets before anything is built from them."""

ACCEPTED = "schedule.xml (pentabarf, frab, pretalx) and schedule.json (version 1 and 2)"

_BINARY = {b"PK\x03\x04": "a zip archive or an office document", b"%PDF": "a PDF", b"\x1f\x8b": "a gzip archive"}
_UNSUPPORTED_ROOTS = {"icalendar": "xCal", "html": "a web page", "rss": "an RSS feed", "tv": "XMLTV"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_schedule(
    data: bytes,
    *,
    zone: str | None,
    filename: str = "",
    content_type: str = "",
    allow_overlaps: bool = True,
) -> Schedule:
    """Read a conference schedule, or say everything that is wrong with it.

    `zone` is an IANA name for local times without offset and for showing all of them; it prevails over the file's.
    The name and the content type are words for the answer, never the reason to read a file one way or another.

    Overlaps within a room are warnings here, unless `allow_overlaps` is false: 8 of 26 public files contain some
    (the same talk listed twice at FOSDEM 2008, two exams in one room in 2010 to 2012, two concerts at 38C3), mostly in
    rooms that no show takes. They are errors of a rundown (duties.md D2), so `rundown_problems` of what was selected
    decides before anything is published. Raises ScheduleInvalid.
    """
    if len(data) > LARGEST:
        raise _refusal(None, f"the file has {len(data)} bytes; at most {LARGEST} are accepted")
    body = data.removeprefix(b"\xef\xbb\xbf")
    draft, report = _draft(body, filename, content_type)
    return Assembler(draft, zone, report).schedule(allow_overlaps=allow_overlaps)


def rundown_problems(schedule: Schedule) -> list[Problem]:
    """What keeps a selection from being a rundown: overlaps on a stage, and sessions in which nobody speaks.

    Fields name the session: `/sessions/<id>`. Source: duties.md D2.
    """
    unspoken = [
        Problem(
            line=None,
            field=f"/sessions/{session.id}/speakers",
            rule=f"{quoted(session.title)} on {quoted(session.stage)} has no speaker and is neither a break nor a clip",
        )
        for session in schedule.sessions
        if session.kind.is_session and not session.speakers
    ]
    return _overlap_problems(schedule) + unspoken


def _overlap_problems(schedule: Schedule) -> list[Problem]:
    sessions = {session.id: session for session in schedule.sessions}
    return [
        Problem(
            line=None,
            field=f"/sessions/{overlap.second}/starts_at",
            rule=overlap_rule(overlap, sessions[overlap.first], sessions[overlap.second]),
        )
        for overlap in overlaps(schedule.slots())
    ]


def _draft(body: bytes, filename: str, content_type: str) -> tuple[Draft, Report]:
    head = _head(body)
    if head.startswith("<"):
        return _xml(body)
    if head.startswith(("{", "[")):
        return _json(body)
    named = " and ".join(word for word in (filename, content_type) if word)
    told = f" (it came as {named[:200]})" if named else ""
    raise _refusal(None, f"{_recognised(body, head)}{told}; accepted are {ACCEPTED}")


def _head(body: bytes) -> str:
    """The first characters, enough to tell formats apart, in whichever encoding."""
    encoding = "utf-16" if body[:2] in _UTF16 else "utf-8"
    return body[:4096].decode(encoding, errors="replace").lstrip()


def _recognised(body: bytes, head: str) -> str:
    for magic, name in _BINARY.items():
        if body.startswith(magic):
            return f"this is {name}, not a schedule"
    if not head:
        return "the file is empty"
    if head.upper().startswith("BEGIN:VCALENDAR"):
        return "this is iCalendar, which is not supported yet"
    if re.search(r"^(={4,}|-{4,}|~{4,})$|^\.\. \w+::|^\+[-=+]{3,}\+$", head, re.MULTILINE):
        return "this is reStructuredText or Markdown, which is not supported yet"
    lines = head.splitlines()
    if len(lines) > 1 and any(lines[0].count(mark) == lines[1].count(mark) > 0 for mark in ",;\t"):
        return "this looks like a table of comma-separated values, which is not supported yet"
    return "the file is neither XML nor JSON"


def _refusal(format_: str | None, rule: str, place: Place | None = None) -> ScheduleInvalid:
    report = Report(format_)
    report.error(place or Whole(), rule)
    return report.refusal()


def _xml(body: bytes) -> tuple[Draft, Report]:
    root = parse(body.lstrip() if body[:2] not in _UTF16 else body)
    if root.name != "schedule":
        name = _UNSUPPORTED_ROOTS.get(root.name.casefold(), f"XML with the root element <{root.name[:100]}>")
        raise _refusal("XML", f"this is {name}, which is not supported; accepted are {ACCEPTED}", root)
    if root.first("day") is None and root.first("conference") is None:
        raise _refusal("XML", "a <schedule> has a <conference> and a <day>; this one has neither", root)
    return frab_xml.read(root), Report(frab_xml.FORMAT)


def _json(body: bytes) -> tuple[Draft, Report]:
    if body.count(b"{") + body.count(b"[") > MOST_OBJECTS:
        raise _refusal("JSON", f"there are more than {MOST_OBJECTS} objects and lists")
    text = _decoded(body)
    document = _decode_json(text)
    report = Report("JSON", lambda pointers: lines_of(text, pointers))
    schedule, root = (
        (document.get("schedule"), Pointer("/schedule")) if isinstance(document, dict) else (None, Pointer())
    )
    if schedule is None and isinstance(document, dict) and isinstance(document.get("conference"), dict):
        schedule, root = document, Pointer()
    if not isinstance(schedule, dict):
        keys = ", ".join(list(document)[:8])[:200] if isinstance(document, dict) else "a list"
        raise _refusal("JSON", f"this is JSON without a schedule (it has: {keys}); accepted are {ACCEPTED}", Pointer())
    generator = document.get("generator") or schedule.get("generator")
    flat = "events" in schedule and not _has_rooms(schedule)
    report.format = frab_json.V2 if flat else frab_json.V1
    reader = frab_json.Reader(report)
    draft = (reader.v2 if flat else reader.v1)(schedule, root, generator)
    return draft, report


def _has_rooms(schedule: dict[str, Any]) -> bool:
    """Whether the days hold the rooms, as in version 1."""
    conference = schedule.get("conference")
    days = conference.get("days") if isinstance(conference, dict) else None
    return isinstance(days, list) and any(isinstance(day, dict) and day.get("rooms") for day in days)


def _decoded(body: bytes) -> str:
    encoding = "utf-16" if body[:2] in _UTF16 else "utf-8"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as reason:
        line = body.count(b"\n", 0, reason.start) + 1
        raise _refusal("JSON", f"the text is not {encoding.upper()}: {reason.reason}", Whole(line)) from reason


def _decode_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as reason:
        found = re.search(r"byte (\d+)", str(reason))
        line = text.encode().count(b"\n", 0, int(found[1]) if found else None) + 1
        raise _refusal("JSON", f"the JSON is not well-formed: {reason}", Whole(line)) from reason
    except RecursionError as reason:
        raise _refusal("JSON", "objects and lists are nested too deeply") from reason


__all__ = ["ACCEPTED", "LARGEST", "ScheduleInvalid", "read_schedule", "rundown_problems"]

"""Reads schedule.json: version 1 (days, then rooms, then events) and version 2 (one flat list of events).

Exporters differ in types (numbers or texts, null or absent, a text or one per language), so everything becomes text
here; what has the wrong shape altogether is an error with its JSON pointer.
Source: the JSON schemas of c3voc (schema.json, schema2.json); exports of frab, pretalx and the hub.
"""

import re
from collections.abc import Iterator
from typing import Any

from services.scheduling.schedules.draft import Draft, RawDay, RawEvent, RawPerson, Report
from services.scheduling.schedules.pointers import Pointer
from services.scheduling.schedules.values import LONGEST_TEXT, clean

LONGEST_LIST = 20_000

V1, V2 = "schedule.json v1", "schedule.json v2"

_FIELDS = ("title", "subtitle", "date", "start", "end", "duration", "type", "language", "slug", "guid", "code", "id")
_CODE = re.compile(r"[A-Z0-9]+")
_FLAGS = ("do_not_record", "do_not_stream")
_NAMES = ("name", "public_name", "full_public_name")
_UNRECORDED = {"recording_forbidden", "recording_not_possible", "not_recorded_by_default"}
_NOT_TAKING_PLACE = {"draft", "submitted", "rejected", "canceled", "cancelled", "withdrawn", "deleted"}


class Reader:
    """Reads one document; `root` is where the schedule object stands in it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def v1(self, schedule: dict[str, Any], root: Pointer, generator: Any) -> Draft:
        """Version 1: `conference.days[].rooms{name: [event]}`."""
        draft = self._conference(schedule, root, generator, V1)
        if schedule.get("rooms"):
            self._report.error(root.child("rooms"), "rooms are listed under conference, not beside it")
        place = root.child("conference")
        conference = self._object(schedule.get("conference"), place)
        for fields, at in self._objects(conference.get("days"), place.child("days")):
            day = self._day(fields, at, "day_start", "day_end")
            draft.days.append(day)
            within = at.child("rooms")
            rooms = self._rooms(fields.get("rooms"), within)
            for room, events in rooms.items():
                if len(room) > LONGEST_TEXT:
                    self._report.error(within, f"the name of a room is longer than {LONGEST_TEXT} characters")
                    continue
                for event, where in self._objects(events, within.child(room)):
                    draft.add(self._event(event, where, day, clean(room)))
        return draft

    def v2(self, schedule: dict[str, Any], root: Pointer, generator: Any) -> Draft:
        """Version 2: `events[]`, which name their room and track by reference, and list `participants`."""
        draft = self._conference(schedule, root, generator, V2)
        place = root.child("conference")
        conference = self._object(schedule.get("conference"), place)
        for fields, at in self._objects(conference.get("days"), place.child("days")):
            draft.days.append(self._day(fields, at, "start", "end"))
        rooms, tracks = self._names(conference, place, "rooms"), self._names(conference, place, "tracks")
        people = self._names(schedule, root, "persons")
        for fields, at in self._objects(schedule.get("events"), root.child("events")):
            state = clean(str(fields.get("state") or "")).casefold()
            if state in _NOT_TAKING_PLACE:
                self._report.warn(at.child("state"), f"left out: its state is {state}")
                continue
            event = self._event(fields, at, None, self._reference(fields.get("room"), at.child("room"), rooms))
            event.fields["track"] = self._reference(fields.get("track"), at.child("track"), tracks)
            if not event.room and event.get("type").casefold() in {"break", "meta"}:
                self._report.warn(at, "left out: it takes place in no room")
                continue
            draft.add(self._with_names(event, people))
        return draft

    def _conference(self, schedule: dict[str, Any], root: Pointer, generator: Any, format_: str) -> Draft:
        place = root.child("conference")
        conference = self._object(schedule.get("conference"), place)

        def text(name: str) -> str:
            return self._text(conference.get(name), place.child(name))

        draft = Draft(
            place=place,
            format=format_,
            title=text("title"),
            acronym=text("acronym"),
            zone=text("time_zone_name"),
            version=self._text(schedule.get("version"), root.child("version")),
            generator=self._generator(generator),
            day_change=text("day_change"),
            days_declared=text("daysCount"),
            start=text("start"),
        )
        for room, at in self._objects(conference.get("rooms"), place.child("rooms")):
            features = self._object(room.get("features"), at.child("features"))
            if str(features.get("recording", "")).casefold() in _UNRECORDED:
                draft.unrecorded.add(self._text(room.get("name"), at.child("name")))
        return draft

    def _generator(self, generator: Any) -> str:
        if isinstance(generator, dict):
            return clean(f"{generator.get('name') or ''} {generator.get('version') or ''}")
        return clean(generator) if isinstance(generator, str) else ""

    def _day(self, fields: dict[str, Any], at: Pointer, start: str, end: str) -> RawDay:
        return RawDay(at, *(self._text(fields.get(name), at.child(name)) for name in ("index", "date", start, end)))

    def _event(self, entry: dict[str, Any], at: Pointer, day: RawDay | None, room: str) -> RawEvent:
        fields = {name: self._text(entry[name], at.child(name)) for name in (*_FIELDS, *_FLAGS) if name in entry}
        fields["track"] = self._text(entry.get("track"), at.child("track"))
        if not isinstance(entry.get("room"), dict):
            fields["room"] = self._text(entry.get("room"), at.child("room"))
        self._check_id(entry, at)
        people = "participants" if "participants" in entry else "persons"
        persons = tuple(
            self._person(person, where) for person, where in self._list(entry.get(people), at.child(people))
        )
        return RawEvent(place=at, day=day, room=room, fields=fields, persons=persons)

    def _person(self, value: Any, at: Pointer) -> RawPerson:
        if isinstance(value, str):
            return RawPerson(at, clean(value), ())
        entry = self._object(value, at)
        named = (self._text(entry.get(name), at.child(name)) for name in _NAMES)
        ids = (self._text(entry.get(name), at.child(name)) for name in ("guid", "code", "id"))
        self._check_id(entry, at)
        if (code := entry.get("code")) and not _CODE.fullmatch(str(code)):
            self._report.warn(at.child("code"), "a code has capital letters and digits only; taken as it is")
        return RawPerson(at, next((name for name in named if name), ""), tuple(found for found in ids if found))

    def _check_id(self, entry: dict[str, Any], at: Pointer) -> None:
        found = entry.get("id")
        if found not in (None, "") and (isinstance(found, float) or not str(found).isdecimal()):
            self._report.warn(at.child("id"), "a whole number is expected; taken as text")

    def _with_names(self, event: RawEvent, people: dict[str, str]) -> RawEvent:
        persons = tuple(
            RawPerson(person.place, person.name or next((people[i] for i in person.ids if i in people), ""), person.ids)
            for person in event.persons
        )
        return RawEvent(event.place, event.day, event.room, event.fields, persons)

    def _names(self, parent: dict[str, Any], place: Pointer, name: str) -> dict[str, str]:
        """Names by guid and by slug of what a version 2 file lists once and refers to."""
        names = dict[str, str]()
        for entry, at in self._objects(parent.get(name), place.child(name)):
            for key in ("slug", "guid"):
                if isinstance(entry.get(key), str):
                    names[entry[key]] = self._text(entry.get("name"), at.child("name"))
        return names

    def _reference(self, value: Any, at: Pointer, names: dict[str, str]) -> str:
        if not isinstance(value, dict):
            text = self._text(value, at)
            return names.get(text, text)
        known = (
            names[value[key]] for key in ("guid", "slug") if isinstance(value.get(key), str) and value[key] in names
        )
        return self._text(value.get("name"), at.child("name")) or next(known, "") or self._text(value.get("slug"), at)

    def _text(self, value: Any, at: Pointer) -> str:
        match value:
            case None:
                return ""
            case str():
                return clean(value)
            case bool():
                return "true" if value else "false"
            case int() | float():
                return str(value)
            case dict():
                # One text per language: English where there is one, as the file's other fields are untranslated.
                texts = [value["en"], *value.values()] if "en" in value else [*value.values(), ""]
                return self._text(next((text for text in texts if not isinstance(text, dict)), ""), at)
            case _:
                self._report.error(at, "a text is expected, found a list")
                return ""

    def _rooms(self, value: Any, at: Pointer) -> dict[str, Any]:
        """PHP writes a day without rooms as an empty list."""
        return {} if value == [] else self._object(value, at)

    def _object(self, value: Any, at: Pointer) -> dict[str, Any]:
        if value is not None and not isinstance(value, dict):
            self._report.error(at, f"an object is expected, found {_kind(value)}")
        return value if isinstance(value, dict) else {}

    def _objects(self, value: Any, at: Pointer) -> Iterator[tuple[dict[str, Any], Pointer]]:
        """The objects of a list; what else is in it is an error and left out."""
        for entry, where in self._list(value, at):
            if isinstance(entry, dict):
                yield entry, where
            else:
                self._report.error(where, f"an object is expected, found {_kind(entry)}")

    def _list(self, value: Any, at: Pointer) -> Iterator[tuple[Any, Pointer]]:
        if value is not None and not isinstance(value, list):
            self._report.error(at, f"a list is expected, found {_kind(value)}")
        elif value is not None and len(value) > LONGEST_LIST:
            self._report.error(at, f"a list of {len(value)} entries; at most {LONGEST_LIST} are accepted")
        else:
            yield from ((entry, at.child(str(index))) for index, entry in enumerate(value or []))


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "a text"
        case bool():
            return "a truth value"
        case _:
            return "a number"

"""Reads schedule.xml: pentabarf's, frab's, pretalx's, the hub's and wafer's, which differ in what they leave out.

Source: the XSD of c3voc (schedule.xml.xsd); FOSDEM's files of 2007 to 2026; 31C3 and 38C3.
"""

from services.scheduling.schedules.draft import Draft, RawDay, RawEvent, RawPerson
from services.scheduling.schedules.tree import Node
from services.scheduling.schedules.values import clean

FORMAT = "schedule.xml"

_FIELDS = ("title", "subtitle", "date", "start", "end", "duration", "track", "type", "language", "slug", "room")
_NAME_PARTS = ("full_public_name", "public_name", "name")


def read(root: Node) -> Draft:
    """The facts of a `<schedule>` element."""
    conference = root.first("conference") or Node("conference", {}, root.line, root)
    draft = Draft(
        place=conference,
        format=FORMAT,
        title=_text(conference, "title"),
        acronym=_text(conference, "acronym"),
        zone=_text(conference, "time_zone_name") or _text(conference, "timezone"),
        version=_text(root, "version") or _text(conference, "release"),
        generator=_generator(root),
        day_change=_text(conference, "day_change"),
        days_declared=_text(conference, "days"),
        start=_text(conference, "start"),
    )
    for node in root.all("day"):
        day = RawDay(node, *(clean(node.attributes.get(name, "")) for name in ("index", "date", "start", "end")))
        draft.days.append(day)
        for child in node.children:
            if child.name == "event":
                draft.add(_event(child, day, ""))
            elif child.name == "room":
                room = clean(child.attributes.get("name", ""))
                for event in child.all("event"):
                    draft.add(_event(event, day, room))
    return draft


def _text(node: Node, name: str) -> str:
    child = node.first(name)
    return clean(child.text) if child is not None else ""


def _generator(root: Node) -> str:
    node = root.first("generator")
    if node is None:
        return ""
    return clean(f"{node.attributes.get('name', '') or node.text} {node.attributes.get('version', '')}")


def _event(node: Node, day: RawDay, room: str) -> RawEvent:
    fields = {child.name: clean(child.text) for child in node.children if child.name in _FIELDS}
    fields |= {name: clean(node.attributes[name]) for name in ("guid", "code", "id") if name in node.attributes}
    recording = node.first("recording")
    opted_out = _text(recording, "optout") if recording is not None else ""
    fields["do_not_record"] = opted_out or _text(node, "do_not_record")
    fields["do_not_stream"] = _text(node, "do_not_stream")
    listed = node.first("persons") or node.first("speakers") or node
    persons = tuple(_person(child) for child in listed.children if child.name in {"person", "speaker"})
    return RawEvent(place=node, day=day, room=room, fields=fields, persons=persons)


def _person(node: Node) -> RawPerson:
    named = (_text(node, name) or clean(node.attributes.get(name, "")) for name in _NAME_PARTS)
    name = clean(node.text) or next((name for name in named if name), "")
    ids = (clean(node.attributes.get(name, "")) for name in ("guid", "code", "id"))
    return RawPerson(place=node, name=name, ids=tuple(found for found in ids if found))

"""Writes schedule.json version 1, which `read` reads back without loss (warnings apart).

Source: the JSON schema of c3voc (schema.json).
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from chassis.clock import zone_named
from services.scheduling.schedules import values
from services.scheduling.schedules.model import Schedule, ScheduleDay, ScheduledSession, ScheduledSpeaker, kind_of


def write_schedule_json(schedule: Schedule) -> bytes:
    """Indented UTF-8. Durations are rounded to minutes there, so each session says its `end` too."""
    zone = zone_named(schedule.zone)
    conference = {
        "acronym": schedule.acronym,
        "title": schedule.title,
        "start": min((day.date for day in schedule.days), default=None),
        "end": max((day.date for day in schedule.days), default=None),
        "daysCount": len(schedule.days),
        "timeslot_duration": "00:05",
        "time_zone_name": schedule.zone,
        "days": [_day(day, schedule, zone) for day in schedule.days],
    }
    document = {
        "generator": {"name": schedule.generator},
        "schedule": {"version": schedule.version, "conference": conference},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _day(day: ScheduleDay, schedule: Schedule, zone: ZoneInfo) -> dict[str, Any]:
    sessions = [session for session in schedule.sessions if session.day == day.index]
    rooms = {stage: [_event(it, zone) for it in sessions if it.stage == stage] for stage in schedule.stages}
    return {
        "index": day.index,
        "date": day.date,
        "day_start": _local(day.starts_at, zone),
        "day_end": _local(day.ends_at, zone),
        "rooms": {stage: events for stage, events in rooms.items() if events},
    }


def _event(session: ScheduledSession, zone: ZoneInfo) -> dict[str, Any]:
    minutes = (session.ends_at - session.starts_at) // timedelta(minutes=1)
    concluded = kind_of(session.type, session.title, has_speakers=bool(session.speakers))
    return {
        "guid": session.id,
        **({"id": _number(session.source_id)} if session.source_id else {}),
        "date": _local(session.starts_at, zone),
        "start": session.starts_at.astimezone(zone).strftime("%H:%M"),
        "end": _local(session.ends_at, zone),
        "duration": f"{minutes // 60:02}:{minutes % 60:02}",
        "room": session.stage,
        "title": session.title,
        "subtitle": session.subtitle,
        "track": session.track,
        # A kind that was chosen and not concluded from the file's word has to stand in that word's place.
        "type": session.type if concluded is session.kind else session.kind.value,
        "language": session.language,
        "abstract": "",
        "description": "",
        "do_not_record": session.do_not_record,
        "do_not_stream": session.do_not_stream,
        "persons": [_person(speaker) for speaker in session.speakers],
        "links": [],
    }


def _person(speaker: ScheduledSpeaker) -> dict[str, Any]:
    """The id goes back to the field it came from, as far as its spelling tells."""
    number, source = _number(speaker.source_id), speaker.source_id
    field = "id" if isinstance(number, int) else "guid" if values.guid(source) == source else "code"
    return {field: number, "name": speaker.name, "public_name": speaker.name}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and str(int(text)) == text and len(text) < 16 else text


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()

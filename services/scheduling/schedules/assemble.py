"""Judges a draft and makes the schedule of it: instants, days, ids, kinds, and every problem on the way.

Liberal where exporters differ and the meaning is plain (a warning says what was assumed); strict where the record of
the show would be wrong: no start, a duration that cannot be read or is zero, a local time that does not exist or
exists twice, a title that is missing. Source: 26 public files (FOSDEM 2007 to 2026, 31C3, 38C3,
Camp 2019, rC3, two examples): none of their 13,000 sessions breaks the strict rules.
"""

from collections import Counter
from datetime import date, datetime, timedelta

from services.scheduling.schedules import values
from services.scheduling.schedules.draft import MOST_SESSIONS, Draft, Place, RawDay, RawEvent, Report
from services.scheduling.schedules.instants import Instants, midnight
from services.scheduling.schedules.model import (
    UNNAMED_STAGE,
    Schedule,
    ScheduleDay,
    ScheduledSession,
    ScheduledSpeaker,
    derived_id,
    kind_of,
)
from services.scheduling.timing import Overlap, minutes_up, overlaps

MOST_DAYS = 400


class Assembler:
    """Turns one draft into one schedule; used once."""

    def __init__(self, draft: Draft, zone: str | None, report: Report) -> None:
        self._draft, self._report = draft, report
        self._instants = Instants(draft, zone, report)
        self._indices = set[int]()
        listed = draft.days[:MOST_DAYS]
        self._days = [self._day(raw, position) for position, raw in enumerate(listed, 1)]
        self._day_of_raw = {id(raw): day for raw, day in zip(listed, self._days, strict=True) if day is not None}
        self._ids = Counter[str]()
        self._places = dict[str, Place]()

    def schedule(self, *, allow_overlaps: bool) -> Schedule:
        """Raises ScheduleInvalid if anything was found that may not be."""
        draft, report = self._draft, self._report
        if len(draft.days) > MOST_DAYS:
            report.error(draft.place, f"there are {len(draft.days)} days; at most {MOST_DAYS} are accepted")
            raise report.refusal()
        if draft.listed > MOST_SESSIONS:
            report.error(draft.place, f"there are {draft.listed} sessions; at most {MOST_SESSIONS} are accepted")
            raise report.refusal()
        if not draft.events:
            report.error(draft.place, "there are no sessions in it")
        if draft.days_declared.isdecimal() and draft.days_declared.lstrip("0") != str(len(draft.days)):
            report.warn(
                draft.place, f"{values.quoted(draft.days_declared)} days are announced, {len(draft.days)} are listed"
            )
        events = draft.events if draft.days else sorted(draft.events, key=lambda it: it.get("date") or it.get("start"))
        sessions = [session for event in events if (session := self._session(event)) is not None]
        self._instants.refuse_local_times()
        self._instants.check_offsets()
        report.refuse_if_failed()
        self._check_overlaps(sessions, error=not allow_overlaps)
        report.refuse_if_failed()
        days = [day for day in self._days if day is not None]
        return Schedule(
            title=draft.title or draft.acronym or "Untitled",
            acronym=draft.acronym,
            zone=self._instants.zone.key,
            version=draft.version,
            generator=draft.generator,
            days=tuple(sorted(days, key=lambda day: day.index)),
            sessions=tuple(sorted(sessions, key=lambda it: (it.stage, it.starts_at, it.ends_at, it.id))),
            warnings=report.warnings(),
        )

    def _check_overlaps(self, sessions: list[ScheduledSession], *, error: bool) -> None:
        by_id = {session.id: session for session in sessions}
        for overlap in overlaps(session.slot() for session in sessions):
            rule = overlap_rule(overlap, by_id[overlap.first], by_id[overlap.second])
            (self._report.error if error else self._report.warn)(self._places[overlap.second].child("start"), rule)

    # Days

    def _day(self, raw: RawDay, position: int) -> ScheduleDay | None:
        day = values.calendar_date(raw.date) or values.calendar_date(raw.start)
        if day is None and (first := values.calendar_date(self._draft.start)) is not None:
            day = first + timedelta(days=position - 1)
            self._report.warn(raw.place, f"the day has no date; {day} follows from the start of the conference")
        if day is None:
            self._report.error(raw.place.child("date"), "the day has no date (YYYY-MM-DD)")
            return None
        index = int(raw.index) if raw.index.isdecimal() and len(raw.index) < 5 else position
        if index in self._indices:
            index = max(self._indices) + 1
            self._report.warn(raw.place.child("index"), f"another day has this index; {index} is used")
        self._indices.add(index)
        return self._bounded(raw, day, index)

    def _bounded(self, raw: RawDay, day: date, index: int) -> ScheduleDay:
        local = midnight(day)
        opens = self._bound(raw.start) or self._instants.leniently(local + self._instants.day_change)
        closes = self._bound(raw.end) or self._instants.leniently(local + self._instants.day_change + timedelta(days=1))
        if closes <= opens:
            self._report.warn(raw.place, "the day does not end after it starts; its end is ignored")
            closes = opens + timedelta(days=1)
        return ScheduleDay(index=index, date=day, starts_at=opens, ends_at=closes)

    def _bound(self, text: str) -> datetime | None:
        found = values.moment(text)
        return found if found is None or found.tzinfo else self._instants.leniently(found)

    def _day_at(self, start: datetime) -> ScheduleDay:
        """The listed day around an instant, else the one of its local date, which is added where it is missing."""
        known = [day for day in self._days if day is not None]
        for day in known:
            if day.starts_at <= start < day.ends_at:
                return day
        local = start.astimezone(self._instants.zone).date()
        label = (
            local
            if start >= self._instants.leniently(midnight(local) + self._instants.day_change)
            else local - timedelta(days=1)
        )
        for wanted in (label, local):
            for day in known:
                if day.date == wanted:
                    return day
        opens = self._instants.leniently(midnight(label) + self._instants.day_change)
        index = max((day.index for day in known), default=0) + 1
        added = ScheduleDay(index=index, date=label, starts_at=opens, ends_at=opens + timedelta(days=1))
        self._days.append(added)
        return added

    # Sessions

    def _session(self, event: RawEvent) -> ScheduledSession | None:
        title, stage = self._text(event, "title"), self._stage(event)
        if not title:
            self._report.error(event.place.child("title"), "the session has no title")
        day = self._day_of_raw.get(id(event.day)) if event.day is not None else None
        start = self._instants.start(event, day.date if day is not None else None)
        end = self._instants.end(event, start) if start is not None else None
        speakers = self._speakers(event)
        do_not_record, do_not_stream = self._do_not_record(event, stage), self._flag(event, "do_not_stream")
        subtitle, track, type_, language = (
            self._text(event, name) for name in ("subtitle", "track", "type", "language")
        )
        if start is None or end is None:
            return None
        kind = kind_of(type_, title, has_speakers=bool(speakers))
        if kind.is_session and not speakers:
            self._report.warn(event.place, "nobody speaks in it; name a speaker or make it a break before publishing")
        ident = self._id(event, stage, title, start)
        self._places[ident] = event.place
        return ScheduledSession(
            id=ident,
            source_id=event.get("id") or event.get("code"),
            title=title,
            subtitle=subtitle,
            stage=stage,
            starts_at=start,
            ends_at=end,
            local_start=start.astimezone(self._instants.zone).isoformat(),
            day=(day or self._day_at(start)).index,
            track=track,
            type=type_,
            kind=kind,
            language=language,
            speakers=speakers,
            do_not_record=do_not_record,
            do_not_stream=do_not_stream,
        )

    def _text(self, event: RawEvent, name: str) -> str:
        text = event.get(name)
        if len(text) > values.LONGEST_TEXT:
            self._report.error(event.place.child(name), f"longer than {values.LONGEST_TEXT} characters")
        return text

    def _stage(self, event: RawEvent) -> str:
        inside = self._text(event, "room")
        if len(event.room) > values.LONGEST_TEXT:
            self._report.error(event.place.child("room"), f"longer than {values.LONGEST_TEXT} characters")
        if event.room and inside and event.room != inside:
            self._report.warn(
                event.place.child("room"),
                f"says {values.quoted(inside)}, is listed in {values.quoted(event.room)}, which counts",
            )
        if not (event.room or inside):
            self._report.warn(event.place.child("room"), f"no room is named; the stage is called {UNNAMED_STAGE!r}")
        return event.room or inside or UNNAMED_STAGE

    def _do_not_record(self, event: RawEvent, stage: str) -> bool:
        if self._flag(event, "do_not_record"):
            return True
        if stage not in self._draft.unrecorded:
            return False
        self._report.warn(event.place.child("room"), f"not recorded, as the file says of the room {stage}")
        return True

    def _flag(self, event: RawEvent, name: str) -> bool:
        """An unreadable flag counts as set: a recording that should not be cannot be taken back (duties.md Q29)."""
        found = values.flag(event.get(name))
        if found is None:
            self._report.warn(
                event.place.child(name), f"{values.quoted(event.get(name))} is neither true nor false; taken as true"
            )
            return True
        return found

    def _speakers(self, event: RawEvent) -> tuple[ScheduledSpeaker, ...]:
        speakers = dict[str, ScheduledSpeaker]()
        for person in event.persons:
            if not person.name:
                self._report.warn(person.place, "a person without a name is left out")
                continue
            if len(person.name) > values.LONGEST_TEXT:
                self._report.error(person.place, f"longer than {values.LONGEST_TEXT} characters")
            source = person.ids[0] if person.ids else derived_id("speaker", person.name)
            if source in speakers:
                self._report.warn(person.place, "the same person is listed twice")
            speakers.setdefault(source, ScheduledSpeaker(source_id=source, name=person.name))
        return tuple(speakers.values())

    def _id(self, event: RawEvent, stage: str, title: str, start: datetime) -> str:
        """The guid (31C3 has some that are no UUIDs); else from conference and number; else from what the session is.

        Repeats get their own, which is reported.
        """
        given, number = event.get("guid"), event.get("id") or event.get("code")
        found = values.guid(given) if given else None
        if found is None and given:
            found = derived_id("guid", given)
        if found is None:
            facts = (number,) if number else (event.get("slug") or title, stage, start.isoformat())
            found = derived_id(self._draft.acronym or self._draft.title, *facts)
        self._ids[found] += 1
        if self._ids[found] == 1:
            return found
        what = "guid" if given else "id"
        self._report.warn(event.place.child(what), f"this {what} is used more than once; an id is derived")
        again = derived_id(found, stage, start.isoformat())
        self._ids[again] += 1
        return again if self._ids[again] == 1 else derived_id(again, str(self._ids[again]))


def overlap_rule(overlap: Overlap, first: ScheduledSession, second: ScheduledSession) -> str:
    """What is wrong, in words."""
    return (
        f"{values.quoted(second.title)} at {second.local_start} overlaps {values.quoted(first.title)} "
        f"on {values.quoted(overlap.stage)} "
        f"by {minutes_up(overlap.overlap_s * 1000)} min"
    )

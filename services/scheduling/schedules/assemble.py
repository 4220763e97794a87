"""Judges a draft and makes the schedule of it: instants, days, ids, kinds, and every problem on the way.

Liberal where exporters differ and the meaning is plain (a warning says what was assumed); strict where the record of
the show would be wrong: no start, a duration that cannot be read or is zero, a local time that does not exist or
exists twice, a title that is missing. Source: 20 public files of FOSDEM (2007 to 2026), 31C3, 38C3, Camp 2019, rC3:
none of their 12,000 sessions breaks the strict rules.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.clock import LocalTimeAmbiguous, LocalTimeNonexistent, ZoneUnknown, instant, zone_named
from services.scheduling.schedules import values
from services.scheduling.schedules.draft import Draft, Place, RawDay, RawEvent, Report
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

MOST_SESSIONS = 10_000
USUAL_DAY_CHANGE = timedelta(hours=4)
"""When a conference day ends if the file does not say: frab's and pretalx's default."""


class Assembler:
    """Turns one draft into one schedule; used once."""

    def __init__(self, draft: Draft, zone: str | None, report: Report) -> None:
        self._draft, self._report = draft, report
        self._zone_known = False
        self._zone = self._choose_zone(zone)
        self._day_change = self._read_day_change()
        self._indices = set[int]()
        self._days = [self._day(raw, position) for position, raw in enumerate(draft.days, 1)]
        self._day_of_raw = {id(raw): day for raw, day in zip(draft.days, self._days, strict=True) if day is not None}
        self._ids = Counter[str]()
        self._places = dict[str, Place]()
        self._local = list[Place]()

    def schedule(self, *, allow_overlaps: bool) -> Schedule:
        """Raises ScheduleInvalid if anything was found that may not be."""
        draft, report = self._draft, self._report
        if len(draft.events) > MOST_SESSIONS:
            report.error(draft.place, f"there are {len(draft.events)} sessions; at most {MOST_SESSIONS} are accepted")
            raise report.refusal()
        if not draft.events:
            report.error(draft.place, "there are no sessions in it")
        if draft.days_declared.isdecimal() and int(draft.days_declared) != len(draft.days):
            report.warn(draft.place, f"{draft.days_declared} days are announced, {len(draft.days)} are listed")
        events = draft.events if draft.days else sorted(draft.events, key=lambda it: it.get("date") or it.get("start"))
        sessions = [session for event in events if (session := self._session(event)) is not None]
        if self._local:
            rule = f"a local time and no time zone to read it in; name one ({len(self._local)} times are local)"
            report.error(self._local[0], rule)
        self._check_offsets()
        report.refuse_if_failed()
        self._check_overlaps(sessions, error=not allow_overlaps)
        report.refuse_if_failed()
        days = [day for day in self._days if day is not None]
        return Schedule(
            title=draft.title or draft.acronym or "Untitled",
            acronym=draft.acronym,
            zone=self._zone.key,
            version=draft.version,
            generator=draft.generator,
            days=tuple(sorted(days, key=lambda day: day.index)),
            sessions=tuple(sorted(sessions, key=lambda it: (it.stage, it.starts_at, it.ends_at, it.id))),
            warnings=report.warnings(),
        )

    # The zone

    def _choose_zone(self, asked: str | None) -> ZoneInfo:
        """The zone asked for, else the file's; else one that fits the offsets, as long as every start has one."""
        place, named = self._draft.place.child("time_zone_name"), self._draft.zone
        if asked:
            try:
                chosen = zone_named(asked)
            except ZoneUnknown as refusal:
                self._report.error(self._draft.place, f"the zone asked for: {refusal.detail}")
                return ZoneInfo("UTC")
            if named and named != asked:
                self._report.warn(place, f"the file says {named}; the zone asked for, {asked}, is used")
            self._zone_known = True
            return chosen
        if named:
            try:
                chosen = zone_named(named)
            except ZoneUnknown as refusal:
                self._report.warn(place, f"{refusal.detail}; offsets are used as far as they are given")
            else:
                self._zone_known = True
                return chosen
        return self._zone_of_offsets()

    def _zone_of_offsets(self) -> ZoneInfo:
        starts = (event.get("date") or event.get("start") for event in self._draft.events)
        offsets = {offset for start in starts if (offset := values.offset(start)) is not None}
        hours = [offset // timedelta(hours=1) for offset in offsets if not offset % timedelta(hours=1)]
        fits = len(offsets) == 1 and len(hours) == 1 and -12 <= hours[0] <= 14 and hours[0] != 0
        # The sign of these names is inverted (POSIX): Etc/GMT-1 is an hour ahead of UTC.
        zone = ZoneInfo(f"Etc/GMT{-hours[0]:+d}" if fits else "UTC")
        if offsets:
            self._report.warn(self._draft.place, f"no time zone is named; local times are shown in {zone.key}")
        return zone

    def _check_offsets(self) -> None:
        """Pretalx's example says UTC and writes +01:00: instants are right either way, local times may not be."""
        for event in self._draft.events if self._zone_known else ():
            for name in ("date", "start"):
                text, found = event.get(name), values.moment(event.get(name))
                offset = values.offset(text) if found is not None else None
                if found is not None and offset is not None and offset != found.astimezone(self._zone).utcoffset():
                    rule = f"the offset is not that of {self._zone.key} on this day; instants follow the offset"
                    self._report.warn(event.place.child(name), f"{rule}, local times the zone")
                    return

    def _check_overlaps(self, sessions: list[ScheduledSession], *, error: bool) -> None:
        by_id = {session.id: session for session in sessions}
        for overlap in overlaps(session.slot() for session in sessions):
            rule = overlap_rule(overlap, by_id[overlap.first], by_id[overlap.second])
            (self._report.error if error else self._report.warn)(self._places[overlap.second].child("start"), rule)

    # Days

    def _read_day_change(self) -> timedelta:
        text = self._draft.day_change
        found = values.time_of_day(text) if text else USUAL_DAY_CHANGE
        if found is None or found >= timedelta(days=1):
            self._report.warn(self._draft.place.child("day_change"), f"{text!r} is not a time; 04:00 is used")
            return USUAL_DAY_CHANGE
        return found

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
        midnight = datetime.combine(day, datetime.min.time())
        opens = self._bound(raw.start) or self._leniently(midnight + self._day_change)
        closes = self._bound(raw.end) or self._leniently(midnight + self._day_change + timedelta(days=1))
        if closes <= opens:
            self._report.warn(raw.place, "the day does not end after it starts; its end is ignored")
            closes = opens + timedelta(days=1)
        return ScheduleDay(index=index, date=day, starts_at=opens, ends_at=closes)

    def _bound(self, text: str) -> datetime | None:
        found = values.moment(text)
        return found if found is None or found.tzinfo else self._leniently(found)

    def _leniently(self, local: datetime) -> datetime:
        """A day's bound may fall into a clock change; it only labels, so the earlier reading does."""
        return local.replace(tzinfo=self._zone).astimezone(UTC)

    def _day_at(self, start: datetime) -> ScheduleDay:
        """The listed day around an instant, else the one of its local date, which is added where it is missing."""
        known = [day for day in self._days if day is not None]
        for day in known:
            if day.starts_at <= start < day.ends_at:
                return day
        local = start.astimezone(self._zone).date()
        label = local if start >= self._leniently(_midnight(local) + self._day_change) else local - timedelta(days=1)
        for wanted in (label, local):
            for day in known:
                if day.date == wanted:
                    return day
        opens = self._leniently(_midnight(label) + self._day_change)
        index = max((day.index for day in known), default=0) + 1
        added = ScheduleDay(index=index, date=label, starts_at=opens, ends_at=opens + timedelta(days=1))
        self._days.append(added)
        return added

    # Sessions

    def _session(self, event: RawEvent) -> ScheduledSession | None:
        title, stage = self._text(event, "title"), self._stage(event)
        if not title:
            self._report.error(event.place.child("title"), "the session has no title")
        start = self._start(event)
        end = self._end(event, start) if start is not None else None
        speakers = self._speakers(event)
        do_not_record, do_not_stream = self._do_not_record(event, stage), self._flag(event, "do_not_stream")
        subtitle, track, type_, language = (
            self._text(event, name) for name in ("subtitle", "track", "type", "language")
        )
        if start is None or end is None:
            return None
        raw_day = self._day_of_raw.get(id(event.day)) if event.day is not None else None
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
            local_start=start.astimezone(self._zone).isoformat(),
            day=(raw_day or self._day_at(start)).index,
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
                event.place.child("room"), f"says {inside!r} but is listed in {event.room!r}, which counts"
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
            self._report.warn(event.place.child(name), f"{event.get(name)!r} is neither true nor false; taken as true")
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

    # Instants

    def _start(self, event: RawEvent) -> datetime | None:
        """From `date` if it has a time of day; else `start` on that date or, by the day change, on the listed day."""
        text, clock = event.get("date"), event.get("start")
        for name, value in (("date", text), ("start", clock)):
            if (found := values.moment(value)) is not None:
                self._compare_clock(event, value, clock)
                return self._resolve(event, name, found)
        of_day = values.time_of_day(clock)
        if not clock and not text:
            self._report.error(event.place.child("start"), "the session has no start")
            return None
        if of_day is None or (text and values.calendar_date(text) is None):
            what, value = ("date", text) if text and values.calendar_date(text) is None else ("start", clock)
            self._report.error(event.place.child(what), f"{value!r} is not a {_EXPECTED[what]}")
            return None
        stated = values.calendar_date(text) if text else None
        listed = self._day_of_raw.get(id(event.day)) if event.day is not None else None
        day = stated or (listed.date if listed is not None else None)
        if day is None:
            if event.day is None:
                self._report.error(
                    event.place.child("start"), "a time of day and no date; a date with time is expected"
                )
            return None
        after_midnight = stated is None and of_day < self._day_change
        return self._resolve(event, "start", _midnight(day) + of_day + timedelta(days=1 if after_midnight else 0))

    def _compare_clock(self, event: RawEvent, text: str, clock: str) -> None:
        of_day = values.time_of_day(clock)
        if of_day is not None and values.time_of_day(text[11:16]) not in (of_day, of_day - timedelta(days=1)):
            self._report.warn(event.place.child("start"), f"says {clock}, the date says {text[11:16]}, which counts")

    def _resolve(self, event: RawEvent, name: str, found: datetime) -> datetime | None:
        if found.tzinfo is not None:
            return found
        if not self._zone_known:
            self._local.append(event.place.child(name))
            return None
        try:
            return instant(found, self._zone)
        except (LocalTimeNonexistent, LocalTimeAmbiguous) as refusal:
            self._report.error(event.place.child(name), f"{refusal.detail}; write a date with an offset")
            return None

    def _end(self, event: RawEvent, start: datetime) -> datetime | None:
        """From a full `end` if there is one, which schemas call the successor of `duration`; else start + duration."""
        text = event.get("duration")
        length = values.duration(text, days_first=self._draft.generator.casefold().startswith("pretalx"))
        stated = values.moment(event.get("end"))
        end = self._resolve(event, "end", stated) if stated is not None else None
        if stated is not None and end is None:
            return None
        if end is None:
            if length is None:
                rule = f"{text!r} is not a duration (HH:MM)" if text else "the session has no duration"
                self._report.error(event.place.child("duration"), rule)
                return None
            end = start + length
        elif length is not None and abs(end - start - length) >= timedelta(minutes=1):
            self._report.warn(event.place.child("duration"), f"says {text}, the end says {end - start}, which counts")
        return self._bounded_end(event, "duration" if stated is None else "end", start, end)

    def _bounded_end(self, event: RawEvent, field: str, start: datetime, end: datetime) -> datetime | None:
        if start < end <= start + values.LONGEST_SESSION:
            return end
        minutes = (start - end) // timedelta(minutes=1)
        rule = (
            "the session lasts longer than 7 days"
            if end > start
            else f"the session ends {minutes} min before it starts"
            if minutes
            else "the session has no length"
        )
        self._report.error(event.place.child(field), rule)
        return None


_EXPECTED = {"date": "date (YYYY-MM-DDTHH:MM:SS with an offset)", "start": "time of day (HH:MM)"}


def overlap_rule(overlap: Overlap, first: ScheduledSession, second: ScheduledSession) -> str:
    """What is wrong, in words."""
    return (
        f"{second.title!r} at {second.local_start} overlaps {first.title!r} on {overlap.stage!r} "
        f"by {minutes_up(overlap.overlap_s * 1000)} min"
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())

"""When sessions start and end: the zone, the day change, and instants from what a file says. Part of `assemble`."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.clock import LocalTimeAmbiguous, LocalTimeNonexistent, ZoneUnknown, instant, zone_named
from services.scheduling.schedules import values
from services.scheduling.schedules.draft import Draft, Place, RawEvent, Report

USUAL_DAY_CHANGE = timedelta(hours=4)
"""When a conference day ends if the file does not say: frab's and pretalx's default."""

_EXPECTED = {"date": "date (YYYY-MM-DDTHH:MM:SS with an offset)", "start": "time of day (HH:MM)"}


def midnight(day: date) -> datetime:
    """The local time, which may not exist."""
    return datetime.combine(day, datetime.min.time())


class Instants:
    """`zone` is for showing times; it resolves local ones only if somebody named it."""

    def __init__(self, draft: Draft, asked: str | None, report: Report) -> None:
        self._draft, self._report = draft, report
        self._zone_known = False
        self._local = list[Place]()
        self.zone = self._choose_zone(asked)
        self.day_change = self._read_day_change()

    def refuse_local_times(self) -> None:
        """One error for all the local times that could not be resolved for want of a zone."""
        if self._local:
            rule = f"a local time and no time zone to read it in; name one ({len(self._local)} times are local)"
            self._report.error(self._local[0], rule)

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
                self._report.warn(place, f"the file says {values.quoted(named)}; the zone asked for, {asked}, is used")
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

    def check_offsets(self) -> None:
        """Pretalx's example says UTC and writes +01:00: instants are right either way, local times may not be."""
        for event in self._draft.events if self._zone_known else ():
            for name in ("date", "start"):
                text, found = event.get(name), values.moment(event.get(name))
                offset = values.offset(text) if found is not None else None
                if found is not None and offset is not None and offset != found.astimezone(self.zone).utcoffset():
                    rule = f"the offset is not that of {self.zone.key} on this day; instants follow the offset"
                    self._report.warn(event.place.child(name), f"{rule}, local times the zone")
                    return

    def _read_day_change(self) -> timedelta:
        text = self._draft.day_change
        found = values.time_of_day(text) if text else USUAL_DAY_CHANGE
        if found is None or found >= timedelta(days=1):
            self._report.warn(
                self._draft.place.child("day_change"), f"{values.quoted(text)} is not a time; 04:00 is used"
            )
            return USUAL_DAY_CHANGE
        return found

    def leniently(self, local: datetime) -> datetime:
        """A day's bound may fall into a clock change; it only labels, so the earlier reading does."""
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    # Instants

    def start(self, event: RawEvent, listed: date | None) -> datetime | None:
        """From `date` if it has a time of day; else `start` on that date or, by the day change, on the listed day.

        None after an error, which is reported here or was with the day.
        """
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
            self._report.error(event.place.child(what), f"{values.quoted(value)} is not a {_EXPECTED[what]}")
            return None
        stated = values.calendar_date(text) if text else None
        day = stated or listed
        if day is None:
            if event.day is None:
                self._report.error(
                    event.place.child("start"), "a time of day and no date; a date with time is expected"
                )
            return None
        after_midnight = stated is None and of_day < self.day_change
        return self._resolve(event, "start", midnight(day) + of_day + timedelta(days=1 if after_midnight else 0))

    def _compare_clock(self, event: RawEvent, text: str, clock: str) -> None:
        of_day = values.time_of_day(clock)
        if of_day is not None and values.time_of_day(text[11:16]) not in (of_day, of_day - timedelta(days=1)):
            self._report.warn(
                event.place.child("start"), f"says {values.quoted(clock)}, the date says {text[11:16]}, which counts"
            )

    def _resolve(self, event: RawEvent, name: str, found: datetime) -> datetime | None:
        if found.tzinfo is not None:
            return found
        if not self._zone_known:
            self._local.append(event.place.child(name))
            return None
        try:
            return instant(found, self.zone)
        except (LocalTimeNonexistent, LocalTimeAmbiguous) as refusal:
            self._report.error(event.place.child(name), f"{refusal.detail}; write a date with an offset")
            return None

    def end(self, event: RawEvent, start: datetime) -> datetime | None:
        """From a full `end` if there is one, which schemas call the successor of `duration`; else start + duration."""
        text = event.get("duration")
        length = values.duration(text, days_first=self._draft.generator.casefold().startswith("pretalx"))
        stated = values.moment(event.get("end"))
        end = self._resolve(event, "end", stated) if stated is not None else None
        if stated is not None and end is None:
            return None
        if end is None:
            if length is None:
                rule = f"{values.quoted(text)} is not a duration (HH:MM)" if text else "the session has no duration"
                self._report.error(event.place.child("duration"), rule)
                return None
            end = start + length
        elif length is not None and abs(end - start - length) >= timedelta(minutes=1):
            self._report.warn(
                event.place.child("duration"), f"says {values.quoted(text)}, the end says {end - start}, which counts"
            )
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

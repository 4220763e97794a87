"""Choosing a part of a schedule, and moving it in time. Pure."""

from datetime import date, datetime

import msgspec

from chassis.clock import as_utc, elapsed, zone_named
from services.scheduling.schedules.model import Problem, Schedule, ScheduleDay, ScheduleInvalid


def select(
    schedule: Schedule,
    *,
    day: date | int | None = None,
    stages: list[str] | None = None,
    first: int | None = None,
) -> Schedule:
    """The sessions of one day, of some stages, and of these the first so many to start.

    `day` is a conference day, by its date or its index, so that what begins after midnight stays with the evening
    before; a grant covers one day (duties.md L3). Days and warnings are those of the selection. Raises ScheduleInvalid
    if there is no such day or stage, or nothing is left.
    """
    sessions = list(schedule.sessions)
    if day is not None:
        index = _index_of(schedule, day)
        sessions = [session for session in sessions if session.day == index]
    if stages is not None:
        _check_stages(schedule, stages)
        sessions = [session for session in sessions if session.stage in stages]
    if first is not None:
        earliest = sorted(sessions, key=lambda session: (session.starts_at, session.stage, session.id))[: max(first, 0)]
        chosen = {session.id for session in earliest}
        sessions = [session for session in sessions if session.id in chosen]
    if not sessions:
        raise ScheduleInvalid([Problem(line=None, field="/select", rule="nothing is left of the schedule")])
    kept = {session.day for session in sessions}
    days = tuple(listed for listed in schedule.days if listed.index in kept)
    return msgspec.structs.replace(schedule, sessions=tuple(sessions), days=days)


def _index_of(schedule: Schedule, day: date | int) -> int:
    for listed in schedule.days:
        if day in (listed.index, listed.date):
            return listed.index
    known = ", ".join(f"{listed.index} ({listed.date})" for listed in schedule.days)
    raise ScheduleInvalid([Problem(line=None, field="/select/day", rule=f"there is no day {day}; there are: {known}")])


def _check_stages(schedule: Schedule, stages: list[str]) -> None:
    known = ", ".join(schedule.stages)
    missing = [
        Problem(line=None, field=f"/select/stages/{index}", rule=f"there is no stage {stage!r}; there are: {known}")
        for index, stage in enumerate(stages)
        if stage not in schedule.stages
    ]
    if missing:
        raise ScheduleInvalid(missing)


def rebase(schedule: Schedule, starts_at: datetime) -> Schedule:
    """The same schedule with its first session at `starts_at`; elapsed gaps and durations are kept.

    Days move along and are labelled by the local date they then begin on. Raises ValueError without offset.
    """
    shift, zone = elapsed(schedule.starts_at, as_utc(starts_at)), zone_named(schedule.zone)

    def moved_day(day: ScheduleDay) -> ScheduleDay:
        label = (day.starts_at + shift).astimezone(zone).date()
        return msgspec.structs.replace(day, date=label, starts_at=day.starts_at + shift, ends_at=day.ends_at + shift)

    return msgspec.structs.replace(
        schedule,
        days=tuple(moved_day(day) for day in schedule.days),
        sessions=tuple(
            msgspec.structs.replace(
                session,
                starts_at=session.starts_at + shift,
                ends_at=session.ends_at + shift,
                local_start=(session.starts_at + shift).astimezone(zone).isoformat(),
            )
            for session in schedule.sessions
        ),
    )

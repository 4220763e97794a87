"""Conference schedules: read from what exporters write, choose from them, move them, write them. Pure."""

from services.scheduling.schedules.model import (
    Problem,
    Schedule,
    ScheduleDay,
    ScheduledSession,
    ScheduledSpeaker,
    ScheduleInvalid,
    SessionKind,
)
from services.scheduling.schedules.pick import rebase, select
from services.scheduling.schedules.read import read_schedule, rundown_problems
from services.scheduling.schedules.write import write_schedule_json

__all__ = [
    "Problem",
    "Schedule",
    "ScheduleDay",
    "ScheduleInvalid",
    "ScheduledSession",
    "ScheduledSpeaker",
    "SessionKind",
    "read_schedule",
    "rebase",
    "rundown_problems",
    "select",
    "write_schedule_json",
]

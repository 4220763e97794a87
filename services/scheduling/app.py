"""The scheduling service as data: its events, routes, views, policies and timers."""

from pathlib import Path
from typing import Final

from litestar import Litestar

from chassis.service import Definition, api
from contracts import scheduling
from contracts.envelope import events_of
from contracts.upcasters import UPCASTERS
from services.scheduling.api import HANDLERS, TAGS
from services.scheduling.policies import policies
from services.scheduling.timers import TIMER_COMMANDS, timers
from services.scheduling.views import ShiftTable, ShowList

SUMMARY: Final = """Shows, their run of show, the crew and the preparation of speakers.

A schedule file becomes a draft, a draft is published, a show is confirmed with hours. Confirming and re-timing are
requests: the hours answer, and the outcome follows as an event."""

DEFINITION: Final = Definition(
    name="scheduling",
    title="Regie scheduling",
    summary=SUMMARY,
    events=events_of(scheduling),
    upcasters=UPCASTERS["scheduling"],
    forgotten=scheduling.SubjectForgotten,
    migrations=Path(__file__).parent / "sql",
    projections=[ShowList(), ShiftTable()],
    policies=lambda house: policies(house.handler),
    timers=timers,
    timer_commands=TIMER_COMMANDS,
    handlers=HANDLERS,
    tags=TAGS,
)


def describe() -> Litestar:
    """The API without anything behind it, for its contract."""
    return api(DEFINITION)

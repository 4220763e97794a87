"""The stage service as data: its events, routes, views, policies, timers, and the director of its engines."""

import asyncio
from pathlib import Path
from typing import Final

from litestar import Litestar

from chassis import observe
from chassis.service import Definition, House, api
from contracts import stage as contract
from contracts.upcasters import UPCASTERS
from services.stage.adapters import ingest
from services.stage.api import HANDLERS, TAGS
from services.stage.director import Director
from services.stage.domain import EVENTS
from services.stage.ingest.client import IngestGone
from services.stage.policies import policies
from services.stage.settings import StageSettings
from services.stage.timers import timer_commands, timers
from services.stage.views import PROJECTIONS

log = observe.logger("regie.stage")

INGEST_RESTART_S: Final = 2.0

SUMMARY = """What happens on the stages of a show: who commands, who is on stage, what is on air, where it is streamed to.

Live actions are accepted, not done: the receipt names the intent, and the fact, with the frame it happened on, or the
failure with its reason, follows as an event."""


def definition(settings: StageSettings | None = None) -> Definition:
    """The service; the settings are needed where it runs, not where it is only described."""
    grace_s = settings.view_check_grace_s if settings is not None else 300
    return Definition(
        name="stage",
        title="Regie stage",
        summary=SUMMARY,
        events=EVENTS,
        upcasters=UPCASTERS["stage"],
        forgotten=contract.SubjectForgotten,
        subjects="stage:",
        migrations=Path(__file__).parent / "sql",
        projections=PROJECTIONS,
        policies=lambda house: policies(house.handler),
        timers=timers(grace_s),
        timer_commands=timer_commands(grace_s),
        handlers=HANDLERS,
        tags=TAGS,
        background=[direct_the_engines],
    )


async def direct_the_engines(house: House) -> None:
    """Look after the engine of every stage that needs one, and after the ingest their presenters publish to."""
    director = Director(house)
    async with asyncio.TaskGroup() as tasks:
        if house.settings.ingest_url is None:
            tasks.create_task(_keep_the_ingest(house, director), name="ingest")
        await director.run()


async def _keep_the_ingest(house: House, director: Director) -> None:
    """An ingest that is lost or does not come never touches a stage; it is started again."""
    while True:
        try:
            await ingest.keep(house, director.authorise)
        except IngestGone as gone:
            log.warning("ingest_gone", reason=str(gone))
        await asyncio.sleep(INGEST_RESTART_S)


def describe() -> Litestar:
    """The API without anything behind it, for its contract."""
    return api(definition())

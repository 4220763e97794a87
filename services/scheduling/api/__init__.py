"""The scheduling routes, by topic; thin: each builds one command, hands it over, and answers."""

from typing import Final

from litestar.types import ControllerRouterHandler

from services.scheduling.api import checklist, crew, editing, preparing, runofshow, shows, timechecks

HANDLERS: Final[list[ControllerRouterHandler]] = [
    *shows.HANDLERS,
    *runofshow.HANDLERS,
    *editing.HANDLERS,
    *crew.HANDLERS,
    *preparing.HANDLERS,
    *timechecks.HANDLERS,
    *checklist.HANDLERS,
]

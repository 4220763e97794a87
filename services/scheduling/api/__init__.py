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

TAGS: Final = {
    "Crew": "The analysts, their rota, and who is assigned to which show.",
    "Readiness": "What must be true before a show may be confirmed.",
    "Run of show": "The sessions and cues of a show: imported, edited, published.",
    "Shows": "Shows from the first plan to the end, with their verdict of coverage.",
    "Speakers": "Speakers, their preparation, and the time checks given to them.",
}

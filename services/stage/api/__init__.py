"""The stage's routes, by topic; thin: each builds one command, hands it over, and answers.

Live actions are accepted (202), not done: the receipt names the intent, the fact follows as an event.
"""

from typing import Final

from litestar.types import ControllerRouterHandler

from services.stage.api.destinations import HANDLERS as DESTINATIONS
from services.stage.api.leases import HANDLERS as LEASES
from services.stage.api.picture import HANDLERS as PICTURE
from services.stage.api.presenters import HANDLERS as PRESENTERS
from services.stage.api.questions import HANDLERS as QUESTIONS
from services.stage.api.rundown import HANDLERS as RUNDOWN
from services.stage.api.running import HANDLERS as RUNNING
from services.stage.api.watch import HANDLERS as WATCH

HANDLERS: Final[list[ControllerRouterHandler]] = [
    *QUESTIONS,
    *LEASES,
    *DESTINATIONS,
    *PRESENTERS,
    *RUNNING,
    *PICTURE,
    *RUNDOWN,
    *WATCH,
]

TAGS: Final = {
    "Control lease": "Who is in control of a stage; a second operator cannot hurt a show.",
    "On air": "Arming, starting and ending sessions and streams, and the emergency cut.",
    "Picture": "Preview and programme, overlays, backgrounds and clips.",
    "Preparation": "The stage, its destinations and its brand before the show.",
    "Presenters": "Presenters, their feeds and tech checks, on and off the stage.",
    "Questions": "What is on the stage now, and what was.",
    "Rundown": "Cues taken, held and skipped while the show runs.",
    "Watch": "What attendees see, and the chat.",
}

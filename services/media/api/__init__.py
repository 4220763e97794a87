"""The media service's routes, by topic; thin: each builds one command, hands it over, and answers."""

from typing import Final

from litestar.types import ControllerRouterHandler

from services.media.api.assets import HANDLERS as ASSETS
from services.media.api.edits import HANDLERS as EDITS
from services.media.api.recordings import HANDLERS as RECORDINGS
from services.media.api.vod import HANDLERS as VOD

HANDLERS: Final[list[ControllerRouterHandler]] = [*ASSETS, *RECORDINGS, *EDITS, *VOD]

TAGS: Final = {
    "Assets": "Files given for a show: uploaded, probed, admitted or refused.",
    "Edits": "Lists of cuts that make a new film from recordings.",
    "Recordings": "What was recorded, with an account of every gap.",
    "Video on demand": "Films rendered, uploaded and delivered.",
}

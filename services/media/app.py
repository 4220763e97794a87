"""The media service as data: its events, routes, views, policies, and the work in its background."""

from pathlib import Path
from typing import Final

from litestar import Litestar

from chassis.service import Definition, api
from contracts.upcasters import UPCASTERS
from services.media.api import HANDLERS, TAGS
from services.media.domain import EVENTS
from services.media.jobs import JobTable
from services.media.policies import policies
from services.media.views import AssetList, FilmList, RecordingList
from services.media.worker import make_what_was_edited, publish_what_was_asked, take_in_what_was_recorded

SUMMARY: Final = """The files of a show: assets given for it, recordings with their gaps, edits, and video on demand.

An original is kept for good as it was recorded; an edit is a list of cuts and makes a new film. Rendering and uploading are
accepted, not done: the fact, or the failure with its reason, follows as an event."""

DEFINITION: Final = Definition(
    name="media",
    title="Regie media",
    summary=SUMMARY,
    events=EVENTS,
    upcasters=UPCASTERS["media"],
    migrations=Path(__file__).parent / "sql",
    projections=(AssetList(), RecordingList(), FilmList(), JobTable()),
    policies=policies,
    handlers=HANDLERS,
    tags=TAGS,
    background=(take_in_what_was_recorded, make_what_was_edited, publish_what_was_asked),
)


def describe() -> Litestar:
    """The API without anything behind it, for its contract."""
    return api(DEFINITION)

"""A show in a house of its own, for tests that play the demo's acts."""

import io
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from regie.demo import DEFAULT_SCHEDULE
from regie.demo.context import Show
from regie.demo.house import own_house
from regie.demo.play import cast
from regie.demo.story import Story


@asynccontextmanager
async def show_of_our_own() -> AsyncIterator[Show]:
    """Four services, broker and database started for this test alone; everything is gone afterwards."""
    story = Story(Console(file=io.StringIO()))
    async with own_house(os.environ) as endpoints, cast(endpoints, story, DEFAULT_SCHEDULE) as show:
        yield show


def pids_of(show: Show) -> dict[str, int]:
    """The processes of the house by name, as they are now."""
    return json.loads((Path(show.endpoints["home"]) / "run" / "pids.json").read_text())

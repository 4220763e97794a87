"""The order of the story."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from regie.demo.acts import afterwards, buying, live, looking_back, planning
from regie.demo.context import Show, players
from regie.demo.house import attach
from regie.demo.story import Story
from regie.demo.trail import partner_inbox


async def play(story: Story, schedule: Path) -> None:
    """Raises StepFailed at the first step that does not hold, NoHouse when there is none."""
    async with attach() as endpoints, cast(endpoints, story, schedule) as show:
        await before(show)
        await up_to_live(show)
        await on_air(show)
        await after(show)


@asynccontextmanager
async def cast(endpoints: Mapping[str, Any], story: Story, schedule: Path) -> AsyncIterator[Show]:
    """Everybody in their place: a client for each role, the partner's consumer, a folder for files."""
    async with AsyncExitStack() as stack:
        yield Show(
            story=story,
            endpoints=endpoints,
            apis=await stack.enter_async_context(players(endpoints)),
            partner=await stack.enter_async_context(partner_inbox(endpoints)),
            folder=Path(stack.enter_context(TemporaryDirectory(prefix="regie-show-"))),
            schedule=schedule,
            stack=await stack.enter_async_context(AsyncExitStack()),
        )


async def before(show: Show) -> None:
    show.story.chapter("Buying")
    await buying.buy(show)
    show.story.chapter("Planning")
    await planning.plan(show)
    await planning.staff(show)


async def up_to_live(show: Show) -> None:
    show.story.chapter("On the day")
    await planning.coverage_opens(show)
    await live.prepare(show)
    await planning.prepare_speakers(show)
    await live.rehearse(show)
    await live.go_live(show)


async def on_air(show: Show) -> None:
    await live.run_the_show(show)
    await planning.time_check(show)
    await live.end(show)


async def after(show: Show) -> None:
    show.story.chapter("Afterwards")
    await afterwards.recording(show)
    await afterwards.settle(show)
    show.story.chapter("Looking back")
    await looking_back.partner(show)
    await looking_back.audit_trail(show)
    await looking_back.replay(show)

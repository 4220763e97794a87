"""`regie demo --loop`: small shows of the tenant `sandbox`, one after the other, so that partners have something to read.

Each is bought, planned, confirmed and staffed; its coverage then opens and closes by itself, as time goes by.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from contracts.roles import TOKEN_ROLES
from regie.demo.acts import buying, planning
from regie.demo.context import Show, players
from regie.demo.house import NoHouse, attach
from regie.demo.story import Story
from regie.home import Home, write_private
from regie.issuer import Issuer
from regie.up import partner_access

SANDBOX = "sandbox"


async def traffic(story: Story, schedule: Path, pause_s: float, shows: int) -> None:
    """Until cancelled, or until so many shows (0: without end). Raises StepFailed at a step that does not hold."""
    async with attach() as house:
        endpoints = sandbox(house)
        path = Home(Path(house["home"])).run / "sandbox.json"
        write_private(path, json.dumps(endpoints, indent=2))
        story.console.print(f"Credentials of the tenant {SANDBOX}: {path}", soft_wrap=True)
        number = 0
        while not shows or number < shows:
            number += 1
            story.chapter(f"Show {number}")
            await small_show(endpoints, story, schedule)
            await asyncio.sleep(pause_s if number != shows else 0)


async def small_show(endpoints: Mapping[str, Any], story: Story, schedule: Path) -> None:
    """Everything before the day of the show."""
    async with AsyncExitStack() as stack:
        show = Show(
            story=story,
            endpoints=endpoints,
            apis=await stack.enter_async_context(players(endpoints)),
            folder=Path(stack.enter_context(TemporaryDirectory(prefix="regie-show-"))),
            schedule=schedule,
            stack=stack,
        )
        await buying.buy(show)
        await planning.plan(show)
        await planning.staff(show)


def sandbox(house: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoints as the sandbox sees them: its own tokens and stream. Raises NoHouse where tokens are not ours to give."""
    if not house["tokens"]:
        raise NoHouse("the sandbox needs the local issuer: run the house without REGIE_JWKS")
    home = Home(Path(house["home"]))
    tokens = {str(role): Issuer(home).token([role], SANDBOX) for role in TOKEN_ROLES}
    nats = {name: value for name, value in house["nats"].items() if name != "partner"}
    found = {**house, "tenant": SANDBOX, "tokens": tokens, "nats": nats}
    seed = home.secrets / f"partner-{SANDBOX}.nk"
    if seed.exists():
        found["nats"]["partner"] = partner_access(SANDBOX, seed)
    return found

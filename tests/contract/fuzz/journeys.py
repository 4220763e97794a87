"""Shows brought to interesting moments over the public interfaces, so that generated requests meet real resources.

The terms of these shows open coverage an hour ahead, so nothing has to be waited for: one show is played to its film on
demand, one stays on air, one is planned and staffed. The caller has every role: what a role may not do is tested
elsewhere (`tests/unit/test_roles.py` and the isolation tests).
"""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from rich.console import Console

from regie.demo import DEFAULT_SCHEDULE
from regie.demo.acts import afterwards, buying, live, planning
from regie.demo.client import Api, until
from regie.demo.context import Show
from regie.demo.story import Story
from tests.support.early import EARLY, order


async def bought(show: Show) -> dict[str, str]:
    """Terms that open early, a base package and an add-on; their ids by field name."""
    version, package = f"early-{uuid4().hex[:8]}", str(uuid4())
    await show.supervisor.post("entitlement", "/terms", {"terms_version": version, "rules": EARLY})
    await show.integrator.post("entitlement", "/customers/me/platform-access", {"starts_at": "2026-01-01T00:00:00Z"})
    base = {"package_id": package, "features": ["vod"]}
    await show.integrator.post("entitlement", "/customers/me/base-packages", base)
    made = await show.integrator.post("entitlement", "/entitlements", order(version, package))
    show.entitlement_id = made["id"]
    await until("the add-on is active", lambda: _active(show))
    return {"terms_version": version, "package_id": package, "base_package_id": package}


async def _active(show: Show) -> bool:
    return (await buying.card(show))["situation"] == "ACTIVE"


async def staffed(show: Show) -> None:
    """Planned, confirmed, staffed; the analyst has checked in and coverage is open."""
    await planning.plan(show)
    await planning.staff(show)
    await show.fact("entitlement", "entitlement.coverage_window_opened.v1")
    seat = f"/shows/{show.show_id}/seats/{show.seat_id}"
    await show.analyst.post("scheduling", f"{seat}/check-in", {"analyst_id": show.analyst_id})
    await until("the stage knows", lambda: planning._stage_open(show))


async def rehearsed(show: Show) -> None:
    """The stage is armed and its speakers wait in the green room, as cards: cameras would only warm the machine."""
    await live.prepare(show)
    for speaker in show.speakers[:2]:
        presenter = show.stage(f"/presenters/{speaker}")
        await show.analyst.post("stage", f"{presenter}/feed", {"feed": "card"})
        await show.fact("stage", "stage.presenter_connected.v1", presenter_id=speaker)
        await show.analyst.post("stage", f"{presenter}/tech-check", {"light": True, "video": True, "audio": True})
        await show.analyst.post("stage", f"{presenter}/screen-share-rehearsal")
        await show.analyst.post("stage", f"{presenter}/readiness")
    brand = {"lease": show.lease, "colour": live.BRAND_COLOUR, "logo": show.assets["logo"]}
    await show.analyst.post("stage", show.stage("/brand"), brand)


async def on_air(show: Show) -> None:
    body = {"lease": show.lease, "session_id": show.session_id}
    await show.analyst.post("stage", show.stage("/go-live"), body)
    await show.fact("stage", "stage.stream_started.v1")


async def on_demand(show: Show) -> None:
    """Off air again, recorded, cut and published."""
    await asyncio.sleep(3)
    await show.analyst.decided("stage", show.stage("/end-stream"), show.stage(""), {"lease": show.lease})
    await show.fact("stage", "stage.stream_ended.v1")
    await afterwards.recording(show)


ACTS: dict[str, Callable[[Show], Awaitable[None]]] = {
    "staffed": staffed,
    "rehearsed": rehearsed,
    "on_air": on_air,
    "on_demand": on_demand,
}
MOMENTS = tuple(ACTS)


async def played(
    endpoints: Mapping[str, Any], apis: Mapping[str, Api], stack: AsyncExitStack, *, as_far_as: str
) -> tuple[Show, dict[str, str]]:
    """A show of its own as far as one of `MOMENTS`, without a partner; its destination listens until the stack closes."""
    show = Show(
        story=Story(Console(file=io.StringIO())),
        endpoints=endpoints,
        apis=apis,
        folder=Path(stack.enter_context(TemporaryDirectory(prefix="regie-show-"))),
        schedule=DEFAULT_SCHEDULE,
        stack=stack,
    )
    fields = await bought(show)
    for act in MOMENTS[: MOMENTS.index(as_far_as) + 1]:
        await ACTS[act](show)
    return show, fields

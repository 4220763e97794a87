"""The toy service on a real socket, with one stream that never ends of itself.

`python -m tests.contract.toy_server PORT [--sabotaged] [--tight]` prints a token for everything it does and one of another customer, then
serves until told to stop. Sabotaged, it has one operation whose answers its contract does not allow; `SABOTAGES` are
other faults generated requests must find. Tight, it has little patience and room.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import structlog
from litestar import Request, Response, get
from litestar.response import Stream
from litestar.types import Scope

from chassis.auth import Caller
from chassis.handle import Outcome
from chassis.http import gate, problems, serve
from chassis.http.guard import USUAL, Limits
from chassis.http.rules import Rule
from contracts.envelope import Role
from contracts.problems import NotFound
from tests.unit.chassis_http import toy

TIGHT: Final = Limits(connections=200, head_s=2, grace_s=1, unread_s=2, linger_s=1)


@get("/ticks", public=True, include_in_schema=False)
async def ticks(request: Request[Any, Any, Any]) -> Stream:
    """Tick until the process drains."""
    draining = request.app.state.draining

    async def each() -> AsyncIterator[bytes]:
        while not draining.is_set():
            yield b"data: tick\n\n"
            await asyncio.wait({asyncio.create_task(draining.wait())}, timeout=0.05)
        yield b"data: bye\n\n"

    return Stream(each(), media_type="text/event-stream")


@get("/slow", public=True, include_in_schema=False)
async def slow() -> str:
    """Answer after a while."""
    await asyncio.sleep(0.5)
    return "done"


@get("/large", public=True, include_in_schema=False)
async def large() -> Stream:
    """Answer with more than any buffer between us holds."""

    async def each() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 100_000

    return Stream(each(), media_type="application/octet-stream")


@get("/endless", scopes=["toy:read"], include_in_schema=False)
async def endless() -> str:
    """Never come to an answer."""
    await asyncio.Event().wait()
    return "never"


@get("/liar", operation_id="lie", scopes=["toy:read"])
async def liar() -> Response[toy.Show]:
    """Promise a show and answer something else."""
    return Response({"id": 7})  # type: ignore[arg-type]


def stumble() -> None:
    """A title with a character beyond the basic plane is our fault."""
    plan = toy.Shows.plan

    def stumbling(shows: toy.Shows, tenant: str, show: toy.Show) -> Outcome:
        if max(show.title) > "\uffff":
            raise RuntimeError(show.title)
        return plan(shows, tenant, show)

    toy.Shows.plan = stumbling  # type: ignore[method-assign]


def tire() -> None:
    """A show that has been changed once already is our fault: only who follows the links gets there."""
    put = toy.Shows.put

    def tired(shows: toy.Shows, tenant: str, show: toy.Show, tag: str) -> Outcome:
        if show.live:
            raise RuntimeError(show.title)
        return put(shows, tenant, show, tag)

    toy.Shows.put = tired  # type: ignore[method-assign]


def leave_the_door_open() -> None:
    """One operation asks for no token, whatever its contract says."""
    admit = gate.Gate._admit

    async def admitting(self: gate.Gate, rule: Rule, headers: dict[bytes, bytes], scope: Scope) -> None:
        if rule.operation != "listShows":
            await admit(self, rule, headers, scope)
            return
        anybody = Caller(subject="anybody", tenant="acme", roles=(Role.CUSTOMER,), scopes=rule.scopes)
        scope["regie.caller"] = anybody  # type: ignore[typeddict-unknown-key]

    gate.Gate._admit = admitting  # type: ignore[method-assign]


def show_others() -> None:
    """A show is shown to whoever knows its id."""

    def seen(shows: toy.Shows, _tenant: str, ident: UUID) -> tuple[toy.Show, int]:
        if ident not in shows.found:
            raise NotFound
        return shows.found[ident][1:]

    toy.Shows.see = seen  # type: ignore[method-assign]


def name_nothing() -> None:
    """Refusals have no type of their own."""
    problems.TYPE_PREFIX = "about:"  # type: ignore[misc]


def ignore_the_query() -> None:
    """Parameters nobody knows are dropped in silence."""
    gate.check_query = lambda *_: None  # type: ignore[assignment]


SABOTAGES: Final = {
    "--stumbling": stumble,
    "--tired": tire,
    "--open": leave_the_door_open,
    "--indiscreet": show_others,
    "--deaf": ignore_the_query,
    "--nameless": name_nothing,
}


async def said_goodbye() -> None:
    print("shut down", flush=True)  # noqa: T201 - a test reads it


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # nobody empties the pipe of stdout
    for option, sabotage in SABOTAGES.items():
        if option in sys.argv:
            sabotage()
    soon = int(time.time()) + 3600
    print(toy.token(exp=soon), toy.token(exp=soon, tenant="globex", sub="bob"), flush=True)  # noqa: T201 - a test reads it
    more = [liar] if "--sabotaged" in sys.argv else []
    tight = "--tight" in sys.argv
    app = toy.app(
        handlers=[*toy.HANDLERS, ticks, slow, large, endless, *more],
        verifier=toy.verifier(clock=time.time),
        on_shutdown=[said_goodbye],
        limit_s=1.5 if tight else 60,
    )
    serve(app, "127.0.0.1", int(sys.argv[1]), limits=TIGHT if tight else USUAL)

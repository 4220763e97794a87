"""What a client would rather have as the answer to a command that starts a job: the receipt at once, or the job's end.

A job is a resource that gets to an end by itself; its command is always accepted with 202. `Prefer: wait=20` has the
answer held back until the end, which is then answered instead; `respond-async` confirms what happens anyway, or bounds
the wait. Source: RFC 7240 sections 2, 3, 4.1, 4.3.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Generic, TypeVar

from litestar import Request, Response
from litestar.params import HeaderParameter

T = TypeVar("T")

LONGEST_S: Final = 30
"""A longer wait is cut to this, well within the time an answer may take to begin (`chassis/http/edge.py`)."""
LOOK_EVERY_S: Final = 0.25
MOST_WAITING: Final = 64
"""Requests of one process that may wait at once; the others are answered at once, which a preference allows."""

_WAIT: Final = re.compile(r'"?(\d{1,9})"?\Z')

PreferHeader = Annotated[
    str,
    HeaderParameter(
        name="Prefer",
        description="`respond-async`: answer once the job is accepted, as without it. `wait=20`: hold the answer back for"
        f" so many seconds at most ({LONGEST_S} where it says more) and answer how the job ended (RFC 7240).",
    ),
]


class Job(Response[Any], Generic[T]):
    """202 with the receipt of what was started, or 200 with how it ended; both say where it is found from now on."""


class Prefer:
    """The preferences of one request that this service knows; others are passed over, as the RFC asks."""

    _waiting = 0

    def __init__(self, text: str, draining: asyncio.Event) -> None:
        given = _preferences(text)
        self.respond_async = "respond-async" in given
        wait = _WAIT.match(given.get("wait", ""))
        self.wait_s = min(int(wait[1]), LONGEST_S) if wait else 0
        self._draining = draining

    async def job(
        self, accepted: Response[Any], location: str, ended: Callable[[], Awaitable[Response[T] | None]]
    ) -> Job[T]:
        """Answer a command that started a job. `ended` tells how the job ended, None while it has not."""
        applied = ["respond-async"] if self.respond_async else []
        found = None
        if self.wait_s and Prefer._waiting < MOST_WAITING:
            applied.append(f"wait={self.wait_s}")
            found = await self._end_of(ended)
        headers = {**accepted.headers, "Location": location, **(found.headers if found else {})}
        if applied:
            headers["Preference-Applied"] = ", ".join(applied)
        if found is None:
            return Job(accepted.content, headers=headers, status_code=202)
        return Job(found.content, headers=headers, status_code=200)

    async def _end_of(self, ended: Callable[[], Awaitable[Response[T] | None]]) -> Response[T] | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.wait_s
        Prefer._waiting += 1
        try:
            while (found := await ended()) is None and loop.time() < until and not self._draining.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), min(LOOK_EVERY_S, until - loop.time()))
            return found
        finally:
            Prefer._waiting -= 1


def provide_prefer(request: Request[Any, Any, Any], prefer_text: PreferHeader = "") -> Prefer:
    """What the client prefers."""
    return Prefer(prefer_text, request.app.state.draining)


def _preferences(text: str) -> dict[str, str]:
    """Names in small letters with their values; of one named twice the first counts, parameters mean nothing to us."""
    found: dict[str, str] = {}
    for each in text.split(","):
        name, _, value = each.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip())
    return found

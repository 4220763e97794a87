"""Which version a request is decided on: the one If-Match names, or the one it was prepared on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.handle import ANY_VERSION
from services.scheduling.application.request import Request


@pytest.mark.parametrize(
    ("if_match", "prepared", "decided_on"),
    [
        (None, None, None),
        (None, 0, 0),
        (None, 4, 4),
        (3, 4, 3),
        (ANY_VERSION, 4, 4),
        (ANY_VERSION, 0, ANY_VERSION),
        (ANY_VERSION, None, ANY_VERSION),
    ],
)
def test_any_version_is_still_the_one_that_was_looked_at(
    if_match: int | None, prepared: int | None, decided_on: int | None
) -> None:
    seen: list[int | None] = []

    async def run_all(*_: Any, expect: int | None, **__: Any) -> None:
        seen.append(expect)

    house: Any = SimpleNamespace(handler=SimpleNamespace(run_all=run_all))
    request = Request(me=None, cause=None, expect=if_match)  # type: ignore[arg-type]
    asyncio.run(request.run(house, [], expect=prepared))
    assert seen == [decided_on]
    assert request.names_version == (if_match == 3)

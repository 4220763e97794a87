"""One house for what only looks at it; the demo, which judges everything in its house, has one of its own."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from regie.demo.house import own_house


@pytest.fixture(scope="session")
async def endpoints() -> AsyncIterator[dict[str, Any]]:
    async with own_house(os.environ) as found:
        yield found

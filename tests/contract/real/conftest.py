"""A house for each module of tests, its customer of whom nobody else knows anything, and the shows played in it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from regie.home import Home
from regie.issuer import Issuer
from tests.contract.fuzz.real import EVERY_ROLE, Services, real_house, real_services
from tests.contract.machine.machine import World


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[dict[str, Any]]:
    async with real_house() as endpoints:
        yield endpoints


@pytest.fixture(scope="module")
async def world(house: dict[str, Any]) -> AsyncIterator[World]:
    issuer = Issuer(Home(Path(house["home"])))
    world = World(house["services"], issuer.token(EVERY_ROLE, "globex"), issuer.token(EVERY_ROLE, "acme"))
    yield world
    world.close()


@pytest.fixture(scope="module")
async def services(house: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    async with real_services(house, tmp_path_factory.mktemp("fuzz")) as running:
        yield running

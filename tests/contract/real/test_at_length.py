"""The same as `test_gate.py` with other numbers: at least 10,000 requests a service, and machines for minutes."""

import pytest

from tests.contract.fuzz.real import Services
from tests.contract.machine.machine import World
from tests.contract.real.judging import asked_everything, played_in_any_order

CASES = 10_000

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


async def test_whatever_people_do_in_whatever_order_is_what_the_model_says(world: World) -> None:
    await played_in_any_order(world, examples=150, steps=40)


async def test_many_generated_requests_find_nothing_the_contracts_do_not_say(services: Services) -> None:
    runs = await asked_everything(services, fuzzing=250, stateful=100)
    assert {service: run.cases for service, run in runs.items() if run.cases < CASES} == {}

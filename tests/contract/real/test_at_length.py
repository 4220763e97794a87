"""The same as `test_gate.py` with other numbers: at least 10,000 requests a service, and machines for minutes.

Each service is a test of its own; alone: `pytest tests/contract/real/test_at_length.py -k stage -rP`, which tells how many it were.
"""

import pytest

from tests.contract.fuzz.real import Services
from tests.contract.machine.machine import World
from tests.contract.real.judging import asked, played_in_any_order

CASES = 10_000
EXAMPLES = {"stage": 90, "media": 210, "entitlement": 190, "scheduling": 110}
"""Of each operation; who has fewer operations needs more. The order is theirs, too: what the others end would be the stage's."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


async def test_whatever_people_do_in_whatever_order_is_what_the_model_says(world: World) -> None:
    await played_in_any_order(world, examples=60, steps=40)


@pytest.mark.parametrize("service", EXAMPLES)
async def test_many_generated_requests_find_nothing_the_contracts_do_not_say(services: Services, service: str) -> None:
    run = await asked(services, service, fuzzing=EXAMPLES[service], stateful=100)
    print(f"{service}: {run.cases:,} cases")  # noqa: T201 - what one runs it for
    assert run.cases >= CASES, run.out

"""Generated requests against the four real services: every operation, every check, every phase, nothing excluded.

Part of `make test-all`; alone: `pytest tests/contract/test_real_services.py`.
"""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.contract.fuzz.real import Run, Services, real_services

SHORT = ("--max-examples", "1")
PAIRS = (("stage", "media"), ("scheduling", "entitlement"))
"""Two at a time, and the stage first: what the other two end takes its coverage away."""
UNREACHED = 0.25
"""Share of operations that may go without a single success: some need a moment of a show no seed is in."""
FAULT = re.compile(r'.*"event": "fault".*')

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


@pytest.fixture(scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    async with real_services(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


async def test_generated_requests_find_nothing_the_contracts_do_not_say(services: Services) -> None:
    for pair in PAIRS:
        runs = await asyncio.gather(*(services.fuzz(service, *SHORT) for service in pair))
        for service, run in zip(pair, runs, strict=True):
            await _judge(services, service, run)


async def _judge(services: Services, service: str, run: Run) -> None:
    assert run.status == 0, run.out
    assert not FAULT.findall(services.log(service))
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{services.url(service)}/openapi.json")).json()
    operations = sum("operationId" in each for methods in document["paths"].values() for each in methods.values())
    assert f"{operations}/{operations}" in run.out
    assert "Authentication failed" not in run.out
    never = run.never_accepted(document)
    assert len(never) <= operations * UNREACHED, {name: run.answers.get(name) for name in sorted(never)}

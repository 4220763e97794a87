"""Generated requests against all four services and machines of their API, with numbers; and what makes them red."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.fuzz.real import Run, Services
from tests.contract.machine.machine import Machine, World

FAULT = re.compile(r'.*"event": "(?:fault|undeclared refusal)".*')


async def asked_everything(services: Services, *, fuzzing: int, stateful: int) -> None:
    """Every service, judged, two at a time; the stage first, since what entitlement and scheduling end takes its coverage away."""
    for at_once in (("stage", "media"), ("entitlement", "scheduling")):
        async with asyncio.TaskGroup() as runs:
            for service in at_once:
                runs.create_task(asked(services, service, fuzzing=fuzzing, stateful=stateful))


async def asked(services: Services, service: str, *, fuzzing: int, stateful: int) -> Run:
    """The run of one service, judged. `fuzzing` are examples of each operation, `stateful` journeys along the links."""
    run = await services.fuzz(service, fuzzing=fuzzing, stateful=stateful)
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{services.url(service)}/openapi.json")).json()
    judge(run, services.log(service), document)
    return run


def judge(run: Run, log: str, document: Mapping[str, Any]) -> None:
    """Raises AssertionError unless every operation was asked and answered well, and succeeded at least once."""
    assert run.status == 0, run.out
    assert not FAULT.findall(log)
    operations = sum("operationId" in each for methods in document["paths"].values() for each in methods.values())
    assert f"{operations}/{operations}" in run.out, run.out
    never = run.never_accepted(document)
    assert not never, {name: run.answers.get(name) for name in sorted(never)}


async def played_in_any_order(world: World, *, examples: int, steps: int) -> None:
    """Machines that do up to `steps` things each, the same ones every time.

    What fails is told as it was found: to look for a shorter way to it costs five minutes and finds little.
    """
    Machine.world = world
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=how)

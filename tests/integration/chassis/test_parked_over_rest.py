"""Mending what is parked over REST and on the command line: by who may, of their own tenant alone, behind the wall of rows."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chassis import service, tenancy
from chassis.handle import Do
from chassis.inbox import AfterParked, Inbox, OwnLog, Policy
from chassis.service import Definition, House, api, open_house
from chassis.settings import ChassisSettings
from contracts.envelope import Role
from regie import parked as command_line
from regie.issuer import Issuer
from tests.integration.chassis.test_exchange import until
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.toy import AT, COUNTER, EVENTS, Raise, Raised, cause

MAY = (Role.SRE, Role.SUPERVISOR)
MAY_NOT = (Role.CUSTOMER, Role.INTEGRATOR, Role.ANALYST, Role.PARTNER)
SHOW = uuid4()

pytestmark = pytest.mark.usefixtures("impatient")


class Fragile:
    """Breaks on what people raise while `broken`; its effect goes to a counter of the tenant's."""

    broken = True

    async def add_it_up(self, event: Raised, about: Any) -> list[Do]:
        if event.by >= 10:
            return []  # an effect of its own
        if self.broken:
            raise RuntimeError("not now")
        return [Do(decider=COUNTER, ident=sum_of(about.metadata.tenant), command=Raise(by=event.by * 10, at=AT))]


def sum_of(tenant: str) -> str:
    return f"sum-of-{tenant}"


class Toy:
    """The service on a real socket, its people, and its one policy."""

    def __init__(self, house: House, url: str, issuer: Issuer, fragile: Fragile) -> None:
        self.house, self.url, self.issuer, self.fragile = house, url, issuer, fragile

    async def parked(self, tenant: str, *by: int) -> list[int]:
        """The positions at which events of a tenant's show were parked."""
        positions = []
        for each in by:
            command = Raise(by=each, show_id=show_of(tenant))
            positions.append((await self.house.handler.run(COUNTER, uuid4(), command, cause(tenant))).position)
        await until(lambda: self._open(positions))
        return positions

    async def _open(self, positions: list[int]) -> bool:
        return {row["position"] for row in await self.house.store.parked()} >= set(positions)

    def token(self, role: Role, tenant: str = "acme") -> str:
        return self.issuer.token([role], tenant)

    async def ask(
        self, method: str, path: str, role: Role = Role.SRE, tenant: str = "acme", body: Any = None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token(role, tenant)}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as http:
            return await http.request(method, path, headers=headers, json=body)

    async def listed(self, role: Role = Role.SRE, query: str = "") -> list[dict[str, Any]]:
        return list((await self.ask("GET", f"/parked{query}", role)).json()["items"])

    async def paged(self, size: int) -> list[int]:
        """The positions on all pages of a size, each page asked for where the one before ended."""
        positions: list[int] = []
        cursor = ""
        while cursor is not None:
            page = (await self.ask("GET", f"/parked?limit={size}&cursor={cursor}")).json()
            assert len(page["items"]) <= size
            positions += [each["position"] for each in page["items"]]
            cursor = page["next"]
        return positions

    async def command(self, *words: str, role: Role = Role.SRE, tenant: str = "acme") -> int:
        """The exit status of `regie parked`."""
        parser = argparse.ArgumentParser()
        command_line.add_arguments(parser)
        args = parser.parse_args(["--url", self.url, "--token", self.token(role, tenant), *words])
        return await asyncio.to_thread(command_line.run, args)

    async def total(self, tenant: str) -> int:
        return (await self.house.handler.state(COUNTER, sum_of(tenant), tenant=tenant))[0]


def show_of(tenant: str) -> UUID:
    return SHOW if tenant == "acme" else UUID(int=SHOW.int ^ 1)


@pytest.fixture
async def toy(toy_urls: tuple[str, str], home: Any) -> AsyncIterator[Toy]:
    issuer, fragile = Issuer(home), Fragile()
    settings = ChassisSettings(database_url=toy_urls[1], jwks=str(issuer.publish()), home=home.path)
    definition = Definition(name="scheduling", title="Toy", summary="A toy.", events=EVENTS)
    async with open_house(definition, settings) as house:
        policies = [Policy(Raised, fragile.add_it_up, AfterParked.WAIT_SHOW)]
        inbox = Inbox("toy", OwnLog(house.store), house.store, house.handler, policies)
        house.inboxes["toy"] = inbox
        work = asyncio.create_task(service._for_the_house(inbox.run()))
        with tenancy.seeing(tenancy.NOBODY):  # requests see what their token says, and nothing of the test's own
            async with serving(api(definition, house), free_port()) as (url, _):
                with tenancy.seeing_all():
                    yield Toy(house, url, issuer, fragile)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def at(position: int, verb: str) -> str:
    return f"/parked/toy/{position}/add_it_up/{verb}"


WHY = {"reason": "a test"}


async def test_pages_hold_a_tenants_own_whatever_others_have(toy: Toy) -> None:
    mine = await toy.parked("acme", 1)
    await toy.parked("globex", 1, 2)
    mine += await toy.parked("acme", 2, 3)
    assert await toy.paged(2) == await toy.paged(50) == mine
    assert (await toy.ask("POST", at(2**70, "retry"))).status_code == 404


@pytest.mark.parametrize("role", MAY)
async def test_who_may_mend_lists_and_retries(toy: Toy, role: Role) -> None:
    first, second = await toy.parked("acme", 1, 2)
    [one, waiting] = await toy.listed(role)
    assert (one["position"], one["error"], waiting["position"]) == (first, "RuntimeError: not now", second)
    assert waiting["error"].startswith("WAITS")
    refused = await toy.ask("POST", at(first, "retry"), role)
    assert (refused.status_code, refused.json()["code"]) == (409, "STILL_PARKED")
    behind = await toy.ask("POST", at(second, "retry"), role)
    assert (behind.status_code, behind.json()["code"]) == (409, "PARKED_BEHIND")
    toy.fragile.broken = False
    answer = await toy.ask("POST", at(first, "retry"), role)
    assert (answer.status_code, answer.json()) == (200, {"settled": 2})
    assert await toy.total("acme") == 30
    assert (await toy.ask("POST", at(first, "retry"), role)).status_code == 404
    assert await toy.total("acme") == 30
    assert await toy.listed(role) == []
    settled = await toy.listed(role, "?settled=true")
    assert [(each["position"], each["settled_as"], each["settled_by"]) for each in settled] == [
        (first, "retried", f"{role}@acme"),
        (second, "retried", f"{role}@acme"),
    ]


async def test_who_may_not_mend_is_refused_and_nothing_changes(toy: Toy) -> None:
    [position] = await toy.parked("acme", 1)
    toy.fragile.broken = False
    for role in MAY_NOT:
        assert (await toy.ask("GET", "/parked", role)).status_code == 403
        assert (await toy.ask("POST", at(position, "retry"), role)).status_code == 403
        assert (await toy.ask("POST", at(position, "drop"), role, body=WHY)).status_code == 403
        assert await toy.command("list", role=role) == 1
    assert len(await toy.house.store.parked()) == 1


async def test_another_tenants_message_is_not_there(toy: Toy) -> None:
    [theirs] = await toy.parked("globex", 1)
    toy.fragile.broken = False
    assert await toy.listed() == []
    assert (await toy.ask("POST", at(theirs, "retry"))).status_code == 404
    assert (await toy.ask("POST", at(theirs, "drop"), body=WHY)).status_code == 404
    assert len(await toy.house.store.parked()) == 1
    assert (await toy.ask("POST", at(theirs, "retry"), tenant="globex")).status_code == 200
    assert await toy.total("globex") == 10


async def test_dropping_needs_a_reason_and_lets_what_waited_go_on(toy: Toy) -> None:
    first, _ = await toy.parked("acme", 1, 2)
    toy.fragile.broken = False
    assert (await toy.ask("POST", at(first, "drop"), body={})).status_code == 422
    answer = await toy.ask("POST", at(first, "drop"), body=WHY)
    assert (answer.status_code, answer.json()) == (200, {"settled": 2})
    assert await toy.total("acme") == 20
    [dropped, _] = await toy.listed(query="?settled=true")
    assert (dropped["settled_as"], dropped["settled_by"], dropped["note"]) == ("dropped", "sre@acme", "a test")


async def test_the_command_line_lists_retries_and_drops(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = await toy.parked("acme", 1, 2)
    assert await toy.command("list") == 0
    assert f"toy {first} add_it_up" in capsys.readouterr().out
    assert await toy.command("retry", "scheduling", "toy", str(first), "add_it_up") == 1
    assert "STILL_PARKED" in capsys.readouterr().err
    assert await toy.command("retry", "scheduling", "toy", str(first), "add_it_up", tenant="globex") == 1
    assert "404" in capsys.readouterr().err
    assert await toy.command("drop", "scheduling", "toy", str(first), "add_it_up", "--reason", "a test") == 0
    toy.fragile.broken = False
    await toy.command("retry", "scheduling", "toy", str(second), "add_it_up")
    assert "settled: 1" in capsys.readouterr().out
    assert await toy.command("list", "--settled") == 0
    assert "dropped by sre@acme" in capsys.readouterr().out
    assert await toy.total("acme") == 20


async def test_the_command_line_lists_more_than_a_page(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    positions = await toy.parked("acme", *[1] * 52)
    assert (await toy.ask("GET", "/parked")).json()["next"] is not None
    assert await toy.command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[2]) for line in lines if line.startswith("service toy ")] == positions

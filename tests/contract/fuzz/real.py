"""The four real services over PostgreSQL and NATS, with played shows in them, and runs of Schemathesis against them.

    async with real_house() as endpoints, real_services(endpoints, folder) as services:
        run = await services.fuzz("stage", fuzzing=3, stateful=5)

A run has every check, all phases and no excluded operation; what it needs to know is in `schemathesis.toml`, the hooks
and the seeds. A second tenant's token is a peer: whatever the first one reads is asked for by the other, too.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from contracts.envelope import Role
from regie.demo import DEFAULT_SCHEDULE
from regie.demo.context import players
from regie.demo.house import own_house
from regie.home import Home
from regie.issuer import Issuer
from tests.contract.fuzz.journeys import played
from tests.contract.fuzz.planted import TENANT, plant
from tests.contract.fuzz.seeds import SUBJECT, Stock, gather
from tests.contract.fuzz.spares import pin
from tests.support.unlimited import UNLIMITED

ROOT = Path(__file__).parent.parent.parent.parent
CONFIG = Path(__file__).parent.parent / "schemathesis.toml"
EVERY_ROLE = (Role.CUSTOMER, Role.SUPERVISOR, Role.INTEGRATOR, Role.ANALYST, Role.SRE, Role.PARTNER)
_CASES = re.compile(r"(\d+) generated")


class Run(NamedTuple):
    """How one run ended. `answers`: statuses by operation."""

    status: int | None
    out: str
    answers: dict[str, dict[str, int]]

    @property
    def cases(self) -> int:
        found = _CASES.search(self.out)
        return int(found[1]) if found else 0

    def never_accepted(self, document: Mapping[str, Any]) -> set[str]:
        """Operations of the document that answered no request with success: they were not really tested."""
        operations = {
            operation["operationId"]
            for methods in document["paths"].values()
            for operation in methods.values()
            if isinstance(operation, dict) and "operationId" in operation
        }
        return {name for name in operations if not any(code < "3" for code in self.answers.get(name, {}))}


@dataclass
class Services:
    """The running services and what is in them."""

    endpoints: Mapping[str, Any]
    folder: Path
    token: str
    stranger: str
    stock: Stock

    def url(self, service: str) -> str:
        return str(self.endpoints["services"][service]["url"])

    def log(self, service: str) -> str:
        return Path(self.endpoints["services"][service]["log"]).read_text(errors="replace")

    async def fuzz(self, service: str, *, fuzzing: int, stateful: int) -> Run:
        """Generated requests against every operation of a service, with every check, phase after phase.

        `fuzzing` are examples of each operation, `stateful` journeys along the links.
        """
        folder = self.folder / service
        folder.mkdir(exist_ok=True)
        tally, seeds, config = folder / "tally.json", folder / "seeds.json", folder / "schemathesis.toml"
        planted = await plant(service, self.url(service), self.token, Path(self.endpoints["home"]))
        seeds.write_bytes(msgspec.json.encode(self.stock.seeds(self.url(service), self.token, tally, planted)))
        users = identities(folder, acme=self.token, globex=self.stranger)
        config.write_text(CONFIG.read_text() + _numbers(fuzzing=fuzzing, stateful=stateful) + users)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", f"{self.url(service)}/openapi.json", "--checks", "all", "--no-color"),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "REGIE_FUZZ_SEEDS": str(seeds)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out = (await process.communicate())[0].decode()
        finally:
            if process.returncode is None:
                process.kill()
        return Run(process.returncode, out, json.loads(tally.read_text()) if tally.exists() else {})


def _numbers(**examples: int) -> str:
    """Configuration: how many examples each of these phases has."""
    return "".join(f"\n[phases.{phase}.generation]\nmax-examples = {count}\n" for phase, count in examples.items())


def identities(folder: Path, **users: str) -> str:
    """Configuration: the first user asks, and none may ever see the other's things. `users` are tokens by name.

    Source: Web Fuzzing Commons, authentication.
    """
    entries = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in users.items()
    ]
    path = folder / "identities.json"
    path.write_text(json.dumps({"auth": entries}))
    first, peers = next(iter(users)), json.dumps(list(users))
    return f'\n[auth.wfc]\npath = "{path}"\nuser = "{first}"\npeers = {peers}\n'


@asynccontextmanager
async def real_house() -> AsyncIterator[dict[str, Any]]:
    """The endpoints of a house of two tenants, without rate limits; everything is gone afterwards."""
    async with own_house({**os.environ, **UNLIMITED, "REGIE_TENANTS": "acme,globex"}) as endpoints:
        yield endpoints


@asynccontextmanager
async def real_services(endpoints: Mapping[str, Any], folder: Path) -> AsyncIterator[Services]:
    """The services of a house with shows played in them."""
    async with AsyncExitStack() as cameras:
        yield await furnished(endpoints, folder, cameras)


async def furnished(endpoints: Mapping[str, Any], folder: Path, cameras: AsyncExitStack) -> Services:
    """A house with a show on demand, two on air and one planned; their cameras run until `cameras` closes."""
    issuer = Issuer(Home(Path(endpoints["home"])))
    token = issuer.token(EVERY_ROLE, TENANT, subject=SUBJECT)
    mine = {**endpoints, "tokens": dict.fromkeys(endpoints["tokens"], token)}
    moments = ("on_air", "staffed", "on_demand", "on_air", "rehearsed")
    apis = await cameras.enter_async_context(players(mine))
    shows = await asyncio.gather(*(played(mine, apis, cameras, as_far_as=moment) for moment in moments))
    stock = Stock()
    for show, bought in shows[:3]:
        await gather(stock, show, bought)
    await pin(stock, *shows)
    stock.files = _files(shows[2][0].folder)
    return Services(mine, folder, token, issuer.token(EVERY_ROLE, "globex"), stock)


def _files(folder: Path) -> dict[str, dict[str, str]]:
    return {
        "importRunOfShow": {
            "application/xml": str(DEFAULT_SCHEDULE),
            "text/xml": str(DEFAULT_SCHEDULE),
            "application/json": str(DEFAULT_SCHEDULE.with_suffix(".json")),
        },
        "deliverAsset": {"image/png": str(folder / "logo.png"), "video/mp4": str(folder / "clip.mp4")},
    }


__all__ = ["EVERY_ROLE", "Run", "Services", "identities", "real_house", "real_services"]

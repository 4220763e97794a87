"""The four real services over PostgreSQL and NATS, with played shows in them, and runs of Schemathesis against them.

    async with real_services(folder) as services:
        run = await services.fuzz("stage", "--max-examples", "3")

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

import httpx
import msgspec

from contracts.envelope import Role
from contracts.roles import SERVICES
from regie.demo import DEFAULT_SCHEDULE
from regie.demo.house import own_house
from regie.home import Home
from regie.issuer import Issuer
from tests.contract.fuzz.journeys import played
from tests.contract.fuzz.seeds import SUBJECT, Stock, gather
from tests.contract.fuzz.spares import pin

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

    async def fuzz(self, service: str, *options: str, more: str = "") -> Run:
        """Generated requests against every operation of a service, with every check; `more` is configuration."""
        folder = self.folder / service
        folder.mkdir(exist_ok=True)
        tally, seeds, config = folder / "tally.json", folder / "seeds.json", folder / "schemathesis.toml"
        await self._note_checkpoint(service)
        seeds.write_bytes(msgspec.json.encode(self.stock.seeds(self.url(service), self.token, tally)))
        config.write_text(CONFIG.read_text() + more + identities(folder, acme=self.token, globex=self.stranger))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", f"{self.url(service)}/openapi.json", "--checks", "all", "--no-color", *options),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "REGIE_FUZZ_SEEDS": str(seeds)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = (await process.communicate())[0].decode()
        return Run(process.returncode, out, json.loads(tally.read_text()) if tally.exists() else {})

    async def _note_checkpoint(self, service: str) -> None:
        """Sizes a consistency proof can be asked between."""
        who = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=self.url(service), headers=who) as client:
            note = (await client.get("/audit/checkpoint")).json()["note"]
        size = int(note.splitlines()[1])
        self.stock.fields["proveConsistency"] = {"old": [size], "new": [size]}


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
async def real_services(folder: Path) -> AsyncIterator[Services]:
    """Started for this test alone; everything is gone afterwards."""
    unlimited = {f"REGIE_RATE_{budget}": "0" for budget in ("READS", "COMMANDS", "CONTROL", "STRANGERS")}
    house = own_house({**os.environ, **unlimited, "REGIE_TENANTS": "acme,globex"})
    async with house as endpoints, AsyncExitStack() as cameras:
        yield await furnished(endpoints, folder, cameras)


async def furnished(endpoints: Mapping[str, Any], folder: Path, cameras: AsyncExitStack) -> Services:
    """A house with a show on demand, two on air and one planned; their cameras run until `cameras` closes."""
    issuer = Issuer(Home(Path(endpoints["home"])))
    token = issuer.token(EVERY_ROLE, "acme", subject=SUBJECT)
    mine = {**endpoints, "tokens": dict.fromkeys(endpoints["tokens"], token)}
    moments = ("on_air", "staffed", "on_demand", "on_air", "rehearsed")
    shows = await asyncio.gather(*(played(mine, cameras, as_far_as=moment) for moment in moments))
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


__all__ = ["SERVICES", "Run", "Services", "furnished", "real_services"]

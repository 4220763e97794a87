"""The stage service as its own process, on a real database, with real engines; and what other services said of a show."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chassis.handle import Cause
from chassis.service import open_house
from contracts import stage as e
from contracts.envelope import Actor, Role, Sealed
from regie.issuer import Issuer
from regie.supervisor import end_engines
from services.stage import commands as c
from services.stage.app import definition
from services.stage.domain import STAGE
from services.stage.settings import StageSettings
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]


class Show:
    """A show on one stage, prepared as the other services would have it."""

    def __init__(self) -> None:
        self.show_id, self.stage_id = uuid4(), uuid4()
        self.talk, self.panel, self.ada, self.bob = uuid4(), uuid4(), uuid4(), uuid4()
        self.cues = (uuid4(), uuid4())
        self.asset = uuid4()

    def commands(self) -> list[c.Command]:
        now = datetime.now(UTC)
        hours = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(hours=8)}
        times = {"starts_at": now, "ends_at": now + timedelta(hours=1)}
        plan = c.PrepareStage(
            at=now,
            show_id=self.show_id,
            stage_id=self.stage_id,
            name="Main",
            rundown_version=1,
            sessions=tuple(
                e.SessionPlan(session_id=one, title=title, **times)
                for one, title in ((self.talk, "Talk"), (self.panel, "Panel"))
            ),
            cues=tuple(
                e.CuePlan(cue_id=cue, session_id=self.talk, kind="cue", label=str(number), order=number)
                for number, cue in enumerate(self.cues)
            ),
            presenters={one: Sealed(subject=str(one), box="") for one in (self.ada, self.bob)},
            effect_id=uuid4(),
        )
        status = e.CoverageStatus.OPEN
        asset = e.Asset(asset_id=self.asset, kind="clip", file="assets/clip.mp4", approved=True, shared=True)
        return [
            plan,
            c.UpdateCoverage(at=now, show_id=self.show_id, status=status, **hours),
            c.StaffSeat(at=now, show_id=self.show_id, arriving=(uuid4(),)),
            c.AdmitAsset(at=now, show_id=self.show_id, asset=asset),
        ]


class Service:
    """`python -m services.stage`, and a client of its API."""

    def __init__(self, env: dict[str, str], home: Path, issuer: Issuer) -> None:
        self.env, self.home = env, home
        self.process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{env['REGIE_STAGE_PORT']}"
        self._issuer = issuer
        self.http = httpx.AsyncClient(base_url=self.url, timeout=15, headers=self.headers(Role.ANALYST))

    def headers(self, role: Role, subject: str = "anna", tenant: str = "acme") -> dict[str, str]:
        return {"authorization": f"Bearer {self._issuer.token([role], tenant, subject=subject)}"}

    async def start(self) -> None:
        log = (self.home / "stage.log").open("ab")
        self.process = subprocess.Popen(  # noqa: ASYNC220 - a test may wait
            [sys.executable, "-m", "services.stage"], env=self.env, cwd=ROOT, stdout=log, stderr=log
        )
        log.close()
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await self.http.get("/health/ready")).status_code == 200:
                        return
                assert self.process.poll() is None, self.log
                await asyncio.sleep(0.1)

    @property
    def log(self) -> str:
        return (self.home / "stage.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)

    async def prepare(self, show: Show) -> None:
        """What policies would do with the events of the other services."""
        settings = StageSettings(database_url=self.env["REGIE_STAGE_DATABASE_URL"], home=self.home)
        ident = uuid4()
        cause = Cause(tenant="acme", actor=Actor(id="test", role=Role.SYSTEM), correlation=ident, causation=ident)
        async with open_house(definition(settings), settings) as house:
            for command in show.commands():
                await house.handler.run(STAGE, show.stage_id, command, cause)

    async def post(self, path: str, status: int = 202, /, **body: Any) -> Any:
        headers = body.pop("headers", {})
        answer = await self.http.post(path, json=body, headers=headers)
        assert answer.status_code == status, (path, answer.status_code, answer.text, self.log[-3000:])
        return answer.json()

    async def get(self, path: str, *, headers: Any = None, **params: Any) -> Any:
        answer = await self.http.get(path, params=params, headers=headers)
        assert answer.status_code == 200, (path, answer.status_code, answer.text, self.log[-3000:])
        return answer.json()

    async def until(self, path: str, holds: Callable[[Any], bool], timeout_s: float = 30) -> Any:
        """The first answer for which `holds`."""
        answer: Any = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = await self.get(path)
                    if holds(answer):
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError((path, answer, self.log[-6000:])) from None

    async def trail(self, show: Show) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            found = await self.get("/events", after=after, limit=1000)
            entries += [entry for entry in found["entries"] if entry["show"] == str(show.show_id)]
            after = found["next_after"]
        return entries

    def engine_pid(self, stage_id: UUID) -> int:
        return int((self.home / "run" / "engines" / f"{stage_id}.sock.pid").read_text())


@pytest.fixture
async def service(make_database: Callable[..., Awaitable[Any]]) -> AsyncIterator[Service]:
    from regie.home import Home

    home = Home(Path(tempfile.mkdtemp(prefix="rg-"))).create()
    own, vault = await make_database("stage"), await make_database("vault")
    issuer = Issuer(home)
    issuer.publish()
    (home.secrets / "vault.key").write_text("11" * 32)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("REGIE_")},
        "REGIE_HOME": str(home.path),
        "REGIE_STAGE_DATABASE_URL": own.service_url,
        "REGIE_STAGE_VAULT_DATABASE_URL": vault.service_url,
        "REGIE_VAULT_KEY_FILE": str(home.secrets / "vault.key"),
        "REGIE_JWKS": str(issuer.jwks),
        "REGIE_STAGE_PORT": str(free_port()),
        "REGIE_STAGE_INGEST_PORT": str(free_port()),
        "REGIE_STAGE_PICTURE": "320x180",
        "REGIE_OUTBOUND_ALLOW": "127.0.0.0/8",
    }
    owners = {
        "REGIE_STAGE_OWNER_DATABASE_URL": own.owner_url,
        "REGIE_STAGE_VAULT_OWNER_DATABASE_URL": vault.owner_url,
    }
    subprocess.run([sys.executable, "-m", "services.stage", "migrate"], env={**env, **owners}, cwd=ROOT, check=True)  # noqa: ASYNC221
    running = Service(env, home.path, issuer)
    await running.start()
    yield running
    running.stop()
    await running.http.aclose()
    await end_engines(home)
    shutil.rmtree(home.path)

"""A service that is killed while it tells a partner what happened: nothing is lost, the order holds, ids stay."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.migrate import VAULT_SQL, migrate
from contracts.envelope import Role
from regie.home import Home
from regie.issuer import Issuer
from tests.support.ports import free_port
from tests.support.receiver import receiving

ROOT = Path(__file__).parents[3]


class Service:
    """`python -m services.scheduling`, as it is deployed, without a broker."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.env, self.log = env, log
        self.url = f"http://127.0.0.1:{env['REGIE_SCHEDULING_PORT']}"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - a test may wait
                [sys.executable, "-m", "services.scheduling"], env=self.env, cwd=ROOT, stdout=log, stderr=log
            )
        async with asyncio.timeout(60), httpx.AsyncClient() as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
async def service(make_database: Callable[[str], Awaitable[Any]], home: Home) -> AsyncIterator[tuple[Service, Issuer]]:
    own, vault = await make_database("scheduling"), await make_database("vault")
    await migrate(vault.owner_url, str(urlsplit(vault.service_url).username), [VAULT_SQL], log=False)
    issuer = Issuer(home)
    issuer.publish()
    (home.secrets / "vault.key").write_text("11" * 32)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("REGIE_")},
        "REGIE_HOME": str(home.path),
        "REGIE_SCHEDULING_DATABASE_URL": own.service_url,
        "REGIE_VAULT_DATABASE_URL": vault.service_url,
        "REGIE_VAULT_KEY_FILE": str(home.secrets / "vault.key"),
        "REGIE_JWKS": str(issuer.jwks),
        "REGIE_SCHEDULING_PORT": str(free_port()),
        "REGIE_OUTBOUND_ALLOW": "127.0.0.0/8",
        "REGIE_WEBHOOK_PAUSES_S": "0.2,0.2,0.2",
    }
    running = Service(env, home.path / "scheduling.log")
    await running.start()
    yield running, issuer
    running.kill()


@pytest.mark.parametrize("kill_at", [(3,), pytest.param((2, 5, 9, 13), marks=pytest.mark.long)])
async def test_a_killed_service_loses_no_event_of_a_webhook(
    service: tuple[Service, Issuer], kill_at: tuple[int, ...]
) -> None:
    """It dies at these attempts, after it has sent and before it has heard the answer."""
    running, issuer = service
    token = {"authorization": f"Bearer {issuer.token([Role.INTEGRATOR], 'acme')}"}
    tries = 0
    killed: list[asyncio.Task[None]] = []

    async def die_now_and_then() -> None:
        nonlocal tries
        tries += 1
        if tries in kill_at:
            running.kill()
            killed.append(asyncio.create_task(running.start()))

    async with httpx.AsyncClient(base_url=running.url, headers=token, timeout=30) as http, receiving() as receiver:
        for number in range(12):
            made = await http.post("/shows", json={"title": f"Show {number}", "zone": "Europe/Paris"})
            assert made.status_code == 201, made.text
        expected = [entry["id"] for entry in (await http.get("/events")).json()["entries"]]
        receiver.before_answer = die_now_and_then
        hook = (await http.post("/webhooks", json={"url": receiver.url, "after": 0})).json()
        receiver.secrets.append(hook["secret"])
        told = [message.ident for message in await receiver.until(len(expected) + len(kill_at), timeout_s=120)]
        await asyncio.gather(*killed)
        assert list(dict.fromkeys(told)) == expected
        assert len(told) == len(expected) + len(kill_at), "each kill repeats the message that was under way"
        async with asyncio.timeout(20):
            while (await http.get(f"/webhooks/{hook['webhook']['id']}")).json()["after"] < len(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

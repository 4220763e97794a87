"""Files made to exhaust who reads them, sent over a real socket to the scheduling service as a process of its own.

Each is refused for what it is, nothing is recorded, the process stays within its memory, and the next one is served.
"""

import asyncio
import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.migrate import VAULT_SQL, migrate
from contracts.envelope import Role
from regie.home import Home
from regie.issuer import Issuer
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
XML, JSON = "application/xml", "application/json"
INFLATED = 300_000_000
MOST_KB = 150_000
"""What reading any of them may add to the peak of the process: half of what the archives hold."""


class Attack(NamedTuple):
    media_type: str
    body: bytes
    status: int
    encoding: str = "identity"


def zipped(name: str) -> bytes:
    held = io.BytesIO()
    with (
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as inside,
    ):
        for _ in range(INFLATED // 1_000_000):
            inside.write(b" " * 1_000_000)
    return held.getvalue()


def laughing(levels: int) -> bytes:
    """Entities of entities: ten to the power of `levels` times the first."""
    lines = ['<!ENTITY l0 "lol">', *(f'<!ENTITY l{nr} "{f"&l{nr - 1};" * 10}">' for nr in range(1, levels))]
    return f"<!DOCTYPE schedule [{''.join(lines)}]><schedule>&l{levels - 1};</schedule>".encode()


def attacks() -> dict[str, Attack]:
    archive, workbook = zipped("schedule.xml"), zipped("xl/worksheets/sheet1.xml")
    packed = gzip.compress(b" " * INFLATED, 1)
    sheets = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    outside = b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///proc/self/environ">]><schedule>&x;</schedule>'
    quadratic = b'<!DOCTYPE s [<!ENTITY a "' + b"a" * 50_000 + b'">]><schedule>' + b"&a;" * 50_000 + b"</schedule>"
    return {
        "an archive": Attack("application/zip", archive, 415),
        "an archive that calls itself a schedule": Attack(XML, archive, 422),
        "a workbook": Attack(sheets, workbook, 415),
        "a workbook that calls itself a schedule": Attack(JSON, workbook, 422),
        "a schedule packed in transit": Attack(XML, packed, 415, "gzip"),
        "a packed schedule": Attack(XML, packed, 422),
        "entities of entities": Attack(XML, laughing(12), 422),
        "one entity many times": Attack(XML, quadratic, 422),
        "an entity outside": Attack(XML, outside, 422),
        "a DTD outside": Attack(XML, b'<!DOCTYPE s SYSTEM "http://127.0.0.1:9/x.dtd"><schedule/>', 422),
        "elements in elements": Attack(XML, b"<a>" * 300_000, 422),
        "elements beside elements": Attack(XML, b"<schedule>" + b"<a/>" * 400_000 + b"</schedule>", 422),
        "attributes without end": Attack(XML, b"<schedule " + b" ".join(b"a%d='1'" % nr for nr in range(90_000)), 422),
        "lists in lists": Attack(JSON, b"[" * 1_000_000, 422),
        "objects in objects": Attack(JSON, b'{"a":' * 300_000, 422),
        "a number without end": Attack(JSON, b'{"schedule":' + b"9" * 1_000_000 + b"}", 422),
        "a number beyond numbers": Attack(JSON, b'{"schedule":1e999999}', 422),
        "not a text": Attack(XML, bytes(range(256)) * 1000, 422),
        "a schedule beyond all measure": Attack(XML, b"<schedule>" + b" " * 30_000_000, 413),
    }


class Running:
    """The process and its clients."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, token: str) -> None:
        self.process = process
        self.http = httpx.AsyncClient(base_url=url, timeout=60, headers={"authorization": f"Bearer {token}"})

    async def until_ready(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    if (await self.http.get("/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.poll() is None
                await asyncio.sleep(0.05)

    async def import_into(self, show: str, attack: Attack) -> httpx.Response:
        headers = {"content-type": attack.media_type, "content-encoding": attack.encoding}
        return await self.http.post(f"/shows/{show}/run-of-show/import", content=attack.body, headers=headers)

    async def recorded(self) -> list[Any]:
        return list((await self.http.get("/events", params={"limit": 1000})).json()["entries"])

    def peak_kb(self) -> int:
        """The most memory the process ever had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture
async def running(make_database: Any, home: Home) -> AsyncIterator[Running]:
    own, vault = await make_database("scheduling"), await make_database("vault", migrated=False)
    await migrate(vault.owner_url, urlsplit(vault.service_url).username, [VAULT_SQL], log=False)
    issuer, port = Issuer(home), free_port()
    key = home.secrets / "vault.key"
    key.write_text("11" * 32)
    env = {
        **os.environ,
        "REGIE_DATABASE_URL": own.service_url,
        "REGIE_VAULT_DATABASE_URL": vault.service_url,
        "REGIE_VAULT_KEY_FILE": str(key),
        "REGIE_JWKS": str(issuer.publish()),
        "REGIE_HOME": str(home.path),
        "REGIE_SCHEDULING_PORT": str(port),
    }
    with (home.path / "scheduling.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - a test may wait
            [sys.executable, "-m", "services.scheduling"], env=env, cwd=ROOT, stdout=log, stderr=log
        )
    service = Running(process, f"http://127.0.0.1:{port}", issuer.token([Role.INTEGRATOR], "acme"))
    try:
        await service.until_ready()
        yield service
    finally:
        await service.http.aclose()
        process.terminate()
        assert process.wait(20) == 0


async def test_no_file_exhausts_the_service_or_is_half_read(running: Running) -> None:
    show = (await running.http.post("/shows", json={"title": "Rencontres", "zone": "Europe/Paris"})).json()["id"]
    good = Attack(XML, (ROOT / "tests" / "data" / "schedule.xml").read_bytes(), 200)
    assert (await running.import_into(show, good)).status_code == 200
    before, peak_kb = await running.recorded(), running.peak_kb()
    for name, attack in attacks().items():
        answer = await running.import_into(show, attack)
        assert answer.status_code == attack.status, (name, answer.status_code, answer.text[:500])
        assert answer.headers["content-type"] == "application/problem+json", name
        assert "REGIE_DATABASE_URL" not in answer.text, name
        assert len(answer.content) < 100_000, name
        assert running.peak_kb() - peak_kb < MOST_KB, name
        assert (await running.http.get("/health/live")).status_code == 200, name
    assert await running.recorded() == before
    assert (await running.import_into(show, good)).status_code == 200

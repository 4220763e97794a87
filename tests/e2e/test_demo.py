"""The main job on real input, and what must not be found anywhere afterwards."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from regie.demo import DEFAULT_SCHEDULE
from regie.demo.context import STREAM_KEY
from regie.demo.house import own_house
from regie.embedded.postgres import Postgres
from regie.home import Home
from regie.plan import ROOT

REAL = ROOT.parent / "shared" / "data" / "schedules"
EMAIL = "zoe.lefevre@planted.example"
NAMES = ("Zoé Lefèvre", "Amélie Désœuvres", "Camille Régis", "Can you hear me better now?")
"""Planted by the demo: speakers, the analyst, a chat message. They are sealed everywhere."""
NOBODY = "00000000-0000-4000-8000-000000000000"
SEEN_EVERYWHERE = "Ouverture : pourquoi le direct"
"""Not personal: the title of a session. Where it is not found, the search itself is broken."""


@pytest.fixture(scope="module")
async def endpoints():
    async with own_house(os.environ) as found:
        yield found


async def demo(endpoints, schedule: Path) -> tuple[int, str]:
    """`make demo` in the house of this module, as a person would run it."""
    env = {**os.environ, "REGIE_HOME": endpoints["home"], "COLUMNS": "250"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "regie", "demo", "--schedule", str(schedule),
        env=env, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_one_show_from_purchase_to_video_on_demand(endpoints):
    status, output = await demo(endpoints, DEFAULT_SCHEDULE)
    assert status == 0, output
    assert "All 43 steps held" in output
    assert await parked(endpoints) == []


async def test_the_sandbox_has_shows_of_its_own_and_partners_can_read_them(endpoints, tmp_path):
    env = {**os.environ, "REGIE_HOME": endpoints["home"], "COLUMNS": "250"}
    command = [sys.executable, "-m", "regie", "demo", "--loop", "--shows", "1", "--pause", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    found = json.loads((Home(Path(endpoints["home"])).run / "sandbox.json").read_text())
    reader = ROOT / "docs" / "partners" / "python" / "read_stream.py"
    (tmp_path / "endpoints.json").write_text(json.dumps(found))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        reader,
        "--endpoints",
        tmp_path / "endpoints.json",
        "--count",
        "5",
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert len(told.decode().splitlines()) == 5
    token = {"authorization": f"Bearer {found['tokens']['partner']}"}
    async with httpx.AsyncClient(headers=token) as http:
        page = (await http.get(f"{endpoints['services']['scheduling']['url']}/events")).json()
    assert "scheduling.show_confirmed.v1" in {entry["type"] for entry in page["entries"]}


async def parked(endpoints) -> list[dict[str, str]]:
    """What any policy of any service could not handle."""
    headers = {"Authorization": f"Bearer {endpoints['tokens']['sre']}"}
    async with httpx.AsyncClient(headers=headers) as client:
        answers = [await client.get(f"{where['url']}/parked") for where in endpoints["services"].values()]
    return [message for answer in answers for message in answer.raise_for_status().json()["items"]]


async def test_nothing_personal_and_no_key_is_in_clear_anywhere(endpoints):
    """Runs behind the demo: names, an e-mail address, chat and a stream key, in every database, stream, log and refusal."""
    await add_a_contact(endpoints)
    refusals = await refused(endpoints)
    places = {"database": await in_databases(endpoints), "files": in_files(Path(endpoints["home"]))}
    for place, texts in places.items():
        assert planted(texts) == [SEEN_EVERYWHERE], f"in clear in the {place}"
    assert planted(refusals) == [], "repeated in a refusal"


def planted(texts: list[bytes]) -> list[str]:
    """Which of the texts that are looked for are in clear in these."""
    wanted = (SEEN_EVERYWHERE, STREAM_KEY, EMAIL, *NAMES)
    return [text for text in wanted if any(text.encode() in one for one in texts)]


def as_role(endpoints, service: str, role: str) -> httpx.AsyncClient:
    token = {"Authorization": f"Bearer {endpoints['tokens'][role]}"}
    return httpx.AsyncClient(base_url=endpoints["services"][service]["url"], headers=token, timeout=20)


async def add_a_contact(endpoints) -> None:
    """Their address is an e-mail address, which the demo itself has none of; it can be read again by who may."""
    async with as_role(endpoints, "scheduling", "customer") as http:
        draft = await http.post("/shows", json={"title": "Les Rencontres", "zone": "Europe/Paris"})
        show = f"/shows/{draft.raise_for_status().json()['id']}"
        contact = {"side": "speakers", "name": NAMES[0], "address": EMAIL}
        (await http.post(f"{show}/contacts", json=contact)).raise_for_status()
        assert EMAIL in (await http.get(f"{show}/readiness")).text


async def refused(endpoints) -> list[bytes]:
    """What every service says to personal data and keys in the wrong place: as fields, values, types, headers, queries."""
    wrong = {
        "name": 5,
        "address": [EMAIL],
        "stream_key": [STREAM_KEY],
        "side": EMAIL,
        "text": {NAMES[0]: 1},
    }
    answers: list[httpx.Response] = []
    for service, where in endpoints["services"].items():
        async with as_role(endpoints, service, "supervisor") as http:
            paths = (await http.get(where["openapi"])).json()["paths"]
            for template in (template for template, methods in paths.items() if "post" in methods):
                path = re.sub(r"\{\w+\}", NOBODY, template)
                answers.append(await http.post(path, json=wrong))
                answers.append(await http.post(path, content=f'{{"name": "{NAMES[0]}", {EMAIL}'.encode()))
            headers = {"If-Match": EMAIL, "Idempotency-Key": f"{STREAM_KEY} {EMAIL}", "Last-Event-ID": EMAIL}
            answers.append(await http.get("/events", params={"after": EMAIL}, headers=headers))
            answers.append(await http.get("/audit/inclusion", params={"position": STREAM_KEY}))
            answers.append(await http.get("/events", headers={"Authorization": f"Bearer {STREAM_KEY}"}))
    assert all(400 <= answer.status_code < 500 for answer in answers), {answer.status_code for answer in answers}
    assert len(answers) > 100
    return [answer.content for answer in answers]


async def in_databases(endpoints) -> list[bytes]:
    """Every value of every table of every database, the vault's included."""
    server = Postgres(Home(Path(endpoints["home"])))
    values: list[bytes] = []
    admin = await asyncpg.connect(server.url())
    names = [row[0] for row in await admin.fetch("SELECT datname FROM pg_database WHERE NOT datistemplate")]
    await admin.close()
    for name in names:
        db = await asyncpg.connect(server.url(), database=name)
        tables = await db.fetch("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'log')")
        for schema, table in tables:
            for row in await db.fetch(f'SELECT * FROM "{schema}"."{table}"'):
                values.extend(value if isinstance(value, bytes) else str(value).encode() for value in row)
        await db.close()
    return values


def in_files(home: Path) -> list[bytes]:
    """The broker's store, all logs, and what the processes were started with."""
    files = [path for folder in ("nats", "logs", "run") for path in (home / folder).rglob("*") if path.is_file()]
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    return [path.read_bytes() for path in files] + commands


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "voc-frab-camp2019.facts.json",
        pytest.param("fosdem-2007.facts.xml", marks=pytest.mark.long),
        pytest.param("voc-pretalx-democon.json", marks=pytest.mark.long),
        pytest.param("voc-hub-schedule2.facts.json", marks=pytest.mark.long),
    ],
)
async def test_a_real_public_schedule_is_produced_too(endpoints, name):
    if not REAL.is_dir():
        pytest.skip(f"the public schedules are not here: {REAL}")
    status, output = await demo(endpoints, REAL / name)
    assert status == 0, output


async def test_a_schedule_with_a_fault_fails_the_demo_by_line_and_rule(endpoints, tmp_path):
    broken = tmp_path / "broken.xml"
    broken.write_text(DEFAULT_SCHEDULE.read_text().replace("<duration>00:45</duration>", "<duration>soon</duration>"))
    status, output = await demo(endpoints, broken)
    assert status == 1
    assert "RUNDOWN_INVALID" in output
    assert "duration" in output

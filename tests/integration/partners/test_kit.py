"""The partners' examples as a partner runs them: programs of their own, against a real broker and a real service."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import notes, tenancy
from chassis.service import Definition, api, open_house
from chassis.settings import ChassisSettings
from chassis.webhooks.courier import structured
from chassis.webhooks.signing import new_secret, signed_headers
from contracts.envelope import Actor, Metadata, Recorded, Role, cloudevent_headers, subject_of
from regie.embedded.nats import Nats
from regie.issuer import Issuer
from regie.up import partner_access
from tests.support import node
from tests.support.databases import TOY
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.toy import AT, COUNTER, EVENTS, Raise, cause

KIT = Path(__file__).parents[3] / "docs" / "partners"


class Program:
    """An example, running; `lines` are what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self, timeout_s: float = 30) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), timeout_s)).decode().rstrip("\n")

    async def lines(self, count: int) -> list[str]:
        return [await self.line() for _ in range(count)]

    async def ended(self, timeout_s: float = 30) -> int:
        return await asyncio.wait_for(self.process.wait(), timeout_s)


@contextlib.asynccontextmanager
async def example(name: str, *arguments: str | Path) -> AsyncIterator[Program]:
    """Runs `python/<name>.py` or `node/<name>.mjs`."""
    script = KIT / name
    command = [sys.executable, "-u"] if script.suffix == ".py" else [node.NODE]
    process = await asyncio.create_subprocess_exec(
        *command, script, *arguments, stdout=asyncio.subprocess.PIPE, env=node.environment()
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def recorded(position: int, tenant: str = "acme") -> Recorded:
    ident = uuid4()
    return Recorded(
        position=position,
        stream=f"counter-{ident}",
        version=1,
        type="toy.raised.v1",
        payload=b'{"by":%d}' % position,
        recorded_at=AT,
        metadata=Metadata(
            id=ident,
            tenant=tenant,
            actor=Actor(id="anna", role=Role.ANALYST),
            correlation=ident,
            causation=ident,
            command="Raise",
        ),
    )


@pytest.fixture
async def house(make_broker: Callable[[], Awaitable[Nats]], tmp_path: Path) -> Path:
    """A broker with five events of the partner's and one of somebody else's; the endpoints file as `make run` writes it."""
    broker = await make_broker()
    connection = await broker.connect("stage")
    for position in range(1, 7):
        record = recorded(position, "globex" if position == 3 else "acme")
        headers = cloudevent_headers("stage", record)
        await connection.jetstream().publish(subject_of("stage", record), record.payload, headers=headers)
    await connection.close()
    partner = partner_access("acme", broker.seed_file("partner-acme"))
    path = tmp_path / "endpoints.json"
    path.write_text(json.dumps({"nats": {"url": broker.url, "partner": partner}}))
    return path


async def test_the_stream_is_read_in_python_and_read_again(house: Path) -> None:
    async with example("python/read_stream.py", "--endpoints", house, "--count", "3") as reader:
        first = await reader.lines(3)
        assert await reader.ended() == 0
    async with example("python/read_stream.py", "--endpoints", house, "--count", "2") as reader:
        rest = await reader.lines(2)
        assert await reader.ended() == 0
    assert [line.split()[-1] for line in [*first, *rest]] == ["1}", "2}", "4}", "5}", "6}"]
    assert {line.split()[2] for line in first} == {"regie.toy.raised.v1"}
    again = ("--count", "5", "--replay-from", "1")
    async with example("python/read_stream.py", "--endpoints", house, *again) as reader:
        assert await reader.lines(5) == [*first, *rest]


async def test_the_stream_is_read_in_node(house: Path, tmp_path: Path) -> None:
    told = await node.run_elsewhere(KIT / "node" / "read-stream.mjs", tmp_path, str(house), "5", limit_s=60)
    assert [line.split()[-1] for line in told.splitlines()] == [f'{{"by":{n}}}' for n in (1, 2, 4, 5, 6)]


@pytest.mark.parametrize("name", ["python/receive_webhooks.py", "node/receive-webhooks.mjs"])
async def test_a_receiver_takes_what_we_signed_once_and_nothing_else(name: str, tmp_path: Path) -> None:
    secret, other = new_secret(), new_secret()
    file = tmp_path / "secret"
    file.write_text(secret)
    arguments = ("--secret-file", file, "--port", "0") if name.endswith(".py") else (file, "0")
    record, now = recorded(7), int(time.time())
    body = structured("stage", record)
    ident = str(record.metadata.id)
    async with example(name, *arguments) as receiver, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{(await receiver.line()).rsplit(' ', 1)[1]}/"

        async def sent(at_s: int, keys: list[str], text: bytes = body) -> int:
            return (await http.post(url, content=text, headers=signed_headers(ident, at_s, body, keys))).status_code

        assert await sent(now, [other]) == 401
        assert await sent(now - 600, [secret]) == 401, "an old recording of a call"
        assert await sent(now, [secret], body.replace(b'"by":7', b'"by":8')) == 401
        assert (await http.post(url, content=body)).status_code == 401
        assert await sent(now, [other, secret]) == 204, "during a rotation"
        assert await sent(now, [secret]) == 204, "the same again"
        *words, data = (await receiver.line()).split(maxsplit=3)
        assert (words, json.loads(data)) == ([ident, "regie.toy.raised.v1", "7"], {"by": 7})
        with pytest.raises(TimeoutError):
            await receiver.line(timeout_s=0.5)


@pytest.fixture
async def service(make_database: Callable[..., Awaitable[Any]], home: Any) -> AsyncIterator[tuple[Any, str, Path]]:
    """A toy service with an audit log on a real socket: its house, its URL, and the folder with the partner's files."""

    urls = await make_database(TOY)
    issuer = Issuer(home)
    issuer.publish()
    seed = home.secrets / "toy.audit"
    seed.write_text("22" * 32)
    (home.run / "token").write_text(issuer.token([Role.PARTNER], "acme"))
    settings = ChassisSettings(database_url=urls.service_url, jwks=str(issuer.jwks), audit_key_file=seed)
    definition = Definition(name="scheduling", title="Toy", summary="A toy.", events=EVENTS)
    async with open_house(definition, settings) as house, serving(api(definition, house), free_port()) as (url, _):
        yield house, url, home.run


async def record(house: Any, count: int) -> None:
    for _ in range(count):
        await house.handler.run(COUNTER, uuid4(), Raise(by=1), cause())


async def test_events_are_followed_over_http_and_resumed_from_the_cursor(service: Any) -> None:
    house, url, folder = service
    await record(house, 3)
    asked = ("--url", url, "--token-file", folder / "token", "--cursor", folder / "cursor")
    async with example("python/follow_events.py", *asked, "--count", "2") as follower:
        assert [line.split()[0] for line in await follower.lines(2)] == ["1", "2"]
        assert await follower.ended() == 0
    async with example("python/follow_events.py", *asked) as follower:
        assert (await follower.line()).split()[0] == "3"
        await record(house, 1)
        assert (await follower.line()).split()[0] == "4"


async def test_a_witness_sees_that_the_log_only_grows_and_that_it_was_cut_short(service: Any) -> None:
    house, url, folder = service
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("22" * 32)).public_key()
    key = folder / "log.pub"
    asked = ("--url", url, "--token-file", folder / "token", "--key-file", key, "--kept", folder / "kept")

    async def witness() -> tuple[int, str]:
        async with example("python/verify_checkpoint.py", *asked) as program:
            return await program.ended(), await program.line()

    for count in (5, 0, 8):
        await record(house, count)
        with tenancy.seeing_all():
            await house.audit.extend()
            note = await house.audit.note(None)
        key.write_text(notes.public_text(notes.unverified(note).origin, public))
        status, told = await witness()
        assert status == 0, told
    assert told.startswith("13 events, root ")
    kept = (folder / "kept").read_text()
    longer = notes.Checkpoint(origin=notes.unverified(kept).origin, size=99, root="ab" * 32)
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("22" * 32))
    (folder / "kept").write_text(notes.sign(longer, private))  # as if the log had had 99 events once
    assert (await witness())[0] == 1
    other = notes.Checkpoint(origin=longer.origin, size=13, root="ab" * 32)
    (folder / "kept").write_text(notes.sign(other, private))  # as if its thirteen events had been others
    assert (await witness())[0] == 1
    key.write_text(notes.public_text(longer.origin, Ed25519PrivateKey.generate().public_key()))
    assert (await witness())[0] == 1

"""The broker over TLS: who trusts the right authority gets in, nobody gets in or on in plaintext."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import nats.errors
import nats.js.errors
import nkeys
import pytest
from nats.aio.client import Client

from chassis import broker as chassis_broker
from chassis.broker import tls_options
from chassis.service import Definition, _exchange, _for_the_house, open_house
from chassis.settings import ChassisSettings, SettingsError, load
from regie.broker_server import HOST, Cluster, Tls
from regie.embedded.nats import Nats, connect
from regie.embedded.process import ProgramFailed
from regie.exchange import ensure_exchange, partner_connection
from regie.home import Home
from regie.up import partner_access
from tests.support import node
from tests.support.certificates import Authority
from tests.support.databases import TOY
from tests.support.ports import free_port
from tests.support.toy import COUNTER, EVENTS, Raise, cause

LIVE = "regie.live.stage.acme.session.1.went_live.s1"
KIT = Path(__file__).parents[3] / "docs" / "partners"
ONCE = {"allow_reconnect": False, "connect_timeout": 5}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "house")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "stranger")


@pytest.fixture
async def server(authority: Authority, home: Home) -> AsyncIterator[Nats]:
    """A broker with TLS, the streams and one event of the partner's."""
    started = Nats(home, free_port(), ("acme",), tls=Tls(*authority.certificate(HOST), authority.ca_file))
    await started.start()
    admin = await started.connect("admin")
    await ensure_exchange(admin, ("acme",))
    await admin.close()
    stage = await started.connect("stage")
    event = {"ce-id": "1", "ce-type": "regie.toy.raised.v1", "ce-time": "now"}
    await stage.jetstream().publish(LIVE, b'{"by":1}', headers=event)
    await stage.close()
    yield started
    await started.stop()


async def test_a_service_and_a_partner_that_trust_the_authority_get_in(server: Nats, authority: Authority) -> None:
    stage = await chassis_broker.connect(server.url, "stage", server.seed_file("stage"), authority.ca_file)
    assert stage._transport._io_writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
    assert (await stage.jetstream().publish(LIVE, b'{"by":2}')).seq == 2
    await stage.close()
    seed = server.seed_file("partner-acme")
    async with partner_connection(server.url, seed, "acme", authority.ca_file) as partner:
        assert [message.data for message in await partner.fetch(1, wait_s=10)] == [b'{"by":1}']


async def test_a_service_relays_its_log_over_tls_by_its_settings(
    server: Nats, authority: Authority, make_database: Callable[..., Awaitable[Any]]
) -> None:
    urls = await make_database(TOY)
    environ = {
        "REGIE_MEDIA_DATABASE_URL": urls.service_url,
        "REGIE_MEDIA_NATS_URL": server.url,
        "REGIE_MEDIA_NATS_SEED_FILE": str(server.seed_file("media")),
        "REGIE_NATS_CA_FILE": str(authority.ca_file),
    }
    definition = Definition(name="media", title="Toy", summary="A toy.", events=EVENTS)
    async with open_house(definition, load("media", ChassisSettings, environ)) as house:
        await house.handler.run(COUNTER, uuid4(), Raise(by=1), cause())
        relaying = asyncio.create_task(_for_the_house(_exchange(house, [])))
        async with asyncio.timeout(30):
            while await stored(server, "MEDIA") == 0:  # noqa: ASYNC110 - another program has no event to wait on
                await asyncio.sleep(0.05)
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)


async def test_a_client_that_waits_to_be_told_of_tls_gets_in(server: Nats, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.ca_file)
    seed = str(server.seed_file("partner-acme"))
    stock = await nats.connect(server.url, nkeys_seed=seed, inbox_prefix=b"_INBOX_acme", tls=context, **ONCE)
    assert (await stock.jetstream(domain="REGIE").stream_info("PUBLIC")).config.name == "PUBLIC"
    await stock.close()


@pytest.mark.parametrize("first", [True, False])
async def test_a_broker_of_another_authority_is_refused(server: Nats, stranger: Authority, first: bool) -> None:
    wishes = {**tls_options(server.url, stranger.ca_file), "tls_handshake_first": first, **ONCE}
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(server.url, server.seed_file("stage"), "_INBOX_stage", **wishes)


async def test_an_authority_nobody_named_is_refused(server: Nats) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(server.url, server.seed_file("stage"), "_INBOX_stage", **ONCE)


async def test_a_new_certificate_is_taken_without_a_restart(server: Nats, stranger: Authority) -> None:
    """Who was connected stays; who comes now sees the new one."""
    stays = await server.connect("stage")
    assert server.server.tls is not None
    for old, new in zip(
        (server.server.tls.cert_file, server.server.tls.key_file), stranger.certificate(HOST), strict=True
    ):
        old.write_bytes(new.read_bytes())
    os.kill(server.program.pid, signal.SIGHUP)
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(ssl.SSLCertVerificationError):
                comes = await connect(server.url, server.seed_file("media"), "_INBOX_media", stranger.ca_file, **ONCE)
                break
            await asyncio.sleep(0.1)
    await comes.close()
    assert (await stays.jetstream().publish(LIVE, b'{"by":2}')).seq == 2
    await stays.close()


async def test_a_certificate_for_another_host_is_refused(authority: Authority, home: Home) -> None:
    elsewhere = Tls(*authority.certificate("broker.example"), authority.ca_file)
    server = Nats(home, free_port(), tls=elsewhere)
    with pytest.raises(ProgramFailed, match=f"certificate that is not to be trusted for {HOST}.*mismatch"):
        await server.start()
    assert not server.program.running


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_older_than_1_2_is_refused(server: Nats) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    for version, welcome in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = version
        with contextlib.nullcontext() if welcome else pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            _, writer = await asyncio.open_connection(HOST, server.port, ssl=old)
            writer.close()


async def test_a_user_who_goes_on_in_plaintext_is_dropped(server: Nats) -> None:
    info, answer = await plaintext(server)
    assert info["tls_required"]
    assert b"PONG" not in answer
    assert await stored(server) == 1  # what the fixture published


async def test_words_in_plaintext_before_the_broker_said_any_are_dropped(server: Nats) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"CONNECT {}\r\nPUB %s 2\r\n{}\r\nPING\r\n" % LIVE.encode())
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 10)
    assert b"PONG" not in answer
    writer.close()
    assert await stored(server) == 1


async def test_without_tls_everything_is_as_it_was(home: Home) -> None:
    """The very words that are dropped over TLS are heard here."""
    server = Nats(home, free_port())
    await server.start()
    try:
        assert server.url.startswith("nats://")
        admin = await server.connect("admin")
        await ensure_exchange(admin, ())
        await admin.close()
        info, answer = await plaintext(server)
        assert "tls_required" not in info
        assert b"PONG" in answer
        assert await stored(server) == 1
    finally:
        await server.stop()


@pytest.mark.parametrize("ours", [True, False])
async def test_our_clients_tell_nothing_to_who_claims_there_is_no_tls(ours: bool) -> None:
    """The library by itself goes on in plaintext, `tls://` and all; that is what ours must not do."""
    heard = bytearray()

    async def claim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.0","max_payload":1024,"headers":true}\r\n')
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(4096):
                heard.extend(more)
                if b"PING" in heard:
                    writer.write(b"PONG\r\n")
        writer.close()

    async with await asyncio.start_server(claim, HOST, 0) as impostor:
        url = f"tls://{HOST}:{impostor.sockets[0].getsockname()[1]}"
        options = tls_options(url, None)
        if ours:
            with pytest.raises((ssl.SSLError, TimeoutError)):  # what was said before the handshake may be read or not
                await nats.connect(url, **options, **(ONCE | {"connect_timeout": 1}))
        else:
            taken_in = await nats.connect(url, tls=options["tls"], **ONCE)
            await taken_in.close()
    assert (b"CONNECT" in heard) is not ours


async def test_nodes_of_a_cluster_know_each_other_by_certificates(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """Streams stand on all three; a node with the password and a certificate of somebody else's stays outside."""
    ports = [free_port() for _ in range(4)]
    routes = tuple(f"{HOST}:{port}" for port in ports[:3])
    cert, key = authority.certificate(HOST)
    pki = [Tls(cert, key, authority.ca_file)] * 3 + [Tls(*stranger.certificate(HOST), stranger.ca_file)]
    async with contextlib.AsyncExitStack() as stack:
        nodes = []
        for number, (port, tls) in enumerate(zip(ports, pki, strict=True)):
            home = Home(tmp_path / str(number)).create()
            if nodes:
                shutil.copytree(nodes[0].home.secrets, home.secrets, dirs_exist_ok=True)
            cluster = Cluster("house", port, routes, "a-password-nobody-guesses")
            nodes.append(Nats(home, free_port(), ("acme",), name=f"node-{number}", tls=tls, cluster=cluster))
            await nodes[-1].start()
            stack.push_async_callback(nodes[-1].stop)
        admin = await nodes[0].connect("admin")
        stack.push_async_callback(admin.close)
        await _made(admin, replicas=3)
        about = (await admin.jetstream().stream_info("STAGE")).cluster
        assert {about.leader, *(other.name for other in about.replicas)} == {"node-0", "node-1", "node-2"}
        system = await nodes[0].connect("system")
        stack.push_async_callback(system.close)
        answer = json.loads((await system.request("$SYS.REQ.SERVER.PING.ROUTEZ", timeout=5)).data)
        assert {route["remote_name"] for route in answer["data"]["routes"]} < {"node-0", "node-1", "node-2"}


async def _made(admin: Client, replicas: int) -> list[str]:
    """Make the streams as soon as the nodes have chosen who leads them."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
                return await ensure_exchange(admin, ("acme",), replicas=replicas)
            await asyncio.sleep(0.2)


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(SettingsError, match=name):
            tls_options("tls://broker:4222", tmp_path / name)


async def plaintext(server: Nats) -> tuple[dict[str, Any], bytes]:
    """What the broker says to a user with a good key who never begins a handshake: first, and to an event of its own."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    info = json.loads((await asyncio.wait_for(reader.readline(), 10)).removeprefix(b"INFO "))
    pair = nkeys.from_seed(server.seed_file("stage").read_bytes().strip())
    signature = base64.b64encode(pair.sign(info["nonce"].encode())).decode()
    hello = {"verbose": False, "nkey": server.public_key("stage"), "sig": signature, "protocol": 1, "lang": "raw"}
    writer.write(b"CONNECT %s\r\nPUB %s 2\r\n{}\r\nPING\r\n" % (json.dumps(hello).encode(), LIVE.encode()))
    answer = b""
    with contextlib.suppress(ConnectionError):  # closed with our words unread, it is reset
        while b"PONG" not in answer and (more := await asyncio.wait_for(reader.read(4096), 10)):
            answer += more
    writer.close()
    return info, answer


async def stored(server: Nats, stream: str = "STAGE") -> int:
    """How many events stand in a stream."""
    admin = await server.connect("admin")
    try:
        return int((await admin.jetstream().stream_info(stream)).state.messages)
    finally:
        await admin.close()


@pytest.mark.parametrize("example", ["python", "node"])
async def test_the_partners_examples_read_over_tls(
    example: str, server: Nats, authority: Authority, tmp_path: Path
) -> None:
    partner = partner_access("acme", server.seed_file("partner-acme"))
    endpoints = tmp_path / "endpoints.json"
    found = {"url": server.url, "ca_file": str(authority.ca_file), "partner": partner}
    endpoints.write_text(json.dumps({"nats": found}))
    if example == "node":
        told = await node.run_elsewhere(KIT / "node" / "read-stream.mjs", tmp_path, str(endpoints), "1", limit_s=60)
    else:
        told = await _python_reads(endpoints)
    assert told.split()[-1].endswith("1}")


async def _python_reads(endpoints: Path) -> str:
    command = [KIT / "python" / "read_stream.py", "--endpoints", endpoints, "--count", "1"]
    reading = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    try:
        told, _ = await asyncio.wait_for(reading.communicate(), 60)
    finally:
        if reading.returncode is None:
            reading.kill()
            await reading.wait()
    assert reading.returncode == 0
    return told.decode()

"""`regie up`: everything starts, what dies starts again, and nothing is left behind."""

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console

from contracts.roles import SERVICES, TOKEN_ROLES
from regie.broker_server import HOST
from regie.embedded.process import ProgramFailed, alive
from regie.exchange import NoAccount, partner_connection
from regie.home import write_private
from regie.show import Show
from regie.supervisor import Supervisor, end_engines
from regie.tenant import add_to_house
from regie.up import endpoints
from tests.support.certificates import Authority
from tests.support.ports import free_ports
from tests.support.toy_house import toy_plan

ROOT = Path(__file__).parent.parent.parent.parent
EVERYTHING = {"postgres", "nats", *SERVICES}


@pytest.fixture
def environ(home):
    return {**os.environ, "REGIE_HOME": str(home.path), "REGIE_PORT": str(free_ports(10))}


@pytest.fixture
def supervise(environ, tmp_path):
    def make(**more):
        return Supervisor(toy_plan(tmp_path, environ | more), Show(Console(file=io.StringIO())))

    return make


def pids(home):
    return json.loads(home.pids.read_text())


async def until(what):
    """Wait for a state of the world that tells nobody when it comes."""
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def kept(supervisor):
    async with supervisor.running():
        keeper = asyncio.create_task(supervisor.keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


async def answering(url):
    """A connection, as soon as the server takes one."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
                return await asyncpg.connect(url)
            await asyncio.sleep(0.1)


async def test_the_house_starts_and_leaves_nothing_behind(supervise, home):
    async with supervise().running():
        started = pids(home)
        assert set(started) == EVERYTHING
        assert all(alive(pid) for pid in started.values())
    assert not any(alive(pid) for pid in started.values())
    assert not home.pids.exists()


async def test_whatever_is_killed_starts_again(supervise, home):
    supervisor = supervise()
    async with kept(supervisor):
        before = pids(home)
        for victim in ("stage", "nats", "postgres"):
            os.kill(before[victim], signal.SIGKILL)
        await until(
            lambda: (
                set(pids(home)) == EVERYTHING and all(pids(home)[v] != before[v] for v in ("stage", "nats", "postgres"))
            )
        )
        assert {name for name, pid in pids(home).items() if before[name] == pid} == EVERYTHING - {
            "stage",
            "nats",
            "postgres",
        }
        connection = await answering(supervisor.databases["stage"].url)
        await connection.close()


async def test_a_broker_whose_disk_is_lost_gets_its_streams_again(supervise, home):
    supervisor = supervise()
    async with kept(supervisor):
        before = pids(home)["nats"]
        (home.nats / "jetstream").rename(home.path / "lost")
        os.kill(before, signal.SIGKILL)
        await until(lambda: pids(home).get("nats", before) != before)
        broker = supervisor.broker
        async with partner_connection(broker.url, broker.seed_file("partner-acme"), "acme") as partner:
            assert await partner.pending() == 0


async def test_a_tenant_added_to_the_running_house_is_kept_when_its_broker_is_lost(supervise, home, environ):
    supervisor = supervise()
    async with kept(supervisor):
        write_private(home.endpoints, json.dumps(endpoints(supervisor)))
        await add_to_house("globex", environ)
        before = pids(home)["nats"]
        (home.nats / "jetstream").rename(home.path / "lost")
        os.kill(before, signal.SIGKILL)
        await until(lambda: pids(home).get("nats", before) != before)
        for tenant in ("acme", "sandbox", "globex"):
            seed = supervisor.broker.seed_file(f"partner-{tenant}")
            async with partner_connection(supervisor.broker.url, seed, tenant) as partner:
                assert await partner.pending() == 0


@pytest.mark.parametrize(
    ("fails", "says"), [("media", "cannot find my desk"), ("media migrate", "no such table: seats")]
)
async def test_a_service_that_does_not_start_is_shown_with_its_log_and_ends_the_rest(supervise, home, fails, says):
    with pytest.raises(ExceptionGroup) as failed:
        async with supervise(TOY_FAILS=fails).running():
            pytest.fail("the house must not be up")
    failure = failed.value.exceptions[0]
    assert isinstance(failure, ProgramFailed)
    assert says in str(failure)
    assert str(home.logs / "media.log") in str(failure)
    assert not home.pids.exists()


async def test_the_house_over_tls_starts_and_starts_its_broker_again(supervise, home, tmp_path):
    authority = Authority(tmp_path / "pki")
    cert, key = authority.certificate(HOST)
    files = {"TLS_CERT_FILE": cert, "TLS_KEY_FILE": key, "CA_FILE": authority.ca_file}
    supervisor = supervise(**{f"REGIE_NATS_{name}": str(path) for name, path in files.items()})
    async with kept(supervisor):
        nats = endpoints(supervisor)["nats"]
        assert nats["url"].startswith("tls://")
        before = pids(home)["nats"]
        os.kill(before, signal.SIGKILL)
        await until(lambda: pids(home).get("nats", before) != before)
        seed = Path(nats["partner"]["seed_file"])
        async with partner_connection(nats["url"], seed, "acme", Path(nats["ca_file"])) as partner:
            assert await partner.pending() == 0


async def test_a_given_database_and_broker_are_used_and_not_started(
    supervise, home, postgres, nats_server, make_database
):
    given = {
        "REGIE_NATS_URL": nats_server.url,
        "REGIE_NATS_ADMIN_SEED_FILE": str(nats_server.seed_file("admin")),
        "REGIE_TENANTS": "acme,globex",
    }
    for name in (*SERVICES, "vault"):
        owner_url, service_url = await make_database(name, migrated=False)
        given |= {
            f"REGIE_{name.upper()}_DATABASE_URL": service_url,
            f"REGIE_{name.upper()}_OWNER_DATABASE_URL": owner_url,
        }
    supervisor = supervise(**given)
    async with supervisor.running():
        assert set(pids(home)) == set(SERVICES)
        assert supervisor.databases["stage"].url == given["REGIE_STAGE_DATABASE_URL"]


async def test_a_tenant_the_given_broker_does_not_know_is_named(supervise, home, nats_server):
    given = {"REGIE_NATS_URL": nats_server.url, "REGIE_NATS_ADMIN_SEED_FILE": str(nats_server.seed_file("admin"))}
    with pytest.raises(ExceptionGroup) as failed:
        async with supervise(**given, REGIE_TENANTS="acme,initech").running():
            pytest.fail("the house must not be up")
    [failure] = failed.value.exceptions
    assert isinstance(failure, NoAccount)
    assert "'initech'" in str(failure)
    assert not home.pids.exists()


async def test_engines_end_with_the_house_and_strangers_do_not(home):
    engine = await asyncio.create_subprocess_exec("bash", "-c", "sleep 60; : services.stage.engine")
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    for name, process in (("engine", engine), ("stranger", stranger)):
        (home.engines / f"{name}.pid").write_text(str(process.pid))
    (home.engines / "broken.pid").write_text("not a pid")
    await end_engines(home)
    assert await asyncio.wait_for(engine.wait(), 5) == -signal.SIGTERM
    assert stranger.returncode is None
    assert list(home.engines.iterdir()) == []
    stranger.kill()
    await stranger.wait()


@contextlib.contextmanager
def command(environ, tmp_path, *options):
    arguments = [sys.executable, "-m", "tests.support.toy_house", str(tmp_path), *options]
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_the_command_says_when_it_is_ready_and_stops_on_a_signal(environ, home, tmp_path):
    ready = tmp_path / "ready.json"
    with command(environ, tmp_path, "--ready-file", str(ready)) as process:
        await until(lambda: ready.exists() or process.poll() is not None)
        found = json.loads(ready.read_text())
        assert found == json.loads(home.endpoints.read_text())
        assert home.endpoints.stat().st_mode & 0o777 == 0o600
        assert set(found["tokens"]) == {str(role) for role in TOKEN_ROLES}
        assert set(found["services"]) == set(SERVICES)
        started = pids(home)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Stopping" in said
        assert found["services"]["stage"]["docs"] in said
        assert found["nats"]["partner"]["seed_file"] in said
    assert not any(alive(pid) for pid in started.values())
    assert not home.endpoints.exists()


async def test_nothing_outlives_a_supervisor_that_is_killed(environ, home, tmp_path):
    ready = tmp_path / "ready.json"
    with command(environ, tmp_path, "--ready-file", str(ready)) as process:
        await until(lambda: ready.exists() or process.poll() is not None)
        started = pids(home)
    await until(lambda: not any(alive(pid) for pid in started.values()))
    with command(environ, tmp_path, "--ready-file", str(ready.with_name("again"))) as process:
        await until(lambda: ready.with_name("again").exists() or process.poll() is not None)
        assert process.poll() is None
        process.terminate()
        process.communicate(timeout=30)


async def test_a_taken_port_is_a_message_and_no_traceback(environ, tmp_path):
    port = int(environ["REGIE_PORT"]) + 3
    with socket.create_server(("127.0.0.1", port)), command(environ, tmp_path) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {port} (stage)" in said
    assert "REGIE_PORT" in said
    assert "Traceback" not in said


async def test_a_second_house_in_one_home_is_a_message_and_no_traceback(environ, home, tmp_path):
    with home.locked(), command(environ, tmp_path) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "already running" in said
    assert "Traceback" not in said

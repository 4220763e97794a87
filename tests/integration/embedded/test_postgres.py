"""The embedded PostgreSQL keeps what it acknowledged and gives the services no more than they need."""

import asyncio
import os
import signal

import asyncpg
import pytest

from regie.embedded.postgres import LONGEST_SOCKET_PATH, SOCKET_FILE, Postgres, as_unprivileged, socket_folder
from regie.embedded.process import ProgramFailed, alive
from regie.embedded.provision import provision


async def test_data_survives_a_kill_and_a_restart(home):
    server = Postgres(home)
    await server.start()
    database = await provision(server, home, "stage")
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("CREATE TABLE fact (n int); INSERT INTO fact VALUES (1)")
    os.kill(server.program.pid, signal.SIGKILL)
    await server.program.wait()
    await server.start()
    again = await asyncpg.connect(database.owner_url)
    assert await again.fetchval("SELECT n FROM fact") == 1
    await again.close()
    await server.stop()
    assert not server.program.running


async def test_a_server_left_by_an_earlier_run_is_replaced(home):
    left, fresh = Postgres(home), Postgres(home)
    await left.start()
    await fresh.start()
    assert not alive(left.program.pid)
    assert await fresh.answers()
    await fresh.stop()


async def test_a_pid_file_that_names_a_stranger_does_not_stop_a_start(home):
    server = Postgres(home)
    await server.start()
    pid_file = server.data / "postmaster.pid"
    written = pid_file.read_text()
    os.kill(server.program.pid, signal.SIGKILL)
    await server.program.wait()
    stranger = await asyncio.create_subprocess_exec(*as_unprivileged(), "sleep", "60")
    pid_file.write_text(written.replace(str(server.program.pid), str(stranger.pid), 1))
    await server.start()
    assert await server.answers()
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()
    await server.stop()


async def test_secrets_of_another_cluster_are_named_as_the_cause(home):
    server = Postgres(home)
    await server.start()
    await server.stop()
    (home.secrets / "postgres-superuser").write_text("another")
    with pytest.raises(ProgramFailed, match="do not belong together"):
        await Postgres(home).start()


async def test_commits_are_durable(postgres):
    connection = await asyncpg.connect(postgres.url())
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.close()


async def test_the_service_role_owns_nothing_and_may_make_nothing(make_database):
    _, service_url = await make_database("chassis")
    connection = await asyncpg.connect(service_url)
    for statement in (
        "CREATE ROLE more SUPERUSER",
        "CREATE DATABASE more",
        "CREATE TABLE more (n int)",
        "CREATE SCHEMA more",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_the_service_role_may_only_what_a_migration_grants(make_database):
    owner_url, service_url = await make_database("chassis")
    owner = await asyncpg.connect(owner_url)
    role = await _user_of(service_url)
    await owner.execute(f"CREATE TABLE events (n int); INSERT INTO events VALUES (1); GRANT SELECT ON events TO {role}")
    service = await asyncpg.connect(service_url)
    assert await service.fetchval("SELECT n FROM events") == 1
    for statement in ("UPDATE events SET n = 2", "DELETE FROM events", "TRUNCATE events", "DROP TABLE events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    await owner.close()
    await service.close()


async def test_a_service_cannot_enter_the_database_of_another(databases, make_database):
    await make_database("chassis")
    other = await make_database("vault")
    foreign = databases.server.url("regie_chassis", (databases.home.secrets / "regie_chassis").read_text(), "x")
    name = other.service_url.split("@/")[1].split("?")[0]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(foreign.replace("@/x?", f"@/{name}?"))


async def test_a_wrong_password_is_refused(make_database):
    owner_url, _ = await make_database("chassis")
    secret = owner_url.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(owner_url.replace(secret, "wrong"))


def test_a_long_home_gets_a_short_socket(tmp_path):
    assert socket_folder(tmp_path / "short") == tmp_path / "short" or len(str(tmp_path)) > 60
    folder = socket_folder(tmp_path / ("long" * 40))
    assert len(str(folder / SOCKET_FILE)) <= LONGEST_SOCKET_PATH
    assert folder != socket_folder(tmp_path / ("other" * 40))


async def _user_of(url: str) -> str:
    connection = await asyncpg.connect(url)
    user = await connection.fetchval("SELECT current_user")
    await connection.close()
    return str(user)

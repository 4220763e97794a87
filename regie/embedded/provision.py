"""What the embedded cluster holds before any migration: per database one owner, who migrates, and one role, who serves.

The serving role owns nothing and is granted nothing here but CONNECT: the migrations grant it SELECT and EXECUTE, so
that it cannot change or remove an event. Source: design.md section 3.
"""

from dataclasses import dataclass

import asyncpg

from regie.embedded.postgres import Postgres, new_password
from regie.embedded.scram import verifier
from regie.home import Home


@dataclass(frozen=True)
class Database:
    """How to reach one database: `url` as the serving role, `owner_url` for migrations."""

    name: str
    url: str
    owner_url: str


def role_of(name: str) -> str:
    """The serving role of a service or of the vault, which is also the name of its database."""
    return f"regie_{name}"


def owner_of(name: str) -> str:
    return f"{role_of(name)}_owner"


async def provision(server: Postgres, home: Home, name: str) -> Database:
    """Make the two roles and the database of a service (or `vault`) where they are absent; set their passwords."""
    role, owner = role_of(name), owner_of(name)
    connection = await asyncpg.connect(server.url())
    try:
        for login in (owner, role):
            await ensure_role(connection, login, home.secret(login, new_password))
        await ensure_database(connection, role, owner, role)
    finally:
        await connection.close()
    return database_of(server, home, name, role)


def database_of(server: Postgres, home: Home, name: str, database: str) -> Database:
    """The URLs of a database that was made for these two roles."""
    role, owner = role_of(name), owner_of(name)
    return Database(
        name=database,
        url=server.url(role, home.secret(role, new_password), database),
        owner_url=server.url(owner, home.secret(owner, new_password), database),
    )


async def ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    """A login without any privilege, and without the power to set one aside."""
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f'CREATE ROLE "{role}"')
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    await connection.execute(f"ALTER ROLE \"{role}\" {rights} PASSWORD '{verifier(password)}'")
    await connection.execute(f'ALTER ROLE "{role}" SET synchronous_commit = on')


async def ensure_database(
    connection: asyncpg.Connection, database: str, owner: str, role: str, template: str = "template0"
) -> None:
    """A database that only its owner and its serving role may enter."""
    if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
        return
    await connection.execute(f'CREATE DATABASE "{database}" OWNER "{owner}" TEMPLATE "{template}"')
    await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{role}"')

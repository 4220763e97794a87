"""Applies numbered SQL files, each once, as the owner; then grants the service's role what it may do.

The service's role gets: SELECT on the log, EXECUTE on log.append, and full use of the derived tables. It can never
UPDATE or DELETE an event (design.md section 3). And it sees, of every table with a column `tenant`, the rows of its
session's tenant alone (`chassis/tenancy.py`); the owner and what runs as the owner (`log.append`) see all.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import asyncpg

from chassis.faults import Fault

CHASSIS_SQL = Path(__file__).parent / "sql"
VAULT_SQL = Path(__file__).parent / "sql" / "vault"

_LOCK = 7_245_001  # any constant: two migrations of one database must not interleave
_LOG_GRANTS = """
    GRANT USAGE ON SCHEMA log TO {role};
    GRANT SELECT ON ALL TABLES IN SCHEMA log TO {role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA log TO {role};
"""
_PUBLIC_GRANTS = """
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
    REVOKE ALL ON public.migrations FROM {role};
"""
_WALLS = """
    DO $$
    DECLARE t regclass;
    BEGIN
        FOR t IN SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname IN ('log', 'public') AND c.relkind IN ('r', 'p') AND a.attname = 'tenant'
                   AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_tenant')
        LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
            EXECUTE format($policy$CREATE POLICY own_tenant ON %s USING (
                tenant = (SELECT nullif(current_setting('regie.tenant', true), ''))
                OR (SELECT current_setting('regie.tenant', true)) = '*')$policy$, t);
        END LOOP;
    END $$
"""
"""A wall around every table that says whose its rows are, also those of services and of later migrations."""


class MigrationChanged(Fault):
    """A migration that was applied before reads differently now; write a new one instead of editing it."""


async def migrate(owner_url: str, role: str, directories: Sequence[Path], *, log: bool = True) -> list[str]:
    """Brings one database to the newest schema and answers the names of the files applied now."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS public.migrations"
            " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = [name for folder in directories for name in await _apply(connection, folder)]
        await connection.execute(_WALLS)
        quoted = await connection.fetchval("SELECT quote_ident($1)", role)
        await connection.execute(((_LOG_GRANTS if log else "") + _PUBLIC_GRANTS).format(role=quoted))
        return applied
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection, folder: Path) -> list[str]:
    applied = []
    for name, sql in _files(folder):
        digest = sha256(sql.encode()).hexdigest()
        before = await connection.fetchval("SELECT sha256 FROM public.migrations WHERE name = $1", name)
        if before == digest:
            continue
        if before is not None:
            raise MigrationChanged(name)
        async with connection.transaction():
            await connection.execute(sql)
            await connection.execute("INSERT INTO public.migrations (name, sha256) VALUES ($1, $2)", name, digest)
        applied.append(name)
    return applied


def _files(folder: Path) -> list[tuple[str, str]]:
    return [(f"{folder.parent.name}/{file.name}", file.read_text()) for file in sorted(folder.glob("*.sql"))]

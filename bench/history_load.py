"""Fills a log with shows for `bench.history`, by SQL as its owner: an event at a time would take hours."""

from uuid import UUID

import asyncpg

EVENTS_A_SHOW = 200

LOAD = """
INSERT INTO log.events (position, stream, version, type, tenant, show, payload, metadata, recorded_at)
SELECT p, 'show-' || id, (p - 1) % $3 / $4 + 1, 'bench.told.v1', 'acme', id,
       '{"type":"bench.told.v1","at":"2026-06-10T09:00:00Z","by":1}'::bytea,
       convert_to('{"id":"' || id || '","tenant":"acme","actor":{"id":"analyst@acme","role":"analyst"},"correlation":"' || id
         || '","causation":"' || id || '","command":"Tell","show":"' || id || '","mode":"live"}', 'UTF8'),
       '2026-01-01'::timestamptz + p * interval '1 second'
  FROM generate_series($1::bigint, $2) AS p,
       LATERAL (SELECT (lpad(to_hex((p - 1) / $3 * $4 + (p - 1) % $4), 12, '0')
                        || '7000a' || substr(md5(((p - 1) / $3 * $4 + (p - 1) % $4)::text), 1, 15))::uuid AS id) AS show
"""
STEP = 500_000


def show_of(number: int) -> UUID:
    """The id of the show with this number: time-ordered, as UUIDv7 are."""
    from hashlib import md5  # noqa: PLC0415

    return UUID(f"{number:012x}7000a{md5(str(number).encode(), usedforsecurity=False).hexdigest()[:15]}")


async def fill(owner_url: str, events: int, at_once: int) -> None:
    """A log of `events` in which `at_once` shows of EVENTS_A_SHOW events run side by side, then the next ones."""
    db = await asyncpg.connect(owner_url)
    try:
        await db.execute(
            "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; DROP INDEX log.events_of_show"
        )
        await db.execute("ALTER TABLE log.events DROP CONSTRAINT events_stream_version_key")
        for start in range(1, events + 1, STEP):
            await db.execute(LOAD, start, min(events, start + STEP - 1), EVENTS_A_SHOW * at_once, at_once, timeout=600)
        await db.execute("ALTER TABLE log.events ADD UNIQUE (stream, version)", timeout=900)
        await db.execute(
            "CREATE INDEX events_of_show ON log.events (show, position) WHERE show IS NOT NULL", timeout=900
        )
        await db.execute("UPDATE log.head SET position = $1", events)
        await db.execute("VACUUM (ANALYZE) log.events", timeout=900)
    finally:
        await db.close()

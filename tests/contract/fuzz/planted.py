"""What a service holds before its run that no played show left: webhooks, events a policy could not handle, a checkpoint.

A webhook's receiver is a port nobody listens on. A parked event is a real one of the house, put beside the policy that
handled it well: retrying finds nothing left to do.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg
import httpx
import msgspec

from contracts.envelope import Metadata, Recorded
from regie.embedded.postgres import Postgres
from regie.embedded.provision import role_of
from regie.home import Home

TENANT: Final = "acme"
HOOK: Final = "http://127.0.0.1:9/hook"
ENDED: Final = ("deleteWebhook", "pauseWebhook", "pingWebhook")
"""Each has a webhook that no other operation meets first: deleted, paused or disabled, it would be of no use to them."""
PARKED: Final = {
    "entitlement": ("entitlement", "entitlement.add_on_purchased.v1", "activate_what_was_bought"),
    "scheduling": ("scheduling", "scheduling.rundown_published.v1", "expect_the_speakers_of_the_plan"),
    "stage": ("scheduling", "scheduling.analyst_assigned.v1", "seat_who_is_assigned"),
    "media": ("scheduling", "scheduling.rundown_published.v1", "note_what_must_not_be_recorded"),
}
"""By service: whose event, which, and the policy."""
MENDED: Final = ("retryParked", "dropParked")
FIRST_TILE: Final = {"/audit/tlog/tile": ["0"], "/audit/tlog/tile/0": ["000.p/1"]}


class Planted(NamedTuple):
    """Operations with what they meet first; resources by where they live; values by operation and field."""

    pinned: dict[str, dict[str, str]]
    resources: dict[str, list[str]]
    fields: dict[str, dict[str, list[Any]]]


async def plant(service: str, url: str, token: str, home: Path) -> Planted:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        hooks = await _webhooks(client)
        size = int((await client.get("/audit/checkpoint")).json()["note"].splitlines()[1])
    source, positions, policy = await _parked(service, Home(home))
    pinned = {name: {"webhook_id": hook} for name, hook in zip(ENDED, hooks, strict=False)}
    for name, position in zip(MENDED, positions, strict=False):
        pinned[name] = {"source": source, "position": position, "policy": policy}
    shelf = {f"/parked/{source}/{position}": [policy] for position in positions}
    return Planted(
        pinned,
        {"/webhooks": hooks, "/parked": [source], f"/parked/{source}": positions, **shelf, **FIRST_TILE},
        {"proveConsistency": {"old": [size], "new": [size]}},
    )


async def _webhooks(client: httpx.AsyncClient) -> list[str]:
    made = [await client.post("/webhooks", json={"url": HOOK}) for _ in range(len(ENDED) + 1)]
    return [answer.raise_for_status().json()["webhook"]["id"] for answer in made]


async def _parked(service: str, home: Home) -> tuple[str, list[str], str]:
    source, tag, policy = PARKED[service]
    server = Postgres(home)
    theirs = await asyncpg.connect(server.url(database=role_of(source)))
    ours = await asyncpg.connect(server.url(database=role_of(service)))
    try:
        query = "SELECT * FROM log.events WHERE type = $1 AND tenant = $2 ORDER BY position LIMIT 4"
        rows = await theirs.fetch(query, tag, TENANT)
        for row in rows:
            parked = (source, row["position"], policy, "RuntimeError: planted", _message(row), datetime.now(UTC))
            await ours.execute(
                "INSERT INTO log.parked (source, position, policy, error, message, parked_at)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                *parked,
            )
    finally:
        await theirs.close()
        await ours.close()
    return source, [str(row["position"]) for row in rows], policy


def _message(row: asyncpg.Record) -> bytes:
    """As the inbox would have stored it."""
    names = ("position", "stream", "version", "type", "payload", "recorded_at")
    about = msgspec.json.decode(row["metadata"], type=Metadata)
    return msgspec.json.encode(Recorded(metadata=about, **{name: row[name] for name in names}))

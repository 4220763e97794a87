"""Where a command finds one service's log and keys: given by the environment, or in the embedded house.

The embedded database has to run (`make run`). Not in here: starting anything.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis import tenancy
from chassis.evidence import Evidence
from regie.embedded.postgres import Postgres
from regie.embedded.provision import Database, database_of, role_of
from regie.plan import plan_from


class NotRunning(Exception):  # noqa: N818
    """The database does not answer."""


def database(environ: Mapping[str, str], name: str) -> Database:
    """The database of a service (or `vault`)."""
    plan = plan_from(environ)
    return plan.given.get(name) or database_of(Postgres(plan.home), plan.home, name, role_of(name))


def signing_key(environ: Mapping[str, str], service: str) -> Ed25519PrivateKey:
    """What the service signs its checkpoints with."""
    given = environ.get(f"REGIE_{service.upper()}_AUDIT_KEY_FILE") or environ.get("REGIE_AUDIT_KEY_FILE")
    path = Path(given) if given else plan_from(environ).audit_key_file(service)
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))


@asynccontextmanager
async def evidence(environ: Mapping[str, str], service: str) -> AsyncIterator[Evidence]:
    """The signed log of a service, to be read. Raises NotRunning."""
    url, key = database(environ, service).url, signing_key(environ, service)
    try:
        pool = await tenancy.open_pool(url, min_size=1, max_size=2, timeout=5)
    except (OSError, asyncpg.PostgresError) as lost:
        raise NotRunning(f"the database of {service} does not answer; is the house running (`make run`)?") from lost
    tenancy.sees_all_from_here()
    try:
        yield Evidence(service, pool, key)
    finally:
        await pool.close()

"""`python -m regie tenant add NAME`: one tenant more while everything goes on; prints what its partner needs, as JSON.

By default for the running house of REGIE_HOME, which keeps the tenant from then on. With REGIE_NATS_URL for a broker of your
own, whose `accounts.conf` has the tenant already: REGIE_NATS_SYSTEM_SEED_FILE lets every node of it read that again, and
REGIE_NATS_ADMIN_SEED_FILE makes the tenant's streams.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError

from chassis.settings import SettingsError
from regie.broker_accounts import account_of, check_tenant
from regie.broker_reload import ReloadRefused, reload
from regie.embedded.nats import connect, seed_file, write_accounts
from regie.exchange import NoAccount, ensure_exchange
from regie.home import Home, home_from
from regie.plan import plan_from
from regie.up import partner_access

EXPECTED = (NoAccount, ReloadRefused, SettingsError, ValueError, NatsError, OSError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    adding = verbs.add_parser("add", help="its account on the broker, its stream and its key")
    adding.add_argument("name", help="lower-case letters, digits, - and _")


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when the tenant is there, also when it was before; 1 when it is not."""
    try:
        check_tenant(args.name)
        add = add_to_broker if os.environ.get("REGIE_NATS_URL") else add_to_house
        print(json.dumps(asyncio.run(add(args.name, os.environ)), indent=2))
    except EXPECTED as error:
        print(f"{args.name} is not added: {error or repr(error)}", file=sys.stderr)
        return 1
    return 0


async def add_to_house(tenant: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the partner needs. Raises OSError where no house runs, SettingsError where the broker is not the house's."""
    home = home_from(environ)
    house = json.loads(home.endpoints.read_text())
    if "partner" not in house["nats"]:
        raise SettingsError("REGIE_NATS_URL: the running house has it, so it is needed here, too")
    url, ca_file = house["nats"]["url"], house["nats"].get("ca_file")
    trusted = Path(ca_file) if ca_file else None
    with _alone(home):
        home.keep_tenant(tenant)
        write_accounts(home, house["tenants"])
        await _reload(tenant, url, seed_file(home, "system"), trusted)
        await _exchange(tenant, url, seed_file(home, "admin"), trusted, 1)
    return {"url": url, **house["nats"], "partner": partner_access(tenant, seed_file(home, f"partner-{tenant}"))}


async def add_to_broker(tenant: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the partner needs but its seed, which is not ours. Raises SettingsError, NoAccount, ReloadRefused."""
    plan, url = plan_from(environ), environ["REGIE_NATS_URL"]
    seeds = {user: environ.get(f"REGIE_NATS_{user}_SEED_FILE") for user in ("ADMIN", "SYSTEM")}
    if not seeds["ADMIN"]:
        raise SettingsError("REGIE_NATS_ADMIN_SEED_FILE: is needed to make the tenant's streams")
    if seeds["SYSTEM"]:
        await _reload(tenant, url, Path(seeds["SYSTEM"]), plan.nats_ca_file)
    await _exchange(tenant, url, Path(seeds["ADMIN"]), plan.nats_ca_file, plan.nats_replicas)
    return {"url": url, "partner": partner_access(tenant)}


async def _reload(tenant: str, url: str, seed: Path, ca_file: Path | None) -> None:
    system = await connect(url, seed, "_INBOX", ca_file, max_reconnect_attempts=3)
    try:
        await reload(system, account_of(tenant))
    finally:
        await system.close()


async def _exchange(tenant: str, url: str, seed: Path, ca_file: Path | None, replicas: int) -> None:
    admin = await connect(url, seed, "_INBOX", ca_file, max_reconnect_attempts=3)
    try:
        await ensure_exchange(admin, (tenant,), replicas=replicas)
    finally:
        await admin.close()


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Two that add at the same time would each write accounts without the other's tenant."""
    with (home.run / "adding").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

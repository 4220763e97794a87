"""`regie vault keys|add|rotate`: the key-encryption keys of the vault, and replacing one (docs/runbooks/rotate-the-vaults-key.md).

Works on the vault of REGIE_HOME, or the one that is named by REGIE_VAULT_DATABASE_URL and REGIE_VAULT_KEY_FILE.
"""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from chassis import tenancy
from chassis.faults import Fault
from chassis.keks import UNNAMED, Keks, keks_in, with_another
from chassis.rotate import Report, rotate, wraps
from regie.databases import database
from regie.home import write_private
from regie.plan import VAULT, plan_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("keys", help="which keys there are, and how many entries each wraps")
    add = verbs.add_parser(
        "add", help="write a new key in front of the others; services use it once they are restarted"
    )
    add.add_argument("--out", type=Path, help="another file than the one the keys are in")
    verbs.add_parser("rotate", help="wrap every entry with the key in use, and tell which others are no longer needed")


def run(args: argparse.Namespace) -> int:
    """0 when it was done, 1 when entries stay behind with another key, 2 when the vault or its keys cannot be read."""
    try:
        if args.verb == "add":
            return _add(key_file(os.environ), args.out)
        return asyncio.run(_with_vault(args.verb))
    except (Fault, OSError, asyncpg.PostgresError) as fault:
        print(f"vault: {fault}", file=sys.stderr)
        return 2


def key_file(environ: Mapping[str, str]) -> Path:
    """The file of the key-encryption keys."""
    given = environ.get("REGIE_VAULT_KEY_FILE")
    return Path(given) if given else plan_from(environ).vault_key_file()


def _add(file: Path, out: Path | None) -> int:
    text = with_another(file.read_text(), secrets.token_bytes(32))
    write_private(out or file, text)
    print(f"{out or file}: the first key is new. Restart every service, then run `regie vault rotate`.")
    return 0


async def _with_vault(verb: str) -> int:
    keks = keks_in(key_file(os.environ))
    async with _vault(os.environ) as pool:
        if verb == "keys":
            return _tell(keks, await wraps(pool))
        return _told(keks, await rotate(pool, keks))


@asynccontextmanager
async def _vault(environ: Mapping[str, str]) -> AsyncIterator[asyncpg.Pool]:
    tenancy.sees_all_from_here()
    async with tenancy.open_pool(database(environ, VAULT).url, min_size=0, max_size=2, timeout=5) as pool:
        yield pool


def _told(keks: Keks, report: Report) -> int:
    print(f"{report.rewrapped} entries are wrapped by {keks.current} now.")
    if report.unreadable:
        print(f"{report.unreadable} entries cannot be read with the keys that are configured.", file=sys.stderr)
    return _tell(keks, report.wraps)


def _tell(keks: Keks, found: Mapping[str, int]) -> int:
    """Every key that is configured or needed, with what is to be done about it."""
    for ident in [*keks.ids, *sorted(found.keys() - set(keks.ids))]:
        print(f"{ident or 'a key without id':16}  {found.get(ident, 0):8} entries  {_advice(keks, ident, found)}")
    return int(any(count for ident, count in found.items() if ident != keks.current))


def _advice(keks: Keks, ident: str, found: Mapping[str, int]) -> str:
    if ident == keks.current:
        return "in use for what is new"
    if ident == UNNAMED:
        return "wrapped before keys had ids: rotate"
    if ident not in keks.ids:
        return "NOT CONFIGURED: nobody can read these"
    if found.get(ident) or found.get(UNNAMED):
        return "still needed: rotate"
    if not keks.keeps_fingerprints and ident == keks.ids[-1]:
        return "still needed for fingerprints: `regie vault add` writes a file that keeps them"
    return "no longer needed: take it out of the file; destroy it once no backup of the vault needs it"

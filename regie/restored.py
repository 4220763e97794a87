"""`regie restored`: says openly that a service's database was restored to an older state; its audit log begins a new epoch.

Run it as the owner after a restore, before the service starts. Source: docs/runbooks/restore.md.
"""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from chassis.epochs import Epoch, origin_of, sign_epoch
from chassis.notes import BadNote, Checkpoint, read, unverified
from contracts.roles import SERVICES
from regie.databases import database, signing_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", required=True, choices=SERVICES)
    parser.add_argument("--reason", required=True, help="one line, for everybody who ever verifies this log")
    parser.add_argument("--lost", type=Path, help="a file with the newest checkpoint anybody kept of the log before")


def run(args: argparse.Namespace) -> int:
    try:
        print(asyncio.run(begin(args.service, args.reason, args.lost and args.lost.read_text())))
    except (OSError, BadNote, ValueError, asyncpg.PostgresError) as fault:
        print(f"restored: {fault}", file=sys.stderr)
        return 1
    return 0


async def begin(service: str, reason: str, lost: str | None) -> str:
    """Signs and keeps the beginning of the next epoch; what it says. Raises ValueError where there is nothing to begin."""
    if not reason.strip() or "\n" in reason:
        raise ValueError("the reason must be one line")
    key = signing_key(os.environ, service)
    connection = await asyncpg.connect(database(os.environ, service).owner_url, timeout=5)
    try:
        newest = await connection.fetchval("SELECT note FROM log.audit_checkpoints ORDER BY size DESC LIMIT 1")
        if newest is None:
            raise ValueError("the restored database holds no checkpoint: nothing was signed that could be missing")
        kept, number = unverified(newest), 2 + await connection.fetchval("SELECT count(*) FROM log.audit_epochs")
        epoch = Epoch(
            origin=origin_of(f"regie/{service}", number),
            before=origin_of(f"regie/{service}", number - 1),
            kept=kept.size,
            root=kept.root,
            given_up=_given_up(read(lost, key.public_key()) if lost else None, kept),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            reason=reason.strip(),
        )
        await connection.execute("INSERT INTO log.audit_epochs VALUES ($1, $2)", number, sign_epoch(epoch, key))
    finally:
        await connection.close()
    return epoch.said


def _given_up(lost: Checkpoint | None, kept: Checkpoint) -> int:
    """How far the log before is known to have reached. Raises ValueError for a checkpoint that lost nothing."""
    if lost is None:
        return 0
    if lost.size <= kept.size:
        raise ValueError(f"the checkpoint over {lost.size} events is not lost: the database reaches to {kept.size}")
    return lost.size

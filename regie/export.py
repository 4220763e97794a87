"""`regie export`: a service's log, or one show's part of it, as a file that `regie verify` can judge anywhere."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from chassis.evidence import HistoryChanged
from chassis.export import NothingSigned, export_log, export_show
from contracts.roles import SERVICES
from regie.databases import NotRunning, evidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", required=True, choices=SERVICES)
    parser.add_argument("--show", type=UUID, help="only this show's events, with a proof for each")
    parser.add_argument("--tenant", default="acme", help="whose show it is")
    parser.add_argument("--out", type=Path, help="the file to write; standard output if absent")
    parser.add_argument("--print-key", action="store_true", help="print the service's public key instead")


def run(args: argparse.Namespace) -> int:
    """0 when it was written, 2 when there is nothing that could be exported."""
    try:
        if args.print_key:
            print(asyncio.run(_key(args.service)))
        elif args.out is None:
            asyncio.run(_write(args, sys.stdout.buffer))
        else:
            with args.out.open("wb") as file:
                asyncio.run(_write(args, file))
    except (NotRunning, NothingSigned, HistoryChanged) as fault:
        print(f"export: {fault}", file=sys.stderr)
        return 2
    return 0


async def _key(service: str) -> str:
    async with evidence(os.environ, service) as log:
        return await log.verifier()


async def _write(args: argparse.Namespace, file: BinaryIO) -> None:
    async with evidence(os.environ, args.service) as log:
        lines = export_log(log) if args.show is None else export_show(log, args.show, args.tenant)
        async for line in lines:
            file.write(line)

"""Where a command of the command line finds the services' REST interfaces: the house of REGIE_HOME, or `--url`."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence

import httpx

from regie.home import home_from


def add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="of one service; otherwise those of the house of REGIE_HOME")
    parser.add_argument("--token", default=os.environ.get("REGIE_TOKEN"), help="otherwise REGIE_TOKEN or the house's")


def clients(args: argparse.Namespace, services: Sequence[str]) -> Iterator[tuple[str, httpx.Client]]:
    """A client for each service; for `--url` one alone. Raises OSError or KeyError where there is no house."""
    if args.url:
        yield "service", httpx.Client(base_url=args.url, headers=_bearer(args.token or ""), timeout=30)
        return
    found = json.loads(home_from(os.environ).endpoints.read_text())
    for service in services:
        token = args.token or found["tokens"]["sre"]
        yield service, httpx.Client(base_url=found["services"][service]["url"], headers=_bearer(token), timeout=30)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}

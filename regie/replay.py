"""`regie replay SERVICE`: folds a service's whole history with this program, and tells whether all of it still replays.

Only reads, also on a database in use. Before a new version serves: does it read and fold everything the old one recorded?
"""

import argparse
import asyncio
import os
import pkgutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

import asyncpg
import msgspec

from chassis import tenancy
from chassis.decider import Codec, Decider
from chassis.faults import Unreachable
from chassis.replay import DoesNotFold, Replay
from contracts.roles import SERVICES
from contracts.upcasters import UPCASTERS
from regie.contracts import vocabulary
from regie.databases import database

FOLDED_ELSEWHERE = frozenset({"subject"})
"""Streams of the chassis itself, which say who was forgotten and have no state."""
_AGGREGATES = """
    SELECT split_part(stream, '-', 1) AS aggregate, count(*) AS streams, sum(events)::bigint AS events,
           count(*) FILTER (WHERE events <> version) AS gaps
      FROM (SELECT stream, count(*) AS events, max(version) AS version FROM log.events WHERE position <= $1 GROUP BY stream)
           AS each GROUP BY 1 ORDER BY 1
"""
_BY_INSTANT = "SELECT coalesce(max(position), 0) FROM log.events WHERE recorded_at <= $1"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay up to `position` found. `behind` is how far each read model is behind the log's end, by name."""

    position: int
    took_s: float
    resources: int
    events: int
    aggregates: Sequence[Mapping[str, Any]]
    unknown: Sequence[str]
    behind: Mapping[str, int]
    fault: DoesNotFold | None

    @property
    def holds(self) -> bool:
        return self.fault is None and not self.unknown and not any(each["gaps"] for each in self.aggregates)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument(
        "--until", type=point, help="a position (@1234) or an instant (RFC 3339); the whole log if absent"
    )


def run(args: argparse.Namespace) -> int:
    """0 when everything folds, 1 when something does not, 2 when the database cannot be read."""
    try:
        report = asyncio.run(replayed(database(os.environ, args.service).url, args.service, args.until))
    except (Unreachable, OSError, asyncpg.PostgresError) as lost:
        print(f"replay: the database of {args.service} cannot be read ({lost}); is the house running?", file=sys.stderr)
        return 2
    _tell(args.service, report)
    return 0 if report.holds else 1


def point(text: str) -> int | datetime:
    """A point of the log as it is written on the command line. Raises ValueError."""
    if text.removeprefix("@").isdecimal():
        return int(text.removeprefix("@"))
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC")
    return instant


def deciders_of(service: str) -> list[Decider[Any, Any]]:
    """All aggregates of a service."""
    package = import_module(f"services.{service}.domain")
    names = [f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(getattr(package, "__path__", ()))]
    things = [thing for name in (package.__name__, *names) for thing in vars(import_module(name)).values()]
    return list({thing.name: thing for thing in things if isinstance(thing, Decider)}.values())


async def replayed(url: str, service: str, until: int | datetime | None = None) -> Report:
    tenancy.sees_all_from_here()
    reads_only = {"default_transaction_read_only": "on"}
    async with tenancy.open_pool(url, min_size=0, max_size=3, timeout=5, server_settings=reads_only) as pool:
        end = await _position(pool, until)
        codec, deciders = Codec(vocabulary()[service], UPCASTERS.get(service, {})), deciders_of(service)
        replay = Replay(pool, codec, deciders)
        begun, resources, events, fault = time.perf_counter(), 0, 0, None
        try:
            states = await replay.states(upto=end)
            resources, events = len(states.by_stream), states.events
        except Unreachable:
            raise
        except Exception as trouble:  # noqa: BLE001 - by whatever it was stopped, event by event shows where
            fault = await replay.first_fault(upto=end) or _somewhere(end, trouble)
        took_s = time.perf_counter() - begun
        aggregates = [dict(row) for row in await pool.fetch(_AGGREGATES, end, timeout=600)]
        known = {decider.name for decider in deciders} | FOLDED_ELSEWHERE
        head = await pool.fetchval("SELECT position FROM log.head")
        models = await pool.fetch("SELECT name, position FROM public.projections ORDER BY name")
    return Report(
        position=end,
        took_s=took_s,
        resources=resources,
        events=events,
        aggregates=aggregates,
        unknown=[each["aggregate"] for each in aggregates if each["aggregate"] not in known],
        behind={row["name"]: head - row["position"] for row in models},
        fault=fault,
    )


def _somewhere(end: int, trouble: Exception) -> DoesNotFold:
    """Folded one by one all is well: the trouble is in folding many at once."""
    return DoesNotFold(position=end, stream="?", type="?", why=f"only together: {type(trouble).__name__}")


async def _position(pool: asyncpg.Pool, until: int | datetime | None) -> int:
    head = int(await pool.fetchval("SELECT position FROM log.head"))
    match until:
        case None:
            return head
        case int():
            return min(head, until)
        case datetime():
            return int(await pool.fetchval(_BY_INSTANT, until, timeout=600))


def _tell(service: str, report: Report) -> None:
    print(
        f"{service}: folded {report.events} events to {report.resources} resources,"
        f" up to position {report.position}, in {report.took_s:.1f} s"
    )
    for each in report.aggregates:
        gaps = f"  {each['gaps']} LACK A VERSION" if each["gaps"] else ""
        strange = "  NOT FOLDED: no aggregate has this name" if each["aggregate"] in report.unknown else ""
        print(f"  {each['aggregate']:20} {each['streams']:9} streams {each['events']:10} events{gaps}{strange}")
    for name, behind in report.behind.items():
        print(f"  read model {name:20} {f'{behind} events behind the end of the log' if behind else 'up to the end'}")
    if report.fault is not None:
        fault = report.fault
        print(
            f"DOES NOT FOLD at position {fault.position} ({fault.stream}, {fault.type}): {fault.why}", file=sys.stderr
        )

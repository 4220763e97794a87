"""`make bench-api`: interleaved rounds at 1, 16 and 128 connections, into `docs/benchmarks/api.*`."""

import argparse
import asyncio
from functools import partial

from bench import rounds
from bench.api.stand import SERVICE, Stand, stand
from bench.report import Panel, Report, Row, grid, plain, write
from contracts.roles import SERVICES

CONNECTIONS = (1, 16, 128)
COMMANDS, READS = "Regie commands, the service alone", "Regie reads, the service alone"
LITESTAR, FASTAPI = "bare Litestar insert", "FastAPI insert"
GRANIAN, PGBENCH = "bare Litestar insert on granian", "pgbench insert"
IN_HOUSE, BESIDE_HOUSE = "Regie commands, the whole house", "bare Litestar insert beside the whole house"
GOALS = {(LITESTAR, 128): ">= 0.8", (FASTAPI, 128): ">= 1"}

METHOD = """
One process of the scheduling service with everything on: token, strict decoding, a stream of its own for each show,
commit before the answer, relay to JetStream, read models, policies, timers, signed log. Two stands, one after the other:

- *The service alone*: this process, PostgreSQL (its database and the vault), the broker with all of its streams and
  the copies for two tenants' partners, and the token issuer. The inboxes that follow other services find nothing.
- *The whole house*: the same and the services entitlement, stage and media, which are told by subject what concerns them
  and read the rest once a second. Rows of it are compared with the bare route beside it; goals belong to the service alone.

All of a stand runs while each of its contestants is measured, and shares two cores with the load, wrk with one thread.
After each measurement of commands the relay and the read models catch up before the next contestant starts. The bare
routes decode the same body and do one insert into a table of one row a request with asyncpg (a pool as large as ours),
on uvicorn with uvloop and httptools as ours. pgbench has no percentiles; its mean stands in the p50 column. It has 64
clients at most: one is a connection to the server, where the services share a pool.
"""


def beside_the_service(on: Stand, connections: int) -> dict[str, rounds.Contestant]:
    return {
        COMMANDS: partial(on.commands, connections),
        READS: partial(on.reads, connections),
        LITESTAR: partial(on.bare_insert, "litestar", connections),
        FASTAPI: partial(on.bare_insert, "fastapi", connections),
        GRANIAN: partial(on.bare_insert, "litestar-granian", connections),
        PGBENCH: partial(on.pgbench, connections),
    }


def beside_the_house(on: Stand, connections: int) -> dict[str, rounds.Contestant]:
    return {
        IN_HOUSE: partial(on.commands, connections),
        BESIDE_HOUSE: partial(on.bare_insert, "litestar", connections),
    }


async def measure(seconds: float, times: int) -> dict[int, rounds.Measured]:
    """Figures by number of connections."""
    found = {connections: rounds.Measured() for connections in CONNECTIONS}
    for services, contestants in (((SERVICE,), beside_the_service), (SERVICES, beside_the_house)):
        async with stand(seconds, services) as on:
            for connections, measured in found.items():
                await on.commands(min(connections, 16))  # warm: pools, caches, prepared statements
                await rounds.interleaved(contestants(on, connections), rounds=times, measured=measured)
    return found


def report(found: dict[int, rounds.Measured], command: str) -> Report:
    rows, lines = [], []
    for connections, measured in found.items():
        rows += [
            Row(
                metric=f"commands/s, {connections} connections",
                ours=measured.value(COMMANDS, "rps"),
                reference=reference,
                reference_value=measured.value(reference, "rps"),
                goal=GOALS.get((reference, connections)),
            )
            for reference in (LITESTAR, FASTAPI, PGBENCH)
        ]
        rows.append(
            Row(
                metric=f"commands/s in the whole house, {connections} connections",
                ours=measured.value(IN_HOUSE, "rps"),
                reference=BESIDE_HOUSE,
                reference_value=measured.value(BESIDE_HOUSE, "rps"),
            )
        )
        for name in measured.rounds:
            low, high = measured.spread(name, "rps")
            middle = "mean" if name == PGBENCH else "p50"
            p99 = "" if name == PGBENCH else plain(measured.value(name, "p99"))
            line = [str(connections), name, plain(measured.value(name, "rps")), f"{plain(low)} to {plain(high)}"]
            lines.append([*line, plain(measured.value(name, middle)), p99])
    table = grid(("connections", "contestant", "requests/s", "lowest to highest", "p50 ms", "p99 ms"), lines)
    names = (COMMANDS, IN_HOUSE, READS, LITESTAR, FASTAPI, GRANIAN, PGBENCH)
    groups = {f"{each} connections": {name: m.value(name, "rps") for name in names} for each, m in found.items()}
    panel = Panel(title="Requests answered", unit="a second", groups=groups)
    return Report(
        name="api",
        title="HTTP API: one service process",
        command=command,
        rows=rows,
        panels=[panel],
        packages=("litestar", "fastapi", "uvicorn", "granian", "uvloop", "httptools", "msgspec", "asyncpg"),
        sections={"Every contestant": table, "Method": METHOD},
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that it runs; the figures mean nothing")
    quick = parser.parse_args().quick
    found = asyncio.run(measure(1 if quick else 3, 1 if quick else 5))
    write(report(found, "make bench-api"))


if __name__ == "__main__":
    main()

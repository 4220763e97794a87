"""PostgreSQL's own limits, driven by pgbench of the same wheel: the row alone, durable batches of 64 of it."""

import asyncio
import re
import tempfile
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from bench.store.sample import METADATA, PAYLOAD, SHOW, TENANT, TYPE
from regie.embedded.postgres import binary

_VALUES = f"'{TYPE}', '{TENANT}', '{SHOW}', '{PAYLOAD.decode()}', '{METADATA.decode()}', clock_timestamp()"
_INTO = "INSERT INTO plain (stream, version, type, tenant, show, payload, metadata, recorded_at)"
SINGLE = f"\\set version :version + 1\n{_INTO} VALUES (:run || '-' || :client_id::text, :version, {_VALUES});\n"
BATCH = (
    f"\\set version :version + 64\n{_INTO} SELECT :run || '-' || :client_id::text, :version + n, {_VALUES}"
    " FROM generate_series(1, 64) n;\n"
)
LEAST_S = 1  # connecting 64 clients takes this long, more on a busy machine; pgbench leaves it out of its rate
SAMPLED = 0.25


async def pgbench(url: str, script: str, clients: int, seconds: float, rows: int = 1) -> dict[str, float]:
    """Rows per second and the latency of a transaction. Raises RuntimeError with pgbench's own words."""
    for length in (seconds + LEAST_S, seconds + 4 * LEAST_S, seconds + 16 * LEAST_S):
        rate, latencies = await _run(url, script, clients, round(length))
        if rate and len(latencies) > 1:
            cuts = quantiles(latencies, n=100)
            return {"rate": rate * rows, "p50_ms": cuts[49], "p99_ms": cuts[98]}
    raise RuntimeError("pgbench got nothing done: this machine is too busy to be measured")


async def _run(url: str, script: str, clients: int, seconds: int) -> tuple[float, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "script.sql").write_text(script)
        command = [
            *(str(binary("pgbench")), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1"),
            *(f"--time={seconds}", f"--define=run='{uuid4()}'", "--define=version=0", "--log"),
            *(f"--sampling-rate={SAMPLED}", f"--log-prefix={folder}/log", f"--file={folder}/script.sql", url),
        ]
        process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
        out, err = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"pgbench failed:\n{err.decode()}")
        found = re.search(r"^tps = ([0-9.]+)", out.decode(), re.MULTILINE)
        logs = [log.read_text().splitlines() for log in Path(folder).glob("log.*")]
    return float(found[1]) if found else 0.0, [int(line.split()[2]) / 1e3 for lines in logs for line in lines]

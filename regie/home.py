"""The one folder everything of a house on one machine lives in (REGIE_HOME): data, secrets, logs, run-time files."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class AlreadyRunning(Exception):  # noqa: N818 - it says what is the case
    """Another `make run` holds this home; the text names the folder and the process."""


@dataclass(frozen=True)
class Home:
    """Paths below REGIE_HOME. `run` is what a restart may throw away; everything else is kept."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def engines(self) -> Path:
        return self.run / "engines"

    @property
    def endpoints(self) -> Path:
        return self.run / "endpoints.json"

    @property
    def pids(self) -> Path:
        return self.run / "pids.json"

    @property
    def tenants(self) -> tuple[str, ...]:
        """Those that were added to a running house, in that order."""
        kept = self.path / "tenants"
        return tuple(kept.read_text().split()) if kept.exists() else ()

    def keep_tenant(self, tenant: str) -> None:
        """Every start of this house will have it."""
        if tenant not in self.tenants:
            write_private(self.path / "tenants", "\n".join((*self.tenants, tenant)))

    def create(self) -> "Home":
        """Make the folders that are missing, readable by their owner alone."""
        for folder in (self.path, self.secrets, self.logs, self.run, self.engines):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """The secret of this name, made once and kept in a file of mode 0600."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, make())
        return path.read_text().strip()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this home for one supervisor; the kernel lets go of it however the process ends.

        Raises AlreadyRunning when another process holds it.
        """
        self.create()
        with (self.run / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise AlreadyRunning(
                    f"Regie is already running from {self.path} (process {holder}). "
                    "Stop it with Ctrl-C there, or choose another folder with REGIE_HOME and other ports with REGIE_PORT."
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


def home_from(environ: Mapping[str, str] = os.environ) -> Home:
    """The home REGIE_HOME names, `.regie` in the working directory if it is not set."""
    return Home(Path(environ.get("REGIE_HOME") or ".regie").absolute())


def write_private(path: Path, text: str) -> None:
    """Write a file nobody else can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

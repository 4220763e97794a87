"""One program that runs beside us: start it, follow its pid, stop it. Restarts are the supervisor's."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class ProgramFailed(Exception):  # noqa: N818
    """A program ended, or did not become ready; the text ends with the last lines of its log."""


@dataclass
class Program:
    """A process of ours and its log file.

    `env` is the whole environment, ours if absent. `stop_signal` asks for a clean end; after `patience_s` seconds it is
    killed. `name` is what people read.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 20.0
    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ProgramFailed before the first start."""
        if self.process is None:
            raise ProgramFailed(f"{self.name} was never started")
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *follow_parent(self.argv, self.stop_signal),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )

    async def start_until(self, answers: Callable[[], Awaitable[bool]], patience_s: float) -> None:
        """Start and wait until it answers; a program that fails to is stopped.

        Raises ProgramFailed when it ends first or does not answer within `patience_s` seconds.
        """
        await self.start()
        try:
            async with asyncio.timeout(patience_s):
                while self.running and not await answers():  # noqa: ASYNC110 - another program has no event to wait on
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            await self.stop()
            raise self.failure(f"did not answer within {patience_s:g} s") from error
        except BaseException:
            await self.stop()
            raise
        if not self.running:
            raise self.failure("ended while starting")

    async def wait(self) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self) -> None:
        """Ask, wait, then kill. Does nothing when it is not running."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            await asyncio.wait_for(self.process.wait(), self.patience_s)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def failure(self, what: str) -> ProgramFailed:
        """The error that names the program, what went wrong, and where and what it wrote last."""
        return ProgramFailed(f"{self.name} {what}\n{tail(self.log)}\n(log: {self.log})")


def follow_parent(argv: Sequence[str], last_signal: signal.Signals) -> list[str]:
    """Wrap a command so that the kernel ends it when its parent dies, even by kill -9 (Linux with util-linux)."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(argv)
    wish = ["--pdeathsig", last_signal.name.removeprefix("SIG")]
    if argv and argv[0] == setpriv:
        return [setpriv, *wish, *argv[1:]]
    return [setpriv, *wish, *argv]


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log file, or a word that there are none."""
    if not log.exists():
        return "(it wrote nothing)"
    return "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])


def alive(pid: int) -> bool:
    """Whether a process of this id exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none to see."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


async def end_stranger(pid: int, ask: signal.Signals, patience_s: float = 10.0) -> None:
    """End a process that is not our child, left behind by an earlier run."""
    if not alive(pid):
        return
    os.kill(pid, ask)
    for _ in range(int(patience_s / 0.05)):
        if not alive(pid):
            return
        await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)

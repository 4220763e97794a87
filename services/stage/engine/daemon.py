"""Programs that outlive the process that starts them, one per socket. Imports no media library."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

ALREADY_RUNNING = 3
ROOT = Path(__file__).resolve().parents[3]


def spawn(module: str, arguments: list[str], log_path: Path | str) -> subprocess.Popen[bytes]:
    """Run a module of ours in a session of its own, its output appended to a log only this user reads."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module, the arguments pass through no shell
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    finally:
        os.close(log)
    threading.Thread(target=process.wait, name="reaper", daemon=True).start()
    return process


def hold(socket_path: Path) -> Path:
    """Claim a socket for this process, by a lock on `<socket>.pid` that ends with the process.

    Exits with code 3 when another process holds it.
    """
    path = Path(f"{socket_path}.pid")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(ALREADY_RUNNING)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return path

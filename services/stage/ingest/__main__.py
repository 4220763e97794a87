"""`python -m services.stage.ingest`: RTMP ingest on loopback, until SIGTERM."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from services.stage.engine.daemon import hold
from services.stage.engine.log import Log
from services.stage.engine.redact import Redactor
from services.stage.ingest.control import Control
from services.stage.ingest.protocol import Hello
from services.stage.ingest.server import Ingest

PORT_TAKEN = 4


async def run(options: argparse.Namespace, log: Log) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    port = options.port

    def hello() -> Hello:
        return Hello(pid=os.getpid(), port=port, connected=tuple(sorted(ingest.publishing)))

    control = Control(hello)
    ingest = Ingest(options.socket_dir, control, log)
    try:
        port = await ingest.open(options.port)
    except OSError as error:
        log.say("the port cannot be opened", port=options.port, reason=os.strerror(error.errno or 0))
        return PORT_TAKEN
    await control.open(options.control)
    log.say("listening", port=port, pid=os.getpid())
    await ending.wait()
    await ingest.close()
    control.close()
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="services.stage.ingest", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1; 0 = any, told in the greeting")
    parser.add_argument("--socket-dir", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    options = parser.parse_args()
    options.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    pid_file = hold(options.control)
    code = asyncio.run(run(options, Log(Redactor())))
    options.control.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)
    sys.exit(code)


if __name__ == "__main__":
    main()

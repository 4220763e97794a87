"""`python -m services.stage.engine`: one programme engine, until SIGTERM or `quit`."""

import argparse
import asyncio
import os
import re
import signal
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from chassis.outbound import Outbound
from services.stage.engine import overlays, sources
from services.stage.engine.daemon import hold
from services.stage.engine.desk import Desk
from services.stage.engine.encoder import Encoder
from services.stage.engine.log import Log
from services.stage.engine.mixer import Mixer
from services.stage.engine.programme import Programme
from services.stage.engine.protocol import AnyEvent, Hello
from services.stage.engine.redact import Redactor
from services.stage.engine.server import Server

CLOSE_TIMEOUT_S = 7.0
BACKGROUND = "#0B1016"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="services.stage.engine", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--size", type=size, default=(640, 360), help="WIDTHxHEIGHT, even numbers")
    parser.add_argument("--fps", type=int, default=25, choices=range(5, 61), metavar="5..60")
    parser.add_argument("--slate-text", default="")
    parser.add_argument("--video-kbps", type=int, default=None, help="default: by size, 1200 at 640x360")
    parser.add_argument("--audio-kbps", type=int, default=128)
    parser.add_argument(
        "--outbound-allow", type=Outbound.allowing, default=Outbound(), help="networks opened to feeds and destinations"
    )
    return parser.parse_args()


def size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None or any(int(side) % 2 or int(side) < 64 for side in match.groups()):
        raise argparse.ArgumentTypeError("must be WIDTHxHEIGHT in even numbers from 64")
    return int(match[1]), int(match[2])


async def run(options: argparse.Namespace, log: Log, redactor: Redactor) -> bool:
    """Run until told to end; whether everything was closed in time and no fault ended the programme."""
    width, height = options.size
    started = datetime.now(UTC)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    kbps = options.video_kbps or max(300, round(width * height * options.fps / 4800))
    encoder = Encoder(width, height, options.fps, kbps, options.audio_kbps)
    definition = height >= 720
    slate = sources.frame_of(overlays.slate(options.slate_text, width, height), high_definition=definition)
    mixer = Mixer(width, height, options.fps, slate, sources.frame_of_color(BACKGROUND, width, height))
    events: list[Server] = []

    def emit(event: AnyEvent) -> None:
        events[0].emit(event)

    programme = Programme(mixer, encoder, emit, log)

    def hello() -> Hello:
        return Hello(
            pid=os.getpid(), started_at=started, frame=programme.frame, fps=options.fps, size=f"{width}x{height}"
        )

    server = Server(programme, hello, log, ending.set)
    events.append(server)
    desk = server.desk = Desk(programme, encoder, emit, redactor, options.outbound_allow)
    programme.start()
    await server.open(options.socket)
    log.say("on air", size=f"{width}x{height}", fps=options.fps, pid=os.getpid())
    while not ending.is_set() and programme.is_alive():
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), 0.5)
    programme.end()
    await asyncio.to_thread(programme.join, 2.0)
    closed = await asyncio.to_thread(desk.close, CLOSE_TIMEOUT_S)
    await server.close()
    log.say("off air", frame=programme.frame, closed=closed)
    return closed and programme.failed is None


def main() -> None:
    options = arguments()
    redactor = Redactor()
    log = Log(redactor)
    threading.excepthook = lambda args: log.fault("a thread failed", args.exc_value or RuntimeError("unknown"))
    pid_file = hold(options.socket)
    good = asyncio.run(run(options, log, redactor))
    options.socket.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)
    sys.stderr.flush()
    os._exit(0 if good else 1)  # threads inside libav may still wait on a dead peer; nothing is left to be saved


if __name__ == "__main__":
    main()

"""Running ffmpeg: one child process at a time limit, without shell, network or keyboard; not what to ask of it."""

import asyncio
import functools
import os
import re
import shutil
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg
import msgspec

from chassis.faults import Fault

LineHandler = Callable[[str], None]
Progress = Callable[[float], None]

CONTAINERS = ("mov", "matroska", "webm", "flv", "mpegts", "wav")
"""Demuxers an original may need. None of them opens a second file or address of its own accord (no hls, dash, concat,
image sequence or ffmetadata). Source: docs of ffmpeg-formats; threat row "SSRF via ffmpeg"."""

CODECS = "h264,hevc,vp8,vp9,av1,libdav1d,mpeg4,aac,mp3,mp3float,opus,libopus,vorbis,flac,pcm_s16le,pcm_s24le,pcm_f32le"
"""Decoders an original may need; everything else that libavcodec can decode is attack surface without a use here."""

MAX_PIXELS = 7680 * 4320
_HEAD_LINES, _TAIL_LINES, _LINE_LENGTH = 150, 150, 500
_COMPONENT = re.compile(r"^\[[^\]]*\]\s*")
_FOLDERS = re.compile(r"\bfile:/(?:[^/:'\"]*/)*")
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]{1,12})://[^\s'\"]+", re.IGNORECASE)


class EditorFault(Fault):
    """An edit could not be made; `reason` says why and carries no address and no key."""

    def __init__(self, reason: str) -> None:
        """Redact whatever address ffmpeg or a caller has put into the reason."""
        self.reason = redact(reason)
        super().__init__(self.reason)


class BadMedia(EditorFault):
    """The input is to blame: not the media it claims to be, damaged, or shorter than asked for. Trying again is no use."""


class Exhausted(EditorFault):
    """The process took all it may have of time, of the processor or of memory."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one ffmpeg process may take: its niceness (0 to 19), seconds before it is stopped, address space, processor time.

    The address space holds decoded pictures of the largest size we take, several times over; 0 seconds of the processor
    is no limit.
    """

    nice: int = 10
    time_s: float = 4 * 3600.0
    memory_bytes: int = 12 * 1024**3
    cpu_s: int = 0


USUAL = Limits()


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended: its exit code, and its redacted log with the middle left out when it was long."""

    code: int
    log: tuple[str, ...]

    def complaint(self) -> str:
        """Return the last lines of the log, the part where ffmpeg says what stopped it."""
        return "; ".join(line.strip() for line in self.log[-4:]) or f"ffmpeg ended with code {self.code} and no word"

    def faults(self) -> tuple[str, ...]:
        """Return the distinct complaints of a log written at `-v error`."""
        return tuple(dict.fromkeys(plain(line) for line in self.log))


class _Log:
    """The first and the last lines of an endless stream of complaints."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def add(self, line: str) -> None:
        kept = redact(line[:_LINE_LENGTH])
        if len(self._head) < _HEAD_LINES:
            self._head.append(kept)
        else:
            self._tail.append(kept)

    def lines(self) -> tuple[str, ...]:
        return (*self._head, *self._tail)


def redact(text: str) -> str:
    """Replace every address by its scheme, and every path by its last name: keys live in the one, our disk in the other."""
    return _FOLDERS.sub("", _ADDRESS.sub(lambda found: f"{found[1]}://[redacted]", text))


def plain(line: str) -> str:
    """Return a log line without component names and memory addresses, so that equal faults are equal."""
    while (shorter := _COMPONENT.sub("", line)) != line:
        line = shorter
    return line.strip()


def untrusted(path: Path, *, containers: Sequence[str] = CONTAINERS) -> list[str]:
    """Return the options that open a file we did not write: local files only, known formats only, bounded size.

    Raises `EditorFault` if the file is not there: that is our fault, not the file's.
    """
    if not path.is_file():
        raise EditorFault(f"the input {path.name} is not on this disk")
    fences = ["-protocol_whitelist", "file", "-format_whitelist", ",".join(containers), "-codec_whitelist", CODECS]
    return [*fences, "-max_pixels", str(MAX_PIXELS), "-i", f"file:{path.absolute()}"]


async def run(arguments: Sequence[str], *, limits: Limits, on_line: LineHandler | None = None) -> Ran:
    """Run ffmpeg to its end, hand each line of its standard output to `on_line`, and return how it ended.

    Cancelling the caller, or running out of time (`EditorFault`), kills the process and waits until it is gone.
    """
    process = await asyncio.create_subprocess_exec(
        *_launcher(limits), executable(), "-nostdin", "-hide_banner", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    log = _Log()
    try:
        async with asyncio.timeout(limits.time_s), asyncio.TaskGroup() as readers:
            readers.create_task(_each_line(process.stdout, on_line or _ignore))
            readers.create_task(_each_line(process.stderr, log.add))
            code = await process.wait()
    except TimeoutError as late:
        raise Exhausted(f"ffmpeg was stopped after its {limits.time_s:g} s") from late
    finally:
        await _gone(process)
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and limits.cpu_s:
        raise Exhausted(f"ffmpeg took its {limits.cpu_s} s of the processor")
    if code < 0:
        raise EditorFault(f"ffmpeg was killed by signal {-code}")
    if code != 0 and any("Cannot allocate memory" in line for line in log.lines()):
        raise Exhausted("ffmpeg took all the memory it may have")
    return Ran(code=code, log=log.lines())


def progress_of(total_s: float, report: Progress | None, *, since: float = 0.0, until: float = 1.0) -> LineHandler:
    """Return a handler of `-progress pipe:1` lines which reports the share done, scaled into [since, until]."""

    def handle(line: str) -> None:
        key, _, value = line.partition("=")
        if report is not None and key == "out_time_us" and value.strip().isdigit():
            share = min(1.0, int(value) / 1e6 / total_s) if total_s > 0 else 1.0
            report(since + (until - since) * share)

    return handle


@functools.cache
def executable() -> str:
    """Return the path of the static ffmpeg that comes with `imageio-ffmpeg`, a separate GPL program."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@functools.cache
def version() -> str:
    """Return ffmpeg's own version: rendered bytes are only comparable between equal versions."""
    return str(imageio_ffmpeg.get_ffmpeg_version())


def _launcher(limits: Limits) -> list[str]:
    """Return the wrappers that limit the child, lower its priority and let it die with this process, where they exist.

    `setpriv` and `nice` replace themselves by ffmpeg, so the process id is ffmpeg's; a `preexec_fn` could deadlock.
    """
    setpriv, nicer, prlimit = shutil.which("setpriv"), shutil.which("nice"), shutil.which("prlimit")
    processor = [f"--cpu={limits.cpu_s}"] if limits.cpu_s else []
    return [
        *([setpriv, "--pdeathsig", "KILL"] if setpriv else []),
        *([nicer, "-n", str(limits.nice)] if nicer else []),
        *([prlimit, f"--as={limits.memory_bytes}", *processor] if prlimit else []),
    ]


async def _each_line(stream: asyncio.StreamReader, handle: LineHandler) -> None:
    """Hand over line by line what comes in blocks; a line longer than 64 KiB is cut, never collected."""
    rest = b""
    while block := await stream.read(65536):
        *lines, rest = re.split(rb"[\r\n]+", rest + block)
        if len(rest) > 65536:
            rest = rest[:_LINE_LENGTH]
        for line in lines:
            if line:
                handle(line.decode("utf-8", "replace"))
        await asyncio.sleep(0)
    if rest:
        handle(rest.decode("utf-8", "replace"))


def _ignore(_line: str) -> None:
    """Drop a line: the null output's, for instance, is empty anyway."""


async def _gone(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await asyncio.shield(process.wait())

"""Opens what a source URL names, with limits on what may be read and on how long a read may take."""

import os
import select
import socket
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
from av.container import InputContainer

from chassis.outbound import AddressForbidden, HostUnknown, Outbound
from services.stage.engine.conduit import Conduit

OPEN_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 3.0
LIVE_SCHEMES = ("rtmp", "rtmps")
FORMATS = "mov,matroska,flv,mpegts,wav,mp3,ogg,aac,avi,mpeg,image2,png_pipe"
FAULTS = (OSError, av.FFmpegError, ValueError, AddressForbidden, HostUnknown)
"""What opening and reading a feed may fail with; `words_of` says it without the URL."""
PROBE = {"probesize": "1000000", "analyzeduration": "1500000"}


class Refused(Exception):  # noqa: N818 - the answer to a request, not a fault
    """The request cannot be carried out, for a reason in words."""


class ByteFeed:
    """A Unix stream socket or a named pipe as the file-like object libav reads from; ends when told to stop."""

    def __init__(self, descriptor: int, stop: threading.Event) -> None:
        self._descriptor = descriptor
        self._stop = stop

    def read(self, size: int) -> bytes:
        """Wait for bytes; empty at the end, when told to stop, or when the limit for a silent feed is over."""
        waited = 0.0
        while not self._stop.is_set() and waited < OPEN_TIMEOUT_S * 2:
            if select.select([self._descriptor], [], [], 0.25)[0]:
                with suppress(BlockingIOError):
                    return os.read(self._descriptor, size)
            waited += 0.25
        return b""

    def close(self) -> None:
        os.close(self._descriptor)


class Opened:
    """A container with what has to be closed behind it."""

    def __init__(self, container: InputContainer, feed: ByteFeed | Conduit | None) -> None:
        self.container = container
        self._feed = feed

    def close(self) -> None:
        self.container.close()
        if self._feed is not None:
            self._feed.close()


def check(url: str) -> None:
    """Refuse what could reach anything but a media feed, before it is opened."""
    scheme = _scheme(url)
    if scheme not in {*LIVE_SCHEMES, "unix", "file", ""}:
        raise Refused("the source must be an rtmp(s) address, a file, a named pipe or a Unix socket")


def is_live(url: str) -> bool:
    """Whether the feed has a clock of its own; a file is read as fast as it is shown."""
    scheme = _scheme(url)
    return scheme in {*LIVE_SCHEMES, "unix"} or _is_pipe(local_path(url))


def is_remote(url: str) -> bool:
    """Whether opening it again and again burdens somebody else."""
    return _scheme(url) in LIVE_SCHEMES


def local_path(url: str) -> str:
    if url.startswith("file:"):
        return unquote(urlsplit(url).path)
    return url.removeprefix("unix:")


def open_feed(url: str, stop: threading.Event, outbound: Outbound) -> Opened:
    """Open a feed; raises what `FAULTS` names, whose texts may hold the URL."""
    if _scheme(url) in LIVE_SCHEMES:
        return _from_afar(Conduit(url, outbound, OPEN_TIMEOUT_S))
    path = local_path(url)
    if _scheme(url) == "unix":
        return _from_bytes(ByteFeed(_connect(path), stop), "flv")
    if _is_pipe(path):
        return _from_bytes(ByteFeed(os.open(path, os.O_RDONLY | os.O_NONBLOCK), stop), None)
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    return Opened(av.open(f"file:{path}", "r", options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S)), None)


def _from_afar(conduit: Conduit) -> Opened:
    options = {**PROBE, "protocol_whitelist": "rtmp,tcp", "fflags": "nobuffer", "rtmp_live": "live"}
    options["rtmp_tcurl"] = conduit.tc_url
    try:
        opened = av.open(conduit.url, "r", options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
    except BaseException:
        conduit.close()
        raise
    return Opened(opened, conduit)


def _from_bytes(feed: ByteFeed, form: str | None) -> Opened:
    options = {**PROBE, "fflags": "nobuffer"}
    if form is None:
        options["format_whitelist"] = FORMATS
    try:
        return Opened(av.open(feed, "r", format=form, options=options), feed)
    except BaseException:
        feed.close()
        raise


def _connect(path: str) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(OPEN_TIMEOUT_S)
        wire.connect(path)
        wire.setblocking(False)
        return wire.detach()


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(Path(path).stat().st_mode)
    except OSError:
        return False


def _scheme(url: str) -> str:
    head, colon, _ = url.partition(":")
    return head.lower() if colon and head.isalnum() else ""


def words_of(error: BaseException) -> str:
    """A reason in words; libav's own text holds the URL, its `strerror` does not."""
    if isinstance(error, AddressForbidden | HostUnknown):
        return str(error)
    text: Any = getattr(error, "strerror", None)
    return str(text).lower() if text else type(error).__name__

"""Publishes one stream to an RTMP server over a socket of its own, with a time limit on every wait.

Own socket and not libav's: only so a refusal can be told in the server's words, a blocked write be noticed while the
kernel's buffer is still small, and a key be kept out of a library that prints it. Source: RTMP 1.0, section 7.2.
"""

import fcntl
import os
import select
import socket
import ssl
import struct
import termios
import time
from typing import Any
from urllib.parse import urlsplit

from chassis.outbound import AddressForbidden, HostUnknown, Outbound, place_of
from services.stage.engine.rtmp import amf
from services.stage.engine.rtmp.chunks import (
    ACKNOWLEDGEMENT,
    COMMAND,
    DATA,
    HANDSHAKE_SIZE,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    WINDOW_SIZE,
    ChunkReader,
    Message,
    WireError,
    chunked,
)

CONNECT_TIMEOUT_S = 5.0
STALL_S = 5.0
SEND_BUFFER = 128 * 1024
CHUNK_SIZE = 60_000
BYTES_ACKED = slice(120, 128)  # of struct tcp_info. Source: linux/tcp.h, tcpi_bytes_acked
PORTS = {"rtmp": 1935, "rtmps": 443}
PING_REQUEST, PING_RESPONSE = 6, 7


class DestinationFault(Exception):  # noqa: N818 - the name says whose fault it is
    """The destination's fault, told in words that hold no URL."""


class Publisher:
    """One connection from `open` to `close`; used by one thread. Raises DestinationFault from everything."""

    def __init__(self, url: str, outbound: Outbound) -> None:
        self._target = Target(url)
        self._outbound = outbound
        self._reader = ChunkReader()
        self._chunk_size = 128
        self._window = 2_500_000
        self._acknowledged = 0
        self._stream = 1
        self._socket: socket.socket | None = None
        self.sent = 0
        self._taken, self._progress = b"", time.monotonic()

    def open(self) -> None:
        """Connect, shake hands and publish; returns once the server has accepted the publication."""
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        try:
            self._socket = self._target.connect(self._outbound, CONNECT_TIMEOUT_S)
            self._shake_hands(deadline)
            self._command(3, 0, "connect", 1, self._target.connect_object())
            self._await(deadline, "connect", self._connected)
            self._send_now(chunked(Message(SET_CHUNK_SIZE, 0, 0, struct.pack(">I", CHUNK_SIZE)), 2, self._chunk_size))
            self._chunk_size = CHUNK_SIZE
            self._command(3, 0, "releaseStream", 2, None, self._target.key)
            self._command(3, 0, "FCPublish", 3, None, self._target.key)
            self._command(3, 0, "createStream", 4, None)
            self._await(deadline, "createStream", self._created)
            self._command(8, self._stream, "publish", 5, None, self._target.key, "live")
            self._await(deadline, "publish", self._published)
        except (OSError, ssl.SSLError, WireError, AddressForbidden, HostUnknown) as error:
            raise DestinationFault(words_of(error)) from None

    def write(self, kind: int, timestamp_ms: int, payload: bytes) -> None:
        """Send one media message; takes at most the stall limit and then raises with reason `stalled`."""
        number = {DATA: 5}.get(kind, 4 if kind == 8 else 6)
        try:
            self._send_now(chunked(Message(kind, timestamp_ms, self._stream, payload), number, self._chunk_size))
        except (OSError, WireError) as error:
            raise DestinationFault(words_of(error)) from None

    def close(self, *, politely: bool) -> None:
        """Leave; politely = tell the server that the stream is over."""
        if self._socket is None:
            return
        try:
            if politely:
                self._command(3, 0, "FCUnpublish", 6, None, self._target.key)
                self._command(3, 0, "deleteStream", 7, None, self._stream)
                self._socket.shutdown(socket.SHUT_WR)
        except (OSError, DestinationFault, WireError):
            politely = False  # the server has left first; nobody is there to be told
        finally:
            self._socket.close()
            self._socket = None

    def _shake_hands(self, deadline: float) -> None:
        mine = struct.pack(">II", 0, 0) + os.urandom(HANDSHAKE_SIZE - 8)
        self._send_now(b"\x03" + mine)
        answer = b""
        while len(answer) < 1 + 2 * HANDSHAKE_SIZE:
            answer += self._receive(deadline, 1 + 2 * HANDSHAKE_SIZE - len(answer))
        if answer[0] != 3:
            raise WireError("the server does not speak RTMP")
        self._send_now(answer[1 : 1 + HANDSHAKE_SIZE])

    def _command(self, number: int, stream: int, *values: Any) -> None:
        self._send_now(chunked(Message(COMMAND, 0, stream, amf.encode(*values)), number, self._chunk_size))

    def _await(self, deadline: float, step: str, done: Any) -> None:
        """Handle what the server says until the step is answered."""
        while True:
            for message in self._reader.feed(self._receive(deadline, 65536, step)):
                values = self._handle(message)
                if values and done(values):
                    return

    def _handle(self, message: Message) -> list[Any]:
        """Answer the protocol's own messages; returns the values of a command."""
        if message.kind == WINDOW_SIZE:
            self._window = max(1, int.from_bytes(message.payload[:4], "big"))
        elif message.kind == USER_CONTROL and message.payload[:2] == struct.pack(">H", PING_REQUEST):
            pong = struct.pack(">H", PING_RESPONSE) + message.payload[2:6]
            self._send_now(chunked(Message(USER_CONTROL, 0, 0, pong), 2, self._chunk_size))
        elif message.kind == COMMAND:
            values = amf.decode(message.payload)
            info = next((value for value in values[2:] if isinstance(value, dict) and "code" in value), {})
            if info.get("level") == "error" or values[:1] == ["_error"]:
                raise DestinationFault(f"refused: {info.get('code', 'no code')} {info.get('description', '')}".strip())
            return values
        return []

    def _connected(self, values: list[Any]) -> bool:
        return values[:2] == ["_result", 1]

    def _created(self, values: list[Any]) -> bool:
        if values[:2] != ["_result", 4]:
            return False
        self._stream = int(values[3]) if len(values) > 3 and isinstance(values[3], float) else 1
        return True

    def _published(self, values: list[Any]) -> bool:
        return values[:1] == ["onStatus"] and any(
            isinstance(value, dict) and value.get("code") == "NetStream.Publish.Start" for value in values
        )

    def _receive(self, deadline: float, size: int, step: str = "handshake") -> bytes:
        wire = self._wire()
        while True:
            try:
                data = wire.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                if not select.select([wire], [], [], max(0.0, deadline - time.monotonic()))[0]:
                    raise DestinationFault(f"no answer to {step} in {CONNECT_TIMEOUT_S:.0f} s") from None
                continue
            if not data:
                raise DestinationFault(f"the server hung up at {step}")
            return data

    def _send_now(self, data: bytes) -> None:
        """Write everything, listening meanwhile; a block without progress longer than the limit is a stall."""
        wire, view = self._wire(), memoryview(data)
        moved = time.monotonic()
        while view:
            try:
                count = wire.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                count = 0
            if count:
                view, moved = view[count:], time.monotonic()
                self.sent += count
                continue
            if time.monotonic() - moved > STALL_S:
                raise DestinationFault("stalled")
            select.select([], [wire], [], 0.25)

    def listen(self) -> None:
        """Take in what the server has said meanwhile: acknowledgements, pings, an end of the publication."""
        wire = self._wire()
        try:
            self._check_progress(wire)
            while select.select([wire], [], [], 0)[0]:
                data = wire.recv(65536)
                if not data:
                    raise DestinationFault("the server hung up")
                for message in self._reader.feed(data):
                    self._handle(message)
                if self._reader.received - self._acknowledged >= self._window // 2:
                    self._acknowledged = self._reader.received
                    total = struct.pack(">I", self._acknowledged & 0xFFFFFFFF)
                    self._send_now(chunked(Message(ACKNOWLEDGEMENT, 0, 0, total), 2, self._chunk_size))
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except (OSError, WireError, amf.AmfError) as error:
            raise DestinationFault(words_of(error)) from None

    def _check_progress(self, wire: socket.socket) -> None:
        """Notice a peer that takes nothing any more although the kernel's buffer still takes what we write."""
        waiting = struct.unpack("i", fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        info = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED.stop)
        taken = info[BYTES_ACKED]
        if waiting == 0 or taken != self._taken:
            self._taken, self._progress = taken, time.monotonic()
        elif time.monotonic() - self._progress > STALL_S:
            raise DestinationFault("stalled")

    def _wire(self) -> socket.socket:
        if self._socket is None:
            raise DestinationFault("not connected")
        return self._socket


class Target:
    """A destination's URL taken apart; `rtmp(s)://host[:port]/application/key`, the application may hold slashes."""

    def __init__(self, url: str) -> None:
        try:
            self.place = place_of(url, PORTS)
        except AddressForbidden as no:
            raise DestinationFault(str(no)) from None
        parts = urlsplit(url)
        application, _, key = parts.path.strip("/").rpartition("/")
        if not application or not key:
            raise DestinationFault("the address is not rtmp(s)://host/application/key")
        self.application = application
        self.key = key + (f"?{parts.query}" if parts.query else "")
        self._base = f"{parts.scheme}://{parts.netloc}/{application}"

    def connect(self, outbound: Outbound, timeout_s: float) -> socket.socket:
        """A non-blocking connected socket whose send buffer is small, so that a stall shows within seconds.

        The host is resolved and checked now, and the connection goes to a checked address.
        """
        plain = outbound.connect(self.place, timeout_s)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = self.place.scheme == "rtmps"
            wire = ssl.create_default_context().wrap_socket(plain, server_hostname=self.place.host) if secure else plain
        except OSError:
            plain.close()
            raise
        wire.setblocking(False)
        return wire

    def connect_object(self) -> dict[str, Any]:
        return {
            "app": self.application,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; Regie)",
            "tcUrl": self._base,
        }


def words_of(error: BaseException) -> str:
    """A reason in words; the exception's own text may hold an address, so only known parts of it are used."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "connection timed out"
    if isinstance(error, socket.gaierror):
        return "host name unknown"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, WireError | amf.AmfError | AddressForbidden | HostUnknown):
        return str(error)
    return type(error).__name__

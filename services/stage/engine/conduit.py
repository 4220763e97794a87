"""A feed from a stranger's server, led to libav through a connection of ours.

libav resolves and connects by itself, so it could be sent anywhere between our check and its connection, and it does not
verify certificates. Here the connection is made to a checked address (chassis/outbound.py), TLS included; libav reads
from a port of loopback that takes one connection and is closed again.
"""

import select
import socket
import ssl
import threading
from typing import Final
from urllib.parse import urlsplit

from chassis.outbound import Outbound, place_of
from services.stage.engine.rtmp.publisher import PORTS

LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 65536


class Conduit:
    """One connection to a feed's server. `url` and `tc_url` are what libav has to be given.

    Raises AddressForbidden, HostUnknown, OSError.
    """

    def __init__(self, url: str, outbound: Outbound, timeout_s: float) -> None:
        place, parts = place_of(url, PORTS), urlsplit(url)
        self._far = outbound.connect(place, timeout_s)
        try:
            if place.scheme == "rtmps":
                self._far = ssl.create_default_context().wrap_socket(self._far, server_hostname=place.host)
            self._door = socket.create_server((LOOPBACK, 0), backlog=1)
        except OSError:
            self._far.close()
            raise
        self._far.settimeout(timeout_s)
        self._door.settimeout(timeout_s)
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        self.url = f"rtmp://{LOOPBACK}:{self._door.getsockname()[1]}{rest}"
        self.tc_url = f"{place.scheme}://{parts.netloc}/{application_of(parts.path)}"
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="conduit", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        try:
            with self._door:
                near, _ = self._door.accept()
            with near:
                near.settimeout(self._far.gettimeout())
                self._carry(near)
        except OSError:
            pass  # either end has left; libav sees the end of its connection and tells
        finally:
            self._far.close()

    def _carry(self, near: socket.socket) -> None:
        """In one thread, because a TLS connection must not be read and written at once."""
        while not self._closed.is_set():
            ready: list[socket.socket] = [self._far]
            if not (isinstance(self._far, ssl.SSLSocket) and self._far.pending()):
                ready = select.select([near, self._far], [], [], 0.5)[0]
            for source in ready:
                data = source.recv(_CHUNK)
                if not data:
                    return
                (near if source is self._far else self._far).sendall(data)


def application_of(path: str) -> str:
    """The part of the path libav takes as the application: two segments where there are three or more, else the first."""
    segments = path.strip("/").split("/")
    return "/".join(segments[: 2 if len(segments) > 2 else 1])

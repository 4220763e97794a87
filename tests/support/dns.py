"""A name server on loopback that answers what it is told to, and a resolver that asks it: for names that rebind.

Source: RFC 1035 section 4; only A records, only one question a message.
"""

import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TIMEOUT_S = 2.0
A, IN = 1, 1


class NameServer:
    """`answers` are given one after the other, the last one for ever; `asked` are the names it was asked for."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self.port: int = wire.getsockname()[1]
        self.answers: list[str] = []
        self.asked: list[str] = []

    def resolve(self, host: str, _: int) -> Sequence[str]:
        """A resolver for `chassis.outbound.Outbound`: one question over UDP, no cache. Raises OSError."""
        question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + encoded(host) + struct.pack(">HH", A, IN)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(TIMEOUT_S)
            asking.sendto(question, ("127.0.0.1", self.port))
            reply = asking.recv(512)
        count = struct.unpack(">H", reply[6:8])[0]
        return [str(ipaddress.IPv4Address(reply[-4:]))] if count else []

    def serve(self) -> None:
        while True:
            try:
                question, asker = self._wire.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.asked.append(decoded(question[12:]))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            record = b"\xc0\x0c" + struct.pack(">HHIH", A, IN, 0, 4) + ipaddress.IPv4Address(answer).packed
            head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            self._wire.sendto(head + question[12:] + record, asker)


def encoded(host: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"


def decoded(question: bytes) -> str:
    labels = []
    while size := question[0]:
        labels.append(question[1 : 1 + size].decode())
        question = question[1 + size :]
    return ".".join(labels)


@contextmanager
def name_server(*answers: str) -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        server = NameServer(wire)
        server.answers = list(answers)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        wire.sendto(b"", ("127.0.0.1", server.port))
        thread.join(TIMEOUT_S)

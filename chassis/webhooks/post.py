"""One attempt: a POST to a checked address, with limits on time and size; redirects are answers like any other.

The connection is made by us (chassis/outbound.py) each time a new one is needed; one that stays open stays where it was
checked. Plain HTTP goes only to ranges that were opened on purpose (`REGIE_OUTBOUND_ALLOW`).
"""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import httpcore
import msgspec

from chassis.outbound import AddressForbidden, AddressNotAllowed, HostUnknown, Outbound, Place, place_of

WEB_PORTS: Final = {"https": 443, "http": 80}
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
"""The whole attempt, connection included."""
MOST_ANSWER_BYTES: Final = 64 * 1024
MOST_RETRY_AFTER_S: Final = 3600
IDLE_S: Final = 30.0
PLAIN_RULE: Final = "plain http is for opened ranges alone; use https"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: a status, or an error in words that name no address."""

    status: int | None
    took_ms: int
    error: str = ""
    retry_after_s: int = 0

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


class Post:
    """Sends for all webhooks of one service. Use as a context manager."""

    def __init__(self, outbound: Outbound) -> None:
        trust = ssl.create_default_context()
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=trust,
                max_connections=50,
                max_keepalive_connections=20,
                keepalive_expiry=IDLE_S,
                network_backend=_Checked(outbound, scheme),
            )
            for scheme in WEB_PORTS
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Never raises for what the other side does."""
        began = time.monotonic()
        status, error, retry_after = None, "", 0
        try:
            async with asyncio.timeout(ANSWER_S):
                status, retry_after = await self._exchange(url, headers, body)
        except (OSError, TimeoutError, AddressForbidden, HostUnknown, *_HTTP_FAULTS) as fault:
            error = _words(fault)
        took_ms = round((time.monotonic() - began) * 1000)
        return Attempt(status=status, took_ms=took_ms, error=error, retry_after_s=retry_after)

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, int]:
        place = place_of(url, WEB_PORTS)
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        limits = {"connect": CONNECT_S, "read": ANSWER_S, "write": ANSWER_S, "pool": ANSWER_S}
        pool = self._pools[place.scheme]
        async with pool.stream("POST", url, headers=sent, content=body, extensions={"timeout": limits}) as answer:
            size = 0
            async for part in answer.aiter_stream():
                size += len(part)
                if size > MOST_ANSWER_BYTES:
                    break  # the connection is closed with the rest unread
            return answer.status, _retry_after(answer.headers)


_HTTP_FAULTS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to what a host resolves to now, after checking it; the name is not resolved a second time."""

    def __init__(self, outbound: Outbound, scheme: str) -> None:
        self._outbound, self._scheme, self._wires = outbound, scheme, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await checked(self._outbound, Place(scheme=self._scheme, host=host.strip("[]"), port=port))
        for address in addresses[:-1]:
            try:
                return await self._wires.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._wires.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise AddressForbidden(f"no socket of this machine is a webhook ({len(path)} characters)")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def checked(outbound: Outbound, place: Place) -> list[str]:
    """Where a webhook's host leads now. Raises AddressForbidden, HostUnknown."""
    addresses = await outbound.find(place)
    if place.scheme == "http" and not all(outbound.is_inside(address) for address in addresses):
        raise AddressForbidden(PLAIN_RULE)
    return addresses


async def admit(outbound: Outbound, url: str) -> None:
    """Whether a client may register this address. Raises AddressNotAllowed."""
    place = await outbound.admit(url, WEB_PORTS)
    try:
        await checked(outbound, place)
    except AddressForbidden as no:
        raise AddressNotAllowed(f"{str(no).capitalize()}.", rule=str(no)) from None
    except HostUnknown:
        if place.scheme == "http":
            raise AddressNotAllowed(f"{PLAIN_RULE.capitalize()}.", rule=PLAIN_RULE) from None


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Seconds the receiver asks us to wait; dates and nonsense are no wish."""
    text = next((value for name, value in headers if name.lower() == b"retry-after"), b"").strip()
    return min(int(text), MOST_RETRY_AFTER_S) if text.isdigit() and len(text) < 9 else 0


def _words(fault: BaseException) -> str:
    """A reason that names no address and repeats nothing the other side said."""
    if isinstance(fault, AddressForbidden | HostUnknown):
        return str(fault)
    if isinstance(fault, httpcore.TimeoutException | TimeoutError):
        return "no answer in time"
    if isinstance(fault, httpcore.ConnectError):
        tls = "CERTIFICATE" in str(fault) or "SSL" in str(fault)
        return "TLS failed: the certificate or the protocol was refused" if tls else "no connection"
    if isinstance(fault, httpcore.ProtocolError):
        return "the answer is not HTTP"
    return "the connection broke"

"""Where this house may connect to when somebody else names the address: destinations, feeds, webhooks.

Nobody may use us to reach what only we can reach (SSRF). So an address is taken apart strictly, its host is resolved by
us, every address found is checked, and the connection is made to a checked address: a name that answers differently the
second time (DNS rebinding) is never asked a second time. Callers check again at every new connection.
Source: design.md section 5, trust.md section 5; IANA special-purpose address registries (RFC 6890).
"""

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from chassis.settings import SettingsError
from contracts.problems import Refusal

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

RESOLVE_S: Final = 5.0
MAX_URL: Final = 2000
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")

_CLOSED_V4: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); one cloud's metadata is at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a public address that is a cloud's own control plane
        "169.254.0.0/16",  # link-local; most clouds' metadata is at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata is at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved and broadcast
    )
)
_OPEN_V6: Final = ipaddress.ip_network("2000::/3")
"""Of IPv6 only global unicast is open: that closes loopback, v4-mapped, NAT64, unique-local, link-local and multicast."""
_CLOSED_V6: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, which carries an IPv4 address, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3fff::/20",  # documentation
    )
)


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver answers."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class AddressForbidden(Exception):  # noqa: N818 - it says what is the case
    """We do not connect there. The text names the rule, never the address or what a name resolved to."""


class HostUnknown(Exception):  # noqa: N818
    """The name does not resolve, or not in time."""


class AddressNotAllowed(Refusal):
    """We do not connect to that address. `facts`: `rule`."""

    code, status = "ADDRESS_NOT_ALLOWED", 403
    fr = "Nous ne nous connectons pas à cette adresse."


@dataclass(frozen=True)
class Place:
    """An address taken apart: nothing of it has been resolved."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Outbound:
    """The rules. `allow` opens ranges that are closed otherwise (loopback for a house on one machine).

    `resolve` answers every address of a name, for a port; it may block and raises OSError.
    """

    allow: tuple[Network, ...] = ()
    resolve: Resolver = system_addresses

    @classmethod
    def allowing(cls, text: str) -> Self:
        """From `REGIE_OUTBOUND_ALLOW`: networks separated by commas. Raises ValueError."""
        return cls(tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()))

    def check(self, address: str) -> None:
        """Raises AddressForbidden unless this IP address may be connected to."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            raise AddressForbidden("the host is not an address we know") from None
        if getattr(found, "scope_id", None) or self._is_closed(found):
            raise AddressForbidden("the host is, or resolves to, an address that is not public")

    def _is_closed(self, found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if self.is_inside(str(found)):
            return False
        if found.version == 4:
            return any(found in network for network in _CLOSED_V4)
        return found not in _OPEN_V6 or any(found in network for network in _CLOSED_V6)

    def is_inside(self, address: str) -> bool:
        """Whether the address is in a range that was opened on purpose."""
        found = ipaddress.ip_address(address)
        return any(found in network for network in self.allow if network.version == found.version)

    def addresses(self, place: Place) -> list[str]:
        """What the host resolves to now, each checked. Raises AddressForbidden when any is closed, HostUnknown.

        One closed address closes the name: a host that mixes them is not an accident. May block.
        """
        literal = _literal(place.host)
        try:
            found = [literal] if literal else list(self.resolve(place.host, place.port))
        except (OSError, UnicodeError):
            raise HostUnknown("host name unknown") from None
        if not found:
            raise HostUnknown("host name unknown")
        for address in found:
            self.check(address)
        return list(dict.fromkeys(found))

    async def find(self, place: Place) -> list[str]:
        """The same without blocking the loop; gives up after `RESOLVE_S`."""
        try:
            async with asyncio.timeout(RESOLVE_S):
                return await asyncio.to_thread(self.addresses, place)
        except TimeoutError:
            raise HostUnknown("host name not resolved in time") from None

    def connect(self, place: Place, timeout_s: float) -> socket.socket:
        """A connection to a checked address, blocking. Raises AddressForbidden, HostUnknown, or OSError of the last try."""
        deadline = time.monotonic() + timeout_s
        failed: OSError = TimeoutError("timed out")
        for address in self.addresses(place):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return socket.create_connection((address, place.port), timeout=left)
            except OSError as error:
                failed = error
        raise failed

    async def admit(self, url: str, ports: Mapping[str, int]) -> Place:
        """Whether a client may give us this address now. Raises AddressNotAllowed.

        A name that does not resolve is admitted: names come and go, and every connection is checked again.
        """
        try:
            place = place_of(url, ports)
            await self.find(place)
        except AddressForbidden as no:
            raise AddressNotAllowed(f"{str(no).capitalize()}.", rule=str(no)) from None
        except HostUnknown:
            pass
        return place


def place_of(url: str, ports: Mapping[str, int]) -> Place:
    """Take a URL apart by stricter rules than browsers'; `ports` are the schemes accepted, with their default ports.

    Raises AddressForbidden for anything two programs might read differently: user parts, odd characters, hosts in
    decimal, octal, hexadecimal or short form, hosts outside ASCII.
    """
    if len(url) > MAX_URL or not url.isascii() or any(letter <= " " or letter in "\\#\x7f" for letter in url):
        raise AddressForbidden("the address holds characters that do not belong there, or is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressForbidden("the address is malformed") from None
    if parts.scheme not in ports:
        raise AddressForbidden(f"the address must begin with {' or '.join(f'{scheme}://' for scheme in ports)}")
    if "@" in parts.netloc or "%" in parts.netloc:
        raise AddressForbidden("the address must not hold a user part or an escaped host")
    if port == 0:
        raise AddressForbidden("port 0 is none")
    return Place(scheme=parts.scheme, host=_host(parts), port=port or ports[parts.scheme])


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host or len(host) > 253:
        raise AddressForbidden("the address names no host")
    if _literal(host):
        return host
    labels = host.split(".")
    if _NUMBER.match(labels[-1]):
        raise AddressForbidden("an IPv4 host must be four decimal numbers without leading zeros")
    if not all(_LABEL.match(label) for label in labels):
        raise AddressForbidden("the host is not a name")
    return host


def _literal(host: str) -> str | None:
    """The address a host is written as; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def outbound_of(allow: str) -> Outbound:
    """The rules of a process, from its setting. Raises SettingsError."""
    try:
        return Outbound.allowing(allow)
    except ValueError:
        raise SettingsError("REGIE_OUTBOUND_ALLOW: must be networks separated by commas, such as 127.0.0.0/8") from None

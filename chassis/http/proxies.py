"""Who is at the other end: the peer of the connection, or whom our own proxies say they speak for.

Any client can send `X-Forwarded-For`, so nothing in it is believed but what stands right of the last entry that a
configured proxy did not write; and only the one header those proxies write is read, since they pass others through as
they come. Source: RFC 7239 sections 4 to 6 and 8.1.
"""

import ipaddress
import re
from typing import Any, Final

FORWARDED: Final = "forwarded"
X_FORWARDED_FOR: Final = "x-forwarded-for"
UNKNOWN: Final = "(unknown)"
MOST_HOPS: Final = 20

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"[^"\\\x00-\x1f\x7f]*"'
_PAIR: Final = re.compile(rf"[ \t]*({_WORD})=({_WORD}|{_QUOTED})[ \t]*([;,]|\Z)")
_WITH_PORT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::[0-9]{1,5})?\Z")


class Proxies:
    """The proxies in front of a service. `networks` are theirs, separated by commas; none where clients come directly.

    Raises ValueError for what is no network, or a header that no proxy writes.
    """

    def __init__(self, networks: str = "", header: str = X_FORWARDED_FOR) -> None:
        self._networks = [ipaddress.ip_network(each.strip()) for each in networks.split(",") if each.strip()]
        if header not in (FORWARDED, X_FORWARDED_FOR):
            raise ValueError(f"{header} is neither {X_FORWARDED_FOR} nor {FORWARDED}")
        self._header = header

    def client_of(self, scope: Any) -> str:
        """The address to hold a request against: never one that the client itself could have made up."""
        client = scope.get("client")
        if not client:
            return UNKNOWN
        peer = address_of(client[0])
        if peer is None or not self._trusts(peer):
            return str(client[0])
        nearest = peer
        for text in self._hops(scope["headers"]):
            hop = address_of(text)
            if hop is None:
                break
            nearest = hop
            if not self._trusts(hop):
                break
        return str(nearest)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _hops(self, headers: Any) -> list[str]:
        """What the header names, nearest first, up to where it cannot be read."""
        name = self._header.encode()
        lines = [value.decode("latin-1") for key, value in headers if key == name]
        hops: list[str] = []
        for line in reversed(lines):
            found = line.split(",") if self._header == X_FORWARDED_FOR else _forwarded(line)
            if not found:
                break
            hops += reversed(found)
        return hops[:MOST_HOPS]


def address_of(text: str) -> Address | None:
    """An address, with or without a port; a mapped IPv4 address as such."""
    text = text.strip().strip('"')
    match = _WITH_PORT.match(text)
    try:
        found = ipaddress.ip_address((match[1] or match[2]) if match else text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def _forwarded(line: str) -> list[str]:
    """The `for` of each element; nothing at all where any of it is malformed, so that no quote hides what follows it."""
    elements: list[str] = [""]
    at = 0
    while at < len(line):
        match = _PAIR.match(line, at)
        if match is None:
            return []
        if match[1].lower() == "for":
            elements[-1] = match[2]
        if match[3] == ",":
            elements.append("")
        at = match.end()
    return elements

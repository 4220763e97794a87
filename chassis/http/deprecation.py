"""Telling clients that an operation is going away: since when it is deprecated, when it goes, what to read.

A route says `deprecation=Deprecation(...)`; its answers then carry `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a
`Link`, and the contract marks it deprecated.
"""

from datetime import datetime
from email.utils import format_datetime

import msgspec


class Deprecation(msgspec.Struct, frozen=True, kw_only=True):
    """`see` is the path or URL of the page that says what to use instead. Both instants are aware UTC."""

    since: datetime
    sunset: datetime
    see: str


def headers_of(deprecation: Deprecation | None) -> tuple[tuple[bytes, bytes], ...]:
    if deprecation is None:
        return ()
    return (
        (b"deprecation", f"@{int(deprecation.since.timestamp())}".encode()),
        (b"sunset", format_datetime(deprecation.sunset, usegmt=True).encode()),
        (b"link", f'<{deprecation.see}>; rel="deprecation"; type="text/html"'.encode()),
    )

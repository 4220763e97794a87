"""Where an issuer's keys are, as the issuer's own metadata says. Source: OpenID Connect Discovery 1.0; RFC 8414.

The metadata must name the very issuer it was asked of, so that one provider cannot speak for another, and keys come
over HTTPS where the issuer is reached so. Redirects are not followed.
"""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

TIMEOUT_S: Final = 5.0
LARGEST_BYTES: Final = 1_000_000


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


def places_of(issuer: str) -> tuple[str, str]:
    """Where the metadata of an issuer may be: OpenID Connect appends the well-known name, RFC 8414 puts it in front."""
    parts = urlsplit(issuer.rstrip("/"))
    return (
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        urlunsplit(parts._replace(path=f"/.well-known/oauth-authorization-server{parts.path}")),
    )


async def keys_by_metadata(issuer: str, transport: httpx.AsyncBaseTransport | None = None) -> bytes:
    """The issuer's JWKS. Raises httpx.HTTPError where it cannot be had, ValueError where the metadata is not its own."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport) as client:
        return await fetched(client, (await _metadata(client, issuer)).jwks_uri)


async def _metadata(client: httpx.AsyncClient, issuer: str) -> _Metadata:
    first, second = places_of(issuer)
    try:
        text = await fetched(client, first)
    except httpx.HTTPStatusError:
        text = await fetched(client, second)
    try:
        found = msgspec.json.decode(text, type=_Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not the metadata of an issuer: {error}") from error
    if found.issuer != issuer:
        raise ValueError("the metadata is of another issuer")
    if urlsplit(issuer).scheme == "https" != urlsplit(found.jwks_uri).scheme:
        raise ValueError("the metadata names keys without TLS")
    return found


async def fetched(client: httpx.AsyncClient, url: str) -> bytes:
    """What is there, whole; ValueError where it is larger than any set of keys."""
    body = b""
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > LARGEST_BYTES:
                raise ValueError(f"more than {LARGEST_BYTES} bytes")
    return body

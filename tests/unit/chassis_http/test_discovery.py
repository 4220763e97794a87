"""Keys found through the issuer's metadata, and what a service tells of itself to who wants a token for it."""

from typing import Any

import httpx
import msgspec
import pytest

from chassis import discovery
from chassis.auth import Verifier
from chassis.faults import Unreachable
from chassis.http.health import Resource
from tests.unit.chassis_http import toy

ISSUER = "https://login.example/realm"
OIDC = f"{ISSUER}/.well-known/openid-configuration"
RFC_8414 = "https://login.example/.well-known/oauth-authorization-server/realm"
KEYS = "https://keys.example/jwks"


def provider(**pages: Any) -> httpx.MockTransport:
    """An identity provider with these pages, by URL."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = pages.get(str(request.url))
        if found is None:
            return httpx.Response(404)
        return found if isinstance(found, httpx.Response) else httpx.Response(200, content=found)

    return httpx.MockTransport(answer)


def metadata(issuer: str = ISSUER, jwks_uri: str = KEYS) -> bytes:
    return msgspec.json.encode({"issuer": issuer, "jwks_uri": jwks_uri, "token_endpoint": f"{issuer}/token"})


async def believed(transport: httpx.MockTransport) -> str:
    """The subject of a token that a service verifies with what the provider says."""

    async def fetch() -> bytes:
        return await discovery.keys_by_metadata(ISSUER, transport)

    verifier = Verifier(jwks="", issuer=ISSUER, audiences=[toy.AUDIENCE], fetch=fetch, clock=lambda: toy.NOW)
    return (await verifier.verify(toy.token(iss=ISSUER))).subject


@pytest.mark.parametrize("place", [OIDC, RFC_8414])
async def test_the_issuer_says_where_its_keys_are(place: str) -> None:
    assert await believed(provider(**{place: metadata(), KEYS: toy.jwks(("k1", toy.KEY))})) == "ada"


@pytest.mark.parametrize(
    "pages",
    [
        {OIDC: metadata(issuer="https://login.example/other")},
        {OIDC: metadata(jwks_uri="http://keys.example/jwks")},
        {OIDC: b'{"issuer": "https://login.example/realm"}'},
        {OIDC: b"\xff"},
        {OIDC: httpx.Response(302, headers={"location": "https://evil.example"})},
        {OIDC: b" " * (discovery.LARGEST_BYTES + 1)},
        {},
    ],
)
async def test_metadata_that_is_not_the_issuers_own_gives_no_keys(pages: dict[str, Any]) -> None:
    good = toy.jwks(("k1", toy.KEY))
    elsewhere = {KEYS: good, "http://keys.example/jwks": good, "https://evil.example": metadata()}
    with pytest.raises(Unreachable):
        await believed(provider(**elsewhere, **pages))


async def test_without_keys_of_its_own_a_verifier_asks_the_issuer() -> None:
    verifier = Verifier(jwks="", issuer="https://127.0.0.1:1", audiences=[toy.AUDIENCE])
    with pytest.raises(Unreachable):
        await verifier.verify(toy.token())


async def test_a_service_says_who_gives_tokens_for_it() -> None:
    app = toy.app(resource=Resource(url="https://stage.example", issuer=ISSUER))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        answer = await client.get("/.well-known/oauth-protected-resource")
        refused = await client.get("/shows")
    assert answer.json() == {
        "resource": "https://stage.example",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["toy:operate", "toy:read", "toy:write"],
        "resource_name": "Toy",
        "resource_documentation": "https://stage.example/docs",
        "bearer_methods_supported": ["header"],
    }
    where = 'resource_metadata="https://stage.example/.well-known/oauth-protected-resource"'
    assert where in refused.headers["www-authenticate"]

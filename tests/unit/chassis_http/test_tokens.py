"""Which tokens are believed, for how long, and what strangers can cost us."""

import asyncio
import base64
import hmac

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from chassis.auth import Verifier, keys_of
from chassis.faults import Unreachable
from contracts.envelope import Role
from contracts.problems import Unauthenticated
from tests.unit.chassis_http import toy

OTHER = ECKey.generate_key("P-256")


class Issuer:
    """A key set that changes, and a count of how often it was fetched."""

    def __init__(self, **keys: ECKey) -> None:
        self.keys, self.fetched, self.now, self.away = keys, 0, float(toy.NOW), False

    async def fetch(self) -> bytes:
        self.fetched += 1
        if self.away:
            raise httpx.ConnectError("refused")
        return toy.jwks(*self.keys.items())

    def verifier(self) -> Verifier:
        return toy.verifier(fetch=self.fetch, clock=lambda: self.now, cooldown_s=10, max_age_s=300)


async def test_a_token_names_subject_tenant_roles_and_scopes() -> None:
    caller = await toy.verifier().verify(toy.token(roles=["supervisor", "analyst"]))
    assert (caller.subject, caller.tenant, caller.roles) == ("ada", "acme", (Role.SUPERVISOR, Role.ANALYST))
    assert caller.may("toy:read", "toy:write")
    assert not caller.may("toy:read", "toy:admin")
    assert caller.actor().role is Role.SUPERVISOR


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": toy.NOW - 60},
        {"exp": None},
        {"nbf": toy.NOW + 600},
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"tenant": None},
        {"tenant": "acme.evil"},
        {"tenant": "*"},
        {"tenant": "acme\n"},
        {"roles": []},
        {"roles": None},
        {"roles": ["system"]},
        {"roles": ["king"]},
        {"roles": "analyst"},
        {"scope": ["toy:read"]},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await toy.verifier().verify(toy.token(**changed))


async def test_one_audience_of_several_is_enough() -> None:
    assert await toy.verifier().verify(toy.token(aud=["other", toy.AUDIENCE]))


def _unsigned() -> str:
    _, payload, _ = toy.token().split(".")
    return f"eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.{payload}."


def _signed_with_the_public_key() -> str:
    """The classic confusion of algorithms; the library refuses to make such a token, so it is made by hand."""
    payload = toy.token().split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').decode().rstrip("=")
    mac = hmac.digest(toy.KEY.as_pem(private=False), f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def _tampered() -> str:
    header, _, signature = toy.token().split(".")
    return f"{header}.{toy.token(tenant='globex').split('.')[1]}.{signature}"


@pytest.mark.parametrize(
    "forged",
    [
        _unsigned(),
        _signed_with_the_public_key(),
        _tampered(),
        toy.token(key=OTHER),
        toy.token(kid=None),
        toy.token(kid="k2"),
        jwt.encode({"alg": "RS256", "kid": "k1"}, {"sub": "eve"}, RSAKey.generate_key(2048)),
        "",
        "x",
        "x.y.z",
        "\xe9.\xe9.\xe9",
        "a" * 9000,
    ],
    ids=lambda token: token[:20],
)
async def test_a_forged_token_is_refused(forged: str) -> None:
    with pytest.raises(Unauthenticated):
        await toy.verifier().verify(forged)


async def test_a_new_key_is_found_without_a_restart() -> None:
    issuer = Issuer(k1=toy.KEY)
    verifier = issuer.verifier()
    await verifier.verify(toy.token())
    issuer.keys["k2"] = OTHER
    issuer.now += 11
    assert await verifier.verify(toy.token(key=OTHER, kid="k2"))


async def test_unknown_keys_cause_one_fetch_a_cool_down() -> None:
    issuer = Issuer(k1=toy.KEY)
    verifier = issuer.verifier()
    for nr in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(toy.token(kid=f"stranger-{nr}"))
    assert issuer.fetched == 1


async def test_a_withdrawn_key_ends_the_tokens_it_signed() -> None:
    issuer = Issuer(k1=toy.KEY, k2=OTHER)
    verifier = issuer.verifier()
    await verifier.verify(toy.token())
    del issuer.keys["k1"]
    issuer.now += 301
    assert verifier.cached(toy.token()) is None
    with pytest.raises(Unauthenticated):
        await verifier.verify(toy.token())
    assert await verifier.verify(toy.token(key=OTHER, kid="k2"))


async def test_a_key_replaced_under_its_id_ends_its_tokens() -> None:
    issuer = Issuer(k1=toy.KEY)
    verifier, token = issuer.verifier(), toy.token()
    await verifier.verify(token)
    issuer.keys["k1"] = OTHER
    issuer.now += 301
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_cached_token_still_expires() -> None:
    issuer = Issuer(k1=toy.KEY)
    verifier, token = issuer.verifier(), toy.token(exp=toy.NOW + 60)
    assert await verifier.verify(token) == verifier.cached(token)
    issuer.now += 61
    assert verifier.cached(token) is None


async def test_known_keys_outlive_an_issuer_that_is_away() -> None:
    issuer = Issuer(k1=toy.KEY)
    verifier = issuer.verifier()
    await verifier.verify(toy.token())
    issuer.away = True
    issuer.now += 301
    assert await verifier.verify(toy.token())
    assert issuer.fetched == 2


async def test_a_silent_issuer_does_not_hold_up_known_tokens() -> None:
    silent = asyncio.Event()
    issuer = Issuer(k1=toy.KEY)
    verifier = issuer.verifier()
    await verifier.verify(toy.token())

    async def hang() -> bytes:
        await silent.wait()
        return toy.jwks(("k1", OTHER))

    verifier._fetch = hang
    issuer.now += 301
    for _ in range(3):
        assert await verifier.verify(toy.token())
    silent.set()
    await verifier._refreshing
    with pytest.raises(Unauthenticated):
        await verifier.verify(toy.token())


async def test_without_any_key_the_answer_is_unreachable_not_a_wrong_token() -> None:
    issuer = Issuer(k1=toy.KEY)
    issuer.away = True
    verifier = issuer.verifier()
    for _ in range(3):
        with pytest.raises(Unreachable):
            await verifier.verify(toy.token())
    assert issuer.fetched == 1


async def test_the_cache_is_bounded() -> None:
    verifier = toy.verifier(cache_size=3)
    tokens = [toy.token(sub=f"user-{nr}") for nr in range(5)]
    for token in tokens:
        await verifier.verify(token)
    assert [verifier.cached(token) is not None for token in tokens] == [False, False, True, True, True]


def test_only_signing_keys_of_the_pinned_kind_are_read() -> None:
    rsa = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "rsa"}
    sealing = {**OTHER.as_dict(private=False), "kid": "enc", "use": "enc"}
    document = msgspec.json.encode({"keys": [rsa, sealing, {**toy.KEY.as_dict(private=False), "kid": "k1"}]})
    assert set(keys_of(document)) == {"k1"}


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": 5}', b'{"keys": [5]}', b'{"keys": [{"kty": "EC", "crv": "P-256"}]}']
)
def test_what_is_no_key_set_is_a_value_error(document: bytes) -> None:
    with pytest.raises(ValueError, match="JWKS"):
        keys_of(document)

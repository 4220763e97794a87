"""Which answers are denials, and what is written down of them."""

from uuid import uuid4

import httpx
import pytest

from chassis.auth import Verifier
from chassis.denials import Attempt, Denials
from tests.unit.chassis_http import toy


@pytest.fixture
def noted(app) -> Denials:
    return app.state.denied.__self__._denials


def attempts(noted: Denials) -> dict[Attempt, int]:
    return {attempt: counts[2] for (_, attempt), counts in noted._counted.items()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


ADA = {"tenant": "acme", "subject": "ada"}
TOKENS = {
    "expired": (toy.token(exp=toy.NOW - 60), "EXPIRED_TOKEN", ADA),
    "for another audience": (toy.token(aud="other"), "INVALID_CLAIM_AUD", ADA),
    "of another issuer": (toy.token(iss="other"), "INVALID_CLAIM_ISS", ADA),
    "not yet valid": (toy.token(nbf=toy.NOW + 60), "INVALID_CLAIM_NBF", ADA),
    "issued in the future": (toy.token(iat=toy.NOW + 60), "INVALID_CLAIM_IAT", ADA),
    "for another service": (toy.token(aud=f"{toy.AUDIENCE}/stage"), "INVALID_CLAIM_AUD", ADA),
    "without a role": (toy.token(roles=[]), "NO_ROLE", ADA),
    "of a role nobody has": (toy.token(roles=["king"]), "UNUSABLE_CLAIMS", ADA),
    "of a wild tenant": (toy.token(tenant="*"), "UNUSABLE_CLAIMS", {}),
    "an identity, not an access": (toy.token(typ="id+jwt"), "WRONG_TYPE", {}),
    "signed by a stranger": (toy.token(key=toy.ECKey.generate_key("P-256")), "BAD_SIGNATURE", {}),
    "signed with a strange key": (toy.token(kid="k9"), "UNKNOWN_KEY", {}),
    "without a key": (toy.token(kid=None), "NO_KEY", {}),
    "unsigned": ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJldmUifQ.", "WRONG_ALGORITHM", {}),
    "no token at all": ("eve", "NOT_A_TOKEN", {}),
}


@pytest.mark.parametrize("which", TOKENS)
async def test_a_refused_token_is_noted_by_its_fault_and_its_bearer_if_proven(stranger, noted, which) -> None:
    token, reason, who = TOKENS[which]
    answer = await stranger.get("/shows", headers=bearer(token))
    assert (answer.status_code, answer.json()["reason"]) == (401, reason)
    assert attempts(noted) == {Attempt(operation="listShows", reason=reason, **who): 1}
    assert token not in repr(noted._counted)


async def test_attempts_without_token_scope_or_right_are_noted(stranger, noted, show) -> None:
    await stranger.get("/shows")
    await stranger.post("/shows", headers=bearer(toy.token(scope="toy:read")), json={})
    for ident in (show.rpartition("/")[2], uuid4()):
        answer = await stranger.get(f"/shows/{ident}", headers=bearer(toy.token(tenant="globex")))
        assert answer.status_code == 404
    assert attempts(noted) == {
        Attempt(operation="listShows", reason="NO_TOKEN"): 1,
        Attempt(operation="planShow", reason="MISSING_SCOPE", **ADA): 1,
        Attempt(operation="seeShow", reason="NOT_FOUND", tenant="globex", subject="ada"): 2,
    }


async def test_what_is_no_denial_is_not_noted(client: httpx.AsyncClient, noted, show) -> None:
    for path in ("/nowhere", "/health/live", "/shows", show, "/shows?cursor=AAAA"):
        await client.get(path)
    await client.post("/shows", json={"title": 5})
    assert attempts(noted) == {}


async def test_a_token_for_this_service_alone_is_accepted(stranger) -> None:
    token = toy.token(aud=f"{toy.AUDIENCE}/toy", typ="at+jwt")
    assert (await stranger.get("/shows", headers=bearer(token))).status_code == 200


def test_a_verifier_names_nobody_on_the_word_of_an_unknown_key() -> None:
    assert Verifier(jwks="", issuer="", audiences=()).named(toy.token()) == ("", "")

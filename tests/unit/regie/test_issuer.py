"""Tokens of the local issuer are what the services' verifier wants, and nothing it must refuse."""

import json
import subprocess
import sys

import httpx
import pytest

from chassis.auth import Verifier
from chassis.settings import LOCAL_ISSUER
from contracts.envelope import Role
from contracts.problems import Unauthenticated
from contracts.roles import SCOPES, scopes_of
from regie.home import Home
from regie.issuer import AUDIENCE, Issuer
from regie.login import answering
from tests.support.ports import free_port


@pytest.fixture
def issuer(tmp_path):
    made = Issuer(Home(tmp_path / "regie"))
    made.publish()
    return made


def verifier(issuer, **options):
    return Verifier(**{"jwks": str(issuer.jwks), "issuer": LOCAL_ISSUER, "audiences": [AUDIENCE], **options})


@pytest.mark.parametrize("role", SCOPES)
async def test_a_token_of_each_role_is_accepted_with_its_scopes(issuer, role):
    caller = await verifier(issuer).verify(issuer.token([role], "acme"))
    assert (caller.tenant, caller.roles, caller.scopes) == ("acme", (role,), scopes_of(role))
    assert caller.subject == f"{role}@acme"


async def test_a_token_is_verified_by_what_is_found_at_the_issuers_address(issuer):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    issuer.publish(url)
    again = Issuer(Home(issuer.jwks.parent.parent))
    async with answering(issuer, "127.0.0.1", port), httpx.AsyncClient(base_url=url) as client:
        for place in ("openid-configuration", "oauth-authorization-server"):
            found = (await client.get(f"/.well-known/{place}")).json()
            assert (found["issuer"], found["jwks_uri"]) == (url, f"{url}/jwks.json")
        by_metadata = Verifier(jwks="", issuer=url, audiences=[AUDIENCE])
        assert (await by_metadata.verify(again.token([Role.SRE], "acme"))).subject == "sre@acme"


async def test_a_token_ends(issuer):
    with pytest.raises(Unauthenticated):
        await verifier(issuer).verify(issuer.token([Role.SRE], "acme", ttl_s=-60))


async def test_a_token_of_another_house_is_refused(issuer, tmp_path):
    other = Issuer(Home(tmp_path / "other"))
    with pytest.raises(Unauthenticated):
        await verifier(issuer).verify(other.token([Role.SRE], "acme"))


async def test_a_token_for_another_audience_is_refused(issuer):
    with pytest.raises(Unauthenticated):
        await verifier(issuer, audiences=["another"]).verify(issuer.token([Role.SRE], "acme"))


def test_the_key_survives_a_restart_and_its_secret_half_is_not_published(issuer):
    again = Issuer(Home(issuer.jwks.parent.parent))
    before = json.loads(issuer.jwks.read_text())
    assert json.loads(again.publish().read_text()) == before
    assert all("d" not in key for key in before["keys"])


def test_a_tenant_that_is_no_subject_token_gets_no_token(issuer):
    with pytest.raises(ValueError, match="not a tenant"):
        issuer.token([Role.SRE], "acme.globex")


def test_the_command_prints_a_token_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "regie", "token", "--role", "analyst", "--tenant", "acme", "--ttl", "60"]
    done = subprocess.run(command, env={"REGIE_HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.count(".") == 2
    assert done.stdout.strip() == "".join(done.stdout.split())

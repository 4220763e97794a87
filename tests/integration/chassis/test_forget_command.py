"""`regie forget`: over a service's own REST interface, by who may, and told plainly."""

import argparse
import asyncio
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from chassis import tenancy
from chassis.migrate import VAULT_SQL, migrate
from chassis.service import Definition, api, open_house
from chassis.settings import ChassisSettings
from contracts.envelope import Role
from regie import forget
from regie.issuer import Issuer
from tests.integration.chassis.test_forgetting import ToyForgotten
from tests.support.ports import free_port
from tests.support.serving import serving


@pytest.fixture
async def service(toy_urls, make_database, home):
    """The address of a toy service that seals fields of people, its vault, and who gives tokens for it."""
    owner, vault_url = await make_database("chassis", migrated=False)
    await migrate(owner, urlsplit(vault_url).username, [VAULT_SQL], log=False)
    issuer = Issuer(home.create())
    key = home.secrets / "vault.key"
    key.write_text("07" * 32)
    settings = ChassisSettings(
        database_url=toy_urls[1], vault_database_url=vault_url, vault_key_file=key,
        jwks=str(issuer.publish()), home=home.path,
    )  # fmt: skip
    definition = Definition(
        name="scheduling", title="Toy", summary="A toy.", events={ToyForgotten.tag(): ToyForgotten},
        forgotten=ToyForgotten, subjects="person-",
    )  # fmt: skip
    async with open_house(definition, settings) as house:
        with tenancy.seeing(tenancy.NOBODY):
            async with serving(api(definition, house), free_port()) as (url, _):
                with tenancy.seeing_all():
                    yield url, house.vault, issuer


async def regie_forget(url: str, token: str, subject: UUID) -> int:
    parser = argparse.ArgumentParser()
    forget.add_arguments(parser)
    args = parser.parse_args(["--url", url, "--token", token, str(subject), "--basis", "request"])
    return await asyncio.to_thread(forget.run, args)


async def test_a_person_is_forgotten_by_who_may_and_twice_is_no_harm(service, capsys):
    url, vault, issuer = service
    speaker = uuid4()
    sealed = await vault.seal("acme", f"person-{speaker}", "speaker.name", "Zoé")
    assert await regie_forget(url, issuer.token([Role.PARTNER], "acme"), speaker) == 1
    assert await regie_forget(url, issuer.token([Role.SRE], "globex"), speaker) == 1
    assert await vault.open(sealed, "acme", "speaker.name") == "Zoé"
    for _ in range(2):
        assert await regie_forget(url, issuer.token([Role.SRE], "acme"), speaker) == 0
    assert await vault.open(sealed, "acme", "speaker.name") is None
    told = capsys.readouterr()
    assert "forgotten" in told.out
    assert "knows nothing of this subject" in told.out
    assert "Zoé" not in told.out + told.err


async def test_without_a_service_the_command_says_that_nobody_was_asked(service):
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert await regie_forget(nowhere, service[2].token([Role.SRE], "acme"), uuid4()) == 2

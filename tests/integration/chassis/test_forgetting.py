"""Who is forgotten stays forgotten: through a crash in between, and through a vault restored from before."""

from urllib.parse import urlsplit

import pytest

from chassis import tenancy
from chassis.decider import Codec
from chassis.forget import Forgetting, ForgottenTable, keep_forgotten
from chassis.handle import Handler
from chassis.inbox import Inbox, OwnLog
from chassis.keks import Keks
from chassis.migrate import VAULT_SQL, migrate
from chassis.project import Projector
from chassis.vault import Vault
from contracts.forgetting import Forgotten
from contracts.problems import NotFound
from tests.integration.chassis.test_exchange import running, until
from tests.support.toy import cause


class ToyForgotten(Forgotten, frozen=True, kw_only=True, tag="toy.subject_forgotten.v1"):
    pass


CODEC = Codec({ToyForgotten.tag(): ToyForgotten})


@pytest.fixture
async def vault_pool(make_database):
    owner, service = await make_database("chassis", migrated=False)
    await migrate(owner, urlsplit(service).username, [VAULT_SQL], log=False)
    async with tenancy.open_pool(service, min_size=0, max_size=5) as made:
        yield made


@pytest.fixture
async def pool(toy_urls):
    async with tenancy.open_pool(toy_urls[1], min_size=0, max_size=5) as made:
        yield made


@pytest.fixture
def vault(vault_pool) -> Vault:
    return Vault(vault_pool, Keks(b"k" * 32))


@pytest.fixture
def forgetting(toy, vault) -> Forgetting:
    return Forgetting(ToyForgotten, Handler(toy[0], CODEC), vault)


async def test_forgetting_is_an_event_that_names_nobody(toy, forgetting, vault):
    sealed = await vault.seal("acme", "s1", "speaker.name", "Zoé")
    outcome = await forgetting.forget("s1", "request", cause(), None)
    assert [tag for tag, _ in outcome.events] == ["toy.subject_forgotten.v1"]
    assert await vault.open(sealed, "acme", "speaker.name") is None
    assert (await forgetting.forget("s1", "request", cause(), None)).events == ()
    [record] = await toy[0].read(0)
    assert CODEC.decode(record.type, record.payload).subject == "s1"


async def test_only_who_is_known_can_be_forgotten(toy, forgetting, vault):
    sealed = await vault.seal("acme", "s1", "speaker.name", "Zoé")
    for tenant, subject in (("acme", "s2"), ("globex", "s1")):
        with pytest.raises(NotFound):
            await forgetting.forget(subject, "request", cause(tenant), None)
    assert await toy[0].head() == 0
    assert await vault.open(sealed, "acme", "speaker.name") == "Zoé"


async def test_what_comes_after_is_not_kept_and_is_no_error(forgetting, vault):
    await vault.seal("acme", "s1", "speaker.name", "Zoé")
    await forgetting.forget("s1", "request", cause(), None)
    again = await vault.seal("acme", "s1", "speaker.name", "Zoé")  # say, the same schedule is imported again
    assert again.box == ""
    assert await vault.open(again, "acme", "speaker.name") is None


async def test_a_crash_before_the_key_is_destroyed_is_made_good(toy, forgetting, vault):
    sealed = await vault.seal("acme", "s1", "speaker.name", "Zoé")
    store, handler = toy[0], forgetting.handler
    forgetting.vault = _Dead(vault)
    with pytest.raises(ConnectionError):
        await forgetting.forget("s1", "request", cause(), None)
    assert await vault.open(sealed, "acme", "speaker.name") == "Zoé"
    forgetting.vault = vault
    async with running(Inbox("toy", OwnLog(store), store, handler, [forgetting.policy()]).run()):
        await until(lambda: _forgotten(vault, sealed))


class _Dead:
    """A vault whose process dies with the key still in it."""

    def __init__(self, vault) -> None:
        self.knows = vault.knows

    async def forget(self, *_) -> None:
        raise ConnectionError


async def test_a_vault_restored_from_before_forgets_again(toy, forgetting, vault, vault_pool, pool):
    sealed = await vault.seal("acme", "s1", "speaker.name", "Zoé")
    other = await vault.seal("acme", "s2", "speaker.name", "Ada")
    backup = await vault_pool.fetch("SELECT * FROM keys")
    outcome = await forgetting.forget("s1", "request", cause(), None)
    await vault_pool.execute("DELETE FROM keys")
    await vault_pool.executemany("INSERT INTO keys VALUES ($1, $2, $3, $4, $5, $6)", [tuple(row) for row in backup])
    assert await vault.open(sealed, "acme", "speaker.name") == "Zoé"  # the backup knows better
    projector = Projector(toy[0], pool, CODEC, [ForgottenTable()])
    async with running(projector.run()):
        await projector.wait(outcome.position)
    async with running(keep_forgotten(pool, vault, every_s=0.1)):
        await until(lambda: _forgotten(vault, sealed))
        await vault_pool.execute("DELETE FROM keys WHERE subject = 's1'")  # an even older backup: nothing of s1 in it
        await until(lambda: vault.knows("acme", "s1"))
    assert (await vault.seal("acme", "s1", "speaker.name", "Zoé")).box == ""
    assert await vault.open(other, "acme", "speaker.name") == "Ada"


async def _forgotten(vault, sealed) -> bool:
    return await vault.open(sealed, "acme", "speaker.name") is None

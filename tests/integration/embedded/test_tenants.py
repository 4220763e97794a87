"""A tenant is added while the broker serves the others: nobody is disconnected, nothing is lost, no wall falls."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

import nats.errors
import nats.js.errors
import pytest

from chassis.settings import SettingsError
from regie.broker_accounts import DOMAIN
from regie.broker_reload import ReloadRefused, reload
from regie.embedded.nats import Nats, write_accounts
from regie.exchange import NoAccount, ensure_exchange, partner_connection
from regie.home import write_private
from regie.tenant import add_to_broker, add_to_house
from tests.support.cluster import TENANTS, cluster_of_three

LIVE = "regie.live.stage.{}.session.1.went_live.s1"


class Traffic:
    """The stage publishes for acme without a pause and its partner reads, from `async with` to its end."""

    def __init__(self, server: Nats) -> None:
        self.server, self.published, self.read, self.lost_connections = server, 0, [], 0

    async def __aenter__(self) -> Self:
        self.over = asyncio.Event()
        self.stage = await self.server.connect("stage", disconnected_cb=self._noted)
        self.partner = await self.server.connect("partner-acme", disconnected_cb=self._noted)
        self.tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._read())]
        await self.goes_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over.set()
        async with asyncio.timeout(30):
            await asyncio.gather(*self.tasks)
        await self.stage.close()
        await self.partner.close()

    async def goes_on(self) -> None:
        """Waits for twenty more that were read."""
        enough = len(self.read) + 20
        async with asyncio.timeout(30):
            while len(self.read) < enough:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _publish(self) -> None:
        while not self.over.is_set():
            fence = {"Nats-Expected-Last-Sequence": str(self.published)}
            with contextlib.suppress(nats.js.errors.NoStreamResponseError, nats.errors.TimeoutError):
                text = str(self.published + 1).encode()
                await self.stage.jetstream().publish(LIVE.format("acme"), text, headers=fence)
                self.published += 1

    async def _read(self) -> None:
        """Through one consumer, made before: it is not made again."""
        pulling = await self.partner.jetstream().pull_subscribe_bind("partner_acme", stream="PUBLIC")
        while not self.over.is_set() or len(self.read) < self.published:
            with contextlib.suppress(nats.errors.TimeoutError):
                for message in await pulling.fetch(10, timeout=0.5):
                    self.read.append(int(message.data))
                    await message.ack()

    async def _noted(self) -> None:
        if not self.over.is_set():
            self.lost_connections += 1


@pytest.fixture
async def house(home, free_port):
    """A broker with acme alone, as a running house has it."""
    server = Nats(home, free_port(), ("acme",))
    await server.start()
    admin = await server.connect("admin")
    await ensure_exchange(admin, server.tenants)
    await admin.close()
    told = {"nats": {"url": server.url, "partner": {"tenant": "acme"}}, "tenants": ["acme"]}
    write_private(home.endpoints, json.dumps(told))
    yield server
    await server.stop()


async def all_of(server, tenant, count):
    messages = []
    async with partner_connection(server.url, server.seed_file(f"partner-{tenant}"), tenant) as partner:
        async with asyncio.timeout(30):
            while len(messages) < count:
                messages += await partner.fetch(count, wait_s=0.5)
        assert await partner.fetch(1, wait_s=0.2) == []
    return messages


async def published(server, tenant, *texts):
    stage = await server.connect("stage")
    for text in texts:
        await stage.jetstream().publish(LIVE.format(tenant), text)
    await stage.close()


async def test_a_tenant_is_added_while_the_others_go_on(house):
    environ = {"REGIE_HOME": str(house.home.path)}
    async with Traffic(house) as traffic:
        for tenant in ("globex", "initech"):
            told = await add_to_house(tenant, environ)
            assert (told["url"], told["partner"]["durable"]) == (house.url, f"partner_{tenant}")
            await traffic.goes_on()
    assert traffic.lost_connections == 0
    assert traffic.read == list(range(1, traffic.published + 1))
    assert await add_to_house("initech", environ) == told, "said twice it is the same"
    assert house.tenants == ("acme", "globex", "initech")


async def test_the_new_partner_reads_its_own_from_the_first_event_and_nobody_elses(house):
    await published(house, "globex", b"before")
    await published(house, "acme", b"not yours")
    await add_to_house("globex", {"REGIE_HOME": str(house.home.path)})
    await published(house, "globex", b"after")
    messages = await all_of(house, "globex", 2)
    assert [message.data for message in messages] == [b"before", b"after"]
    assert {message.subject for message in messages} == {"pub.globex.live.stage.session.1.went_live.s1"}
    assert [message.data for message in await all_of(house, "acme", 1)] == [b"not yours"]


async def test_the_others_cannot_reach_the_new_one(house):
    await add_to_house("globex", {"REGIE_HOME": str(house.home.path)})
    await published(house, "globex", b"secret")
    async with partner_connection(house.url, house.seed_file("partner-acme"), "globex") as partner:
        assert await partner.fetch(1, wait_s=0.3) == []
    acme = await house.connect("partner-acme")
    subjects = ("pub.globex.>", "sourced.globex.>", "_INBOX_globex.>", ">")
    listening = [await acme.subscribe(subject) for subject in subjects]
    for domain in (None, DOMAIN):
        with pytest.raises(nats.js.errors.NotFoundError):
            await acme.jetstream(domain=domain).consumer_info("PUBLIC", "partner_globex")
    with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
        await acme.request("$JS.PARTNER_globex.API.STREAM.INFO.PUBLIC", timeout=0.3)
    await published(house, "globex", b"secret")
    assert len(await all_of(house, "globex", 2)) == 2
    assert [each.pending_msgs for each in listening] == [0] * len(subjects)
    await acme.close()


async def test_an_added_tenant_stays_when_the_broker_starts_again(house):
    await add_to_house("globex", {"REGIE_HOME": str(house.home.path)})
    await house.stop()
    await house.start()
    await published(house, "globex", b"later")
    assert [message.data for message in await all_of(house, "globex", 1)] == [b"later"]


async def test_a_broker_that_does_not_take_its_configuration_says_so_and_goes_on(house):
    good = house.config.read_text()
    house.config.write_text(good + "\nno_such_word: 1\n")
    system = await house.connect("system")
    with pytest.raises(ReloadRefused, match=r"regie keeps its old configuration: .*no_such_word"):
        await reload(system, "PARTNER_acme")
    await published(house, "acme", b"still")
    house.config.write_text(good)
    assert await reload(system, "PARTNER_acme") == ["regie"]
    with pytest.raises(ReloadRefused, match="regie has read it, and no PARTNER_globex there"):
        await reload(system, "PARTNER_globex")
    await system.close()


async def test_a_broker_of_ones_own_reads_again_what_its_deployer_wrote(house):
    given = {"REGIE_HOME": str(house.home.path / "elsewhere"), "REGIE_NATS_URL": house.url}
    given |= {f"REGIE_NATS_{user.upper()}_SEED_FILE": str(house.seed_file(user)) for user in ("admin", "system")}
    with pytest.raises(ReloadRefused, match="no PARTNER_globex"):
        await add_to_broker("globex", given)
    with pytest.raises(NoAccount, match="'globex'"):
        await add_to_broker("globex", {**given, "REGIE_NATS_SYSTEM_SEED_FILE": ""})
    house.home.keep_tenant("globex")
    write_accounts(house.home, house.named)
    assert "seed_file" not in (await add_to_broker("globex", given))["partner"]
    await published(house, "globex", b"first")
    assert [message.data for message in await all_of(house, "globex", 1)] == [b"first"]


async def test_every_node_of_a_cluster_takes_a_tenant_before_any_makes_its_streams(tmp_path):
    async with cluster_of_three(tmp_path) as trio:
        first, second, third = trio.nodes.values()
        given = {
            "REGIE_HOME": str(tmp_path / "elsewhere"),
            "REGIE_NATS_URL": f"{first.url},{second.url}",
            "REGIE_NATS_REPLICAS": "3",
            "REGIE_NATS_ADMIN_SEED_FILE": str(first.seed_file("admin")),
            "REGIE_NATS_SYSTEM_SEED_FILE": str(first.seed_file("system")),
        }
        key = first.seed_file("partner-initech").read_text()
        for node in (first, second):
            node.home.secret("partner-initech.nk", lambda: key)
            write_accounts(node.home, (*TENANTS, "initech"))
        with pytest.raises(ReloadRefused, match="node2 has read it, and no PARTNER_initech there"):
            await add_to_broker("initech", given)
        third.home.secret("partner-initech.nk", lambda: key)
        write_accounts(third.home, (*TENANTS, "initech"))
        await add_to_broker("initech", given)
        for node in trio.nodes.values():
            await published(node, "initech", node.server.name.encode())
        for node in trio.nodes.values():
            async with partner_connection(node.url, node.seed_file("partner-initech"), "initech") as partner:
                await partner.replay_from(1)
            messages = await all_of(node, "initech", 3)
            assert [message.data for message in messages] == [b"node0", b"node1", b"node2"]


async def test_a_house_that_was_given_a_broker_cannot_change_its_accounts(home, nats_server):
    write_private(home.endpoints, json.dumps({"nats": {"url": nats_server.url}, "tenants": ["acme"]}))
    with pytest.raises(SettingsError, match="REGIE_NATS_URL"):
        await add_to_house("globex", {"REGIE_HOME": str(home.path)})
    assert home.tenants == ()


@pytest.mark.parametrize(
    ("name", "says"), [("Globex", "'Globex' is not a tenant"), ("globex", "endpoints.json")], ids=["name", "no house"]
)
def test_what_cannot_be_added_is_a_message_and_no_traceback(home, name, says):
    argv = [sys.executable, "-m", "regie", "tenant", "add", name]
    environ = {**os.environ, "REGIE_HOME": str(home.path)}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name} is not added: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert home.tenants == ()

"""The network between a service and the broker, or the broker's disk, is gone for a while: nothing is lost or repeated."""

import contextlib
import shutil
from uuid import uuid4

import httpx
import pytest

from chassis.broker import StreamSource, connect
from chassis.inbox import Inbox, Policy
from chassis.reconcile import Reconciler
from chassis.relay import Relay
from chassis.service import Definition, api, open_house
from chassis.settings import ChassisSettings
from regie.exchange import PUBLIC, ensure_exchange
from tests.integration.chassis.test_exchange import (
    MIRROR,
    _reached,
    count_what_was_raised,
    running,
    until,
)
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.serving import serving
from tests.support.toy import COUNTER, EVENTS, Raise, Raised, cause


class Exchange:
    """A relay and an inbox of another service, both behind a proxy."""

    def __init__(self, source, sink, stage, media) -> None:
        self.store, self.handler = source
        self.sink = sink[1]
        self.relay = Relay("stage", self.store, stage)
        policies = [Policy(Raised, count_what_was_raised)]
        self.inbox = Inbox("stage", StreamSource(media, "stage", [Raised.tag()]), *sink, policies)

    async def raised(self, count: int) -> None:
        for _ in range(count):
            await self.handler.run(COUNTER, uuid4(), Raise(by=1), cause())

    async def ready(self) -> bool:
        return (await self.relay.check()).startswith("ok")

    async def says(self, reason: str) -> bool:
        return reason in await self.relay.check()

    async def all_effects(self) -> bool:
        return await _reached(self.sink, await self.store.head())


@contextlib.asynccontextmanager
async def exchange_behind(proxy: Proxy, broker, two_services):
    stage = await connect(proxy.url, "stage", broker.seed_file("stage"))
    media = await connect(proxy.url, "media", broker.seed_file("media"))
    exchange = Exchange(*two_services, stage, media)
    try:
        async with running(exchange.relay.run(), exchange.inbox.run()):
            yield exchange
    finally:
        await stage.close()
        await media.close()


async def assert_nothing_lost_or_repeated(exchange: Exchange, broker, total: int) -> None:
    """The stream is the log, and every event has had its one effect."""
    direct = await connect(broker.url, "stage", broker.seed_file("stage"))
    reconciler = Reconciler("stage", exchange.store, direct)
    assert await reconciler.compare() == []
    assert reconciler.compared == total
    await direct.close()
    assert await exchange.sink.state(COUNTER, MIRROR, tenant="acme") == (total, total)


async def test_a_network_that_is_cut_is_noticed_told_and_made_up_for(two_services, make_broker):
    broker = await make_broker()
    async with Proxy(broker.port) as proxy, exchange_behind(proxy, broker, two_services) as exchange:
        await exchange.raised(5)
        await until(exchange.all_effects)
        proxy.cut()
        await until(lambda: exchange.says("the broker cannot be reached"), 3)
        await exchange.raised(40)  # more than single messages: an atomic batch
        proxy.heal()
        await until(exchange.all_effects)
        await until(exchange.ready)
        await assert_nothing_lost_or_repeated(exchange, broker, 45)


async def test_a_network_that_swallows_everything_is_noticed_told_and_made_up_for(two_services, make_broker):
    broker = await make_broker()
    async with Proxy(broker.port) as proxy, exchange_behind(proxy, broker, two_services) as exchange:
        await exchange.raised(5)
        await until(exchange.all_effects)
        proxy.swallow()
        await exchange.raised(3)
        await until(lambda: exchange.says("the broker "), 12)
        proxy.heal()  # what was on its way arrives now, behind the back of whoever connected anew
        await until(exchange.all_effects)
        await until(exchange.ready)
        await assert_nothing_lost_or_repeated(exchange, broker, 8)


async def test_a_wiped_broker_is_filled_from_the_log_again_and_so_is_what_partners_read(two_services, make_broker):
    broker = await make_broker()
    async with Proxy(broker.port) as proxy, exchange_behind(proxy, broker, two_services) as exchange:
        await exchange.raised(50)
        await until(exchange.all_effects)
        await until(lambda: partner_has(broker, 50))
        await broker.stop()
        shutil.rmtree(broker.home.nats / "jetstream")
        await broker.start()
        await until(lambda: exchange.says("has no stream STAGE"), 15)
        await exchange.raised(5)
        admin = await broker.connect("admin")
        await ensure_exchange(admin, broker.tenants)
        await admin.close()
        await until(exchange.all_effects)
        await until(exchange.ready)
        await assert_nothing_lost_or_repeated(exchange, broker, 55)
        await until(lambda: partner_has(broker, 55))
        assert await partner_ids(broker) == await ids_of(exchange.store)


@pytest.mark.long
async def test_one_stream_made_anew_is_filled_from_the_log_and_partners_miss_nothing(two_services, make_broker):
    """What to do about a damaged stream. The broker copies it to the partners anew, so these may get events again."""
    broker = await make_broker()
    async with Proxy(broker.port) as proxy, exchange_behind(proxy, broker, two_services) as exchange:
        await exchange.raised(40)
        await until(exchange.all_effects)
        await until(lambda: partner_has(broker, 40))
        admin = await broker.connect("admin")
        await admin.jetstream().delete_stream("STAGE")
        assert await ensure_exchange(admin, broker.tenants) == ["STAGE"]
        await admin.close()
        await exchange.raised(5)
        await until(exchange.all_effects)
        await until(exchange.ready)
        await assert_nothing_lost_or_repeated(exchange, broker, 45)
        newest = (await ids_of(exchange.store))[-1]
        await until(lambda: partner_got(broker, newest), 60)  # the broker looks at its sources every now and then
        found = await partner_ids(broker)
        assert list(dict.fromkeys(found)) == await ids_of(exchange.store)


async def test_a_lag_beyond_the_setting_is_not_ready_and_is_measured_until_it_is_made_up_for(
    toy_urls, make_broker, home
):
    """The broker takes nothing for a while; the service is asked over HTTP, as a platform and Prometheus would."""
    broker = await make_broker()
    settings = ChassisSettings(database_url=toy_urls[1], jwks=str(home.run / "jwks.json"), home=home.path)
    definition = Definition(name="stage", title="Toy", summary="A toy.", events=EVENTS)
    async with Proxy(broker.port) as proxy, open_house(definition, settings) as house:
        stage = await connect(proxy.url, "stage", broker.seed_file("stage"))
        house.relay = Relay("stage", house.store, stage, ready_lag_s=0.5)
        app = api(definition, house)
        app.state.ready.append(("broker", house.relay.check))
        async with (
            serving(app, free_port()) as (url, _),
            running(house.relay.run()),
            httpx.AsyncClient(base_url=url) as http,
        ):
            await until(lambda: _ready(http))
            proxy.swallow()
            for _ in range(3):
                await house.handler.run(COUNTER, uuid4(), Raise(by=1), cause())
            await until(lambda: _says(http, "3 events and"))
            lag = await metrics(http)
            assert lag["regie_relay_lag_events"] == 3
            assert lag["regie_relay_lag_seconds"] > 0.5
            proxy.heal()
            await until(lambda: _ready(http))
            await until(lambda: _no_lag(http))
        await stage.close()


async def _ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/health/ready")).status_code == 200


async def _says(http: httpx.AsyncClient, reason: str) -> bool:
    answer = await http.get("/health/ready")
    return answer.status_code == 503 and reason in answer.text


async def _no_lag(http: httpx.AsyncClient) -> bool:
    return set((await metrics(http)).values()) == {0.0}


async def metrics(http: httpx.AsyncClient) -> dict[str, float]:
    """The two of the relay's lag, for the service `stage`."""
    lines = (await http.get("/metrics")).text.splitlines()
    return {
        line.split("{")[0]: float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith("regie_relay_lag") and 'service="stage"' in line
    }


async def ids_of(store) -> list[str]:
    return [str(record.metadata.id) for record in await store.read(0)]


async def partner_has(broker, count: int) -> bool:
    partner = await broker.connect("partner-acme")
    try:
        return (await partner.jetstream().stream_info(PUBLIC)).state.messages >= count
    finally:
        await partner.close()


async def partner_got(broker, ident: str) -> bool:
    return ident in await partner_ids(broker)


async def partner_ids(broker) -> list[str]:
    """The ids of everything in the partner's stream, in its order."""
    partner = await broker.connect("partner-acme")
    subscription = await partner.jetstream().subscribe("pub.acme.>", stream=PUBLIC, ordered_consumer=True)
    found: list[str] = []
    try:
        with contextlib.suppress(TimeoutError):
            while True:
                found.append((await subscription.next_msg(timeout=0.5)).headers["ce-id"])
    finally:
        await partner.close()
    return found


async def test_the_relay_of_a_stream_that_follows_is_ready(two_services, make_broker):
    broker = await make_broker()
    stage = await connect(broker.url, "stage", broker.seed_file("stage"))
    relay = Relay("stage", two_services[0][0], stage)
    assert await relay.check() == "has not reached the stream yet"
    async with running(relay.run()):
        await until(lambda: _is_ok(relay))
    await stage.close()


async def _is_ok(relay: Relay) -> bool:
    return await relay.check() == "ok"

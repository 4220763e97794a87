"""Everything a partner or a service must not do on the broker is tried with its own key and seen refused.

Each refusal is the broker's own word ("permissions violation"), not a missing answer; each test also does what is
allowed, so that a connection that can do nothing at all does not pass.
"""

import asyncio
import contextlib
import json

import nats.errors
import nats.js.errors
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.broker import logs_of
from regie.broker_accounts import account_of
from regie.exchange import DOMAIN, PUBLIC

LIVE = "regie.live.stage.acme.session.1.went_live.s1"
GLOBEX = LIVE.replace("acme", "globex")
PARTNER_API = ("STREAM.LIST", "STREAM.INFO.STAGE", "STREAM.CREATE.MINE", "STREAM.UPDATE.PUBLIC", "STREAM.PURGE.PUBLIC",
    "STREAM.DELETE.PUBLIC", "STREAM.MSG.DELETE.PUBLIC", "STREAM.MSG.GET.STAGE", "DIRECT.GET.STAGE",
    "STREAM.SNAPSHOT.PUBLIC", "STREAM.RESTORE.MINE", "STREAM.LEADER.STEPDOWN.PUBLIC", "META.LEADER.STEPDOWN",
    "SERVER.REMOVE", "ACCOUNT.PURGE.REGIE", "CONSUMER.CREATE.STAGE", "CONSUMER.CREATE.STAGE.mine",
    "CONSUMER.CREATE.STAGE.mine.regie.live.stage.globex.>", "CONSUMER.DURABLE.CREATE.STAGE.mine",
    "CONSUMER.LIST.STAGE", "CONSUMER.INFO.STAGE.any", "CONSUMER.MSG.NEXT.STAGE.any", "CONSUMER.DELETE.STAGE.any",
    "CONSUMER.PAUSE.PUBLIC.partner_acme")  # fmt: skip
PREFIXES = ("$JS.API", "$JS.REGIE.API", "$JS.LOGS.API", "$JS.PARTNER_globex.API", "$JS.PARTNER_acme.API")
SERVICE_API = ("STREAM.PURGE.STAGE", "STREAM.DELETE.STAGE", "STREAM.UPDATE.STAGE", "STREAM.MSG.DELETE.STAGE",
    "STREAM.CREATE.MINE", "STREAM.INFO.MEDIA", "CONSUMER.CREATE.STAGE.mine", "CONSUMER.CREATE.MEDIA")  # fmt: skip


class Tried:
    """A connection that keeps what the broker refused it."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def hear(self, error: Exception) -> None:
        self.refused.append(str(error).lower())

    async def open(self, server, user):
        self.connection = await server.connect(user, error_cb=self.hear)
        return self.connection

    async def is_refused(self, verb: str, subject: str) -> bool:
        """Whether the broker said so; the round trip makes sure it has answered.

        A subject under the broker's own domain is named in the refusal as the broker reads it, without the domain.
        """
        await self.connection.flush()
        subject = subject.replace(f"$JS.{DOMAIN}.API", "$JS.API")
        wanted = f'permissions violation for {verb} to "{subject}"'.lower()
        for _ in range(50):
            if any(wanted in error for error in self.refused):
                return True
            await asyncio.sleep(0.01)  # the library hands errors on in a task of their own
        return False


@contextlib.asynccontextmanager
async def trying(server, user):
    tried = Tried()
    connection = await tried.open(server, user)
    try:
        yield tried, connection
    finally:
        await connection.close()


async def stored(server) -> dict[str, int]:
    """How many messages each stream has, in every account."""
    admin = await server.connect("admin")
    try:
        counts = {}
        for domain in (None, account_of("acme"), account_of("globex")):
            js = admin.jetstream(domain=domain) if domain else admin.jetstream()
            for stream in await js.streams_info():
                counts[f"{domain}/{stream.config.name}"] = stream.state.messages
        return counts
    finally:
        await admin.close()


async def record(server, subject: str, data: bytes = b"{}") -> None:
    service = await server.connect("stage")
    await service.jetstream().publish(subject, data, timeout=2)
    await service.close()


async def arrived(partner, subject_filter: str, count: int, **config) -> list[str]:
    """What an ephemeral consumer of the partner's own making gets."""
    js = partner.jetstream()
    subscription = await js.pull_subscribe(subject_filter, stream=PUBLIC, config=ConsumerConfig(**config))
    found = []
    for _ in range(40):
        with contextlib.suppress(nats.errors.TimeoutError):
            found += [message.data.decode() for message in await subscription.fetch(count, timeout=0.25)]
        if len(found) >= count:
            return found
    return found


async def test_a_partner_is_refused_every_other_part_of_the_api(make_broker):
    server = await make_broker()
    async with trying(server, "partner-acme") as (tried, connection):
        for prefix in PREFIXES:
            for call in PARTNER_API:
                tried.refused.clear()
                await connection.publish(f"{prefix}.{call}", b"{}", reply="_INBOX.x")
                assert await tried.is_refused("publish", f"{prefix}.{call}"), (prefix, call)
        for own in ("$JS.API.STREAM.INFO.PUBLIC", "$JS.REGIE.API.STREAM.INFO.PUBLIC"):
            assert json.loads((await connection.request(own, b"", timeout=2)).data)["config"]["name"] == PUBLIC


@pytest.mark.parametrize("subject", [LIVE, "pub.acme.live.stage.session.1.went_live.s1", "stored.regie.x",
    "sourced.acme.x", "audit.stage.checkpoint", "$SYS.REQ.SERVER.PING", "$JS.ACK.STAGE.any.1.1.1.1.1",
    "$JS.EVENT.ADVISORY.x", "_INBOX_globex.x", "_INBOX_stage.x"])  # fmt: skip
async def test_a_partner_cannot_publish(nats_server, subject):
    before = await stored(nats_server)
    async with trying(nats_server, "partner-acme") as (tried, connection):
        await connection.publish(subject, b"{}")
        assert await tried.is_refused("publish", subject)
    assert await stored(nats_server) == before


@pytest.mark.parametrize("subject", [">", "*.>", "regie.>", "pub.>", "pub.globex.>", "stored.>", "sourced.>", "$SYS.>",
    "$JS.>", "audit.>", "_INBOX_globex.>", "_INBOX_stage.>"])  # fmt: skip
async def test_a_partner_cannot_listen_in(nats_server, subject):
    async with trying(nats_server, "partner-acme") as (tried, connection):
        await connection.subscribe(subject)
        assert await tried.is_refused("subscription", subject)
        assert (await connection.jetstream().stream_info(PUBLIC)).config.name == PUBLIC


async def test_a_partner_sees_nothing_of_another_tenant_whatever_it_filters_by(make_broker):
    server = await make_broker()
    await record(server, GLOBEX, b"theirs")
    await record(server, LIVE, b"ours")
    async with trying(server, "partner-acme") as (_, acme), trying(server, "partner-globex") as (_, globex):
        assert await arrived(acme, ">", 1) == ["ours"]
        assert await arrived(globex, ">", 1) == ["theirs"]
        js = acme.jetstream()
        wide = await js.pull_subscribe("pub.globex.>", stream=PUBLIC)
        with pytest.raises(nats.errors.TimeoutError):
            await wide.fetch(1, timeout=0.5)
        await globex.jetstream().pull_subscribe("pub.globex.>", durable="theirs", stream=PUBLIC)
        with pytest.raises(nats.js.errors.NotFoundError):
            await js.consumer_info(PUBLIC, "theirs")
        with pytest.raises(nats.js.errors.APIError):
            await js.delete_consumer(PUBLIC, "partner_globex")
    counts = await stored(server)
    assert (counts["PARTNER_acme/PUBLIC"], counts["PARTNER_globex/PUBLIC"]) == (1, 1)


async def test_a_partner_replays_by_sequence_or_time_and_filters_by_service_show_and_type(make_broker):
    server = await make_broker()
    await record(server, LIVE, b"1")
    await record(server, LIVE.replace("s1", "s2"), b"2")
    await record(server, LIVE.replace("went_live", "ended"), b"3")
    media = await server.connect("media")
    await media.jetstream().publish("regie.live.media.acme.recording.1.started.s1", b"4")
    await media.close()
    async with trying(server, "partner-acme") as (_, partner):
        assert sorted(await arrived(partner, "pub.acme.>", 4)) == ["1", "2", "3", "4"]
        assert await arrived(partner, "pub.acme.*.stage.>", 3) == ["1", "2", "3"]
        assert sorted(await arrived(partner, "pub.acme.*.*.*.*.*.s1", 3)) == ["1", "3", "4"]
        assert await arrived(partner, "pub.acme.*.*.*.*.ended.*", 1) == ["3"]
        js = partner.jetstream()
        [late] = [m for m in [await js.get_msg(PUBLIC, seq=n) for n in range(1, 5)] if m.data == b"3"]
        after = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": late.seq}
        assert await arrived(partner, "pub.acme.*.stage.>", 1, **after) == ["3"]
        since = {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": "2020-01-01T00:00:00Z"}
        assert await arrived(partner, "pub.acme.*.stage.>", 3, **since) == ["1", "2", "3"]
        never = {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": "2100-01-01T00:00:00Z"}
        assert await arrived(partner, "pub.acme.*.stage.>", 1, **never) == []
        heard = asyncio.Queue()
        await js.subscribe("pub.acme.*.stage.>", stream=PUBLIC, ordered_consumer=True, cb=heard.put)
        assert [(await asyncio.wait_for(heard.get(), 5)).data for _ in range(3)] == [b"1", b"2", b"3"]


async def test_no_reply_subject_makes_the_broker_store_anything(make_broker):
    """The confused deputy: ask for a message and name a log's subject, or the log's API, as the place to send it to."""
    server = await make_broker()
    await record(server, LIVE, b"a")
    ask = json.dumps({"seq": 1, "batch": 5, "next_by_subj": ">"}).encode()
    mine = "regie.live.media.acme.recording.1.started.s1"
    async with trying(server, "partner-acme") as (_, partner), trying(server, "media") as (tried, media):
        assert await arrived(partner, ">", 1) == ["a"]
        before = await stored(server)
        for target in (LIVE, GLOBEX, mine, "pub.acme.x", "$JS.LOGS.API.CONSUMER.CREATE.STAGE", "sourced.acme.x"):
            await partner.publish("$JS.API.DIRECT.GET.PUBLIC", ask, reply=target)
            await partner.publish("$JS.API.CONSUMER.MSG.NEXT.PUBLIC.partner_acme", b"1", reply=target)
            await _push_consumer(partner, target)
        for target in (LIVE, GLOBEX):
            await media.publish("$JS.LOGS.API.DIRECT.GET.STAGE", ask, reply=target)
        await asyncio.sleep(0.5)
        assert await stored(server) == before
        await media.publish("$JS.LOGS.API.CONSUMER.MSG.NEXT.STAGE.any", b"1", reply=LIVE)
        assert tried.connection.is_connected
        control = await media.jetstream().publish(mine, b"{}", timeout=2)
        assert control.stream == "MEDIA"


async def _push_consumer(partner, target: str) -> None:
    """A consumer that delivers to the target; that the broker takes it proves nothing, what it stores does."""
    with contextlib.suppress(nats.js.errors.APIError):
        await partner.jetstream().add_consumer(
            PUBLIC, ConsumerConfig(deliver_subject=target, name=f"to-{hash(target)}")
        )


async def test_a_service_changes_nothing_and_looks_at_its_own_stream_only(nats_server):
    async with trying(nats_server, "stage") as (tried, stage):
        for call in SERVICE_API:
            for prefix in ("$JS.API", "$JS.REGIE.API"):
                tried.refused.clear()
                await stage.publish(f"{prefix}.{call}", b"{}", reply="_INBOX_stage.x")
                assert await tried.is_refused("publish", f"{prefix}.{call}"), (prefix, call)
            with pytest.raises((nats.errors.NoRespondersError, nats.errors.TimeoutError)):
                await stage.request(f"$JS.LOGS.API.{call}", b"{}", timeout=0.3)
        for subject in ("regie.>", "pub.>", "_INBOX_media.>", ">"):
            await stage.subscribe(subject)
            assert await tried.is_refused("subscription", subject)
        for subject in ("regie.live.media.acme.recording.1.started.s1", "pub.acme.x", "audit.media.checkpoint"):
            await stage.publish(subject, b"{}")
            assert await tried.is_refused("publish", subject)
        assert (await logs_of(stage).stream_info("STAGE")).config.name == "STAGE"


async def test_the_admin_alone_reaches_into_a_partners_account(nats_server):
    admin = await nats_server.connect("admin")
    assert (await admin.jetstream(domain=account_of("acme")).stream_info(PUBLIC)).config.name == PUBLIC
    await admin.close()

"""The embedded broker: each user may do its own work and nothing else; what is stored survives a kill."""

import os
import signal

import nats.errors
import nats.js.errors
import pytest

from chassis.broker import stream_name
from regie.broker_accounts import partner_names
from regie.embedded.nats import Nats
from regie.embedded.process import ProgramFailed
from regie.exchange import ensure_exchange, partner_connection

REFUSED = (nats.errors.TimeoutError, nats.js.errors.Error, nats.errors.NoRespondersError)
LIVE = "regie.live.stage.acme.session.1.went_live.s1"


async def publish(server, user, subject, data=b"{}"):
    connection = await server.connect(user)
    try:
        return await connection.jetstream().publish(subject, data, timeout=1, headers={"ce-id": "1"})
    finally:
        await connection.close()


async def test_a_partner_reads_its_own_events_in_order_with_their_headers(make_broker):
    server = await make_broker()
    for number in range(5):
        await publish(server, "stage", LIVE, str(number).encode())
    await publish(server, "stage", LIVE.replace("acme", "globex"), b"not yours")
    async with partner_connection(server.url, server.seed_file("partner-acme"), "acme") as partner:
        messages = await _all(partner, 5)
        assert [message.data for message in messages] == [b"0", b"1", b"2", b"3", b"4"]
        assert messages[0].subject == "pub.acme.live.stage.session.1.went_live.s1"
        assert messages[0].headers["ce-id"] == "1"
        for message in messages:
            await message.ack_sync()
        assert await partner.pending() == 0


async def test_a_partner_reads_again_from_any_point(make_broker):
    server = await make_broker()
    for number in range(4):
        await publish(server, "stage", LIVE, str(number).encode())
    async with partner_connection(server.url, server.seed_file("partner-acme"), "acme") as partner:
        for message in await _all(partner, 4):
            await message.ack_sync()
        await partner.replay_from(3)
        assert [message.data for message in await _all(partner, 2)] == [b"2", b"3"]


async def test_rehearsal_reaches_partners_and_replay_never_does(make_broker):
    server = await make_broker()
    for mode in ("replay", "rehearsal"):
        await publish(server, "stage", LIVE.replace("live", mode, 1), mode.encode())
    async with partner_connection(server.url, server.seed_file("partner-acme"), "acme") as partner:
        assert [message.data for message in await partner.fetch(10, wait_s=1)] == [b"rehearsal"]


async def test_sequence_follows_position_from_the_start_that_is_named(home, free_port):
    server = Nats(home, free_port(), ())
    await server.start()
    admin = await server.connect("admin")
    await ensure_exchange(admin, (), {"stage": 41})
    await admin.close()
    assert (await publish(server, "stage", LIVE)).seq == 41
    await server.stop()


async def test_a_service_publishes_under_its_own_name_only(nats_server):
    assert (await publish(nats_server, "media", "regie.live.media.acme.recording.1.started.s1")).stream == "MEDIA"
    with pytest.raises(REFUSED):
        await publish(nats_server, "media", LIVE)


async def test_not_even_the_admin_can_purge_a_log(nats_server):
    connection = await nats_server.connect("admin")
    with pytest.raises(nats.js.errors.APIError):
        await connection.jetstream().purge_stream(stream_name("stage"))
    await connection.close()


async def test_nobody_gets_in_without_a_key(nats_server):
    with pytest.raises(nats.errors.Error):
        await nats.connect(nats_server.url, allow_reconnect=False, max_reconnect_attempts=0)


async def test_stored_messages_survive_a_kill(make_broker):
    server = await make_broker()
    await publish(server, "stage", LIVE)
    os.kill(server.program.pid, signal.SIGKILL)
    await server.program.wait()
    await server.start()
    admin = await server.connect("admin")
    assert (await admin.jetstream().stream_info("STAGE")).state.messages == 1
    assert await ensure_exchange(admin, ("acme",)) == []
    await admin.close()


async def test_a_taken_port_is_named_in_the_failure(nats_server, home):
    with pytest.raises(ProgramFailed, match=str(nats_server.port)):
        await Nats(home, nats_server.port, ()).start()


@pytest.mark.parametrize("tenant", ["", "a.b", "*", ">", "Acme", "a b", 'a"'])
def test_a_tenant_name_that_is_no_subject_token_is_refused(tenant):
    with pytest.raises(ValueError, match="not a tenant"):
        partner_names(tenant)


async def _all(partner, count):
    """Wait for `count` messages: the public stream follows the logs a moment later."""
    messages = []
    for _ in range(20):
        messages += await partner.fetch(count - len(messages), wait_s=0.5)
        if len(messages) == count:
            break
    return messages

"""A broker of several servers: a client takes any that answers, and goes on with another when its own dies."""

import asyncio
import contextlib

import pytest

from chassis.broker import connect, servers_of
from chassis.settings import SettingsError
from regie.embedded.nats import binary
from tests.integration.chassis.test_exchange import until
from tests.support.ports import free_port


@contextlib.asynccontextmanager
async def server():
    """A bare server on loopback: its URL and its process."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        binary(), "-a", "127.0.0.1", "-p", str(port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"nats://127.0.0.1:{port}", process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def heard(client) -> bool:
    """Whether a message goes to the broker and back."""
    with contextlib.suppress(Exception):
        subscription = await client.subscribe("there-and-back")
        await client.publish("there-and-back", b"hello")
        return (await subscription.next_msg(timeout=1)).data == b"hello"
    return False


async def test_a_client_goes_on_with_another_server_when_its_own_is_killed():
    async with server() as first, server() as second:
        client = await asyncio.wait_for(connect(f"{first[0]}, {second[0]}", "stage", None), 10)
        try:
            await until(lambda: heard(client))
            processes = dict([first, second])
            mine = client.connected_url.geturl()
            processes.pop(mine).kill()
            [other] = processes
            await until(lambda: heard(client))
            assert client.connected_url.geturl() == other
        finally:
            await client.close()


async def test_a_server_that_is_down_from_the_start_is_passed_over():
    async with server() as (url, _):
        for down in range(2):
            servers = [url, f"127.0.0.1:{free_port()}"]
            client = await asyncio.wait_for(connect(",".join(servers[:: 1 - 2 * down]), "stage", None), 10)
            assert client.connected_url.geturl() == url
            await client.close()


def test_a_list_of_servers_may_be_written_as_people_do():
    assert servers_of("nats://a:1") == ["nats://a:1"]
    assert servers_of("tls://a:1, tls://b:2 ,") == ["tls://a:1", "tls://b:2"]
    assert servers_of("a:1") == ["nats://a:1"]
    with pytest.raises(SettingsError, match="REGIE_NATS_URL"):
        servers_of(" , ")

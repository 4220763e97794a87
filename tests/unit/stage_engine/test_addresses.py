"""Where the engine connects to: the address that was checked, checked again at every connection."""

import asyncio
import socket
import threading

import pytest

from chassis.outbound import AddressForbidden, Outbound
from services.stage.engine.conduit import Conduit, application_of
from services.stage.engine.rtmp.publisher import DestinationFault, Publisher
from services.stage.ingest.session import Session
from tests.support.dns import name_server

ONE = Outbound.allowing("127.0.0.1/32").allow


async def test_a_destination_whose_name_leads_inside_later_is_refused_at_the_next_connection() -> None:
    taken: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        taken.append(await session.key())
        await session.accept()
        async for _ in session.media():
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with name_server("127.0.0.1", "127.0.0.2") as names:
        for attempt in (1, 2):
            publisher = Publisher(f"rtmp://tube.example:{port}/live/k3y", Outbound(ONE, names.resolve))
            if attempt == 1:
                await asyncio.to_thread(publisher.open)
            else:
                with pytest.raises(DestinationFault, match="not public"):
                    await asyncio.to_thread(publisher.open)
            await asyncio.to_thread(publisher.close, politely=True)
        assert names.asked == ["tube.example"] * 2
    server.close()
    assert taken == ["k3y"]


def test_a_feed_is_carried_from_the_checked_address_and_its_end_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as far, name_server("127.0.0.1") as names:
        port = far.getsockname()[1]
        conduit = Conduit(f"rtmp://feed.example:{port}/app/key?t=1", Outbound(ONE, names.resolve), 3.0)
        assert conduit.tc_url == f"rtmp://feed.example:{port}/app"
        assert conduit.url.endswith("/app/key?t=1")
        theirs, _ = far.accept()
        near_port = int(conduit.url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", near_port), 3.0) as near, theirs:
            near.sendall(b"handshake")
            assert theirs.recv(100) == b"handshake"
            theirs.sendall(b"pictures" * 50_000)
            theirs.shutdown(socket.SHUT_WR)
            got = b""
            while data := near.recv(65536):
                got += data
            assert got == b"pictures" * 50_000
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", near_port), 3.0)


def test_a_feed_that_leads_inside_is_never_connected_to() -> None:
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as far:
        far.settimeout(0.2)
        with pytest.raises(AddressForbidden):
            Conduit(f"rtmp://127.0.0.1:{far.getsockname()[1]}/app/key", Outbound(), 3.0)
        with pytest.raises(TimeoutError):
            far.accept()
    assert threading.active_count() == before


@pytest.mark.parametrize(("path", "application"), [("/a/k", "a"), ("/a/b/k", "a/b"), ("/a/b/c/k", "a/b"), ("/k", "k")])
def test_the_application_is_what_libav_takes_for_it(path: str, application: str) -> None:
    assert application_of(path) == application

"""Our publisher against our ingest session, over a socket, and against servers that misbehave."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from chassis.outbound import Outbound, Place
from services.stage.engine.rtmp import publisher as module
from services.stage.engine.rtmp.chunks import AUDIO, DATA, VIDEO, Message, WireError
from services.stage.engine.rtmp.publisher import DestinationFault, Publisher, Target
from services.stage.ingest.session import Session

LOOPBACK = Outbound.allowing("127.0.0.0/8")

Serve = Callable[[Session, asyncio.StreamReader], Awaitable[None]]


async def against(serve: Serve, client: Callable[[Publisher], None], url: str = "live/k3y?token=1") -> None:
    """Run a blocking client in a thread against a server of the test."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(Session(reader, writer), reader)
        except (EOFError, OSError, WireError):
            failed.append(True)
        finally:
            writer.close()

    failed: list[bool] = []
    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    publisher = Publisher(f"rtmp://127.0.0.1:{port}/{url}", LOOPBACK)
    try:
        await asyncio.to_thread(client, publisher)
    finally:
        publisher.close(politely=False)
        server.close()


async def test_what_is_published_arrives_in_order_until_the_publisher_leaves() -> None:
    got: list[Message] = []
    over = asyncio.Event()

    async def serve(session: Session, _: asyncio.StreamReader) -> None:
        assert await session.key() == "k3y"
        await session.accept()
        got.extend([message async for message in session.media()])
        over.set()

    def publish(publisher: Publisher) -> None:
        publisher.open()
        publisher.write(DATA, 0, b"meta")
        for number in range(3):
            publisher.write(VIDEO, number * 40, bytes([number]) * 70_000)
            publisher.write(AUDIO, number * 40, b"a")
            publisher.listen()
        publisher.close(politely=True)

    await against(serve, publish)
    await asyncio.wait_for(over.wait(), 5)
    assert [(m.kind, m.timestamp, len(m.payload)) for m in got] == [
        (DATA, 0, 4),
        *[(kind, number * 40, size) for number in range(3) for kind, size in ((VIDEO, 70_000), (AUDIO, 1))],
    ]


async def test_a_refusal_is_told_in_the_words_of_the_server() -> None:
    async def serve(session: Session, _: asyncio.StreamReader) -> None:
        await session.key()
        await session.refuse("NetStream.Publish.BadName", "already publishing")

    def publish(publisher: Publisher) -> None:
        with pytest.raises(DestinationFault, match=r"^refused: NetStream.Publish.BadName already publishing$"):
            publisher.open()

    await against(serve, publish)


async def test_another_application_than_live_is_hung_up_on() -> None:
    async def serve(session: Session, _: asyncio.StreamReader) -> None:
        await session.key()

    def publish(publisher: Publisher) -> None:
        with pytest.raises(DestinationFault, match=r"hung up at connect|connection reset"):
            publisher.open()

    await against(serve, publish, "other/k3y")


@pytest.mark.parametrize("size", [200_000, 300], ids=["the write blocks", "the kernel's buffer hides it"])
async def test_a_server_that_reads_no_more_is_stalled(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.4)
    monkeypatch.setattr(module, "SEND_BUFFER", 1 << 20)
    told: list[str] = []
    over = threading.Event()

    async def serve(session: Session, _: asyncio.StreamReader) -> None:
        await session.key()
        await session.accept()
        while not over.is_set():  # noqa: ASYNC110 - set by a thread
            await asyncio.sleep(0.05)

    def publish(publisher: Publisher) -> None:
        publisher.open()
        try:
            for _ in range(200):  # more than the server's own buffer holds
                publisher.write(VIDEO, 0, bytes(50_000))
                if size < 50_000 and publisher.sent > 3_000_000:
                    break
            for _ in range(400):
                publisher.write(VIDEO, 0, bytes(size))
                publisher.listen()
                over.wait(0.005)
        except DestinationFault as fault:
            told.append(str(fault))
        finally:
            over.set()

    await against(serve, publish)
    assert told == ["stalled"]


@pytest.mark.parametrize(
    "url", ["rtmp://host/live", "rtmp:///live/key", "http://host/live/key", "rtmp://h:x/a/k", "rtmp://[/a/k"]
)
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(DestinationFault) as refusal:
        Target(url)
    assert url not in str(refusal.value)


def test_an_address_is_taken_apart() -> None:
    target = Target("rtmps://example.org/app/instance/key?a=b")
    assert target.place == Place(scheme="rtmps", host="example.org", port=443)
    assert (target.application, target.key) == ("app/instance", "key?a=b")
    assert target.connect_object()["tcUrl"] == "rtmps://example.org/app/instance"

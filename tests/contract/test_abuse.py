"""Attacks on a real socket: each is made as an attacker makes it, and a good client is served meanwhile."""

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.served import Served, served_toy
from tests.unit.chassis_http.conftest import SHOW

SHOW_BYTES = json.dumps(SHOW).encode()


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    """With little patience and room, so that the tests need little time."""
    async with served_toy(free_port(), "--tight") as toy:
        yield toy


@pytest.fixture(autouse=True)
async def still_well(served: Served) -> AsyncIterator[None]:
    """Whatever a test does, the service serves a good client afterwards and has not noticed a fault of its own."""
    yield
    async with good(served) as client:
        assert (await client.post("/shows", json=SHOW)).status_code == 201
        metrics = (await client.get("/metrics")).text
    assert [line for line in metrics.splitlines() if line.startswith("regie_faults_total{")] == []


def good(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=served.url, headers={"Authorization": f"Bearer {served.token}"}, timeout=httpx.Timeout(5)
    )


def head(served: Served, *lines: str, method: str = "POST", path: str = "/shows") -> bytes:
    usual = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {served.token}")
    return "\r\n".join([*usual, "Content-Type: application/json", *lines, "", ""]).encode()


async def exchange(served: Served, raw: bytes, within_s: float = 8) -> tuple[int, dict[str, Any]]:
    """Status and problem of the first answer to some bytes; the connection is left open on our side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write(raw)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        return await answer_of(reader, within_s)
    finally:
        writer.close()


async def answer_of(reader: asyncio.StreamReader, within_s: float = 8) -> tuple[int, dict[str, Any]]:
    async with asyncio.timeout(within_s):
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in top.splitlines() if line.lower().startswith("content-length:"))
        body = await reader.readexactly(length)
    status = int(top.split(" ", 2)[1])
    if status < 400:
        return status, {}
    assert "content-type: application/problem+json" in top.lower(), top
    problem = json.loads(body)
    assert problem["status"] == status
    assert f"00-{problem['trace']}-" in top
    return status, problem


# --- sizes


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([f"X-{nr}: a" for nr in range(120)], "HEADERS_TOO_LARGE"),
        (["X-Long: " + "a" * 40_000], "HEADERS_TOO_LARGE"),
        (["X-Long: " + "a" * 5_000_000], "HEADERS_TOO_LARGE"),
        ([f"X-{nr}: {'a' * 1000}" for nr in range(90)], "HEADERS_TOO_LARGE"),
        (["a" * 100_000 + ": b"], "HEADERS_TOO_LARGE"),
    ],
    ids=["many", "one long", "one endless", "together", "a name"],
)
async def test_a_head_beyond_all_need_is_refused(served: Served, lines: list[str], code: str) -> None:
    status, problem = await exchange(served, head(served, *lines, method="GET"))
    assert (status, problem["code"]) == (431, code)


async def test_a_head_of_usual_size_is_none(served: Served) -> None:
    assert (await exchange(served, head(served, *[f"X-{nr}: {'a' * 200}" for nr in range(80)], method="GET")))[0] == 200


async def test_an_endless_address_is_refused(served: Served) -> None:
    status, problem = await exchange(served, head(served, method="GET", path="/shows?title=" + "a" * 17_000))
    assert (status, problem["code"]) == (414, "URL_TOO_LONG")


@pytest.mark.parametrize("size", [1_000_001, 10**12])
async def test_a_body_announced_too_large_is_refused_before_it_comes(served: Served, size: int) -> None:
    status, problem = await exchange(served, head(served, f"Content-Length: {size}"))
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_body_without_a_length_is_cut_off_at_the_limit(served: Served) -> None:
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    status, problem = await exchange(served, head(served, "Transfer-Encoding: chunked") + chunk * 20)
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


async def test_chunks_of_one_byte_are_no_way_around_it(served: Served) -> None:
    raw = head(served, "Transfer-Encoding: chunked") + b"1\r\n \r\n" * 300_000
    status, problem = await exchange(served, raw + b"0\r\n\r\n")
    assert (status, problem["code"]) == (400, "MALFORMED")


async def test_a_body_nobody_wants_is_not_read_for_ever(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head(served, "Transfer-Encoding: chunked", path="/nowhere"))
    assert (await answer_of(reader))[0] == 404
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(drip(writer, b"10000\r\n" + b"x" * 65536 + b"\r\n"), 20)
    writer.close()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip", "x-unknown"])
async def test_a_compressed_body_is_refused_whatever_it_unfolds_to(served: Served, coding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    raw = head(served, f"Content-Encoding: {coding}", f"Content-Length: {len(bomb)}") + bomb
    status, problem = await exchange(served, raw)
    assert (status, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


# --- what two readers could read differently


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Content-Length: +5",),
        ("Content-Length: 5, 5",),
        ("Content-Length: 0x5",),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length: -1",),
        ("X: a\r\n b", "Content-Length: 5\r\n 6"),
        ("Host: y",),
        ("X: a\0b",),
        ("X\x01: a",),
        ("no colon",),
    ],
    ids=repr,
)
async def test_a_head_of_two_meanings_is_refused(served: Served, lines: tuple[str, ...]) -> None:
    smuggled = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    status, problem = await exchange(served, head(served, *lines) + smuggled)
    assert (status, problem["code"]) == (400, "MALFORMED")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 1000,
    ],
    ids=["no host", "version", "address", "bytes", "tls", "http/2", "zeros"],
)
async def test_what_is_no_request_is_answered_as_a_problem(served: Served, raw: bytes) -> None:
    status, problem = await exchange(served, raw)
    assert (status, problem["code"]) == (400, "MALFORMED")


async def test_an_offered_upgrade_is_not_taken(served: Served) -> None:
    raw = head(served, "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 0", method="GET", path="/health/live")
    assert (await exchange(served, raw))[0] == 200


# --- bytes of all kinds


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET //shows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n", b"401"),
        (b"BREW /shows HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n", b"400"),
        (
            b"POST /shows HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
        (b"POST /shows HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
    ],
)
async def test_no_bytes_make_the_server_stumble(served: Served, raw: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.split(b" ", 2)[1] == status, answer[:200]


# --- time


async def test_headers_that_come_drop_by_drop_are_not_waited_for(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /shows HTTP/1.1\r\nHost: x\r\n")
    status, problem = await answered_while_dripping(reader, writer, b"X: a\r\n")
    assert (status, problem["code"]) == (408, "REQUEST_TOO_SLOW")


async def test_a_connection_that_says_nothing_is_closed(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    assert (await answer_of(reader))[0] == 408
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head(served, "Content-Length: 1000"))
    status, problem = await answered_while_dripping(reader, writer, b" ")
    assert (status, problem["code"]) == (408, "REQUEST_TOO_SLOW")


async def answered_while_dripping(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes
) -> tuple[int, dict[str, Any]]:
    dripping = asyncio.create_task(drip(writer, drop))
    answer = await answer_of(reader)
    dripping.cancel()
    await asyncio.wait({dripping})
    writer.close()
    return answer


async def drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    """Raises ConnectionError when the other side has had enough."""
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_a_client_that_leaves_in_the_middle_is_nobodys_fault(served: Served) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head(served, "Content-Length: 1000") + b"{")
        await writer.drain()
        writer.close()


async def test_an_answer_nobody_reads_is_given_up(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
    writer.write(head(served, method="GET", path="/large"))
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(100):
        if await open_requests(served) == 0:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("the answer is still being sent")
    writer.close()


async def open_requests(served: Served) -> int:
    """Beside the one that asks."""
    async with good(served) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return next(int(float(line.split()[-1])) for line in lines if line.startswith("regie_http_requests_open")) - 1


async def test_an_answer_that_does_not_come_is_a_503(served: Served) -> None:
    async with good(served) as client:
        answer = await client.get("/endless")
    assert (answer.status_code, answer.json()["code"]) == (503, "TIMED_OUT")
    assert answer.headers["retry-after"]


async def test_a_stream_is_no_late_answer(served: Served) -> None:
    async with good(served) as client, client.stream("GET", "/ticks") as ticks:
        began = time.monotonic()
        async for _ in ticks.aiter_lines():
            if time.monotonic() - began > 2.5:
                return
    pytest.fail("the stream ended")


# --- numbers


async def test_three_hundred_slow_connections_do_not_stop_a_good_client(served: Served) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(300)]
    for nr, (_, writer) in enumerate(slow):
        with contextlib.suppress(ConnectionError):
            writer.write(b"POST /shows HTTP/1.1\r\nHost: x\r\n" if nr % 2 else b"")
    for _ in range(5):
        async with good(served) as client:
            assert (await client.post("/shows", json=SHOW)).status_code == 201
    ended = [await ending_of(reader) for reader, _ in slow[:100]]
    assert 503 in ended
    assert set(ended) <= {503, 408, None}
    for _, writer in slow:
        writer.close()


async def ending_of(reader: asyncio.StreamReader) -> int | None:
    """The status a connection was turned away with; None where what we had sent too late reset it before we read on."""
    try:
        return (await answer_of(reader))[0]
    except ConnectionError:
        return None

"""A partner's receiver of webhooks: a real HTTP server that verifies every message with the specification's own library.

It runs in the test's process, on a port of its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

LIMIT = 1_000_000


@dataclass
class Message:
    ident: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Receiver:
    """Answers `plan`'s statuses one after the other, then 200. Keeps what verified and counts what did not."""

    secrets: list[str] = field(default_factory=list)
    plan: list[int | str] = field(default_factory=list)
    answer_headers: dict[str, str] = field(default_factory=dict)
    got: list[Message] = field(default_factory=list)
    unsigned: int = 0
    tries: int = 0
    url: str = ""
    more: asyncio.Event = field(default_factory=asyncio.Event)
    before_answer: Callable[[], Awaitable[None]] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.tries += 1
                step = self.plan.pop(0) if self.plan else 200
                if step == "hang up":
                    break
                status = self.judge(headers, body) if step == 200 else int(step)
                self.more.set()
                if self.before_answer is not None:
                    await self.before_answer()
                extra = "".join(f"{name}: {value}\r\n" for name, value in self.answer_headers.items())
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n{extra}\r\nok".encode())
                await writer.drain()
        writer.close()

    def judge(self, headers: dict[str, str], body: bytes) -> int:
        for secret in self.secrets:
            with contextlib.suppress(WebhookVerificationError):
                Webhook(secret).verify(body, headers)
                self.got.append(Message(headers["webhook-id"], headers, body))
                return 200
        self.unsigned += 1
        return 401

    async def until(self, count: int, timeout_s: float = 20.0) -> list[Message]:
        """The first `count` messages that verified."""
        async with asyncio.timeout(timeout_s):
            while len(self.got) < count:
                self.more.clear()
                await self.more.wait()
        return self.got[:count]


@contextlib.asynccontextmanager
async def receiving(**how: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**how)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, limit=LIMIT)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()

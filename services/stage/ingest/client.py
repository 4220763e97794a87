"""The stage service's end of ingest's control socket: decide who may publish, hear who does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self

import msgspec

from services.stage.engine.daemon import spawn
from services.stage.ingest.protocol import ENCODER, TOLD, Answer, Authorize, Hello, Publisher

Authorizer = Callable[[str], Awaitable[str | None]]


class IngestGone(ConnectionError):  # noqa: N818 - a state of the world, not a mistake
    """Ingest does not answer, or hung up."""


class IngestClient:
    """Answers each request to publish by asking `authorizer`, which returns the source id of a key, None = refuse."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello, authorizer: Authorizer
    ) -> None:
        self.hello = hello
        self._reader, self._writer, self._authorizer = reader, writer, authorizer
        self._events: asyncio.Queue[Publisher | None] = asyncio.Queue()
        self._answers: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def connect(cls, control: Path | str, authorizer: Authorizer, timeout_s: float = 5.0) -> Self:
        """Connect and read the greeting; raises IngestGone when nobody listens."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(str(control))
                hello = TOLD.decode(await reader.readuntil(b"\n"))
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as error:
            raise IngestGone(f"ingest does not answer: {type(error).__name__}") from error
        if not isinstance(hello, Hello):
            raise IngestGone("the first line was not a greeting")
        return cls(reader, writer, hello, authorizer)

    async def events(self) -> AsyncIterator[Publisher]:
        """Publishers that come and go; ends with the connection."""
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, *self._answers, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                told = TOLD.decode(line)
                if isinstance(told, Authorize):
                    task = asyncio.create_task(self._answer(told))
                    self._answers.add(task)
                    task.add_done_callback(self._answers.discard)
                elif isinstance(told, Publisher):
                    self._events.put_nowait(told)
        finally:
            self._events.put_nowait(None)

    async def _answer(self, question: Authorize) -> None:
        source = await self._authorizer(question.key)
        answer = Answer(id=question.id, allow=source is not None, source_id=source)
        self._writer.write(ENCODER.encode(answer) + b"\n")
        await self._writer.drain()


async def launch(
    port: int, directory: Path | str, control: Path | str, log_path: Path | str, timeout_s: float = 15.0
) -> Hello:
    """Start an ingest that outlives this process, or find the live one on that control socket.

    Raises IngestGone when it does not answer in time or ends at once (a taken port); its log then says why.
    """
    process = None
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        hello = await _greeting(control)
        if hello is not None:
            return hello
        if process is None:
            arguments = ["--port", str(port), "--socket-dir", str(directory), "--control", str(control)]
            process = spawn("services.stage.ingest", arguments, log_path)
        elif process.poll() is not None:
            raise IngestGone(f"ingest ended at once with code {process.returncode}")
        await asyncio.sleep(0.05)
    raise IngestGone("ingest did not open its control socket in time")


async def _greeting(control: Path | str) -> Hello | None:
    async def nobody(_: str) -> str | None:
        return None

    try:
        client = await IngestClient.connect(control, nobody, timeout_s=2.0)
    except IngestGone:
        return None
    await client.close()
    return client.hello

"""The stage service's end of the engine's socket: start an engine, ask it, listen to it. Imports no media library."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import msgspec

from services.stage.engine.daemon import spawn
from services.stage.engine.protocol import ENCODER, EVENTS, AnyEvent, Applied, Hello, Rejected

LINE_LIMIT = 4 * 1024 * 1024
_END = object()


class EngineGone(ConnectionError):  # noqa: N818 - a state of the world, not a mistake
    """The engine closed the connection or could not be reached; whether an unanswered request was done is unknown."""


class EngineClient:
    """One connection; ask again with the same cid on a new connection to learn what became of a request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello) -> None:
        self.hello = hello
        self._reader = reader
        self._writer = writer
        self._waiting: dict[str, asyncio.Future[Applied | Rejected]] = {}
        self._events: asyncio.Queue[AnyEvent | object] = asyncio.Queue()
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def connect(cls, socket_path: Path | str, timeout_s: float = 5.0) -> Self:
        """Connect and read the greeting; raises EngineGone when nobody listens."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(str(socket_path), limit=LINE_LIMIT)
                hello = EVENTS.decode(await reader.readuntil(b"\n"))
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as error:
            raise EngineGone(f"no engine answers: {type(error).__name__}") from error
        if not isinstance(hello, Hello):
            raise EngineGone("the first line was not a greeting")
        return cls(reader, writer, hello)

    async def ask(self, cid: str, verb: str, **args: Any) -> Applied | Rejected:
        """Send one request and wait for its outcome; raises EngineGone when the connection ends first."""
        if self._task.done():
            raise EngineGone("the connection is closed")
        answer = self._waiting.get(cid)
        if answer is None:
            answer = self._waiting[cid] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(ENCODER.encode({"cid": cid, "verb": verb, **args}) + b"\n")
            await self._writer.drain()
            return await asyncio.shield(answer)
        except OSError as error:
            raise EngineGone("the connection broke") from error
        finally:
            if answer.done():
                self._waiting.pop(cid, None)

    async def events(self) -> AsyncIterator[AnyEvent]:
        """What the engine tells, in order, outcomes of other connections' requests included; ends with the connection."""
        while (event := await self._events.get()) is not _END:
            yield event  # type: ignore[misc]
        self._events.put_nowait(_END)

    async def close(self) -> None:
        """Leave the engine running and hang up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._sort(EVENTS.decode(line))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._fail(EngineGone(f"the connection broke: {type(error).__name__}"))
        finally:
            self._fail(EngineGone("the engine hung up"))
            self._events.put_nowait(_END)

    def _sort(self, event: AnyEvent) -> None:
        if isinstance(event, Applied | Rejected) and event.cid in self._waiting:
            answer = self._waiting.pop(event.cid)
            if not answer.done():
                answer.set_result(event)
            return
        self._events.put_nowait(event)

    def _fail(self, error: EngineGone) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
                answer.exception()
        self._waiting.clear()


async def launch(
    socket_path: Path | str,
    size: str,
    fps: int,
    log_path: Path | str,
    *,
    slate_text: str = "",
    outbound_allow: str = "",
    timeout_s: float = 15.0,
) -> int:
    """Start an engine that outlives this process, or find the live one on that socket; returns its pid.

    Raises EngineGone when it does not answer in time or ends at once; its log then says why.
    """
    running = await _pid_of(socket_path)
    if running is not None:
        return running
    arguments = ["--socket", str(socket_path), "--size", size, "--fps", str(fps), "--slate-text", slate_text]
    arguments += ["--outbound-allow", outbound_allow]
    process = spawn("services.stage.engine", arguments, log_path)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        pid = await _pid_of(socket_path)
        if pid is not None:
            return pid
        if process.poll() is not None:
            raise EngineGone(f"the engine ended at once with code {process.returncode}")
        await asyncio.sleep(0.05)
    process.kill()
    raise EngineGone("the engine did not open its socket in time")


async def _pid_of(socket_path: Path | str) -> int | None:
    try:
        client = await EngineClient.connect(socket_path, timeout_s=2.0)
    except EngineGone:
        return None
    pid = client.hello.pid
    await client.close()
    return pid

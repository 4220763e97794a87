"""The engine's Unix socket: reads requests, answers each exactly once, tells every connection every event."""

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from services.stage.engine.desk import Desk
from services.stage.engine.feeds import Refused
from services.stage.engine.log import Log
from services.stage.engine.programme import Programme
from services.stage.engine.protocol import (
    ENCODER,
    REQUESTS,
    AnyEvent,
    AnyRequest,
    Applied,
    Blank,
    Head,
    Hello,
    Quit,
    Rejected,
    State,
    Stats,
    verb_of,
)

REMEMBERED = 20_000
LINE_LIMIT = 1024 * 1024
MAX_UNSENT = 4 * 1024 * 1024
TELEMETRY = {"levels", "late"}


class Server:
    """Serves any number of connections; the programme does not depend on any of them."""

    def __init__(self, programme: Programme, hello: Callable[[], Hello], log: Log, on_quit: Callable[[], None]) -> None:
        self._programme, self._hello, self._log, self._on_quit = programme, hello, log, on_quit
        self._loop = asyncio.get_running_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._outcomes: OrderedDict[str, Applied | Rejected] = OrderedDict()
        self._running: set[str] = set()
        self._preparing = ThreadPoolExecutor(1, "prepare")
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.desk: Desk | None = None

    def emit(self, event: AnyEvent) -> None:
        """Tell all connections; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._tell, event)

    async def open(self, path: Path) -> None:
        """Listen; the file can be used by this user alone."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - before anything is on air; the lock says that no one uses it
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(path), limit=LINE_LIMIT)
        finally:
            os.umask(before)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)
        for writer in list(self._writers):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.drain()
            writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        self._preparing.shutdown(wait=False, cancel_futures=True)

    def _tell(self, event: AnyEvent, only: asyncio.StreamWriter | None = None) -> None:
        line = ENCODER.encode(event) + b"\n"
        if event.__struct_config__.tag not in TELEMETRY and only is None:
            self._log.say("event", **msgspec.to_builtins(event))
        for writer in [only] if only is not None else list(self._writers):
            if writer.is_closing():
                continue
            writer.write(line)
            if writer.transport.get_write_buffer_size() > MAX_UNSENT:
                self._log.say("a connection does not read and is dropped")
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tell(self._hello(), writer)
        self._writers.add(writer)
        self._track(asyncio.current_task())
        try:
            while line := await reader.readline():
                self._track(asyncio.create_task(self._request(line, writer)))
        except (OSError, ValueError) as error:
            self._log.say("a connection broke", error=type(error).__name__)
        finally:
            self._writers.discard(writer)
            writer.close()

    def _track(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _request(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = REQUESTS.decode(line)
        except msgspec.MsgspecError as error:
            self._tell(_malformed(line, error), writer)
            return
        if isinstance(request, State | Stats):
            self._tell(await self._carry_out(request), writer)
            return
        known = self._outcomes.get(request.cid)
        if known is not None:
            self._tell(known, writer)
            return
        if request.cid not in self._running:  # otherwise its outcome is about to be told to every connection
            await self._first_time(request)

    async def _first_time(self, request: AnyRequest) -> None:
        self._running.add(request.cid)
        outcome = await self._carry_out(request)
        self._running.discard(request.cid)
        self._outcomes[request.cid] = outcome
        if len(self._outcomes) > REMEMBERED:
            self._outcomes.popitem(last=False)
        self._tell(outcome)
        if isinstance(request, Quit) and isinstance(outcome, Applied):
            self._on_quit()

    async def _carry_out(self, request: AnyRequest) -> Applied | Rejected:
        """Prepare in the worker, hand over to the programme, wait for the frame; one after the other, in order."""
        verb = verb_of(request)
        assert self.desk is not None
        try:
            if isinstance(request, Blank):  # the emergency cut waits for nobody's preparation
                waiting = self._programme.hand_over(self.desk.prepare(request))
            else:
                async with self._turn:
                    apply = await self._loop.run_in_executor(self._preparing, self.desk.prepare, request)
                    waiting = self._programme.hand_over(apply)
            done = await asyncio.wrap_future(waiting)
        except Refused as refusal:
            return Rejected(cid=request.cid, verb=verb, reason=str(refusal))
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            self._log.fault("a request could not be prepared", error)
            return Rejected(cid=request.cid, verb=verb, reason=f"the engine failed at it ({type(error).__name__})")
        return Applied(
            cid=request.cid,
            verb=verb,
            frame=done.frame,
            at=done.at,
            state=done.answer if isinstance(request, State) else None,
            stats=done.answer if isinstance(request, Stats) else None,
        )


def _malformed(line: bytes, error: msgspec.MsgspecError) -> Rejected:
    """Answer what does not decode; the reason names the rule and the place, never the value."""
    try:
        head = msgspec.json.decode(line, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = Head()
    known = isinstance(error, msgspec.ValidationError) and "Invalid value" not in str(error)
    return Rejected(cid=head.cid, verb=head.verb, reason=str(error) if known else "malformed request or unknown verb")

"""The control socket: asks the stage service who may publish, tells it who does."""

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from services.stage.ingest.protocol import ANSWERS, ENCODER, Answer, Authorize, Hello, Publisher, Told

ANSWER_TIMEOUT_S = 5.0


class Control:
    """Serves the controller; without one nobody new is let in, and who publishes already goes on."""

    def __init__(self, hello: Callable[[], Hello]) -> None:
        self._hello = hello
        self._controllers: list[asyncio.StreamWriter] = []
        self._questions: dict[int, asyncio.Future[Answer]] = {}
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None

    async def open(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - the lock says that no one uses it
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(path))
        finally:
            os.umask(before)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._controllers:
            writer.close()

    async def authorize(self, key: str) -> str | None:
        """The source this key publishes, None when it is refused or nobody answers in time."""
        if not self._controllers:
            return None
        number = next(self._numbers)
        question = self._questions[number] = asyncio.get_running_loop().create_future()
        try:
            self._write(self._controllers[-1], Authorize(id=number, key=key))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await question
        except TimeoutError:
            return None
        finally:
            del self._questions[number]
        return answer.source_id if answer.allow else None

    def tell(self, event: Publisher) -> None:
        for writer in self._controllers:
            self._write(writer, event)

    def _write(self, writer: asyncio.StreamWriter, told: Told) -> None:
        if not writer.is_closing():
            writer.write(ENCODER.encode(told) + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._write(writer, self._hello())
        self._controllers.append(writer)
        try:
            while line := await reader.readline():
                answer = ANSWERS.decode(line)
                question = self._questions.get(answer.id)
                if question is not None and not question.done():
                    question.set_result(answer)
        except (OSError, ValueError, msgspec.MsgspecError):
            return  # a controller that speaks nonsense is hung up on; it may connect again
        finally:
            self._controllers.remove(writer)
            writer.close()

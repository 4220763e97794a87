"""One engine as the director uses it: verbs with a time limit, effects of several verbs, launch and farewell."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Self
from uuid import UUID

from services.stage.adapters.asks import Ask
from services.stage.engine.client import EngineClient, EngineGone, launch
from services.stage.engine.protocol import AnyEvent, Applied
from services.stage.settings import StageSettings


class Declined(Exception):  # noqa: N818 - the engine's answer
    """The engine refused to carry out an effect; nothing of it is on air. The text is its reason."""


class Engine:
    """A connection to the engine of one stage."""

    def __init__(self, client: EngineClient, timeout_s: float) -> None:
        self._client, self._timeout_s = client, timeout_s
        self.pid = client.hello.pid
        self.frame = client.hello.frame

    @classmethod
    async def attach(cls, stage_id: UUID, settings: StageSettings) -> Self:
        """Connect to the running engine of a stage. Raises EngineGone when there is none."""
        client = await EngineClient.connect(socket_of(stage_id, settings))
        return cls(client, settings.engine_timeout_s)

    @classmethod
    async def start(cls, stage_id: UUID, name: str, settings: StageSettings) -> Self:
        """Start an engine that outlives this process, or find the live one. Raises EngineGone when it does not come."""
        settings.engines.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = settings.engines / f"{stage_id}.log"
        socket = socket_of(stage_id, settings)
        await launch(
            socket,
            settings.picture,
            settings.frames_per_s,
            log,
            slate_text=name,
            outbound_allow=settings.outbound_allow,
        )
        return await cls.attach(stage_id, settings)

    async def do(self, cid: str, asks: Sequence[Ask]) -> int:
        """Ask one after the other; the frame of the main one. The same `cid` is never carried out twice.

        Raises Declined at the first refused `must`, EngineGone when the engine is lost, or hangs.
        """
        frame = None
        for number, ask in enumerate(asks):
            answer = await self._ask(f"{cid}:{number}", ask.verb, ask.args)
            if not isinstance(answer, Applied):
                if ask.must:
                    raise Declined(answer.reason)
                continue
            self.frame = max(self.frame, answer.frame)
            frame = answer.frame if ask.main or frame is None else frame
        return self.frame if frame is None else frame

    async def state(self) -> dict[str, Any]:
        """What the engine says is on air."""
        answer = await self._ask(f"state:{os.urandom(8).hex()}", "state", {})
        if not isinstance(answer, Applied) or answer.state is None:
            raise EngineGone("the engine does not tell its state")
        self.frame = max(self.frame, answer.frame)
        return answer.state

    async def events(self) -> AsyncIterator[AnyEvent]:
        """What the engine tells; ends with the connection."""
        async for event in self._client.events():
            self.frame = max(self.frame, getattr(event, "frame", 0))
            yield event

    async def quit(self) -> int:
        """Let the engine finish its recordings and end; the last frame it named."""
        with suppress(EngineGone):
            await self._ask("quit", "quit", {})
        return self.frame

    async def close(self) -> None:
        """Hang up; the engine goes on."""
        await self._client.close()

    def kill(self) -> None:
        """End an engine that does not answer any more."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    async def _ask(self, cid: str, verb: str, args: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._client.ask(cid, verb, **args)
        except TimeoutError as hung:
            self.kill()
            raise EngineGone(f"the engine did not answer {verb} within {self._timeout_s:g} s") from hung


def socket_of(stage_id: UUID, settings: StageSettings) -> str:
    """Where the engine of a stage listens."""
    return str(settings.engines / f"{stage_id}.sock")

"""The keeper of one stage: has its engine running while it is needed, and makes intents true.

It works from the state, not from single events: whatever was missed, by a crash or by a lost engine, is found in what
is pending, and done then. The engine carries out an effect id once, so that asking twice is safe.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import uuid6

from chassis import observe
from chassis.handle import utc_now
from chassis.service import House
from contracts import stage as e
from contracts.envelope import Recorded
from services.stage import commands as c
from services.stage.adapters.asks import Ask, Impossible, asks_for, asks_to_restore
from services.stage.adapters.engine import Declined, Engine
from services.stage.adapters.world import Surroundings
from services.stage.director.pen import Pen
from services.stage.director.reports import missed, report_of
from services.stage.domain.settling import Intent
from services.stage.domain.state import StageRun
from services.stage.engine.client import EngineGone
from services.stage.engine.protocol import AnyEvent
from services.stage.settings import StageSettings

log = observe.logger("regie.stage.director")

BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
GIVES_UP_AFTER: Final = 3
"""Engines that did not come, after which a wish to go live has failed."""
CLOSING_S: Final = 5.0
"""How long a stopped recording may take to say that it is complete; then it is closed with what is known."""
_GONE: Final = object()


class Keeper:
    """Owns the connection to one stage's engine."""

    def __init__(self, house: House, stage_id: UUID, tenant: str) -> None:
        self._settings: StageSettings = house.settings
        self._stage_id = stage_id
        self._pen = Pen(house, stage_id, tenant)
        self._world = Surroundings(house, tenant)
        self._mail: asyncio.Queue[AnyEvent | object] = asyncio.Queue()
        self._dests: dict[UUID, str] = {}
        self._stopped: dict[UUID, tuple[int, float]] = {}
        self._failures = 0
        self.stage = StageRun()

    def heard(self, record: Recorded) -> None:
        """Something was recorded about the stage."""
        self._pen.heard(record)
        self._mail.put_nowait(record)

    @property
    def has_mail(self) -> bool:
        """Whether something was recorded that has not been looked at."""
        return not self._mail.empty()

    async def run(self) -> None:
        """Keep the engine until the stage needs none."""
        while True:
            self.stage = await self._pen.state()
            self._drain()
            if not self.stage.engine_wanted and not self.stage.engine.up:
                return
            try:
                await self._keep()
            except EngineGone as gone:
                await self._lost(str(gone))

    # --- the engine comes and goes

    async def _keep(self) -> None:
        engine = await self._ready()
        listening = asyncio.create_task(self._listen(engine))
        try:
            while not await self._retired(engine):
                await self._make_true(engine)
                await self._reconcile_destinations(engine)
                await self._hear()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await engine.close()

    async def _ready(self) -> Engine:
        """The stage's engine, showing what the state says; attached when it runs, started when it does not."""
        self._dests, self._stopped = {}, {}
        if self.stage.engine.up:
            engine = await Engine.attach(self._stage_id, self._settings)
            await self._catch_up(engine)
            return engine
        engine = await Engine.start(self._stage_id, self.stage.name, self._settings)
        self._failures = 0
        await self._pen.report(c.ReportEngineStarted(at=utc_now()))
        self.stage = await self._pen.state()
        await self._restore(engine)
        return engine

    async def _catch_up(self, engine: Engine) -> None:
        seen = await engine.state()
        for command in missed(self.stage, seen, utc_now()):
            await self._pen.report(command)
        known = self.stage.destinations
        self._dests = {UUID(one): known[UUID(one)].key_fingerprint for one in seen["dests"] if UUID(one) in known}
        if self.stage.engine.restoring:
            await self._restore(engine)

    async def _restore(self, engine: Engine) -> None:
        """Show what the state says. What a lost engine had begun to record stays beside the new file."""
        for segment in self.stage.segments.values():
            _set_aside(self._world.recording(segment.file))
        asks, troubles = await asks_to_restore(self.stage, self._world)
        if troubles:
            log.warning("restored_in_part", stage=str(self._stage_id), troubles=troubles)
        frame = await engine.do(f"restore:{uuid6.uuid7()}", asks)
        if self.stage.engine.restoring:
            command = c.ReportEngineRestored(at=utc_now(), frame=frame, segment_id=uuid6.uuid7())
            await self._pen.report(command)
        self.stage = await self._pen.state()

    async def _lost(self, reason: str) -> None:
        """Tell it, wait a little, and let `run` start another. A stage that is only starting gives up at last."""
        log.warning("engine_lost", stage=str(self._stage_id), reason=reason, failures=self._failures)
        self.stage = await self._pen.state()
        if self.stage.engine.up:
            await self._pen.report(c.ReportEngineLost(at=utc_now(), reason=reason))
        else:
            self._failures += 1
        if self._failures >= GIVES_UP_AFTER and self.stage.situation == "STARTING":
            for effect_id in list(self.stage.pending):
                command = c.SettleFailed(at=utc_now(), effect_id=effect_id, reason=f"No engine: {reason}")
                await self._pen.settle(command)
        if self._failures:
            await asyncio.sleep(BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1])

    async def _retired(self, engine: Engine) -> bool:
        """Let the engine go when its stream is over and its recordings are complete."""
        self.stage = await self._pen.state()
        if self.stage.engine_wanted and not self.stage.engine.retiring:
            return False
        if self.stage.segments or any(isinstance(one, e.RecordingRequested) for one in self.stage.pending.values()):
            return False
        last = await engine.quit()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.engine_timeout_s):
                while await self._mail.get() is not _GONE:
                    pass
        await self._pen.report(c.ReportEngineStopped(at=utc_now(), last_frame=last))
        return True

    # --- intents become facts

    async def _make_true(self, engine: Engine) -> None:
        """Everything pending, oldest first, each against the state the one before has left."""
        while True:
            todo = [one for one in self.stage.pending.values() if isinstance(one, Intent) and not self._waits(one)]
            if not todo:
                return
            await self._carry_out(engine, todo[0])
            self.stage = await self._pen.state()

    def _waits(self, intent: Intent) -> bool:
        return isinstance(intent, e.RecordingStopRequested) and intent.segment_id in self._stopped

    async def _carry_out(self, engine: Engine, intent: Intent) -> None:
        effect_id = intent.effect_id
        if isinstance(intent, e.StreamStartRequested):
            await self._reconcile_destinations(engine)
        try:
            asks = await asks_for(intent, self.stage, self._world)
            frame = await engine.do(str(effect_id), asks)
        except (Declined, Impossible) as no:
            await self._pen.settle(c.SettleFailed(at=utc_now(), effect_id=effect_id, reason=str(no)))
            return
        if isinstance(intent, e.RecordingStopRequested):
            self._stopped[intent.segment_id] = (frame, asyncio.get_running_loop().time() + CLOSING_S)
            return
        if isinstance(intent, e.StreamEndRequested):
            self._dests = {}
        await self._pen.settle(c.Settle(at=utc_now(), effect_id=effect_id, frame=frame))

    async def _reconcile_destinations(self, engine: Engine) -> None:
        """While on air the engine streams to what is enabled, with the key of now, and to nothing else."""
        wanted: dict[UUID, str] = {}
        if self.stage.situation in ("STARTING", "LIVE"):
            wanted = {ident: one.key_fingerprint for ident, one in self.stage.destinations.items() if one.wanted}
        for ident in [known for known, key in self._dests.items() if wanted.get(known) != key]:
            del self._dests[ident]
            await engine.do(f"dest-remove:{uuid6.uuid7()}", [Ask("dest.remove", {"id": str(ident)}, must=False)])
        for ident in wanted.keys() - self._dests.keys():
            self._dests[ident] = wanted[ident]
            try:
                args = await self._world.destination(ident, self.stage.destinations[ident])
                await engine.do(f"dest-add:{uuid6.uuid7()}", [Ask("dest.add", args)])
            except (Declined, Impossible) as no:
                report = c.ReportDestination(at=utc_now(), destination_id=ident, state="down", reason=str(no))
                await self._pen.report(report)

    # --- what the engine and the log tell

    async def _listen(self, engine: Engine) -> None:
        try:
            async for event in engine.events():
                self._mail.put_nowait(event)
        finally:
            self._mail.put_nowait(_GONE)

    async def _hear(self) -> None:
        """Wait for news, and write down what of it matters. Raises EngineGone when the engine hung up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0 if self._stopped else None):
                await self._read(await self._mail.get())
        while not self._mail.empty():
            await self._read(self._mail.get_nowait())
        await self._close_what_never_said_so()

    async def _read(self, letter: AnyEvent | object) -> None:
        if letter is _GONE:
            raise EngineGone("the engine hung up")
        if isinstance(letter, Recorded):
            return
        command = report_of(letter, utc_now())  # type: ignore[arg-type]
        if command is not None:
            await self._pen.report(command)

    async def _close_what_never_said_so(self) -> None:
        now = asyncio.get_running_loop().time()
        for segment_id, (frame, until) in list(self._stopped.items()):
            segment = self.stage.segments.get(segment_id)
            if segment is None or segment.first_frame is None:
                del self._stopped[segment_id]
            elif now > until:
                first, last = segment.first_frame, max(segment.first_frame, frame - 1)
                command = c.ReportRecording(
                    at=utc_now(),
                    segment_id=segment_id,
                    first_frame=first,
                    last_frame=last,
                    frames=last - first + 1,
                )
                await self._pen.report(command)

    def _drain(self) -> None:
        """Letters of an engine that is gone are about nothing any more; the state has all that was recorded."""
        while not self._mail.empty():
            self._mail.get_nowait()


def _set_aside(path: Path) -> None:
    """What a lost engine began is kept under another name, since a file is never written twice."""
    if path.exists():
        path.rename(path.with_name(f"{path.stem}.{uuid6.uuid7()}.lost{path.suffix}"))

"""The programme itself: a thread that makes one frame after the other at a fixed rate, whatever happens around it.

Requests take effect between two frames, in the order in which they were handed over.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from services.stage.engine.encoder import SAMPLE_RATE, Encoder, Unit
from services.stage.engine.feeds import Refused
from services.stage.engine.log import Log
from services.stage.engine.mixer import Mixer
from services.stage.engine.outlet import Outlet
from services.stage.engine.picture import Canvas
from services.stage.engine.protocol import AnyEvent, Late, Levels

MAX_BEHIND_S = 2.0
SILENCE_DBFS = -120.0
Apply = Callable[[int], dict[str, Any] | None]


class Done(NamedTuple):
    """A request took effect at a frame; `answer` is what a question is answered with."""

    frame: int
    at: datetime
    answer: dict[str, Any] | None


class Programme(threading.Thread):
    """Owns the clock, the frame number and the encoder; `hand_over`, `attach` and `want_key` are for other threads."""

    def __init__(self, mixer: Mixer, encoder: Encoder, emit: Callable[[AnyEvent], None], log: Log) -> None:
        super().__init__(name="programme", daemon=True)
        self.mixer = mixer
        self._encoder, self._emit, self._log = encoder, emit, log
        self._waiting: deque[tuple[Apply, Future[Done]]] = deque()
        self._outlets: tuple[Outlet, ...] = ()
        self._lock = threading.Lock()
        self._over = False
        self._key = threading.Event()
        self._ending = threading.Event()
        self._power = np.zeros(2)
        self._metered = 0
        self.frame = 0
        self.late = 0
        self.faults = 0
        self.busy_s = 0.0
        self.failed: BaseException | None = None

    def hand_over(self, apply: Apply) -> Future[Done]:
        """Have a change made at the next frame boundary; its Refused comes back through the future."""
        future: Future[Done] = Future()
        with self._lock:
            if self._over:
                future.set_exception(Refused("the engine is ending"))
            else:
                self._waiting.append((apply, future))
        return future

    def want_key(self) -> None:
        self._key.set()

    def attach(self, outlet: Outlet) -> None:
        with self._lock:
            self._outlets = (*self._outlets, outlet)

    def detach(self, outlet: Outlet) -> None:
        with self._lock:
            self._outlets = tuple(each for each in self._outlets if each is not outlet)

    def end(self) -> None:
        self._ending.set()

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - a dead programme must end the process, not live on silently
            self.failed = error
            self._log.fault("the programme failed", error)
        with self._lock:
            self._over = True
            for _, future in self._waiting:
                future.set_exception(Refused("the engine is ending"))

    def _run(self) -> None:
        began = time.monotonic() - self.frame / self._encoder.fps
        while not self._ending.is_set():
            due = began + self.frame / self._encoder.fps
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            else:
                began += self._behind(-pause)
            started = time.monotonic()
            self._make(self.frame)
            self.busy_s += time.monotonic() - started

    def _behind(self, seconds: float) -> float:
        """Tell that frames come late; beyond the limit the clock is set back and the programme goes on from here."""
        if seconds < 1 / self._encoder.fps:
            return 0.0
        self.late += 1
        lost = seconds if seconds > MAX_BEHIND_S else 0.0
        if lost or self.late % self._encoder.fps == 1:
            self._emit(Late(frame=self.frame, behind_ms=round(seconds * 1000), dropped_ms=round(lost * 1000)))
        return lost

    def _make(self, frame: int) -> None:
        done = self._apply(frame)
        canvas = self._picture(frame)
        wanted = self._key.is_set()
        if wanted:
            self._key.clear()
        for unit in self._encoder.picture(canvas, frame, key=wanted):
            self._spread(unit)
        start, end = (each * SAMPLE_RATE // self._encoder.fps for each in (frame, frame + 1))
        samples = self.mixer.sound(frame, start, end - start)
        for unit in self._encoder.sound(samples, start):
            self._spread(unit)
        self.frame = frame + 1
        at = datetime.now(UTC)
        for future, answer in done:
            future.set_result(Done(frame, at, answer))
        self._power += np.square(samples, dtype=np.float64).sum(axis=1)
        self._metered += samples.shape[1]
        if self._metered >= SAMPLE_RATE:
            self._meter(frame)

    def _picture(self, frame: int) -> Canvas:
        """The frame's picture; when drawing fails, the slate, because the programme must not end with it."""
        try:
            return self.mixer.picture(frame)
        except Exception as error:  # noqa: BLE001 - a fault of ours that viewers must not pay for; logged each second
            self.faults += 1
            if self.faults % self._encoder.fps == 1:
                self._log.fault("a picture could not be drawn", error)
            return self.mixer.slate()

    def _apply(self, frame: int) -> list[tuple[Future[Done], dict[str, Any] | None]]:
        done = []
        while self._waiting:
            apply, future = self._waiting.popleft()
            try:
                done.append((future, apply(frame)))
            except Refused as refusal:
                future.set_exception(refusal)
            except Exception as error:  # noqa: BLE001 - one bad request must not end the programme
                self._log.fault("a request failed", error)
                future.set_exception(Refused(f"the engine failed at it ({type(error).__name__})"))
        return done

    def _spread(self, unit: Unit) -> None:
        for outlet in self._outlets:
            outlet.offer(unit)

    def _meter(self, frame: int) -> None:
        left, right = (
            max(SILENCE_DBFS, round(10 * float(np.log10(max(power / self._metered, 1e-12))), 1))
            for power in self._power
        )
        self._power[:] = 0
        self._metered = 0
        self._emit(Levels(frame=frame, left_dbfs=left, right_dbfs=right))

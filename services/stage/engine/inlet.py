"""The jitter buffer of one source: decoder threads push by the source's time, the programme pulls by its own.

Source time is tied to programme time when the first material arrives, and tied again when it runs away.
"""

import threading
from collections import deque
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from services.stage.engine.encoder import SAMPLE_RATE

JITTER_S = 0.15  # Source: measured trial C.2, 150 ms held every cut and missed no frame on loopback
FILE_LEAD_S = 0.08
MAX_LEAD_S = 1.0
MAX_LATE_S = 0.25
FILE_BUFFER_S = 0.5
GLUE_SAMPLES = 2400  # timestamps in milliseconds wobble; below 50 ms sound is taken as continuous
Samples = NDArray[np.float32]


class _Picture(NamedTuple):
    due: float
    frame: av.VideoFrame


class _Sound(NamedTuple):
    start: int
    samples: Samples


class Inlet:
    """One writer thread, one reader thread; times in seconds of the programme."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._now = 0.0
        self._base: float | None = None
        self._pictures: deque[_Picture] = deque()
        self._sounds: deque[_Sound] = deque()
        self._next_sound: int | None = None
        self._current: av.VideoFrame | None = None
        self._last_due = 0.0
        self._continue_at: float | None = None

    def restart(self, *, seamless: bool = False) -> None:
        """The source's time begins anew; seamless = right behind what is buffered (a loop)."""
        with self._lock:
            self._base = None
            self._next_sound = None
            self._continue_at = self._last_due if seamless else None

    def push_picture(self, at: float, frame: av.VideoFrame, duration: float) -> None:
        with self._lock:
            due = self._due(at)
            self._pictures.append(_Picture(due, frame))
            self._last_due = max(self._last_due, due + duration)

    def push_sound(self, at: float, samples: Samples) -> None:
        with self._lock:
            start = round(self._due(at) * SAMPLE_RATE)
            if self._next_sound is not None and abs(start - self._next_sound) < GLUE_SAMPLES:
                start = self._next_sound
            self._next_sound = start + samples.shape[1]
            self._sounds.append(_Sound(start, samples))
            self._last_due = max(self._last_due, self._next_sound / SAMPLE_RATE)

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether a file may be decoded further; waits a little when enough is buffered."""
        with self._moved:
            if self._last_due - self._now <= FILE_BUFFER_S:
                return True
            self._moved.wait(timeout_s)
            return self._last_due - self._now <= FILE_BUFFER_S

    def _due(self, at: float) -> float:
        """Programme time of a moment of the source, tying both clocks together where they are not."""
        lead = JITTER_S if self._live else FILE_LEAD_S
        if self._base is None:
            start = self._continue_at if self._continue_at is not None else self._now + lead
            self._base = max(start, self._now) - at
        due = self._base + at
        if due < self._now - MAX_LATE_S or due > self._now + (MAX_LEAD_S if self._live else 2 * MAX_LEAD_S):
            self._base += self._now + lead - due
            self._next_sound = None
            due = self._now + lead
        return due

    def picture(self, now: float) -> av.VideoFrame | None:
        """What is to be seen at a moment; the last picture stays until the next is due."""
        with self._moved:
            self._now = now
            while self._pictures and self._pictures[0].due <= now + 1e-6:
                self._current = self._pictures.popleft().frame
            self._moved.notify_all()
            return self._current

    def sound(self, start: int, count: int) -> Samples | None:
        """The samples from a position of the programme on, gaps silent; None when there are none at all."""
        out: Samples | None = None
        with self._lock:
            while self._sounds and self._sounds[0].start + self._sounds[0].samples.shape[1] <= start:
                self._sounds.popleft()
            for sound in self._sounds:
                offset = sound.start - start
                if offset >= count:
                    break
                out = np.zeros((2, count), np.float32) if out is None else out
                first, last = max(0, offset), min(count, offset + sound.samples.shape[1])
                out[:, first:last] = sound.samples[:, first - offset : last - offset]
        return out

    def forget(self) -> None:
        """Drop everything, so that a source that comes back does not begin with old pictures."""
        with self._lock:
            self._pictures.clear()
            self._sounds.clear()
            self._current = None

    def drained(self, now: float) -> bool:
        """Whether everything pushed so far is over."""
        with self._lock:
            return now + 1e-6 >= self._last_due

"""The queue between the programme and one sink: the programme never waits, the sink begins at a key frame."""

import threading
from collections import deque

from services.stage.engine.encoder import Unit


class Outlet:
    """Filled by the programme thread, emptied by the sink's thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._units: deque[Unit] = deque()
        self._open = False
        self._begun = False
        self._ended = False
        self.overflowed = False

    def begin(self) -> None:
        """Take in units from the next key frame on."""
        with self._changed:
            self._units.clear()
            self._open, self._begun, self.overflowed = True, False, False

    def pause(self) -> None:
        with self._changed:
            self._open = False
            self._units.clear()

    def end(self) -> None:
        """No more units come; what is queued may still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def offer(self, unit: Unit) -> None:
        """Queue a unit; when the sink is too slow the queue closes itself and says `overflowed`."""
        with self._changed:
            if not self._open or self._ended:
                return
            self._begun = self._begun or (unit.video and unit.key)
            if not self._begun:
                return
            if len(self._units) >= self._capacity:
                self._open, self.overflowed = False, True
                return
            self._units.append(unit)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Unit | None:
        """The next unit; None after the time limit or at the end."""
        with self._changed:
            if not self._units and not self._ended:
                self._changed.wait(timeout_s)
            return self._units.popleft() if self._units else None

    @property
    def exhausted(self) -> bool:
        with self._changed:
            return self._ended and not self._units

    def __len__(self) -> int:
        return len(self._units)

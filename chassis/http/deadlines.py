"""By when answers must have begun: `asyncio.timeout` with one timer for all of them, since one each is 4 % of a request."""

import asyncio
import math
from types import TracebackType
from typing import Final, Self

LOOKED_AT: Final = 0.02
"""The part of the limit after which all open deadlines are looked at again."""


class Deadlines:
    """Those of one application. `limit_s` is how long an answer may take to begin."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._open: set[Deadline] = set()
        self._next_look: asyncio.TimerHandle | None = None

    def one(self) -> "Deadline":
        """For the answer that the body of its `with` statement gives."""
        return Deadline(self, asyncio.get_running_loop(), self._limit_s)

    def open(self) -> int:
        """How many answers are being given."""
        return len(self._open)

    def watch(self, deadline: "Deadline", loop: asyncio.AbstractEventLoop) -> None:
        self._open.add(deadline)
        if self._next_look is None:
            self._next_look = loop.call_later(self._limit_s * LOOKED_AT, self._look, loop)

    def forget(self, deadline: "Deadline") -> None:
        self._open.discard(deadline)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for deadline in self._open:
            deadline.pass_at(now)
        self._next_look = loop.call_later(self._limit_s * LOOKED_AT, self._look, loop) if self._open else None


class Deadline:
    """Once it has `passed`, the task is cancelled and the `with` statement raises TimeoutError."""

    def __init__(self, all_open: Deadlines, loop: asyncio.AbstractEventLoop, limit_s: float) -> None:
        self._all_open, self._loop, self._limit_s = all_open, loop, limit_s
        self._at = math.inf
        self.passed = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "answers are given by tasks"
        self._task, self._cancelled_before = task, task.cancelling()
        self.postpone()
        self._all_open.watch(self, self._loop)
        return self

    def postpone(self) -> None:
        """The whole time again."""
        self._at = self._loop.time() + self._limit_s

    def lift(self) -> None:
        """No limit from here on."""
        self._at = math.inf

    def pass_at(self, now: float) -> None:
        if now > self._at and not self.passed:
            self.passed = True
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all_open.forget(self)
        # Only where nobody else cancelled the task as well. Source: asyncio.timeout.
        if self.passed and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeoutError from fault

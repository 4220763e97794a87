"""A coroutine that dies at its nth wait, as its process would: what comes after it never runs, no `finally` either."""

import contextlib
import functools
import types
from collections.abc import Coroutine, Generator
from typing import Any


class Died(Exception):
    """The coroutine was left where it stood."""


@types.coroutine
def dying(work: Coroutine[Any, Any, Any], nth: int, *, answered: bool) -> Generator[Any, Any, None]:
    """Awaits `work` up to its nth wait; `answered` lets what it waits for there still happen. Raises Died.

    Whoever calls keeps `work`, so that it is not closed before the connections it used are gone.
    """
    resume = functools.partial(work.send, None)
    for wait in range(1, nth + 1):
        try:
            waits_for = resume()
        except StopIteration:
            return
        if wait == nth and not answered:
            raise Died
        try:
            yield waits_for
        except BaseException as thrown:  # noqa: BLE001 - whatever it is, it is for the one who waited
            resume = functools.partial(work.throw, thrown)
        else:
            resume = functools.partial(work.send, None)
    raise Died


class _Buried(BaseException):
    """No work takes this for a fault it could go on after."""


def bury(work: Coroutine[Any, Any, Any]) -> None:
    """Ends what has died, once its connections are gone: whatever its `finally` still waits for is not waited for."""
    with contextlib.suppress(_Buried, StopIteration, RuntimeError):
        for _ in range(100):
            work.throw(_Buried())

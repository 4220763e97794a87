"""One timer for all deadlines: each is kept, postponed or lifted, and nobody else's cancellation is taken for one."""

import asyncio

import pytest

from chassis.http.deadlines import Deadlines

SOON_S = 0.05
LATER_S = 30.0


async def forever() -> None:
    await asyncio.Event().wait()


async def test_who_is_too_slow_is_ended_and_told() -> None:
    deadlines = Deadlines(SOON_S)
    deadline = deadlines.one()

    async def answer() -> None:
        with deadline:
            assert deadlines.open() == 1
            await forever()

    with pytest.raises(TimeoutError):
        await answer()
    assert deadline.passed
    assert deadlines.open() == 0
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def test_each_has_its_own() -> None:
    deadlines = Deadlines(SOON_S)

    async def answer(lifted: bool) -> str:
        with deadlines.one() as deadline:
            if lifted:
                deadline.lift()
            await asyncio.sleep(SOON_S * 4)
            return "in its own time"

    outcomes = await asyncio.gather(answer(True), answer(False), answer(True), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, TimeoutError, str]


async def test_who_goes_on_sending_has_its_whole_time_again() -> None:
    deadlines = Deadlines(SOON_S * 4)
    with deadlines.one() as deadline:
        for _ in range(8):
            await asyncio.sleep(SOON_S)
            deadline.postpone()
    assert not deadline.passed


async def test_a_task_that_others_cancel_is_cancelled() -> None:
    deadlines = Deadlines(LATER_S)

    async def answer() -> None:
        with deadlines.one():
            await forever()

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deadlines.open() == 0


async def test_a_task_that_others_cancel_as_well_is_cancelled() -> None:
    deadlines = Deadlines(SOON_S)

    async def answer() -> None:
        with deadlines.one() as deadline:
            try:
                await forever()
            finally:
                assert deadline.passed
                task.cancel()

    task = asyncio.create_task(answer())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_went_wrong_in_the_last_moment_is_told_as_it_is() -> None:
    async def answer() -> None:
        with Deadlines(SOON_S).one():
            try:
                await forever()
            finally:
                raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await answer()


async def test_after_a_rest_deadlines_are_watched_again() -> None:
    deadlines = Deadlines(SOON_S)
    for _ in range(2):
        with pytest.raises(TimeoutError), deadlines.one():
            await forever()
        await asyncio.sleep(SOON_S * 2)

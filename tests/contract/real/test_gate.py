"""The four real services, asked what nobody thought of: a minute or two of it. `test_at_length.py` asks for longer.

The machines come first: shows left on air by the generated requests would only warm the processors.
"""

import asyncio

import pytest

from tests.contract.fuzz.real import Run, Services
from tests.contract.machine.machine import Machine, World
from tests.contract.real.judging import asked_everything, judge, played_in_any_order

pytestmark = pytest.mark.timeout(600)


async def test_a_show_from_purchase_to_video_on_demand_is_what_the_model_says_at_every_step(world: World) -> None:
    def play() -> None:
        Machine.world = world
        machine = Machine()
        machine.start()
        machine.draft(today=True)
        [show] = machine.shows
        while show.next is not None:
            machine.go_on(0)
            machine.everything_is_as_the_model_says()
            machine.repeat()
        machine.decide_on_an_old_version(0)
        machine.everything_is_as_the_model_says()
        assert (show.state, show.picture, show.films) == ("WRAPPING", "ENDED", 1)

    await asyncio.to_thread(play)


async def test_an_analyst_who_is_early_is_noted_and_cannot_go_live_yet(world: World) -> None:
    def play() -> None:
        Machine.world = world
        machine = Machine()
        machine.start()
        machine.draft(today=False)
        for _ in range(4):
            machine.go_on(0)
        for command in ("check_in", "arm", "go_live", "end_stream", "check_in", "cancel"):
            machine.out_of_turn(0, command)
            machine.everything_is_as_the_model_says()
        [show], [hours] = machine.shows, machine.hours
        assert (show.state, show.on_duty, hours.situation) == ("CANCELLED", True, "ACTIVE")

    await asyncio.to_thread(play)


async def test_a_model_that_differs_is_noticed(world: World) -> None:
    def differ() -> None:
        Machine.world = world
        machine = Machine()
        machine.start()
        machine.draft(today=False)
        for _ in range(3):
            machine.go_on(0)
        machine.everything_is_as_the_model_says()
        [show], [hours], last = machine.shows, machine.hours, machine.last
        assert last is not None
        for thing, name, lie in ((show, "state", "DRAFT"), (hours, "situation", "ACTIVE"), (hours, "show", None)):
            truth = getattr(thing, name)
            setattr(thing, name, lie)
            with pytest.raises(AssertionError):
                machine.everything_is_as_the_model_says()
            setattr(thing, name, truth)
        machine.refused.append((show, last))
        with pytest.raises(AssertionError, match="left an event"):
            machine.everything_is_as_the_model_says()

    await asyncio.to_thread(differ)


async def test_whatever_people_do_in_whatever_order_is_what_the_model_says(world: World) -> None:
    await played_in_any_order(world, examples=8, steps=20)


async def test_generated_requests_find_nothing_the_contracts_do_not_say(services: Services) -> None:
    await asked_everything(services, fuzzing=1, stateful=10)


DOCUMENT = {"paths": {"/shows": {"get": {"operationId": "listShows"}, "post": {"operationId": "draftShow"}}}}
GOOD = Run(0, "2/2", {"listShows": {"200": 3}, "draftShow": {"422 INVALID": 9, "201": 1}})


@pytest.mark.parametrize(
    ("run", "log"),
    [
        (GOOD._replace(status=1), ""),
        (GOOD, '{"event": "fault", "path": "/shows"}'),
        (GOOD, '{"code": "WRONG_STATE", "event": "undeclared refusal"}'),
        (GOOD._replace(out="1/2"), ""),
        (GOOD._replace(answers={**GOOD.answers, "draftShow": {"422 INVALID": 9}}), ""),
        (GOOD._replace(answers={"listShows": {"200": 3}}), ""),
    ],
)
def test_a_run_is_red_for_whatever_is_wrong(run: Run, log: str) -> None:
    judge(GOOD, "", DOCUMENT)
    with pytest.raises(AssertionError):
        judge(run, log, DOCUMENT)

"""Whole streams of events as released versions recorded them: today's program reads each one and folds it.

`tests/data/history` only grows: with each release, the logs of one demo (`regie export`), as stream, type and payload.
"""

import json
import pkgutil
from collections import defaultdict
from importlib import import_module
from itertools import accumulate
from pathlib import Path

import pytest

from chassis.decider import Codec, Decider
from contracts.envelope import aggregate_of
from contracts.roles import SERVICES
from contracts.upcasters import UPCASTERS
from regie.contracts import vocabulary

CORPUS = sorted((Path(__file__).parent.parent / "data" / "history").glob("*.jsonl"))
WORDS = vocabulary()


def deciders(service: str) -> dict[str, Decider]:
    """By the prefix of their streams, all aggregates of a service; forgetting is the chassis's own."""
    package = import_module(f"services.{service}.domain")
    names = [f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    found = [thing for name in (package.__name__, *names) for thing in vars(import_module(name)).values()]
    return {thing.name: thing for thing in found if isinstance(thing, Decider)}


def streams(path: Path) -> dict[str, list[tuple[str, bytes]]]:
    found = defaultdict(list)
    for line in path.read_text().splitlines():
        event = json.loads(line)
        found[event["stream"]].append((event["type"], json.dumps(event["payload"]).encode()))
    return found


def test_every_service_has_a_history():
    assert {path.stem.rpartition("-")[2] for path in CORPUS} == set(SERVICES)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_released_history_is_still_read_and_folded(path):
    service = path.stem.rpartition("-")[2]
    codec, known = Codec(WORDS[service], UPCASTERS[service]), deciders(service)
    for name, stored in streams(path).items():
        decider = known[aggregate_of(name)[0]]
        events = [codec.decode(*event) for event in stored]
        states = list(accumulate(events, decider.evolve, initial=decider.initial))
        assert any(state != decider.initial for state in states), name
        assert {event.tag() for event in events} <= decider.events.keys(), name

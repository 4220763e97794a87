"""Whole streams of events as released versions recorded them: today's program reads each one and folds it.

`tests/data/history` only grows: with each release, the logs of one demo (`regie export`), as stream, type and payload.
"""

import json
from collections import defaultdict
from itertools import accumulate
from pathlib import Path

import pytest

from chassis.decider import Codec
from contracts.envelope import aggregate_of
from contracts.roles import SERVICES
from contracts.upcasters import UPCASTERS
from regie.contracts import vocabulary
from regie.replay import deciders_of

CORPUS = sorted((Path(__file__).parent.parent / "data" / "history").glob("*.jsonl"))
WORDS = vocabulary()


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
    codec = Codec(WORDS[service], UPCASTERS[service])
    known = {decider.name: decider for decider in deciders_of(service)}
    for name, stored in streams(path).items():
        decider = known[aggregate_of(name)[0]]
        events = [codec.decode(*event) for event in stored]
        states = list(accumulate(events, decider.evolve, initial=decider.initial))
        assert any(state != decider.initial for state in states), name
        assert {event.tag() for event in events} <= decider.events.keys(), name

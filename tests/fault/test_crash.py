"""kill -9 of every part in the middle of a live show: nothing acknowledged is lost, nothing is repeated."""

import asyncio
import contextlib
import os
import signal
from collections import Counter

import httpx

from contracts.roles import SERVICES
from regie.demo.acts import live
from regie.demo.client import until
from regie.demo.play import after, before, on_air, up_to_live
from regie.demo.trail import trail_of
from tests.support.show import pids_of, show_of_our_own

SEGMENT_OPENED, SEGMENT_CLOSED = "stage.program_segment_opened.v1", "stage.program_segment_closed.v1"
VICTIMS = ("stage", "postgres", "nats", "scheduling", "media", "entitlement", "stage", "postgres")


async def test_killing_every_part_of_a_live_show_loses_and_repeats_nothing():
    async with show_of_our_own() as show:
        await before(show)
        await up_to_live(show)
        done = asyncio.Event()
        operating = asyncio.create_task(operate(show, done))
        for victim in VICTIMS:
            await asyncio.sleep(0.7)
            os.kill(pids_of(show)[victim], signal.SIGKILL)
            await until(f"{victim} is back", lambda: everything_answers(show), 60)
        done.set()
        shown = await operating
        assert shown >= len(VICTIMS)
        await on_air(show)
        await after(show)
        trail = await trail_of(show.sre, show.show_id)
        every_acknowledged_event_stands_once(show, trail)
        every_stream_is_whole(trail)
        every_intent_has_one_outcome(trail["stage"])
        nothing_is_missing_from_the_recording(trail)
        no_presenter_was_dropped(trail["stage"])


async def operate(show, done: asyncio.Event) -> int:
    """An operator who goes on working whatever happens; every command is repeated under its key until it is answered."""
    shown = 0
    while not done.is_set():
        overlay = await live.show_overlay(show, f"number {shown}")
        await live.hide_overlay(show, overlay)
        shown += 1
    return shown


async def everything_answers(show) -> bool:
    async with httpx.AsyncClient(timeout=3) as client:
        for service in SERVICES:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get(f"{show.endpoints['services'][service]['url']}/health/ready")
                if answer.status_code == httpx.codes.OK:
                    continue
            return False
    return True


def every_acknowledged_event_stands_once(show, trail) -> None:
    recorded = {service: Counter(entry["id"] for entry in entries) for service, entries in trail.items()}
    told = [
        (service, event["id"])
        for api in show.apis.values()
        for service, receipt in api.acknowledged
        for event in receipt.get("events", [])
        if event["type"].startswith("stage.")
    ]
    assert len(told) > 50
    assert [each for each in told if recorded[each[0]][each[1]] != 1] == []
    assert all(count == 1 for counts in recorded.values() for count in counts.values())


def every_stream_is_whole(trail) -> None:
    """Streams that belong wholly to this show have versions without a gap; a repeat would stand as an extra version."""
    for entries in trail.values():
        versions: dict[str, list[int]] = {}
        for entry in entries:
            versions.setdefault(entry["stream"], []).append(entry["version"])
        for stream, found in versions.items():
            assert found == list(range(found[0], found[0] + len(found))), stream


def every_intent_has_one_outcome(entries) -> None:
    """Each intent is followed by its facts (going live also starts the session), and by each of them once."""
    intents = [e for e in entries if e["type"].endswith("_requested.v1")]
    facts = [e for e in entries if not e["type"].endswith("_requested.v1")]
    assert len(intents) > 20
    for intent in intents:
        outcomes = Counter(fact["type"] for fact in facts if answers(fact, intent))
        assert set(outcomes.values()) == {1}, (intent["type"], outcomes)


def answers(fact, intent) -> bool:
    """A recording is named by its segment, everything else by the effect."""
    match intent["type"]:
        case "stage.recording_requested.v1":
            return fact["type"] == SEGMENT_OPENED and fact["data"]["segment_id"] == intent["data"]["effect_id"]
        case "stage.recording_stop_requested.v1":
            return fact["type"] == SEGMENT_CLOSED and fact["data"]["segment_id"] == intent["data"]["segment_id"]
        case _:
            return fact["data"].get("effect_id") == intent["data"]["effect_id"]


def nothing_is_missing_from_the_recording(trail) -> None:
    """The engine is a process of its own: nobody who was killed took the picture along."""
    assert [e for e in trail["stage"] if e["type"] == "stage.engine_lost.v1"] == []
    [final] = [e["data"] for e in trail["media"] if e["type"] == "media.recording_finalised.v1"]
    assert final["gaps_ms"] == 0


def no_presenter_was_dropped(entries) -> None:
    """Presenters publish to a program of its own, too."""
    live_until = next(e["position"] for e in entries if e["type"] == "stage.stream_end_requested.v1")
    assert [e for e in entries if e["type"] == "stage.presenter_dropped.v1" and e["position"] < live_until] == []

"""The story of one resource, told in commands; and the people, sessions and files it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.decider import Codec, Decider
from contracts.envelope import Event
from contracts.problems import Refusal
from contracts.stage.values import SegmentCause
from services.media import commands as c

SHOW, STAGE, RUN, SESSION, OTHER_SESSION = (UUID(int=n) for n in range(1, 6))
RECORDING, EDIT, VOD, ASSET, PRESENTER = (UUID(int=n) for n in range(11, 16))
SHA, OTHER_SHA = "a" * 64, "b" * 64


def at(seconds: float = 0) -> datetime:
    return datetime(2026, 6, 10, 9, tzinfo=UTC) + timedelta(seconds=seconds)


class Story:
    """What happened so far; `when` tells one command and returns what it led to. Every event survives the wire."""

    def __init__(self, decider: Decider[Any, Any]) -> None:
        self.decider = decider
        self.codec = Codec(decider.events)
        self.events: list[Event] = []
        self.state: Any = decider.initial

    def when(self, command: c.Command) -> list[Event]:
        new = list(self.decider.decide(command, self.state))
        assert [self.codec.decode(event.tag(), self.codec.encode(event)) for event in new] == new
        self.state = self.decider.fold(new, self.state)
        self.events += new
        return new

    def names(self, command: c.Command) -> list[str]:
        """The names of what a command led to."""
        return [type(event).__name__ for event in self.when(command)]

    def refused(self, command: c.Command, refusal: type[Refusal]) -> Refusal:
        before = self.state
        with pytest.raises(refusal) as refused:
            self.decider.decide(command, self.state)
        assert type(refused.value) is refusal
        assert self.state == before
        return refused.value


def segment(number: int) -> UUID:
    return UUID(int=100 + number)


def open_segment(number: int = 1, seconds: float = 0, *, forbidden: bool = False) -> c.OpenSegment:
    return c.OpenSegment(
        at=at(seconds),
        show_id=SHOW,
        recording_id=RECORDING,
        stage_id=STAGE,
        run_id=RUN,
        session_id=SESSION,
        segment_id=segment(number),
        file=f"program/{number}.mp4",
        first_frame=round(seconds * 25),
        forbidden=forbidden,
    )


def close_segment(
    number: int = 1, seconds: float = 60, cause: SegmentCause = SegmentCause.SESSION_END
) -> c.CloseSegment:
    last = round(seconds * 25)
    return c.CloseSegment(at=at(seconds), segment_id=segment(number), last_frame=last, frames=last + 1, cause=cause)


def keep_segment(number: int = 1, duration_ms: int = 60_000, sha256: str = SHA) -> c.KeepSegment:
    return c.KeepSegment(
        at=at(1000),
        segment_id=segment(number),
        key=f"originals/{number}.mp4",
        sha256=sha256,
        size_bytes=1000,
        duration_ms=duration_ms,
        frames=duration_ms // 40,
    )


def lose_segment(number: int = 1) -> c.LoseSegment:
    return c.LoseSegment(at=at(1000), segment_id=segment(number), reason="is not a recording")


def end_recording(seconds: float = 60) -> c.EndRecording:
    return c.EndRecording(at=at(seconds))

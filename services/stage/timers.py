"""What the stage service does by the clock: tell when nobody has looked at the stream since it started."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from chassis.handle import Do
from chassis.timers import Cancel, Set, Timer, TimersOf
from contracts import stage as e
from contracts.envelope import Event, Recorded
from services.stage import commands as c
from services.stage.domain import STAGE

VIEW_CHECK: Final = "attendee_view_unchecked"


def timers(grace_s: int) -> TimersOf:
    """Set with each stream that starts, taken back with its end. Source: duties.md D11."""

    def of(event: Event, _: Recorded) -> Sequence[Set | Cancel]:
        match event:
            case e.StreamStarted():
                due_at = event.at + timedelta(seconds=grace_s)
                return [Set(id=f"view:{event.run_id}", due_at=due_at, kind=VIEW_CHECK, ident=event.stage_id)]
            case e.StreamEnded():
                return [Cancel(id=f"view:{event.run_id}")]
            case _:
                return []

    return of


def timer_commands(grace_s: int) -> dict[str, Callable[[Timer, datetime], Do]]:
    """What a timer that is due asks for."""

    def unchecked(timer: Timer, at: datetime) -> Do:
        run_id = UUID(timer.id.removeprefix("view:"))
        command = c.ReportAttendeeViewUnchecked(at=at, run_id=run_id, grace_s=grace_s)
        return Do(decider=STAGE, ident=timer.ident, command=command)

    return {VIEW_CHECK: unchecked}

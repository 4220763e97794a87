"""What the clock does for a show: preparation opens, and who has not come is missed.

Source: duties.md L7, Q11; domain.md P15.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from chassis.handle import Do
from chassis.timers import Cancel, Set, Timer, TimerCommands
from contracts import scheduling as e
from contracts.envelope import Event, Recorded
from services.scheduling import commands as c
from services.scheduling.domain.prep import PREP

OPEN: Final = "open_prep_slot"
NO_SHOW: Final = "report_no_shows"


def timers(event: Event, _: Recorded) -> Sequence[Set | Cancel]:
    match event:
        case e.PrepSlotPlanned():
            missed_at = event.ends_at + timedelta(seconds=event.no_show_grace_s)
            return [
                Set(id=_id(OPEN, event.session_id), due_at=event.starts_at, kind=OPEN, ident=event.show_id),
                Set(id=_id(NO_SHOW, event.session_id), due_at=missed_at, kind=NO_SHOW, ident=event.show_id),
            ]
        case e.PrepSlotWithdrawn():
            return [Cancel(id=_id(OPEN, event.session_id)), Cancel(id=_id(NO_SHOW, event.session_id))]
        case _:
            return []


def _id(kind: str, session_id: UUID) -> str:
    return f"{kind}:{session_id}"


def _session(timer: Timer) -> UUID:
    return UUID(timer.id.partition(":")[2])


def _open(timer: Timer, at: datetime) -> Do:
    return Do(decider=PREP, ident=timer.ident, command=c.OpenPrepSlot(at=at, session_id=_session(timer)))


def _report(timer: Timer, at: datetime) -> Do:
    return Do(decider=PREP, ident=timer.ident, command=c.ReportNoShows(at=at, session_id=_session(timer)))


TIMER_COMMANDS: Final[TimerCommands] = {OPEN: _open, NO_SHOW: _report}

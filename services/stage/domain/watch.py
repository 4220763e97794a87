"""What the analyst watches beside the picture: the attendee's view, and the chat of speakers and moderators.

Source: duties.md D11, D13.
"""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import ChatWatchClosed, FlagUnknown, NotInScope, NotLive
from services.stage.domain.state import Ending, Idle, Live, StageRun
from services.stage.domain.telling import tell, wrong_state

Asked: TypeAlias = (
    c.RecordAttendeeViewCheck | c.ReportAttendeeViewUnchecked | c.OpenChatWatch | c.FlagMessage | c.AcknowledgeFlag
)
Told: TypeAlias = (
    e.AttendeeViewConfirmed
    | e.AttendeeViewDegraded
    | e.AttendeeViewCheckOverdue
    | e.ChatWatchOpened
    | e.ChatMessageFlagged
    | e.ChatFlagAcknowledged
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.RecordAttendeeViewCheck():
            return [_viewed(command, stage)]
        case c.ReportAttendeeViewUnchecked():
            running = isinstance(stage.phase, Live | Ending) and stage.run_id == command.run_id
            if not running or stage.watch.view_checked_in == command.run_id:
                return []
            fields = {"run_id": command.run_id, "grace_s": command.grace_s}
            return [tell(e.AttendeeViewCheckOverdue, command, stage, **fields)]
        case c.OpenChatWatch():
            return _open(command, stage)
        case c.FlagMessage():
            return _flag(command, stage)
        case c.AcknowledgeFlag():
            if command.flag_id not in stage.watch.flags:
                raise FlagUnknown
            fields = {"flag_id": command.flag_id, "by": command.by, "note": command.note}
            return [tell(e.ChatFlagAcknowledged, command, stage, **fields)]
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    watch = stage.watch
    match event:
        case e.AttendeeViewConfirmed() | e.AttendeeViewDegraded():
            faults = event.faults if isinstance(event, e.AttendeeViewDegraded) else ()
            seen = replace(watch, view_checked_in=stage.run_id, view_checked_at=event.at, view_faults=faults)
            return replace(stage, watch=seen)
        case e.AttendeeViewCheckOverdue():
            return stage
        case e.ChatWatchOpened():
            return replace(stage, watch=replace(watch, channels=event.channels))
        case e.ChatMessageFlagged():
            return replace(stage, watch=replace(watch, flags=watch.flags | {event.flag_id}))
        case e.ChatFlagAcknowledged():
            return replace(stage, watch=replace(watch, flags=watch.flags - {event.flag_id}))
        case _:
            assert_never(event)


def _viewed(command: c.RecordAttendeeViewCheck, stage: StageRun) -> Event:
    if not isinstance(stage.phase, Live | Ending):
        raise wrong_state(stage, NotLive)
    results = {"picture": command.picture, "sound": command.sound, "in_sync": command.in_sync}
    faults = tuple(name for name, good in results.items() if not good)
    fields = {"by": command.by, "delay_s": command.delay_s, "note": command.note}
    if faults:
        return tell(e.AttendeeViewDegraded, command, stage, faults=faults, **fields)
    return tell(e.AttendeeViewConfirmed, command, stage, **fields)


def _open(command: c.OpenChatWatch, stage: StageRun) -> list[Event]:
    if isinstance(stage.phase, Idle):
        raise wrong_state(stage)
    channels = tuple(sorted(set(command.channels)))
    _require_in_scope(*channels)
    if channels == stage.watch.channels:
        return []
    return [tell(e.ChatWatchOpened, command, stage, channels=channels, by=command.by)]


def _flag(command: c.FlagMessage, stage: StageRun) -> list[Event]:
    _require_in_scope(command.channel)
    if command.channel not in stage.watch.channels:
        raise ChatWatchClosed(state=stage.situation, allowed=("OpenChatWatch",))
    if command.flag_id in stage.watch.flags:
        return []
    fields = {"flag_id": command.flag_id, "channel": command.channel, "author": command.author}
    return [tell(e.ChatMessageFlagged, command, stage, text=command.text, by=command.by, **fields)]


def _require_in_scope(*channels: e.ChatChannel) -> None:
    if e.ChatChannel.ATTENDEE in channels:
        raise NotInScope("The attendees' chat is not watched.")

"""Facts about the analyst's watch: cues taken, the attendee's view checked, chat flagged."""

from uuid import UUID

from contracts.envelope import Sealed
from contracts.stage._base import StageEvent as _OnStage
from contracts.stage.values import ChatChannel


class CueTaken(_OnStage, frozen=True, kw_only=True, tag="stage.cue_taken.v1"):
    """A line of the rundown was executed. Source: duties.md D4."""

    cue_id: UUID
    session_id: UUID
    rundown_version: int
    by: str


class CueSkipped(_OnStage, frozen=True, kw_only=True, tag="stage.cue_skipped.v1"):
    """A line of the rundown was left out on purpose."""

    cue_id: UUID
    rundown_version: int
    reason: str
    by: str


class CueHeld(_OnStage, frozen=True, kw_only=True, tag="stage.cue_held.v1"):
    """The next line of the rundown waits, for a reason."""

    cue_id: UUID
    rundown_version: int
    reason: str
    by: str


class RundownDeviated(_OnStage, frozen=True, kw_only=True, tag="stage.rundown_deviated.v1"):
    """Somebody left the order of the rundown; the lines in between stay pending. Source: domain.md U15."""

    expected_cue_id: UUID | None
    cue_id: UUID
    rundown_version: int
    reason: str
    by: str


class AttendeeViewConfirmed(_OnStage, frozen=True, kw_only=True, tag="stage.attendee_view_confirmed.v1"):
    """The analyst saw what attendees see, and it is good. Source: duties.md D11."""

    by: str
    delay_s: float | None = None
    note: str = ""


class AttendeeViewDegraded(_OnStage, frozen=True, kw_only=True, tag="stage.attendee_view_degraded.v1"):
    """What attendees see or hear is not good; `faults` names what."""

    by: str
    faults: tuple[str, ...]
    delay_s: float | None = None
    note: str = ""


class AttendeeViewCheckOverdue(_OnStage, frozen=True, kw_only=True, tag="stage.attendee_view_check_overdue.v1"):
    """Nobody has looked at the attendee's view since the stream started."""

    run_id: UUID
    grace_s: int


class ChatWatchOpened(_OnStage, frozen=True, kw_only=True, tag="stage.chat_watch_opened.v1"):
    """The analyst watches the chat of speakers and moderators. Source: duties.md D13."""

    channels: tuple[ChatChannel, ...]
    by: str


class ChatMessageFlagged(_OnStage, frozen=True, kw_only=True, tag="stage.chat_message_flagged.v1"):
    """A chat message needs somebody's attention; author and text are sealed."""

    flag_id: UUID
    channel: ChatChannel
    author: Sealed | None
    text: Sealed
    by: str


class ChatFlagAcknowledged(_OnStage, frozen=True, kw_only=True, tag="stage.chat_flag_acknowledged.v1"):
    """Somebody took care of a flagged message."""

    flag_id: UUID
    by: str
    note: str = ""

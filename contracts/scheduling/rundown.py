"""Facts about the run of show: imported, edited, published, and what became of it on the day."""

from datetime import datetime
from uuid import UUID

from contracts.scheduling._base import ShowEvent as _OfShow
from contracts.scheduling.values import Cue, Session, SessionTimes, Speaker, Stage


class RunOfShowImported(_OfShow, frozen=True, kw_only=True, tag="scheduling.run_of_show_imported.v1"):
    """A schedule file became the draft of the run of show, in place of the one before. Source: duties.md D2."""

    stages: tuple[Stage, ...]
    sessions: tuple[Session, ...]
    cues: tuple[Cue, ...]
    speakers: tuple[Speaker, ...]
    source_title: str
    source_version: str
    sha256: str


class SessionPlanned(_OfShow, frozen=True, kw_only=True, tag="scheduling.session_planned.v1"):
    """A session was added to the draft, or stands there differently now; `stage_name` names a stage new to the draft."""

    session: Session
    stage_name: str | None = None


class CuePlanned(_OfShow, frozen=True, kw_only=True, tag="scheduling.cue_planned.v1"):
    """A cue was added to the draft."""

    stage_id: UUID
    cue: Cue


class SpeakerAssigned(_OfShow, frozen=True, kw_only=True, tag="scheduling.speaker_assigned.v1"):
    """A speaker is part of a session of the draft."""

    session_id: UUID
    speaker: Speaker


class RunOfShowShifted(_OfShow, frozen=True, kw_only=True, tag="scheduling.run_of_show_shifted.v1"):
    """Every session of the draft moved by `shift_s` seconds."""

    shift_s: int


class RundownPublished(_OfShow, frozen=True, kw_only=True, tag="scheduling.rundown_published.v1"):
    """The plan of one stage is in force; of a stage that was dropped the plan is empty. One per stage.

    `rundown_version` counts from 1 for the whole show. Sessions are ordered by start, cues by `order`.
    """

    stage_id: UUID
    stage_name: str
    rundown_version: int
    sessions: tuple[Session, ...]
    cues: tuple[Cue, ...]
    speakers: tuple[Speaker, ...]


class SessionBegan(_OfShow, frozen=True, kw_only=True, tag="scheduling.session_began.v1"):
    """A session really began at `began_at`; it was planned for `planned_at`."""

    stage_id: UUID
    session_id: UUID
    began_at: datetime
    planned_at: datetime


class SessionOver(_OfShow, frozen=True, kw_only=True, tag="scheduling.session_over.v1"):
    """A session really ended at `ended_at`; it was planned to end at `planned_at`."""

    stage_id: UUID
    session_id: UUID
    ended_at: datetime
    planned_at: datetime


class RundownRetimed(_OfShow, frozen=True, kw_only=True, tag="scheduling.rundown_retimed.v1"):
    """The rest of a stage's sessions is expected at other times than before; changeovers are kept.

    `moves` are the sessions whose times differ from the last word on them. `broken_hard_starts` do not move, so what is
    before them has to be shortened. Source: features.md S4.
    """

    stage_id: UUID
    rundown_version: int
    moves: tuple[SessionTimes, ...]
    broken_hard_starts: tuple[UUID, ...] = ()


class RundownChangeSuggested(_OfShow, frozen=True, kw_only=True, tag="scheduling.rundown_change_suggested.v1"):
    """The analyst proposes other times for a session; the plan is the customer's (K2)."""

    change_id: UUID
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str


class RundownChangeAccepted(_OfShow, frozen=True, kw_only=True, tag="scheduling.rundown_change_accepted.v1"):
    """The customer took over a proposal; it is in the draft, and in force with the next publication."""

    change_id: UUID
    session_id: UUID
    by: str


class RundownChangeRejected(_OfShow, frozen=True, kw_only=True, tag="scheduling.rundown_change_rejected.v1"):
    """The customer does not want a proposal."""

    change_id: UUID
    reason: str
    by: str

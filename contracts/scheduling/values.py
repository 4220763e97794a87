"""Data the events of scheduling share: stages, sessions, speakers, cues. Nothing happens in here.

Enumerations that partners read are open: expect values you do not know.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from contracts.envelope import Sealed


class SessionKind(StrEnum):
    """What happens on the stage. Breaks and clips are not sessions: nobody is prepared for them (duties.md Q21, D2)."""

    TALK = "talk"
    WORKSHOP = "workshop"
    PERFORMANCE = "performance"
    BREAK = "break"
    CLIP = "clip"
    OTHER = "other"

    @property
    def is_session(self) -> bool:
        return self not in (SessionKind.BREAK, SessionKind.CLIP)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A programme output of the show."""

    stage_id: UUID
    name: str


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """A person on stage; the name can be read only while its subject is not forgotten. The subject is `speaker_id`."""

    speaker_id: UUID
    name: Sealed


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a stage, [`starts_at`, `ends_at`).

    `source_id` is its number in the imported file. A session with `hard_start` is never pushed by an overrun.
    """

    session_id: UUID
    stage_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    kind: SessionKind = SessionKind.TALK
    do_not_record: bool = False
    do_not_stream: bool = False
    speaker_ids: tuple[UUID, ...] = ()
    hard_start: bool = False
    track: str = ""
    language: str = ""
    source_id: str = ""


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """An executable line of a stage's rundown; `order` is ascending within the stage."""

    cue_id: UUID
    session_id: UUID
    kind: str
    label: str
    order: int


class SessionTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When a session is now expected to run."""

    session_id: UUID
    starts_at: datetime
    ends_at: datetime


class CoverageTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the terms version the show's hours were reserved under, as far as scheduling applies them."""

    terms_version: str
    prep_s: int = 900
    back_to_back_s: int = 900
    margin_before_s: int = 1800
    margin_after_s: int = 1800
    no_show_grace_s: int = 300


class ReadinessItem(StrEnum):
    """What has to be there before a show is ready. Source: duties.md D1, R2, K1a, K3."""

    RUNDOWN_PUBLISHED = "rundown_published"
    HOURS_RESERVED = "hours_reserved"
    SEAT_STAFFED = "seat_staffed"
    SPEAKERS_INVITED = "speakers_invited"
    BEST_PRACTICES_BRIEFED = "best_practices_briefed"
    BRAND_KIT_APPLIED = "brand_kit_applied"


class TimeBasis(StrEnum):
    """What the answer to a time check rests on. Source: duties.md D16."""

    PLANNED = "planned"
    RETIMED = "retimed"
    HARD_STOP = "hard_stop"

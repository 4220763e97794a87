"""Facts about preparation and about helping speakers: slots, invitations, briefing, training, time checks."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Sealed
from contracts.scheduling._base import ShowEvent as _OfShow
from contracts.scheduling.values import ReadinessItem, TimeBasis


class PrepSlotPlanned(_OfShow, frozen=True, kw_only=True, tag="scheduling.prep_slot_planned.v1"):
    """The speakers of a session are prepared in [`starts_at`, `ends_at`), which ends as the session starts (L7).

    Told again when the slot moves. Who has not come `no_show_grace_s` after the session's start is missed (Q11).
    """

    session_id: UUID
    stage_id: UUID
    starts_at: datetime
    ends_at: datetime
    speaker_ids: tuple[UUID, ...]
    no_show_grace_s: int


class PrepSlotWithdrawn(_OfShow, frozen=True, kw_only=True, tag="scheduling.prep_slot_withdrawn.v1"):
    """There is no such session any more."""

    session_id: UUID


class PrepConflictFound(_OfShow, frozen=True, kw_only=True, tag="scheduling.prep_conflict_found.v1"):
    """One analyst cannot prepare this session and serve the other at once: a warning with code `PREP_CONFLICT` (L7)."""

    session_id: UUID
    other_session_id: UUID
    claim: Literal["live", "prep"]


class PrepWindowCompressed(_OfShow, frozen=True, kw_only=True, tag="scheduling.prep_window_compressed.v1"):
    """The session before runs into the preparation of this one; `left_s` seconds of the slot remain (Q21)."""

    session_id: UUID
    previous_session_id: UUID
    left_s: int


class PrepSlotOpened(_OfShow, frozen=True, kw_only=True, tag="scheduling.prep_slot_opened.v1"):
    """The speakers of a session are expected now."""

    session_id: UUID
    stage_id: UUID


class SpeakerPrepStarted(_OfShow, frozen=True, kw_only=True, tag="scheduling.speaker_prep_started.v1"):
    """A speaker is being prepared."""

    session_id: UUID
    speaker_id: UUID
    by: str


class SpeakerPrepCompleted(_OfShow, frozen=True, kw_only=True, tag="scheduling.speaker_prep_completed.v1"):
    """A speaker is prepared; `screen_share_rehearsed` tells whether sharing the screen was tried (D6)."""

    session_id: UUID
    speaker_id: UUID
    screen_share_rehearsed: bool
    by: str


class SpeakerPrepMissed(_OfShow, frozen=True, kw_only=True, tag="scheduling.speaker_prep_missed.v1"):
    """A speaker was not prepared: `no_show` when the grace was over, else the reason somebody gave."""

    session_id: UUID
    speaker_id: UUID
    reason: str


class BackToBackDetected(_OfShow, frozen=True, kw_only=True, tag="scheduling.back_to_back_detected.v1"):
    """Two sessions follow each other with less than the minimum break (L8, Q21).

    `live` tells that the plan had a break which an overrun has eaten up.
    """

    training_id: UUID
    stage_id: UUID
    first_session_id: UUID
    second_session_id: UUID
    gap_s: int
    live: bool


class BackToBackCleared(_OfShow, frozen=True, kw_only=True, tag="scheduling.back_to_back_cleared.v1"):
    """The two sessions have their break again, or one of them is gone."""

    training_id: UUID


class CloseSessionTrainingScheduled(
    _OfShow, frozen=True, kw_only=True, tag="scheduling.close_session_training_scheduled.v1"
):
    """The customer's team will learn to close the first of two sessions (L8)."""

    training_id: UUID
    scheduled_for: datetime


class CloseSessionTrainingCompleted(
    _OfShow, frozen=True, kw_only=True, tag="scheduling.close_session_training_completed.v1"
):
    """The customer's team knows how to close a session."""

    training_id: UUID
    by: str


class CloseSessionTrainingWaived(_OfShow, frozen=True, kw_only=True, tag="scheduling.close_session_training_waived.v1"):
    """The customer's team closes the session without training, for this reason (Q23)."""

    training_id: UUID
    reason: str
    by: str


class SessionCloseDelegated(_OfShow, frozen=True, kw_only=True, tag="scheduling.session_close_delegated.v1"):
    """The customer's team may close this session (L8)."""

    training_id: UUID
    stage_id: UUID
    session_id: UUID


class TimeCheckRequested(_OfShow, frozen=True, kw_only=True, tag="scheduling.time_check_requested.v1"):
    """Somebody on stage asks how much time is left (D16)."""

    check_id: UUID
    stage_id: UUID
    session_id: UUID
    by: str


class TimeCheckGiven(_OfShow, frozen=True, kw_only=True, tag="scheduling.time_check_given.v1"):
    """The analyst told how much time is left; `remaining_s` is negative once it is over."""

    check_id: UUID
    stage_id: UUID
    session_id: UUID
    remaining_s: int
    ends_at: datetime
    basis: TimeBasis
    by: str


class SpeakersExpected(_OfShow, frozen=True, kw_only=True, tag="scheduling.speakers_expected.v1"):
    """These are the speakers the customer has to invite, by the rundown in force."""

    rundown_version: int
    speaker_ids: tuple[UUID, ...]


class SpeakerInvitationConfirmed(_OfShow, frozen=True, kw_only=True, tag="scheduling.speaker_invitation_confirmed.v1"):
    """The customer has sent a speaker the link and the instructions (K1a)."""

    speaker_id: UUID
    by: str


class BestPracticesBriefed(_OfShow, frozen=True, kw_only=True, tag="scheduling.best_practices_briefed.v1"):
    """The analyst presented the practices of the trade; outside coverage it is preparation work of the seat (D1, Q2)."""

    topics: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    activity: Literal["coverage", "preparation"]
    by: str


class ContactRegistered(_OfShow, frozen=True, kw_only=True, tag="scheduling.contact_registered.v1"):
    """Somebody the customer coordinates with: attendee, speaker or sponsor side (K1). The subject is `contact_id`."""

    contact_id: UUID
    side: str
    name: Sealed
    address: Sealed


class ReadinessItemTicked(_OfShow, frozen=True, kw_only=True, tag="scheduling.readiness_item_ticked.v1"):
    """A thing that has to be there before the show is there."""

    item: ReadinessItem


class ReadinessItemUnticked(_OfShow, frozen=True, kw_only=True, tag="scheduling.readiness_item_unticked.v1"):
    """A thing that has to be there before the show no longer is."""

    item: ReadinessItem


class ReadinessReached(_OfShow, frozen=True, kw_only=True, tag="scheduling.readiness_reached.v1"):
    """Every item is there."""


class ReadinessLost(_OfShow, frozen=True, kw_only=True, tag="scheduling.readiness_lost.v1"):
    """Not every item is there any more."""

    missing: tuple[ReadinessItem, ...]

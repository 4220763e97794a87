"""Every "no" of the scheduling service. Source: duties.md A.2 to A.4; domain.md sections 3 and 6.

`ScheduleInvalid` (`RUNDOWN_INVALID`) stands with the importer, `ShowTimesInvalid` with the arithmetic of time.
"""

from contracts.problems import Refusal


class ShowOver(Refusal):
    """The show is over or cancelled; nothing can be planned or prepared for it any more. `facts`: `state`."""

    code, status = "SHOW_OVER", 409
    fr = "L'événement est terminé ou annulé ; on ne peut plus rien y prévoir ni préparer."


class ShowNotTimed(Refusal):
    """The show has no planned start and end yet: publish its run of show first."""

    code, status = "SHOW_NOT_TIMED", 409
    fr = "L'événement n'a encore ni début ni fin prévus : publiez d'abord son conducteur."


class StageStillLive(Refusal):
    """A stage of the show is on air; end its stream first. `facts`: `stages`."""

    code, status = "STAGE_STILL_LIVE", 409
    fr = "Une scène de l'événement est à l'antenne ; terminez d'abord sa diffusion."


class RundownNotPublished(Refusal):
    """No run of show is in force; publish it first."""

    code, status = "RUNDOWN_NOT_PUBLISHED", 409
    fr = "Aucun conducteur n'est en vigueur ; publiez-le d'abord."


class SessionAlreadyLive(Refusal):
    """A session that has begun can neither vanish nor change its stage. `facts`: `sessions`."""

    code, status = "SESSION_ALREADY_LIVE", 409
    fr = "Une session commencée ne peut ni disparaître ni changer de scène."


class SessionFinished(Refusal):
    """The session is over. `facts`: `ended_at`."""

    code, status = "SESSION_OVER", 409
    fr = "La session est terminée."


class CustomerDuty(Refusal):
    """This is the customer's to do, not the analyst's. `facts`: `role`."""

    code, status = "CUSTOMER_DUTY", 403
    fr = "C'est au client de le faire, non à l'analyste."


class OutsideCoverage(Refusal):
    """This is outside the show's coverage. `facts`: `opens_at`, `closes_at`."""

    code, status = "OUTSIDE_COVERAGE", 403
    fr = "C'est hors de la couverture de l'événement."


class RemoteOnly(Refusal):
    """The analyst works remotely. `facts`: `mode`. Source: duties.md L1."""

    code, status = "REMOTE_ONLY", 422
    fr = "L'analyste travaille à distance."


class SeatAlreadyStaffed(Refusal):
    """The seat has its analyst. `facts`: `analyst_id`. Source: duties.md R2."""

    code, status = "SEAT_ALREADY_STAFFED", 409
    fr = "Le poste a son analyste."


class SeatHasMoved(Refusal):
    """The seat is at another time than the one that was booked; ask again. `facts`: `opens_at`, `closes_at`."""

    code, status = "SEAT_HAS_MOVED", 409
    fr = "Le poste est à une autre heure que celle réservée ; redemandez."


class NotOnThisSeat(Refusal):
    """This analyst is not on the seat. `facts`: `state`, `analysts`."""

    code, status = "ANALYST_NOT_ON_SEAT", 409
    fr = "Cet analyste n'occupe pas ce poste."


class AnalystNotInTeam(Refusal):
    """The analyst does not belong to the team that serves this customer. `facts`: `analyst_id`. Source: duties.md R3."""

    code, status = "ANALYST_NOT_IN_TEAM", 409
    fr = "L'analyste n'appartient pas à l'équipe qui sert ce client."


class AlreadyBooked(Refusal):
    """The analyst is dedicated to another show at that time.

    `facts`: `show_id` (null where it is another customer's), `starts_at`, `ends_at`. Source: duties.md L4.
    """

    code, status = "ANALYST_DOUBLE_BOOKED", 409
    fr = "L'analyste est réservé à un autre événement à ce moment-là."


class PrepSlotNotOpen(Refusal):
    """Preparation of this session has not started yet. `facts`: `opens_at`. Source: duties.md L7."""

    code, status = "PREP_SLOT_NOT_OPEN", 409
    fr = "La préparation de cette session n'a pas commencé."


class SpeakerNotInvited(Refusal):
    """The customer has not confirmed the speaker's invitation. `facts`: `speaker_id`. Source: duties.md K1a."""

    code, status = "SPEAKER_NOT_INVITED", 409
    fr = "Le client n'a pas confirmé l'invitation de l'intervenant."


class CloseAlreadyDelegated(Refusal):
    """The customer's team may close this session already. `facts`: `state`."""

    code, status = "CLOSE_ALREADY_DELEGATED", 409
    fr = "L'équipe du client peut déjà clore cette session."


class BriefingTimesInvalid(Refusal):
    """The briefing does not end after it starts, or lies in the future."""

    code, status = "BRIEFING_TIMES_INVALID", 422
    fr = "Le briefing ne finit pas après son début, ou se trouve dans le futur."

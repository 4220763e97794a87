"""What every event of a stage carries."""

from uuid import UUID

from contracts.envelope import Event


class StageEvent(Event, frozen=True, kw_only=True):
    """Something that happened on one stage of a show."""

    show_id: UUID
    stage_id: UUID

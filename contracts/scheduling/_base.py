"""What every event of a show carries."""

from uuid import UUID

from contracts.envelope import Event


class ShowEvent(Event, frozen=True, kw_only=True):
    """Something that happened to a show, or was planned for it."""

    show_id: UUID

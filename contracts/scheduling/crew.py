"""Facts about who works: teams, seats and the analysts on them, and each analyst's rota."""

from datetime import datetime
from uuid import UUID

from contracts.envelope import Event, Sealed
from contracts.scheduling._base import ShowEvent as _OfShow


class AnalystJoinedTeam(Event, frozen=True, kw_only=True, tag="scheduling.analyst_joined_team.v1"):
    """An analyst belongs to the team that serves this customer (R3). The subject of the name is `analyst_id`."""

    analyst_id: UUID
    name: Sealed


class AnalystLeftTeam(Event, frozen=True, kw_only=True, tag="scheduling.analyst_left_team.v1"):
    """An analyst no longer belongs to the team."""

    analyst_id: UUID


class SeatOpened(_OfShow, frozen=True, kw_only=True, tag="scheduling.seat_opened.v1"):
    """The place one add-on buys waits for its analyst, for the time of coverage (R2)."""

    seat_id: UUID
    entitlement_id: UUID
    opens_at: datetime
    closes_at: datetime


class SeatMoved(_OfShow, frozen=True, kw_only=True, tag="scheduling.seat_moved.v1"):
    """Coverage moved, and the seat with it."""

    seat_id: UUID
    opens_at: datetime
    closes_at: datetime


class SeatWithdrawn(_OfShow, frozen=True, kw_only=True, tag="scheduling.seat_withdrawn.v1"):
    """The seat is not needed any more."""

    seat_id: UUID
    reason: str


class AnalystAssigned(_OfShow, frozen=True, kw_only=True, tag="scheduling.analyst_assigned.v1"):
    """An analyst will occupy the seat. `mode` is `remote` (L1)."""

    seat_id: UUID
    analyst_id: UUID
    mode: str


class AnalystUnassigned(_OfShow, frozen=True, kw_only=True, tag="scheduling.analyst_unassigned.v1"):
    """The seat is open again."""

    seat_id: UUID
    analyst_id: UUID
    reason: str


class AnalystCheckedIn(_OfShow, frozen=True, kw_only=True, tag="scheduling.analyst_checked_in.v1"):
    """An analyst is on duty on the seat; coverage is metered on the seat, not per person (Q19)."""

    seat_id: UUID
    entitlement_id: UUID
    analyst_id: UUID


class AnalystCheckedOut(_OfShow, frozen=True, kw_only=True, tag="scheduling.analyst_checked_out.v1"):
    """An analyst is no longer on duty on the seat."""

    seat_id: UUID
    entitlement_id: UUID
    analyst_id: UUID


class HandoverStarted(_OfShow, frozen=True, kw_only=True, tag="scheduling.handover_started.v1"):
    """The seat goes from one analyst to another; both may be there for a while (Q19)."""

    seat_id: UUID
    from_analyst_id: UUID
    to_analyst_id: UUID


class HandoverCompleted(_OfShow, frozen=True, kw_only=True, tag="scheduling.handover_completed.v1"):
    """The seat is the new analyst's alone."""

    seat_id: UUID
    from_analyst_id: UUID
    to_analyst_id: UUID


class ShiftBooked(_OfShow, frozen=True, kw_only=True, tag="scheduling.shift_booked.v1"):
    """An analyst is dedicated to this seat in [`starts_at`, `ends_at`) (L4)."""

    analyst_id: UUID
    seat_id: UUID
    starts_at: datetime
    ends_at: datetime


class ShiftMoved(_OfShow, frozen=True, kw_only=True, tag="scheduling.shift_moved.v1"):
    """A shift has other times now."""

    analyst_id: UUID
    seat_id: UUID
    starts_at: datetime
    ends_at: datetime


class ShiftReleased(_OfShow, frozen=True, kw_only=True, tag="scheduling.shift_released.v1"):
    """An analyst is free from `from_at` on; what lies before stays on the rota."""

    analyst_id: UUID
    seat_id: UUID
    from_at: datetime


class AnalystDoubleBooked(_OfShow, frozen=True, kw_only=True, tag="scheduling.analyst_double_booked.v1"):
    """A show moved onto another shift of its analyst, who is therefore taken off its seat (L4)."""

    analyst_id: UUID
    seat_id: UUID
    other_show_id: UUID | None
    starts_at: datetime
    ends_at: datetime

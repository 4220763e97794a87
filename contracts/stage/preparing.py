"""Facts before the show: what is known about it, its brand, its destinations, who may command. Nothing on air is in here."""

from datetime import datetime
from uuid import UUID

from contracts.envelope import Event
from contracts.stage._base import StageEvent as _OnStage
from contracts.stage.values import Asset, BrandKit, Coverage, CuePlan, DestinationKind, PresenterPlan, SessionPlan


class StageEntered(_OnStage, frozen=True, kw_only=True, tag="stage.stage_entered.v1"):
    """A stage was entered on the call sheet of its show."""


class CoverageNoted(Event, frozen=True, kw_only=True, tag="stage.coverage_noted.v1"):
    """The call sheet of a show noted what the entitlement service decided about its hours."""

    show_id: UUID
    coverage: Coverage


class SeatNoted(Event, frozen=True, kw_only=True, tag="stage.seat_noted.v1"):
    """The call sheet of a show noted which analysts occupy its seat now."""

    show_id: UUID
    analysts: tuple[UUID, ...]


class AssetNoted(Event, frozen=True, kw_only=True, tag="stage.asset_noted.v1"):
    """The call sheet of a show noted an asset, or what became of it."""

    show_id: UUID
    asset: Asset


class DelegationNoted(Event, frozen=True, kw_only=True, tag="stage.delegation_noted.v1"):
    """The call sheet of a show noted that the customer's team may close a session; None means any session."""

    show_id: UUID
    session_id: UUID | None


class StagePrepared(_OnStage, frozen=True, kw_only=True, tag="stage.stage_prepared.v1"):
    """A stage took over a published rundown: the first one prepares it, later ones replace the plan.

    Names of presenters are sealed. Cues already taken stay taken.
    """

    name: str
    rundown_version: int
    sessions: tuple[SessionPlan, ...]
    cues: tuple[CuePlan, ...]
    presenters: tuple[PresenterPlan, ...]


class CoverageLearned(_OnStage, frozen=True, kw_only=True, tag="stage.coverage_learned.v1"):
    """A stage learned in which window the analyst's duties are covered, or that the hours are spent."""

    coverage: Coverage


class SeatStaffed(_OnStage, frozen=True, kw_only=True, tag="stage.seat_staffed.v1"):
    """A stage learned which analysts occupy the seat; none means that nobody does."""

    analysts: tuple[UUID, ...]


class AssetAdmitted(_OnStage, frozen=True, kw_only=True, tag="stage.asset_admitted.v1"):
    """A stage learned of an asset, or that it was approved or shared by its presenter."""

    asset: Asset


class CloseDelegated(_OnStage, frozen=True, kw_only=True, tag="stage.close_delegated.v1"):
    """The customer's team may close a session on this stage; None means any session. Source: duties.md L8."""

    session_id: UUID | None


class BrandKitApplied(_OnStage, frozen=True, kw_only=True, tag="stage.brand_kit_applied.v1"):
    """The customer's brand was applied to the stage. Source: duties.md D3."""

    brand: BrandKit
    by: str


class ReadinessWaived(_OnStage, frozen=True, kw_only=True, tag="stage.readiness_waived.v1"):
    """Somebody decided to go live although not everything is ready, and said why. Source: duties.md K3."""

    reason: str
    by: str


class StageStoodDown(_OnStage, frozen=True, kw_only=True, tag="stage.stage_stood_down.v1"):
    """A stage was released because its show was cancelled or is over; leases and destinations go with it."""

    reason: str


class LeaseGranted(_OnStage, frozen=True, kw_only=True, tag="stage.lease_granted.v1"):
    """Somebody may command the stage until `expires_at`; commands with a lower lease number are refused from now on."""

    number: int
    holder: str
    expires_at: datetime


class LeaseRenewed(_OnStage, frozen=True, kw_only=True, tag="stage.lease_renewed.v1"):
    """The holder of the control lease stays in command until `expires_at`."""

    number: int
    holder: str
    expires_at: datetime


class LeaseReleased(_OnStage, frozen=True, kw_only=True, tag="stage.lease_released.v1"):
    """Nobody commands the stage now."""

    number: int
    holder: str


class LeaseHandedOver(_OnStage, frozen=True, kw_only=True, tag="stage.lease_handed_over.v1"):
    """Command of the stage passed from one operator to another, with a new lease number. Source: duties.md Q19."""

    number: int
    giver: str
    holder: str
    expires_at: datetime


class DestinationCreated(_OnStage, frozen=True, kw_only=True, tag="stage.destination_created.v1"):
    """A place the programme can be streamed to was described; its key is kept elsewhere, this is its fingerprint."""

    destination_id: UUID
    name: str
    kind: DestinationKind
    url: str
    key_fingerprint: str


class DestinationEnabled(_OnStage, frozen=True, kw_only=True, tag="stage.destination_enabled.v1"):
    """A destination will receive the programme: at once when the stream runs, else from its start."""

    destination_id: UUID
    name: str
    effect_id: UUID


class StreamKeyRotated(_OnStage, frozen=True, kw_only=True, tag="stage.stream_key_rotated.v1"):
    """A destination has a new stream key; the connection with the old one is replaced."""

    destination_id: UUID
    name: str
    key_fingerprint: str
    effect_id: UUID


class DestinationConnecting(_OnStage, frozen=True, kw_only=True, tag="stage.destination_connecting.v1"):
    """The engine began to connect to a destination."""

    destination_id: UUID
    name: str


class DestinationConnected(_OnStage, frozen=True, kw_only=True, tag="stage.destination_connected.v1"):
    """A destination receives the programme, from `frame` on."""

    destination_id: UUID
    name: str
    frame: int | None
    attempt: int


class DestinationReconnecting(_OnStage, frozen=True, kw_only=True, tag="stage.destination_reconnecting.v1"):
    """A destination that received the programme was lost; the engine keeps trying, the programme goes on."""

    destination_id: UUID
    name: str
    reason: str
    attempt: int
    frame: int | None


class DestinationFailed(_OnStage, frozen=True, kw_only=True, tag="stage.destination_failed.v1"):
    """A destination cannot be reached; the engine keeps trying, the programme goes on."""

    destination_id: UUID
    name: str
    reason: str
    attempt: int


class DestinationRecovered(_OnStage, frozen=True, kw_only=True, tag="stage.destination_recovered.v1"):
    """A destination that was lost or failed receives the programme again, after `attempt` tries."""

    destination_id: UUID
    name: str
    attempt: int
    frame: int | None


class DestinationDisabled(_OnStage, frozen=True, kw_only=True, tag="stage.destination_disabled.v1"):
    """A destination no longer receives the programme, because the stream ended."""

    destination_id: UUID
    name: str
    frame: int | None


class DestinationRemoved(_OnStage, frozen=True, kw_only=True, tag="stage.destination_removed.v1"):
    """A destination was taken off the stage; the engine closes its connection."""

    destination_id: UUID
    name: str
    effect_id: UUID


class ClaimTaken(Event, frozen=True, kw_only=True, tag="stage.claim_taken.v1"):
    """Something that can be in one place only, a stream key or a presenter, is in use.

    `what` names it, `holder` is the destination or stage that uses it.
    """

    what: str
    holder: UUID
    show_id: UUID


class ClaimFreed(Event, frozen=True, kw_only=True, tag="stage.claim_freed.v1"):
    """A stream key or a presenter may be used elsewhere again."""

    what: str
    holder: UUID
    show_id: UUID

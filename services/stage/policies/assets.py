"""What became of the files of a show goes onto its call sheet."""

from collections.abc import Sequence

from chassis.handle import Do
from chassis.inbox import Policy
from contracts import media
from contracts import stage as e
from contracts.envelope import Recorded
from services.stage import commands as c
from services.stage.policies.sheet import note


async def admit_what_is_delivered(event: media.AssetDelivered, _: Recorded) -> Sequence[Do]:
    asset = e.Asset(asset_id=event.asset_id, kind=str(event.kind), file=event.file)
    return note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))


async def admit_what_is_approved(event: media.AssetApproved, _: Recorded) -> Sequence[Do]:
    asset = e.Asset(asset_id=event.asset_id, kind="", approved=True)
    return note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))


async def admit_what_is_shared(event: media.AssetShared, _: Recorded) -> Sequence[Do]:
    asset = e.Asset(asset_id=event.asset_id, kind="", shared=True)
    return note(event.show_id, c.AdmitAsset(at=event.at, show_id=event.show_id, asset=asset))


POLICIES = [
    Policy(on=media.AssetDelivered, then=admit_what_is_delivered),
    Policy(on=media.AssetApproved, then=admit_what_is_approved),
    Policy(on=media.AssetShared, then=admit_what_is_shared),
]

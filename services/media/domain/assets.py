"""Files given for a show: announced, delivered, shared by their presenter, approved or rejected. Source: duties.md K3, D12."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, assert_never, get_args
from uuid import UUID

import msgspec

from chassis.decider import Decider
from contracts import media as e
from contracts.envelope import Event
from contracts.media import AssetKind
from services.media import commands as c
from services.media.domain.refusals import AssetMissing, AssetNotShared, OriginalImmutable, wrong

PRESENTED: Final = frozenset({AssetKind.CLIP, AssetKind.SLIDES})
"""Kinds that belong to a presenter, who has to share them first. Source: duties.md D12."""


class Unknown(msgspec.Struct, frozen=True):
    """Nobody has announced it."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A delivered file; its name is relative to the shared media folder."""

    file: str
    sha256: str
    media_type: str
    size_bytes: int


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Announced, and waited for."""

    asset_id: UUID
    show_id: UUID
    kind: AssetKind
    name: str


class Delivered(Registered, frozen=True, kw_only=True):
    """The file is there."""

    file: File


class Shared(Delivered, frozen=True, kw_only=True):
    """Its presenter wants it shown."""

    shared_by: UUID


class Approved(Delivered, frozen=True, kw_only=True):
    """It may be used."""

    shared_by: UUID | None = None


class Rejected(Delivered, frozen=True, kw_only=True):
    """It may not be used; another file may be delivered in its place."""

    reason: str


Asset: TypeAlias = Unknown | Registered | Delivered | Shared | Approved | Rejected
Told: TypeAlias = e.AssetRegistered | e.AssetDelivered | e.AssetShared | e.AssetApproved | e.AssetRejected


def decide(command: c.AssetCommand, asset: Asset) -> Sequence[Event]:
    match command:
        case c.RegisterAsset():
            return _register(command, asset)
        case c.DeliverAsset():
            return _deliver(command, asset)
        case c.ShareAsset():
            return _share(command, asset)
        case c.ApproveAsset():
            return _approve(command, asset)
        case c.RejectAsset():
            return _reject(command, asset)
        case _:
            assert_never(command)


def _register(command: c.RegisterAsset, asset: Asset) -> list[Event]:
    if not isinstance(asset, Unknown):
        raise wrong(asset, c.DeliverAsset)
    fields = msgspec.structs.asdict(command)
    return [e.AssetRegistered(**fields)]


def _deliver(command: c.DeliverAsset, asset: Asset) -> list[Event]:
    match asset:
        case Unknown():
            raise wrong(asset, c.RegisterAsset)
        case Rejected():
            pass
        case Delivered() if asset.file.sha256 == command.sha256:
            return []
        case Delivered():
            raise OriginalImmutable(kept=asset.file.sha256)
        case _:
            pass
    return [
        e.AssetDelivered(
            at=command.at,
            show_id=asset.show_id,
            asset_id=asset.asset_id,
            kind=asset.kind,
            file=command.file,
            sha256=command.sha256,
            media_type=command.media_type,
            size_bytes=command.size_bytes,
        )
    ]


def _share(command: c.ShareAsset, asset: Asset) -> list[Event]:
    presenter = command.shared_by_presenter
    match asset:
        case Unknown():
            raise wrong(asset, c.RegisterAsset)
        case Shared() | Approved() if asset.shared_by == presenter:
            return []
        case Shared() | Approved() | Rejected():
            raise wrong(asset)
        case Delivered():
            told = e.AssetShared(
                at=command.at, show_id=asset.show_id, asset_id=asset.asset_id, shared_by_presenter=presenter
            )
            return [told]
        case Registered():
            raise AssetMissing
        case _:
            assert_never(asset)


def _approve(command: c.ApproveAsset, asset: Asset) -> list[Event]:
    match asset:
        case Unknown():
            raise wrong(asset, c.RegisterAsset)
        case Approved():
            return []
        case Rejected():
            raise wrong(asset, c.DeliverAsset)
        case Delivered():
            if asset.kind in PRESENTED and not isinstance(asset, Shared):
                raise AssetNotShared(state="DELIVERED", allowed=["ShareAsset"])
            return [e.AssetApproved(at=command.at, show_id=asset.show_id, asset_id=asset.asset_id)]
        case Registered():
            raise AssetMissing
        case _:
            assert_never(asset)


def _reject(command: c.RejectAsset, asset: Asset) -> list[Event]:
    match asset:
        case Unknown():
            raise wrong(asset, c.RegisterAsset)
        case Rejected():
            return []
        case Approved():
            raise wrong(asset)
        case Delivered():
            fields: dict[str, Any] = {"show_id": asset.show_id, "asset_id": asset.asset_id, "reason": command.reason}
            return [e.AssetRejected(at=command.at, **fields)]
        case Registered():
            raise AssetMissing
        case _:
            assert_never(asset)


def evolve(asset: Asset, event: Told) -> Asset:
    if isinstance(event, e.AssetRegistered):
        return Registered(asset_id=event.asset_id, show_id=event.show_id, kind=event.kind, name=event.name)
    assert isinstance(asset, Registered)
    known: dict[str, Any] = {
        "asset_id": asset.asset_id,
        "show_id": asset.show_id,
        "kind": asset.kind,
        "name": asset.name,
    }
    if isinstance(event, e.AssetDelivered):
        size, kind = event.size_bytes, event.media_type
        return Delivered(**known, file=File(file=event.file, sha256=event.sha256, media_type=kind, size_bytes=size))
    assert isinstance(asset, Delivered)
    match event:
        case e.AssetShared():
            return Shared(**known, file=asset.file, shared_by=event.shared_by_presenter)
        case e.AssetApproved():
            return Approved(**known, file=asset.file, shared_by=asset.shared_by if isinstance(asset, Shared) else None)
        case e.AssetRejected():
            return Rejected(**known, file=asset.file, reason=event.reason)
        case _:
            assert_never(event)


_INITIAL: Final[Asset] = Unknown()
ASSET: Final = Decider("asset", _INITIAL, decide, evolve, {event.tag(): event for event in get_args(Told)})

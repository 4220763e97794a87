"""The files of a show: announced, delivered, shared, approved or rejected. Source: duties.md K3, D12."""

from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter, RawBody

from chassis.handle import utc_now
from chassis.http import (
    Answer,
    AsOf,
    Caller,
    Fields,
    Paging,
    Sparse,
    Versioned,
    receipt,
    refuses,
    some_of,
    versioned,
)
from chassis.http.strict import StrictRequest
from chassis.service import House
from contracts.media import AssetKind
from contracts.problems import WrongState
from services.media import application, content, views
from services.media import commands as c
from services.media.api.common import EITHER, OPERATE, READ, REQUEST, WRITE, Body, Line, Reasoned
from services.media.application import Request
from services.media.domain import ASSET
from services.media.domain import assets as states
from services.media.domain.refusals import AssetMissing, AssetNotShared, OriginalImmutable

TAGS: Final = ["Assets"]
AssetSort = Annotated[
    Literal["position", "-position", "name", "-name"], QueryParameter(name="sort", description="The order.")
]
AssetSituation = Literal["REGISTERED", "DELIVERED", "SHARED", "APPROVED", "REJECTED"]
SituationWanted = Annotated[AssetSituation | None, QueryParameter(description="Only those in this situation.")]
CONTENT_LIMIT_BYTES: Final = 64 * 1024 * 1024


class RegisterAsset(Body, frozen=True, kw_only=True):
    """A file that is going to be delivered for the show."""

    show_id: UUID
    kind: AssetKind
    name: Line


class ShareAsset(Body, frozen=True, kw_only=True):
    """Whose clip or slides these are."""

    presenter_id: UUID


class AssetView(msgspec.Struct, frozen=True, kw_only=True):
    """An asset; `situation` is REGISTERED, DELIVERED, SHARED, APPROVED or REJECTED. `file` is relative to the shared folder."""

    asset_id: UUID
    show_id: UUID
    kind: AssetKind
    name: str
    situation: str
    file: str | None
    sha256: str | None
    media_type: str | None
    size_bytes: int | None
    shared_by: UUID | None
    reason: str | None


@post(
    "/assets",
    operation_id="registerAsset",
    scopes=WRITE,
    tags=TAGS,
    dependencies=REQUEST,
    responses=refuses(WrongState),
)
async def register_asset(
    data: JSONBody[RegisterAsset], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Announce a file for a show."""
    asset_id = request_.ident("asset")
    command = c.RegisterAsset(at=utc_now(), asset_id=asset_id, show_id=data.show_id, kind=data.kind, name=data.name)
    outcome = await request_.run(house, ASSET, asset_id, command)
    return receipt(outcome, asset_id, location=f"/assets/{asset_id}")


@put(
    "/assets/{asset_id:uuid}/content",
    operation_id="deliverAsset",
    scopes=WRITE,
    tags=TAGS,
    accepts=list(content.ACCEPTED),
    request_max_body_size=CONTENT_LIMIT_BYTES,
    dependencies=REQUEST,
    responses=refuses(OriginalImmutable, WrongState),
)
async def deliver_asset(
    asset_id: FromPath[UUID],
    body: RawBody,
    request: StrictRequest,
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Deliver the file of an asset.

    The content itself is looked at: a file that is damaged, is not what it is called, or does not suit the asset's kind
    is refused as INVALID. The same file again changes nothing.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    outcome = await application.deliver(house, request_, asset_id, body, declared)
    return receipt(outcome, asset_id)


@post(
    "/assets/{asset_id:uuid}/share",
    operation_id="shareAsset",
    scopes=READ,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(AssetMissing, WrongState),
)
async def share_asset(
    asset_id: FromPath[UUID],
    data: JSONBody[ShareAsset],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Say that the presenter wants this shown.

    Needs media:write or media:operate.
    """
    request_.require(*EITHER)
    command = c.ShareAsset(at=utc_now(), shared_by_presenter=data.presenter_id)
    return receipt(await request_.run(house, ASSET, asset_id, command), asset_id)


@post(
    "/assets/{asset_id:uuid}/approve",
    operation_id="approveAsset",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(AssetMissing, AssetNotShared, WrongState),
)
async def approve_asset(
    asset_id: FromPath[UUID], house: NamedDependency[House], request_: NamedDependency[Request]
) -> Answer:
    """Let the asset be used."""
    return receipt(await request_.run(house, ASSET, asset_id, c.ApproveAsset(at=utc_now())), asset_id)


@post(
    "/assets/{asset_id:uuid}/reject",
    operation_id="rejectAsset",
    scopes=OPERATE,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(AssetMissing, WrongState),
)
async def reject_asset(
    asset_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Say why the asset cannot be used; another file may then be delivered in its place."""
    command = c.RejectAsset(at=utc_now(), reason=data.reason)
    return receipt(await request_.run(house, ASSET, asset_id, command), asset_id)


@get("/assets/{asset_id:uuid}", operation_id="seeAsset", scopes=READ, tags=TAGS)
async def see_asset(
    asset_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[AssetView]:
    """See an asset as it is, or was."""
    asset, version = await house.handler.state(ASSET, asset_id, tenant=me.tenant, as_of=as_of)
    assert isinstance(asset, states.Registered)
    return versioned(_view(asset), version)


@get("/shows/{show_id:uuid}/assets", operation_id="listAssets", scopes=READ, tags=TAGS)
async def list_assets(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    fields: NamedDependency[Fields],
    sort: AssetSort = "position",
    situation: SituationWanted = None,
) -> Sparse[views.AssetLine]:
    """List the assets of a show in the order they were announced, or by name."""
    await house.projector.wait(seen or 0)
    order = views.ASSET_ORDERS[sort]
    found = await views.assets_of(house.db, me.tenant, show_id, order, paging, situation=situation)
    return some_of(order.page(found, paging), fields)


def _view(asset: states.Registered) -> AssetView:
    file = asset.file if isinstance(asset, states.Delivered) else None
    return AssetView(
        asset_id=asset.asset_id,
        show_id=asset.show_id,
        kind=asset.kind,
        name=asset.name,
        situation=type(asset).__name__.upper(),
        file=file.file if file else None,
        sha256=file.sha256 if file else None,
        media_type=file.media_type if file else None,
        size_bytes=file.size_bytes if file else None,
        shared_by=asset.shared_by if isinstance(asset, states.Shared | states.Approved) else None,
        reason=asset.reason if isinstance(asset, states.Rejected) else None,
    )


HANDLERS: Final[list[HTTPRouteHandler]] = [
    register_asset,
    deliver_asset,
    share_asset,
    approve_asset,
    reject_asset,
    see_asset,
    list_assets,
]

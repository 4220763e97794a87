"""Video on demand: films on their way, where people watch them, and off it again. Source: duties.md D18, Q25."""

from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.handle import utc_now
from chassis.http import Answer, AsOf, Caller, Job, Prefer, Tagged, Versioned, receipt, refuses, tagged, versioned
from chassis.service import House
from contracts.media import EditSegment
from contracts.problems import WrongState
from services.media import application, places
from services.media import commands as c
from services.media.api.common import EITHER, OPERATE, READ, REQUEST, Reasoned
from services.media.api.streaming import Film, RangeHeader, RangeNotSatisfiable, answer
from services.media.application import Request
from services.media.domain import EDIT, RECORDING, RIGHTS, VOD
from services.media.domain import vod as vod_states
from services.media.domain.edits import require_rendered
from services.media.domain.refusals import (
    CustomerDuty,
    EditNotRendered,
    RecordingForbidden,
    RecordingNotFinalised,
    VodDeclined,
    VodNotEntitled,
    VodNotOnDemand,
)
from services.media.domain.tape import Quarantined, Unknown
from services.media.domain.vod import require_on_demand

TAGS: Final = ["Video on demand"]


class VodView(msgspec.Struct, frozen=True, kw_only=True):
    """A film on demand; `situation` is UPLOADING, ON_DEMAND, FAILED, RETRACTING or RETRACTED.

    `stored_bytes` have arrived. `reason` is why it was retracted, failed, or why the last attempt did.
    """

    vod_id: UUID
    edit_id: UUID
    recording_id: UUID
    show_id: UUID
    title: str
    situation: str
    sha256: str
    size_bytes: int
    parts: int
    stored_bytes: int
    key: str | None
    reason: str | None


class OriginOfFilm(msgspec.Struct, frozen=True, kw_only=True):
    """One original a film was made of, as it was kept."""

    segment_id: UUID
    key: str
    sha256: str


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What a film on demand was made of: its checksum, the edit and recipe, the originals. Source: features.md M13.

    The events behind each line are in the audit trail under the named streams.
    """

    vod: str
    vod_sha256: str
    edit: str
    edit_sha256: str
    recipe: str
    segments: tuple[EditSegment, ...]
    recording: str
    originals: list[OriginOfFilm]


@post(
    "/edits/{edit_id:uuid}/vod",
    operation_id="uploadToVod",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(
        EditNotRendered, RecordingForbidden, RecordingNotFinalised, VodNotEntitled, VodDeclined, WrongState
    ),
)
async def upload_to_vod(
    edit_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    prefer: NamedDependency[Prefer],
) -> Job[VodView]:
    """Bring the film of an edit on demand.

    It is accepted, not done: `media.vod_upload_completed.v1` or `media.vod_upload_failed.v1` follows. A film that is on
    its way, or there, stays as it is; one that failed or was retracted is uploaded again.
    """
    outcome = await application.upload_to_vod(house, request_, edit_id)
    vod_id = application.vod_of(edit_id)
    ended = partial(_ended, house, request_, vod_id, vod_states.OnDemand | vod_states.Failed | vod_states.Retracted)
    return await prefer.job(receipt(outcome, vod_id), f"/vod/{vod_id}", ended)


@get("/vod/{vod_id:uuid}", operation_id="seeVod", scopes=READ, tags=TAGS)
async def see_vod(
    vod_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[VodView]:
    """See how far a film on demand is."""
    vod, version = await house.handler.state(VOD, vod_id, tenant=me.tenant, as_of=as_of)
    assert not isinstance(vod, vod_states.Unknown)
    return versioned(_vod(vod), version)


@get(
    "/vod/{vod_id:uuid}/content",
    operation_id="watchVod",
    scopes=READ,
    tags=TAGS,
    media_type=places.VIDEO,
    dependencies=REQUEST,
    responses=refuses(VodNotOnDemand, RecordingForbidden, RangeNotSatisfiable),
)
async def watch_vod(
    vod_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    range_: RangeHeader = "",
) -> Film:
    """Watch a film on demand, whole or in ranges."""
    vod = require_on_demand(await request_.state(house, VOD, vod_id))
    recording = await request_.state(house, RECORDING, vod.film.recording_id)
    if isinstance(recording, Quarantined):
        raise RecordingForbidden(reason=recording.reason)
    store = places.on_demand(house.settings)
    return await answer(store, vod.key, range_, sha256=vod.film.sha256, name=f"{vod_id}.mp4")


@get("/vod/{vod_id:uuid}/provenance", operation_id="traceVod", scopes=READ, tags=TAGS)
async def trace_vod(
    vod_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Tagged[Provenance]:
    """Trace a film on demand back to the originals it was made of."""
    vod, _ = await house.handler.state(VOD, vod_id, tenant=me.tenant, as_of=as_of)
    assert not isinstance(vod, vod_states.Unknown)
    found, _ = await house.handler.state(EDIT, vod.film.edit_id, tenant=me.tenant, as_of=as_of)
    edit = require_rendered(found)
    recording, _ = await house.handler.state(RECORDING, vod.film.recording_id, tenant=me.tenant, as_of=as_of)
    assert not isinstance(recording, Unknown)
    used = [one for one in recording.tape.kept if one.segment_id in edit.plan.sources]
    provenance = Provenance(
        vod=VOD.stream(vod_id),
        vod_sha256=vod.film.sha256,
        edit=EDIT.stream(vod.film.edit_id),
        edit_sha256=edit.sha256,
        recipe=edit.recipe,
        segments=edit.plan.segments,
        recording=RECORDING.stream(vod.film.recording_id),
        originals=[
            OriginOfFilm(segment_id=one.segment_id, key=one.kept.key, sha256=one.kept.sha256)
            for one in used
            if one.kept is not None
        ],
    )
    return tagged(provenance)


@post(
    "/vod/{vod_id:uuid}/retract",
    operation_id="retractVod",
    scopes=READ,
    if_match=True,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(WrongState),
)
async def retract_vod(
    vod_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    prefer: NamedDependency[Prefer],
) -> Job[VodView]:
    """Take a film off demand; recording and edit remain.

    Needs media:operate or media:write. `media.vod_retracted.v1` follows when its bytes are gone.
    """
    request_.require(*EITHER)
    command = c.RetractVod(at=utc_now(), reason=data.reason)
    accepted = receipt(await request_.run(house, VOD, vod_id, command), vod_id)
    return await prefer.job(accepted, f"/vod/{vod_id}", partial(_ended, house, request_, vod_id, vod_states.Retracted))


@post(
    "/shows/{show_id:uuid}/vod-opt-out",
    operation_id="optOutOfVod",
    scopes=READ,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(CustomerDuty),
)
async def opt_out_of_vod(
    show_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Keep a show off demand, and take off what already is.

    Needs media:write; the customer decides this. A show is known here once its hours or its rundown are.
    """
    request_.require(*EITHER)
    await request_.state(house, RIGHTS, show_id)
    command = c.OptOutOfVod(at=utc_now(), show_id=show_id, role=request_.role, reason=data.reason)
    return receipt(await request_.run(house, RIGHTS, show_id, command), show_id)


# --- from the state to the answer


async def _ended(house: House, request: Request, vod_id: UUID, ends: Any) -> Versioned[VodView] | None:
    """The film on demand where it has got to one of these situations, which the job leads to."""
    vod, version = await house.handler.state(VOD, vod_id, tenant=request.me.tenant)
    assert not isinstance(vod, vod_states.Unknown)
    return versioned(_vod(vod), version) if isinstance(vod, ends) else None


def _vod(
    vod: vod_states.Uploading | vod_states.OnDemand | vod_states.Failed | vod_states.Retracting | vod_states.Retracted,
) -> VodView:
    film = vod.film
    parts = vod.parts if isinstance(vod, vod_states.Uploading) else ()
    there = isinstance(vod, vod_states.OnDemand)
    return VodView(
        vod_id=film.vod_id,
        edit_id=film.edit_id,
        recording_id=film.recording_id,
        show_id=film.show_id,
        title=film.title,
        situation="ON_DEMAND" if there else type(vod).__name__.upper(),
        sha256=film.sha256,
        size_bytes=film.size_bytes,
        parts=len(parts),
        stored_bytes=film.size_bytes if there else sum(part.size_bytes for part in parts),
        key=vod.key if isinstance(vod, vod_states.OnDemand) else None,
        reason=None if isinstance(vod, vod_states.OnDemand) else vod.reason,
    )


HANDLERS: Final[list[HTTPRouteHandler]] = [
    upload_to_vod,
    see_vod,
    watch_vod,
    trace_vod,
    retract_vod,
    opt_out_of_vod,
]

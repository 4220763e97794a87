"""Edits: which stretches of a recording make a film, and the film. Source: duties.md D17."""

from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from chassis.http import AsOf, Caller, FieldError, Job, Page, Paging, Prefer, Versioned, receipt, refuses, versioned
from chassis.http.listing import BY_POSITION
from chassis.service import House
from contracts.media import EditSegment
from contracts.problems import Invalid, WrongState
from services.media import application, places, views
from services.media.api.common import EITHER, OPERATE, READ, REQUEST, Body, Line
from services.media.api.streaming import Film, RangeHeader, RangeNotSatisfiable, answer
from services.media.application import Request, Wish
from services.media.domain import EDIT, RECORDING
from services.media.domain import edits as edit_states
from services.media.domain.edits import require_rendered
from services.media.domain.refusals import (
    EditNotRendered,
    EditOutOfRange,
    RecordingForbidden,
    RecordingNotFinalised,
    SegmentUnknown,
)
from services.media.domain.tape import Quarantined

TAGS: Final = ["Edits"]

Second = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Trim(Body, frozen=True, kw_only=True):
    """[start_s, end_s) of all that was recorded, gaps left out; without an end it runs to the last frame."""

    start_s: Second = 0.0
    end_s: Second | None = None


class CreateEdit(Body, frozen=True, kw_only=True):
    """What the film is made of: stretches of segments in playing order, or a trim; without either everything recorded.

    The title is the session's unless one is given. `loudness_lufs` levels the sound; EBU R 128 asks for -23.
    """

    between_fields: ClassVar[dict[str, Any]] = {
        "anyOf": [{"properties": {unused: {"type": "null"}}} for unused in ("trim", "segments")]
    }

    title: Line | None = None
    segments: Annotated[tuple[EditSegment, ...], msgspec.Meta(min_length=1, max_length=200)] | None = None
    trim: Trim | None = None
    loudness_lufs: Annotated[float, msgspec.Meta(ge=-40, le=-5)] | None = None


class EditView(msgspec.Struct, frozen=True, kw_only=True):
    """An edit; `situation` is RENDERING, RENDERED or FAILED. The film's facts are null until it is rendered."""

    edit_id: UUID
    recording_id: UUID
    show_id: UUID
    title: str
    situation: str
    segments: tuple[EditSegment, ...]
    loudness_lufs: float | None
    sha256: str | None
    size_bytes: int | None
    duration_ms: int | None
    recipe: str | None
    reason: str | None


@post(
    "/recordings/{recording_id:uuid}/edits",
    operation_id="createEdit",
    scopes=OPERATE,
    tags=TAGS,
    status_code=202,
    dependencies=REQUEST,
    responses=refuses(RecordingForbidden, RecordingNotFinalised, SegmentUnknown, EditOutOfRange, WrongState),
)
async def create_edit(
    recording_id: FromPath[UUID],
    data: JSONBody[CreateEdit],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    prefer: NamedDependency[Prefer],
) -> Job[EditView]:
    """Make a film of a recording.

    It is accepted, not done: `media.edit_rendered.v1` or `media.edit_failed.v1` follows. The original stays as it is.
    """
    if data.segments is not None and data.trim is not None:
        raise Invalid(errors=[FieldError(place="body", field="/trim", rule="leave out, or leave out segments")])
    trim = data.trim or Trim()
    wish = Wish(
        title=data.title,
        segments=data.segments,
        start_s=trim.start_s,
        end_s=trim.end_s,
        loudness_lufs=data.loudness_lufs,
    )
    edit_id = request_.ident("edit")
    outcome = await application.create_edit(house, request_, recording_id, edit_id, wish)

    async def ended() -> Versioned[EditView] | None:
        edit, version = await house.handler.state(EDIT, edit_id, tenant=request_.me.tenant)
        return versioned(_edit(edit), version) if isinstance(edit, edit_states.Rendered | edit_states.Failed) else None

    return await prefer.job(receipt(outcome, edit_id), f"/edits/{edit_id}", ended)


@get("/recordings/{recording_id:uuid}/films", operation_id="listFilms", scopes=READ, tags=TAGS)
async def list_films(
    recording_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
) -> Page[views.FilmLine]:
    """List the edits of a recording and those that went on demand."""
    await house.handler.state(RECORDING, recording_id, tenant=me.tenant)
    await house.projector.wait(seen or 0)
    found = await views.films_of_recording(house.db, me.tenant, recording_id, paging)
    return BY_POSITION.page(found, paging)


@get("/edits/{edit_id:uuid}", operation_id="seeEdit", scopes=READ, tags=TAGS)
async def see_edit(
    edit_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[EditView]:
    """See an edit as it is, or was."""
    edit, version = await house.handler.state(EDIT, edit_id, tenant=me.tenant, as_of=as_of)
    assert not isinstance(edit, edit_states.Unknown)
    return versioned(_edit(edit), version)


@get(
    "/edits/{edit_id:uuid}/content",
    operation_id="downloadEdit",
    scopes=READ,
    tags=TAGS,
    media_type=places.VIDEO,
    dependencies=REQUEST,
    responses=refuses(EditNotRendered, RecordingForbidden, RangeNotSatisfiable),
)
async def download_edit(
    edit_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    range_: RangeHeader = "",
) -> Film:
    """Download the film of an edit, or a range of it.

    Needs media:operate or media:write.
    """
    request_.require(*EITHER)
    edit = require_rendered(await request_.state(house, EDIT, edit_id))
    recording = await request_.state(house, RECORDING, edit.plan.recording_id)
    if isinstance(recording, Quarantined):
        raise RecordingForbidden(reason=recording.reason)
    store = places.originals(house.settings)
    return await answer(store, edit.key, range_, sha256=edit.sha256, name=f"{edit_id}.mp4")


# --- from the state to the answer


def _edit(edit: edit_states.Rendering | edit_states.Rendered | edit_states.Failed) -> EditView:
    film = edit if isinstance(edit, edit_states.Rendered) else None
    return EditView(
        edit_id=edit.plan.edit_id,
        recording_id=edit.plan.recording_id,
        show_id=edit.plan.show_id,
        title=edit.plan.title,
        situation=type(edit).__name__.upper(),
        segments=edit.plan.segments,
        loudness_lufs=edit.plan.loudness_lufs,
        sha256=film.sha256 if film else None,
        size_bytes=film.size_bytes if film else None,
        duration_ms=film.duration_ms if film else None,
        recipe=film.recipe if film else None,
        reason=edit.reason if isinstance(edit, edit_states.Failed) else None,
    )


HANDLERS: Final[list[HTTPRouteHandler]] = [create_edit, list_films, see_edit, download_edit]

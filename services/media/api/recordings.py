"""Recordings: what there is, what is missing, the originals themselves, and who may have them. Source: duties.md D17, K1b."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from chassis.handle import utc_now
from chassis.http import (
    Answer,
    AsOf,
    Caller,
    FieldError,
    Fields,
    Page,
    Paging,
    Sparse,
    Versioned,
    parse_as_of,
    receipt,
    refuses,
    some_of,
    versioned,
)
from chassis.service import House
from contracts.problems import Invalid, WrongState
from services.media import commands as c
from services.media import jobs, places, views
from services.media.api.common import EITHER, READ, REQUEST, Body, Line, Reasoned
from services.media.api.streaming import Film, RangeHeader, RangeNotSatisfiable, answer
from services.media.application import Request
from services.media.domain import RECORDING
from services.media.domain.recording import downloadable
from services.media.domain.refusals import (
    CustomerDuty,
    RecordingForbidden,
    RecordingNotFinalised,
    SegmentNotKept,
)
from services.media.domain.tape import Known, Quarantined, Segment, Tape, Unknown

TAGS: Final = ["Recordings"]
ShowWanted = Annotated[UUID | None, QueryParameter(description="Only those of this show.")]
RecordingSort = Annotated[Literal["position", "-position"], QueryParameter(name="sort", description="The order.")]
RecordingSituation = Literal["RECORDING", "ENDED", "FINALISED", "INCOMPLETE", "QUARANTINED"]
SituationWanted = Annotated[RecordingSituation | None, QueryParameter(description="Only those in this situation.")]


class ShareOut(Body, frozen=True, kw_only=True):
    """Whom the customer gave the recording to, such as "absentees" or a company."""

    to_whom: Line


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch recorded into one file; `situation` is OPEN, CLOSED, KEPT or LOST, `key` its place in the store.

    `starts_s` is where it begins in the recording, counting what was recorded; frames are those of the programme.
    """

    segment_id: UUID
    situation: str
    file: str
    opened_at: datetime
    closed_at: datetime | None
    cause: str | None
    first_frame: int
    last_frame: int | None
    key: str | None
    sha256: str | None
    size_bytes: int | None
    duration_ms: int | None
    frames: int | None
    salvaged: bool
    starts_s: float | None
    lost: str | None


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    """Time of the session that no file holds, behind or at the end of a segment."""

    after_segment_id: UUID
    gap_ms: int
    cause: str


class RecordingView(msgspec.Struct, frozen=True, kw_only=True):
    """A recording; `situation` is RECORDING, ENDED, FINALISED, INCOMPLETE or QUARANTINED.

    What was live is what was recorded plus the gaps; `unexplained_ms` is what both leave open, a second or two at most in
    a finalised recording. `vod_skipped` is why it does not go on demand; null when it may.
    """

    recording_id: UUID
    show_id: UUID
    stage_id: UUID
    run_id: UUID
    session_id: UUID
    situation: str
    quarantine_reason: str | None
    ended_at: datetime | None
    live_ms: int
    recorded_ms: int
    gaps_ms: int
    unexplained_ms: int
    vod_skipped: str | None
    segments: list[SegmentView]
    gaps: list[GapView]


class PlaceInRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instant is recorded: `offset_s` into the segment, `position_s` into all that was recorded."""

    segment_id: UUID
    offset_s: float
    position_s: float


@get("/recordings", operation_id="listRecordings", scopes=READ, tags=TAGS)
async def list_recordings(
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    fields: NamedDependency[Fields],
    sort: RecordingSort = "position",
    show_id: ShowWanted = None,
    situation: SituationWanted = None,
) -> Sparse[views.RecordingLine]:
    """List recordings in the order they began, all or those of one show."""
    await house.projector.wait(seen or 0)
    order = views.RECORDING_ORDERS[sort]
    found = await views.recordings_of(house.db, me.tenant, order, paging, show_id=show_id, situation=situation)
    return some_of(order.page(found, paging), fields)


@get("/recordings/{recording_id:uuid}", operation_id="seeRecording", scopes=READ, tags=TAGS)
async def see_recording(
    recording_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[RecordingView]:
    """See a recording with its segments, its gaps and the account of both."""
    state, version = await house.handler.state(RECORDING, recording_id, tenant=me.tenant, as_of=as_of)
    assert not isinstance(state, Unknown)
    return versioned(_view(state), version)


@get(
    "/recordings/{recording_id:uuid}/position",
    operation_id="findInRecording",
    scopes=READ,
    tags=TAGS,
    responses=refuses(SegmentNotKept),
)
async def find_in_recording(
    recording_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    at: Annotated[str, QueryParameter(schema_extra={"format": "date-time"}, description="An instant of the show.")],
) -> PlaceInRecording:
    """Find the place in a recording that shows an instant.

    SEGMENT_NOT_KEPT where nothing was recorded then, or its file is not in the store.
    """
    wanted = parse_as_of(at).at
    if wanted is None:
        rule = "must be an RFC 3339 instant with an offset"
        raise Invalid(errors=[FieldError(place="query", field="at", rule=rule)])
    state, _ = await house.handler.state(RECORDING, recording_id, tenant=me.tenant)
    assert not isinstance(state, Unknown)
    begins_s = 0.0
    for segment in state.tape.kept:
        assert segment.kept is not None
        offset_s = (wanted - segment.opened_at) / timedelta(seconds=1)
        if 0 <= offset_s < segment.kept.duration_ms / 1000:
            return PlaceInRecording(
                segment_id=segment.segment_id, offset_s=offset_s, position_s=round(begins_s + offset_s, 6)
            )
        begins_s += segment.kept.duration_ms / 1000
    raise SegmentNotKept


@get(
    "/recordings/{recording_id:uuid}/segments/{segment_id:uuid}/content",
    operation_id="downloadSegment",
    scopes=READ,
    tags=TAGS,
    media_type=places.VIDEO,
    dependencies=REQUEST,
    responses=refuses(RecordingForbidden, SegmentNotKept, RangeNotSatisfiable),
)
async def download_segment(
    recording_id: FromPath[UUID],
    segment_id: FromPath[UUID],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
    range_: RangeHeader = "",
) -> Film:
    """Download an original, or a range of it.

    Needs media:operate or media:write. Every download that begins at the beginning is recorded.
    """
    request_.require(*EITHER)
    segment = downloadable(await request_.state(house, RECORDING, recording_id), segment_id)
    assert segment.kept is not None
    store = places.originals(house.settings)
    name = f"{segment_id}.mp4"
    film = await answer(store, segment.kept.key, range_, sha256=segment.kept.sha256, name=name)
    if film.from_the_beginning:
        command = c.NoteDownload(at=utc_now(), segment_id=segment_id, by=request_.me.subject)
        await house.handler.run(RECORDING, recording_id, command, request_.cause)
    return film


@post(
    "/recordings/{recording_id:uuid}/share-out",
    operation_id="shareOutRecording",
    scopes=READ,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(CustomerDuty, RecordingForbidden, RecordingNotFinalised, WrongState),
)
async def share_out(
    recording_id: FromPath[UUID],
    data: JSONBody[ShareOut],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Note that the customer gave a recording to others, which nobody else may do.

    Needs media:write.
    """
    request_.require(*EITHER)
    command = c.ShareOut(at=utc_now(), role=request_.role, to_whom=data.to_whom)
    return receipt(await request_.run(house, RECORDING, recording_id, command), recording_id)


@post(
    "/recordings/{recording_id:uuid}/quarantine",
    operation_id="quarantineRecording",
    scopes=READ,
    if_match=True,
    tags=TAGS,
    status_code=200,
    dependencies=REQUEST,
    responses=refuses(WrongState),
)
async def quarantine(
    recording_id: FromPath[UUID],
    data: JSONBody[Reasoned],
    house: NamedDependency[House],
    request_: NamedDependency[Request],
) -> Answer:
    """Withhold a recording from everybody, for good, and take what was made of it off demand.

    Needs media:write or media:operate.
    """
    request_.require(*EITHER)
    command = c.Quarantine(at=utc_now(), reason=data.reason)
    return receipt(await request_.run(house, RECORDING, recording_id, command), recording_id)


@get("/jobs", operation_id="listJobs", scopes=READ, tags=TAGS)
async def list_jobs(
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
) -> Page[jobs.Outstanding]:
    """List the long work that is not done yet, and why the last attempt came to nothing."""
    await house.projector.wait(seen or 0)
    return jobs.BY_DUE.page(await jobs.outstanding(house.db, me.tenant, paging), paging)


# --- from the state to the answer


def _view(state: Known) -> RecordingView:
    tape = state.tape
    return RecordingView(
        recording_id=tape.recording_id,
        show_id=tape.show_id,
        stage_id=tape.stage_id,
        run_id=tape.run_id,
        session_id=tape.session_id,
        situation=type(state).__name__.upper(),
        quarantine_reason=state.reason if isinstance(state, Quarantined) else None,
        ended_at=tape.ended_at,
        live_ms=tape.live_ms,
        recorded_ms=tape.recorded_ms,
        gaps_ms=tape.gaps_ms,
        unexplained_ms=max(0, tape.live_ms - tape.recorded_ms - tape.gaps_ms),
        vod_skipped=tape.skipped,
        segments=_segments(tape),
        gaps=_gaps(tape),
    )


def _segments(tape: Tape) -> list[SegmentView]:
    found: list[SegmentView] = []
    begins_ms = 0
    for segment in tape.segments:
        found.append(_segment(segment, begins_ms / 1000))
        begins_ms += segment.kept.duration_ms if segment.kept else 0
    return found


def _segment(segment: Segment, starts_s: float) -> SegmentView:
    closed, kept = segment.closed, segment.kept
    situation = "KEPT" if kept else "LOST" if segment.lost is not None else "CLOSED" if closed else "OPEN"
    return SegmentView(
        segment_id=segment.segment_id,
        situation=situation,
        file=segment.file,
        opened_at=segment.opened_at,
        closed_at=closed.at if closed else None,
        cause=closed.cause if closed else None,
        first_frame=segment.first_frame,
        last_frame=closed.last_frame if closed else None,
        key=kept.key if kept else None,
        sha256=kept.sha256 if kept else None,
        size_bytes=kept.size_bytes if kept else None,
        duration_ms=kept.duration_ms if kept else None,
        frames=kept.frames if kept else None,
        salvaged=kept.salvaged if kept else False,
        starts_s=starts_s if kept else None,
        lost=segment.lost,
    )


def _gaps(tape: Tape) -> list[GapView]:
    """What is missing at a segment's end and what is missing behind it is one gap, where the cause is one."""
    summed: dict[tuple[UUID, str], int] = {}
    for gap in tape.gaps:
        where = (gap.after_segment_id, gap.cause)
        summed[where] = summed.get(where, 0) + gap.gap_ms
    return [GapView(after_segment_id=after, cause=cause, gap_ms=ms) for (after, cause), ms in summed.items()]


HANDLERS: Final[list[HTTPRouteHandler]] = [
    list_recordings,
    see_recording,
    find_in_recording,
    download_segment,
    share_out,
    quarantine,
    list_jobs,
]

"""Works off what is outstanding: takes segments into the store, makes films, brings them on demand and off it again.

Each kind of work has a lane of its own, so that a long film never delays taking in what was recorded. Whoever holds a
job's lock in the database does it; the lock falls when its process dies, and the next one starts behind the facts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from chassis.faults import Unreachable
from chassis.handle import Outcome, utc_now
from chassis.service import House
from chassis.store import CONNECTION_LOST
from contracts.media import Part
from contracts.problems import Busy, NotFound, Refusal
from services.media import commands as c
from services.media import places
from services.media.adapters.storage import PartReceipt, StorageFault
from services.media.domain import EDIT, RECORDING, VOD
from services.media.domain import edits as edit_states
from services.media.domain import vod as vod_states
from services.media.domain.tape import Quarantined, Segment, Tape, Unknown
from services.media.editor import BadEdit, BadMedia, EditorFault, Edl, Probe, probe, remux, render, sha256_of
from services.media.editor import Segment as Stretch
from services.media.jobs import KEEP, RENDER, RETRACT, UPLOAD, Job, drop, due, postpone
from services.media.rules import obstacle_now

log = structlog.get_logger(__name__)

POLL_S: Final = 0.25
Work = Callable[[House, Job], Awaitable[Outcome | None]]


class FileNotThere(EditorFault):
    """A segment's file is not in the shared folder (yet)."""


async def take_in_what_was_recorded(house: House) -> None:
    """Segments that are closed go into the store for good."""
    await _lane(house, {KEEP: take_in})


async def make_what_was_edited(house: House) -> None:
    """Edits become films."""
    await _lane(house, {RENDER: make})


async def publish_what_was_asked(house: House) -> None:
    """Films go on demand, and off it again."""
    await _lane(house, {UPLOAD: publish, RETRACT: retract})


async def _lane(house: House, work: Mapping[str, Work]) -> None:
    try:
        async with house.db.acquire() as db:
            while True:
                for job in await due(db, tuple(work)):
                    if await db.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", job.id):
                        await _attempt(house, db, job, work[job.kind])
                        await db.fetchval("SELECT pg_advisory_unlock(hashtextextended($1, 0))", job.id)
                await asyncio.sleep(POLL_S)
    except CONNECTION_LOST as lost:
        raise Unreachable(f"the database does not answer: {type(lost).__name__}") from lost


async def _attempt(house: House, db: Any, job: Job, work: Work) -> None:
    """Do it; without an outcome nothing was left to do. What fails is tried again later, and its reason can be read."""
    try:
        outcome = await work(house, job)
        if outcome is None:
            await drop(db, job)
        else:
            await house.projector.wait(outcome.position)
    except (Unreachable, Busy, *CONNECTION_LOST):
        raise
    except (StorageFault, EditorFault, Refusal) as failed:
        log.warning("work_failed", job=job.id, attempt=job.attempts + 1, reason=str(failed))
        await postpone(db, job, str(failed), house.settings.retry_s)
    except Exception as fault:
        log.exception("work_broke", job=job.id)
        await postpone(db, job, repr(fault), house.settings.retry_s)


# --- segments


async def take_in(house: House, job: Job) -> Outcome | None:
    """Look at a segment's file, save what a lost recorder left, and keep it under its checksum. Source: domain.md U16."""
    state, _ = await house.handler.state(RECORDING, job.ident, tenant=job.tenant)
    assert not isinstance(state, Unknown)
    assert job.part is not None
    segment = state.tape.segment(job.part)
    if segment is None or segment.settled:
        return None
    try:
        with places.workplace(house.settings, job.id) as folder:
            return await _keep(house, job, state.tape, segment, folder)
    except (BadMedia, places.OutsideSharedFolder) as unreadable:
        return await _lose(house, job, str(unreadable))
    except FileNotThere as missing:
        if job.attempts + 1 < house.settings.attempts:
            raise
        return await _lose(house, job, str(missing))


async def _keep(house: House, job: Job, tape: Tape, segment: Segment, folder: Any) -> Outcome:
    path = places.inside(house.settings.media, segment.file)
    if not path.is_file():
        raise FileNotThere(f"{segment.file} is not in the shared folder")
    seen = await _with_picture(path)
    salvaged = False
    if not seen.complete and (rescued := await _salvage(path, folder / "salvaged.mp4")):
        path, seen, salvaged = rescued, await _with_picture(rescued), True
    sha256 = await sha256_of(path)
    key = places.original_key(tape.recording_id, segment.segment_id)
    stored = await places.originals(house.settings).put_immutable(key, path, sha256)
    command = c.KeepSegment(
        at=utc_now(),
        segment_id=segment.segment_id,
        key=key,
        sha256=sha256,
        size_bytes=stored.size_bytes,
        duration_ms=round(seen.duration_s * 1000),
        frames=seen.video.frames if seen.video else 0,
        salvaged=salvaged,
    )
    return await house.handler.run(RECORDING, job.ident, command, job.why())


async def _with_picture(path: Any) -> Probe:
    seen = await probe(path)
    if seen.video is None or seen.video.frames == 0:
        raise BadMedia(f"{path.name} holds no picture")
    return seen


async def _salvage(path: Any, target: Any) -> Any:
    """A whole file of what can be read; None where the file is better kept as it is, since nothing readable is given up."""
    try:
        return (await remux([path], target)).path
    except EditorFault as unfit:
        log.warning("kept_as_it_is", file=path.name, reason=unfit.reason)
        return None


async def _lose(house: House, job: Job, reason: str) -> Outcome:
    assert job.part is not None
    command = c.LoseSegment(at=utc_now(), segment_id=job.part, reason=reason)
    return await house.handler.run(RECORDING, job.ident, command, job.why())


# --- films


async def make(house: House, job: Job) -> Outcome | None:
    """Render an edit from its originals. What cannot be made fails for good, what was merely stopped is tried again."""
    edit, _ = await house.handler.state(EDIT, job.ident, tenant=job.tenant)
    if not isinstance(edit, edit_states.Rendering):
        return None
    recording, _ = await house.handler.state(RECORDING, edit.plan.recording_id, tenant=job.tenant)
    if isinstance(recording, Quarantined):
        return await _fail_edit(house, job, f"the recording is in quarantine: {recording.reason}")
    try:
        with places.workplace(house.settings, job.id) as folder:
            return await _render(house, job, edit.plan, folder)
    except (BadEdit, BadMedia) as unfit:
        return await _fail_edit(house, job, unfit.reason)
    except EditorFault as stopped:
        if job.attempts + 1 < house.settings.attempts:
            raise
        return await _fail_edit(house, job, stopped.reason)


async def _render(house: House, job: Job, plan: edit_states.Plan, folder: Any) -> Outcome:
    store = places.originals(house.settings)
    sources = {segment: await store.get_to(key, folder / f"{segment}.mp4") for segment, key in plan.sources.items()}
    stretches = tuple(
        Stretch(source=sources[one.segment_id], start_s=one.start_s, end_s=one.end_s) for one in plan.segments
    )
    edl = Edl(segments=stretches, title=plan.title, loudness_lufs=plan.loudness_lufs)
    film = await render(edl, folder / "film.mp4")
    key = places.edit_key(plan.edit_id, film.sha256)
    await store.put_immutable(key, film.path, film.sha256)
    command = c.FinishEdit(
        at=utc_now(),
        key=key,
        sha256=film.sha256,
        size_bytes=film.size_bytes,
        duration_ms=round(film.duration_s * 1000),
        recipe=f"{film.recipe} ffmpeg-{film.ffmpeg}",
    )
    return await house.handler.run(EDIT, job.ident, command, job.why())


async def _fail_edit(house: House, job: Job, reason: str) -> Outcome:
    return await house.handler.run(EDIT, job.ident, c.FailEdit(at=utc_now(), reason=reason), job.why())


# --- video on demand


async def publish(house: House, job: Job) -> Outcome | None:
    """Upload a film in parts, going on behind those that have arrived, unless it must not be on demand (I19)."""
    vod, _ = await house.handler.state(VOD, job.ident, tenant=job.tenant)
    if not isinstance(vod, vod_states.Uploading):
        return None
    if (obstacle := await obstacle_now(house.handler, vod.film.recording_id, job.tenant)) is not None:
        return await _fail_upload(house, job, obstacle, final=True)
    try:
        receipts = await _upload_parts(house, job, vod)
        if (obstacle := await obstacle_now(house.handler, vod.film.recording_id, job.tenant)) is not None:
            return await _fail_upload(house, job, obstacle, final=True)
        key = places.vod_key(vod.film.show_id, vod.film.vod_id)
        await places.on_demand(house.settings).complete(upload_id(vod.film), key, receipts, vod.film.sha256)
    except StorageFault as failed:
        return await _fail_upload(house, job, str(failed), final=vod.failures + 1 >= house.settings.attempts)
    return await house.handler.run(VOD, job.ident, c.CompleteUpload(at=utc_now(), key=key), job.why())


def upload_id(film: vod_states.Film) -> str:
    """Where the parts of an upload lie meanwhile; other bytes are another upload."""
    return f"{film.vod_id}-{film.sha256[:16]}"


async def _upload_parts(house: House, job: Job, vod: vod_states.Uploading) -> list[PartReceipt]:
    """Each part is told as it arrives. A part that was told but is not in the store any more is sent again."""
    film, size = vod.film, house.settings.vod_part_bytes
    source, target = places.originals(house.settings), places.on_demand(house.settings)
    there = {(part.number, part.sha256) for part in await target.parts(upload_id(film))}
    receipts: list[PartReceipt] = []
    start = 0
    while start < film.size_bytes:
        number = len(receipts) + 1
        told = vod.parts[number - 1] if number <= len(vod.parts) else None
        end = start + told.size_bytes if told else min(start + size, film.size_bytes)
        if told and (number, told.sha256) in there:
            receipt = PartReceipt(number=number, size_bytes=told.size_bytes, sha256=told.sha256)
        else:
            data = b"".join([block async for block in source.read_range(film.source_key, start, end)])
            receipt = await target.upload_part(upload_id(film), number, data)
            part = Part(number=number, size_bytes=receipt.size_bytes, sha256=receipt.sha256)
            await house.handler.run(VOD, job.ident, c.StorePart(at=utc_now(), part=part), job.why())
        receipts.append(receipt)
        start = end
    return receipts


async def _fail_upload(house: House, job: Job, reason: str, *, final: bool) -> Outcome:
    """What is given up leaves nothing behind."""
    if final:
        vod, _ = await house.handler.state(VOD, job.ident, tenant=job.tenant)
        assert not isinstance(vod, vod_states.Unknown)
        await places.on_demand(house.settings).abort(upload_id(vod.film))
    return await house.handler.run(VOD, job.ident, c.FailUpload(at=utc_now(), reason=reason, final=final), job.why())


async def retract(house: House, job: Job) -> Outcome | None:
    """Remove a film and its parts from where it was on demand. Source: features.md M6."""
    try:
        vod, _ = await house.handler.state(VOD, job.ident, tenant=job.tenant)
    except NotFound:
        return None
    if not isinstance(vod, vod_states.Retracting):
        return None
    store = places.on_demand(house.settings)
    await store.abort(upload_id(vod.film))
    await store.retract(places.vod_key(vod.film.show_id, vod.film.vod_id))
    return await house.handler.run(VOD, job.ident, c.ConfirmRetracted(at=utc_now()), job.why())

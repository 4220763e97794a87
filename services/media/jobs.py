"""Long work that follows from events: which is outstanding, and who may do it now. The work itself is in `worker.py`.

A row is derived from the log and removed by the fact that reports the work, so it survives every restart, and doing it
twice is the only thing that can go wrong; each piece of work is idempotent.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.handle import Cause, utc_now
from chassis.http import Paging
from chassis.http.listing import Order
from contracts import media as e
from contracts.envelope import Actor, Event, Recorded, Role

KEEP: Final = "keep"
RENDER: Final = "render"
UPLOAD: Final = "upload"
RETRACT: Final = "retract"

MAX_WAIT_S: Final = 60.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work. `ident` is its aggregate, `part` the segment of a recording; `attempts` have failed so far."""

    id: str
    kind: str
    ident: UUID
    part: UUID | None
    tenant: str
    cause: bytes
    attempts: int
    failure: str

    def why(self) -> Cause:
        """What its facts follow from."""
        return msgspec.json.decode(self.cause, type=Cause)


class JobTable:
    """The projection that writes outstanding work down. A failed attempt of an upload is a fact, others are not."""

    name = "jobs"

    def __init__(self, retry_s: float = 2.0) -> None:
        self._retry_s = retry_s

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.RecordingSegmentClosed():
                await _set(db, KEEP, event.recording_id, event.segment_id, about)
            case e.RecordingSegmentKept() | e.RecordingSegmentLost():
                await _done(db, KEEP, event.segment_id)
            case e.EditCreated():
                await _set(db, RENDER, event.edit_id, None, about)
            case e.EditRendered() | e.EditFailed():
                await _done(db, RENDER, event.edit_id)
            case e.VodUploadStarted():
                await _set(db, UPLOAD, event.vod_id, None, about)
            case e.VodUploadFailed(final=False):
                due_at = event.at + wait(self._retry_s, event.attempt)
                text = "UPDATE public.jobs SET attempts = $2, failure = $3, due_at = $4 WHERE id = $1"
                await db.execute(text, f"{UPLOAD}:{event.vod_id}", event.attempt, event.reason, due_at)
            case e.VodUploadCompleted() | e.VodUploadFailed():
                await _done(db, UPLOAD, event.vod_id)
            case e.VodRetractRequested():
                await _done(db, UPLOAD, event.vod_id)
                await _set(db, RETRACT, event.vod_id, None, about)
            case e.VodRetracted():
                await _done(db, RETRACT, event.vod_id)
            case _:
                pass


def wait(retry_s: float, attempt: int) -> timedelta:
    """How long to wait after this many failures: doubling, up to a minute."""
    return timedelta(seconds=min(MAX_WAIT_S, retry_s * 2.0 ** min(attempt - 1, 10)))


async def due(db: Any, kinds: tuple[str, ...], *, limit: int = 20) -> list[Job]:
    """What may be tried now, oldest first."""
    rows = await db.fetch(
        f"SELECT {', '.join(Job.__struct_fields__)} FROM public.jobs"  # noqa: S608 - field names of a Struct
        " WHERE kind = ANY($1) AND due_at <= $2 ORDER BY due_at LIMIT $3",
        list(kinds), utc_now(), limit,
    )  # fmt: skip
    return [Job(**dict(row)) for row in rows]


async def postpone(db: Any, job: Job, failure: str, retry_s: float) -> None:
    """Try again later; the failure can be read until then."""
    attempts = job.attempts + 1
    due_at = utc_now() + wait(retry_s, attempts)
    await db.execute(
        "UPDATE public.jobs SET attempts = $2, failure = $3, due_at = $4 WHERE id = $1",
        job.id, attempts, failure[:500], due_at,
    )  # fmt: skip


class Outstanding(msgspec.Struct, frozen=True, kw_only=True):
    """Work that is not done yet; `failure` is why the last attempt came to nothing, empty before the first."""

    id: str
    kind: str
    ident: UUID
    part: UUID | None
    due_at: datetime
    attempts: int
    failure: str


BY_DUE: Final = Order(name="due", by=(("due_at", datetime), ("id", str)), key=lambda job: (job.due_at, job.id))


async def outstanding(db: Any, tenant: str, paging: Paging) -> list[Outstanding]:
    """What is to be done for a tenant, the longest due first; one more than a page."""
    rows = await BY_DUE.fetch(
        db,
        "SELECT id, kind, ident, part, due_at, attempts, failure FROM public.jobs WHERE tenant = $1",
        paging,
        tenant,
    )
    return [Outstanding(**dict(row)) for row in rows]


async def drop(db: Any, job: Job) -> None:
    """Nothing is to be done any more."""
    await db.execute("DELETE FROM public.jobs WHERE id = $1", job.id)


async def _set(db: Any, kind: str, ident: UUID, part: UUID | None, about: Recorded) -> None:
    meta = about.metadata
    cause = Cause(
        tenant=meta.tenant,
        actor=Actor(id=f"worker:{kind}", role=Role.SYSTEM),
        correlation=meta.correlation,
        causation=meta.id,
        mode=meta.mode,
        traceparent=meta.traceparent,
    )
    await db.execute(
        "INSERT INTO public.jobs (id, kind, ident, part, tenant, cause, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (id) DO NOTHING",
        f"{kind}:{part or ident}", kind, ident, part, meta.tenant, msgspec.json.encode(cause), about.recorded_at,
    )  # fmt: skip


async def _done(db: Any, kind: str, what: UUID) -> None:
    await db.execute("DELETE FROM public.jobs WHERE id = $1", f"{kind}:{what}")

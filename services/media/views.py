"""Read models of many: the assets and recordings of a show, and the films made of a recording.

One asset, recording, edit or VOD as it is, or was, needs none of these: it is a fold of its stream.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.http import Paging
from chassis.http.listing import BY_POSITION, Order, Whole, orders
from contracts import media as e
from contracts.envelope import Event, Recorded

EDIT: Final = "edit"
VOD: Final = "vod"


class AssetList:
    """The assets of a show, and the situation of each."""

    name = "assets"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.AssetRegistered():
                await db.execute(
                    "INSERT INTO public.assets (asset_id, show_id, tenant, kind, name, situation, position)"
                    " VALUES ($1, $2, $3, $4, $5, 'REGISTERED', $6) ON CONFLICT DO NOTHING",
                    event.asset_id, event.show_id, about.metadata.tenant, event.kind.value, event.name, about.position,
                )  # fmt: skip
            case e.AssetDelivered():
                await db.execute(
                    "UPDATE public.assets SET situation = 'DELIVERED', file = $2, sha256 = $3, media_type = $4,"
                    " size_bytes = $5, shared_by = NULL, reason = NULL WHERE asset_id = $1",
                    event.asset_id, event.file, event.sha256, event.media_type, event.size_bytes,
                )  # fmt: skip
            case e.AssetShared():
                await db.execute(
                    "UPDATE public.assets SET situation = 'SHARED', shared_by = $2 WHERE asset_id = $1",
                    event.asset_id, event.shared_by_presenter,
                )  # fmt: skip
            case e.AssetApproved():
                await db.execute("UPDATE public.assets SET situation = 'APPROVED' WHERE asset_id = $1", event.asset_id)
            case e.AssetRejected():
                await db.execute(
                    "UPDATE public.assets SET situation = 'REJECTED', reason = $2 WHERE asset_id = $1",
                    event.asset_id, event.reason,
                )  # fmt: skip
            case _:
                pass


class RecordingList:
    """The recordings of a show, and what each came to."""

    name = "recordings"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.RecordingStarted():
                await db.execute(
                    "INSERT INTO public.recordings (recording_id, show_id, tenant, stage_id, run_id, session_id,"
                    " situation, started_at, position) VALUES ($1, $2, $3, $4, $5, $6, 'RECORDING', $7, $8)"
                    " ON CONFLICT DO NOTHING",
                    event.recording_id, event.show_id, about.metadata.tenant, event.stage_id, event.run_id,
                    event.session_id, event.at, about.position,
                )  # fmt: skip
            case e.RecordingEnded():
                await db.execute(
                    "UPDATE public.recordings SET ended_at = $2, situation ="
                    " CASE situation WHEN 'RECORDING' THEN 'ENDED' ELSE situation END WHERE recording_id = $1",
                    event.recording_id, event.at,
                )  # fmt: skip
            case e.RecordingFinalised() | e.RecordingIncomplete():
                verdict = "FINALISED" if isinstance(event, e.RecordingFinalised) else "INCOMPLETE"
                await db.execute(
                    "UPDATE public.recordings SET situation = $2, live_ms = $3, recorded_ms = $4, gaps_ms = $5"
                    " WHERE recording_id = $1",
                    event.recording_id, verdict, event.live_ms, event.recorded_ms, event.gaps_ms,
                )  # fmt: skip
            case e.RecordingQuarantined():
                await db.execute(
                    "UPDATE public.recordings SET situation = 'QUARANTINED' WHERE recording_id = $1",
                    event.recording_id,
                )
            case e.VodUploadSkipped():
                await db.execute(
                    "UPDATE public.recordings SET vod_skipped = $2 WHERE recording_id = $1",
                    event.recording_id, event.reason,
                )  # fmt: skip
            case _:
                pass


class FilmList:
    """The edits of a recording, and which of them went on demand."""

    name = "films"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.EditCreated():
                await self._made(db, EDIT, event.edit_id, event, about)
            case e.EditRendered() | e.EditFailed():
                await self._is(db, event.edit_id, "RENDERED" if isinstance(event, e.EditRendered) else "FAILED")
            case e.VodUploadStarted():
                await self._made(db, VOD, event.vod_id, event, about)
            case e.VodUploadCompleted():
                await self._is(db, event.vod_id, "ON_DEMAND")
            case e.VodUploadFailed(final=True):
                await self._is(db, event.vod_id, "FAILED")
            case e.VodRetractRequested():
                await self._is(db, event.vod_id, "RETRACTING")
            case e.VodRetracted():
                await self._is(db, event.vod_id, "RETRACTED")
            case _:
                pass

    async def _made(
        self, db: Any, kind: str, film_id: UUID, event: e.EditCreated | e.VodUploadStarted, about: Recorded
    ) -> None:
        situation = "RENDERING" if kind == EDIT else "UPLOADING"
        await db.execute(
            "INSERT INTO public.films (film_id, kind, recording_id, edit_id, show_id, tenant, title, situation, position)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (film_id) DO UPDATE SET situation = $8",
            film_id, kind, event.recording_id, event.edit_id, event.show_id, about.metadata.tenant, event.title,
            situation, about.position,
        )  # fmt: skip

    async def _is(self, db: Any, film_id: UUID, situation: str) -> None:
        await db.execute("UPDATE public.films SET situation = $2 WHERE film_id = $1", film_id, situation)


# --- questions


class AssetLine(msgspec.Struct, frozen=True, kw_only=True):
    """An asset in a list; `situation` is REGISTERED, DELIVERED, SHARED, APPROVED or REJECTED."""

    asset_id: UUID
    show_id: UUID
    kind: str
    name: str
    situation: str
    file: str | None
    sha256: str | None
    media_type: str | None
    size_bytes: int | None
    shared_by: UUID | None
    reason: str | None
    position: int


class RecordingLine(msgspec.Struct, frozen=True, kw_only=True):
    """A recording in a list; `situation` is RECORDING, ENDED, FINALISED, INCOMPLETE or QUARANTINED."""

    recording_id: UUID
    show_id: UUID
    stage_id: UUID
    run_id: UUID
    session_id: UUID
    situation: str
    started_at: datetime
    ended_at: datetime | None
    live_ms: int | None
    recorded_ms: int | None
    gaps_ms: int | None
    vod_skipped: str | None
    position: int


class FilmLine(msgspec.Struct, frozen=True, kw_only=True):
    """An edit, or an edit on demand; `kind` is edit or vod, `film_id` the id of that resource."""

    film_id: UUID
    kind: str
    edit_id: UUID
    recording_id: UUID
    title: str
    situation: str
    position: int


ASSET_ORDERS: Final = orders(
    BY_POSITION,
    Order(
        name="name", by=(('name COLLATE "C"', str), ("position", Whole)), key=lambda line: (line.name, line.position)
    ),
)
RECORDING_ORDERS: Final = orders(BY_POSITION)


async def assets_of(
    db: Any, tenant: str, show_id: UUID, order: Order, paging: Paging, *, situation: str | None = None
) -> list[AssetLine]:
    """One more than a page, in one situation or in any."""
    rows = await order.fetch(
        db,
        f"SELECT {_columns(AssetLine)} FROM public.assets"  # noqa: S608 - field names of a Struct
        " WHERE tenant = $1 AND show_id = $2 AND ($3::text IS NULL OR situation = $3)",
        paging,
        tenant,
        show_id,
        situation,
    )
    return [AssetLine(**dict(row)) for row in rows]


async def recordings_of(
    db: Any, tenant: str, order: Order, paging: Paging, *, show_id: UUID | None = None, situation: str | None = None
) -> list[RecordingLine]:
    """One more than a page; of one show and in one situation where these are named."""
    rows = await order.fetch(
        db,
        f"SELECT {_columns(RecordingLine)} FROM public.recordings"  # noqa: S608 - field names of a Struct
        " WHERE tenant = $1 AND ($2::uuid IS NULL OR show_id = $2)"
        " AND ($3::text IS NULL OR situation = $3)",
        paging,
        tenant,
        show_id,
        situation,
    )
    return [RecordingLine(**dict(row)) for row in rows]


async def films_of_recording(db: Any, tenant: str, recording_id: UUID, paging: Paging) -> list[FilmLine]:
    """One more than a page, in the order they were asked for."""
    rows = await BY_POSITION.fetch(
        db,
        f"SELECT {_columns(FilmLine)} FROM public.films"  # noqa: S608 - field names of a Struct
        " WHERE tenant = $1 AND recording_id = $2",
        paging,
        tenant,
        recording_id,
    )
    return [FilmLine(**dict(row)) for row in rows]


async def films_of(
    db: Any, tenant: str, *, recording_id: UUID | None = None, show_id: UUID | None = None
) -> list[FilmLine]:
    """All edits and VODs of a recording, or of a show, in the order they were asked for."""
    rows = await db.fetch(
        f"SELECT {_columns(FilmLine)} FROM public.films WHERE tenant = $1"  # noqa: S608 - field names of a Struct
        " AND ($2::uuid IS NULL OR recording_id = $2) AND ($3::uuid IS NULL OR show_id = $3) ORDER BY position",
        tenant, recording_id, show_id,
    )  # fmt: skip
    return [FilmLine(**dict(row)) for row in rows]


async def all_recordings(db: Any, tenant: str, show_id: UUID) -> list[RecordingLine]:
    """Every recording of a show."""
    rows = await db.fetch(
        f"SELECT {_columns(RecordingLine)} FROM public.recordings"  # noqa: S608 - field names of a Struct
        " WHERE tenant = $1 AND show_id = $2 ORDER BY position",
        tenant, show_id,
    )  # fmt: skip
    return [RecordingLine(**dict(row)) for row in rows]


def _columns(line: type[msgspec.Struct]) -> str:
    return ", ".join(line.__struct_fields__)

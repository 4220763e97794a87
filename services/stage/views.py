"""Read models of many stages: which stages a show has, what really happened on them, flagged chat, looks at the stream.

One stage as it is, or was, needs none of these: it is a fold of its stream.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from chassis.http import AsOf, Paging
from chassis.http.listing import BY_POSITION, Order, known_by, orders, point_of
from contracts import stage as e
from contracts.envelope import Event, Recorded, Sealed
from contracts.stage._base import StageEvent

AS_RUN: Final[tuple[type[Event], ...]] = (
    e.SessionArmed,
    e.StreamStarted,
    e.StreamStartFailed,
    e.StreamEnded,
    e.SessionStarted,
    e.SessionEnded,
    e.CueTaken,
    e.CueSkipped,
    e.CueHeld,
    e.RundownDeviated,
    e.PresenterBroughtOnStage,
    e.PresenterTakenOffStage,
    e.PresenterDropped,
    e.PresenterReturned,
    e.ProgramTaken,
    e.ProgramCut,
    e.OverlayShown,
    e.OverlayHidden,
    e.BackgroundSet,
    e.ClipStarted,
    e.ClipEnded,
    e.DestinationConnected,
    e.DestinationReconnecting,
    e.DestinationFailed,
    e.DestinationRecovered,
    e.StageDegraded,
    e.StageRecovered,
    e.EngineLost,
    e.EngineRestored,
    e.LeaseGranted,
    e.LeaseHandedOver,
)
"""What an as-run report tells: facts, not wishes. Source: features.md S7."""


class StageList:
    """Which stages there are, and the situation of each."""

    name = "stages"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        if not about.stream.startswith("stage-") or not isinstance(event, StageEvent):
            return
        match event:
            case e.StagePrepared():
                await self._prepared(db, event, about)
            case e.SessionArmed():
                await self._set(db, about, "ARMED", event.session_id)
            case e.StreamStartRequested():
                await self._set(db, about, "STARTING", event.session_id)
            case e.StreamStarted() | e.SessionStarted():
                await self._set(db, about, "LIVE", event.session_id)
            case e.SessionEnded():
                await self._between(db, about)
            case e.StreamEndRequested():
                await db.execute(_SITUATION, event.stage_id, "ENDING", about.version)
            case e.StreamEndFailed():
                await db.execute(_SITUATION, event.stage_id, "LIVE", about.version)
            case e.StreamEnded() | e.StageStoodDown():
                await self._set(db, about, "ENDED", None)
            case e.StreamStartFailed():
                await self._set(db, about, "FAILED", event.session_id)
            case e.EngineStarted() | e.EngineLost() | e.EngineStopped():
                up = isinstance(event, e.EngineStarted)
                await db.execute("UPDATE public.stages SET engine_up = $2 WHERE stage_id = $1", event.stage_id, up)
            case _:
                pass

    async def _prepared(self, db: Any, event: e.StagePrepared, about: Recorded) -> None:
        await db.execute(
            "INSERT INTO public.stages (stage_id, show_id, tenant, name, situation, version)"
            " VALUES ($1, $2, $3, $4, 'PREPARED', $5)"
            " ON CONFLICT (stage_id) DO UPDATE SET name = $4, version = $5",
            event.stage_id, event.show_id, about.metadata.tenant, event.name, about.version,
        )  # fmt: skip

    async def _set(self, db: Any, about: Recorded, situation: str, session_id: UUID | None) -> None:
        await db.execute(
            "UPDATE public.stages SET situation = $2, session_id = $3, version = $4 WHERE stage_id = $1",
            UUID(about.stream.removeprefix("stage-")), situation, session_id, about.version,
        )  # fmt: skip

    async def _between(self, db: Any, about: Recorded) -> None:
        await db.execute(
            "UPDATE public.stages SET session_id = NULL, version = $2 WHERE stage_id = $1",
            UUID(about.stream.removeprefix("stage-")), about.version,
        )  # fmt: skip


_SITUATION: Final = "UPDATE public.stages SET situation = $2, version = $3 WHERE stage_id = $1"


class AsRun:
    """What really happened on the stages of a show."""

    name = "as_run"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        if not isinstance(event, AS_RUN) or not isinstance(event, StageEvent):
            return
        await db.execute(
            "INSERT INTO public.as_run VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            about.position, event.show_id, event.stage_id, about.metadata.tenant, event.at, about.type,
            about.metadata.actor.id, getattr(event, "frame", None), about.payload,
        )  # fmt: skip


class ChatFlags:
    """Messages that needed attention, and who took care of them."""

    name = "chat_flags"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.ChatMessageFlagged():
                author = msgspec.json.encode(event.author) if event.author is not None else None
                await db.execute(
                    "INSERT INTO public.chat_flags"
                    " (flag_id, stage_id, tenant, position, channel, flagged_at, flagged_by, author, message)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (flag_id) DO NOTHING",
                    event.flag_id, event.stage_id, about.metadata.tenant, about.position, event.channel.value,
                    event.at, event.by, author, msgspec.json.encode(event.text),
                )  # fmt: skip
            case e.ChatFlagAcknowledged():
                await db.execute(
                    "UPDATE public.chat_flags SET acknowledged_at = $2, acknowledged_by = $3, note = $4,"
                    " acknowledged_position = $5 WHERE flag_id = $1",
                    event.flag_id, event.at, event.by, event.note, about.position,
                )  # fmt: skip
            case _:
                pass


class AttendeeViews:
    """Every look at what attendees see, and every time nobody looked."""

    name = "attendee_views"

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        match event:
            case e.AttendeeViewConfirmed():
                await self._looked(db, event, about, "confirmed", (), event.by, event.delay_s, event.note)
            case e.AttendeeViewDegraded():
                await self._looked(db, event, about, "degraded", event.faults, event.by, event.delay_s, event.note)
            case e.AttendeeViewCheckOverdue():
                await self._looked(db, event, about, "overdue", (), about.metadata.actor.id, None, "")
            case _:
                pass

    async def _looked(
        self,
        db: Any,
        event: StageEvent,
        about: Recorded,
        outcome: str,
        faults: tuple[str, ...],
        by: str,
        delay_s: float | None,
        note: str,
    ) -> None:
        await db.execute(
            "INSERT INTO public.attendee_views VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            about.position, event.stage_id, about.metadata.tenant, event.at, outcome, list(faults), delay_s, by, note,
        )  # fmt: skip


PROJECTIONS: Final = (StageList(), AsRun(), ChatFlags(), AttendeeViews())


# --- questions


class StageLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stage in a list; `situation` is one of IDLE, PREPARED, ARMED, STARTING, LIVE, ENDING, ENDED, FAILED."""

    stage_id: UUID
    show_id: UUID
    name: str
    situation: str
    session_id: UUID | None


class AsRunEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that really happened; `data` is the event as it was recorded, `frame` counts programme frames."""

    position: int
    stage_id: UUID
    happened_at: datetime
    type: str
    actor: str
    frame: int | None
    data: dict[str, Any]


class ChatFlag(msgspec.Struct, frozen=True, kw_only=True):
    """A flagged message as it is kept: sealed."""

    flag_id: UUID
    position: int
    channel: str
    flagged_at: datetime
    flagged_by: str
    author: Sealed | None
    message: Sealed
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str


class AttendeeView(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the stream as attendees get it; `outcome` is confirmed, degraded or overdue."""

    position: int
    looked_at: datetime
    outcome: str
    faults: list[str]
    delay_s: float | None
    looked_by: str
    note: str


STAGE_ORDERS: Final = orders(
    Order(name="name", by=(("name", str), ("stage_id", UUID)), key=lambda stage: (stage.name, stage.stage_id))
)


async def stages_of(
    db: Any, tenant: str, order: Order, paging: Paging, *, show_id: UUID | None = None, situation: str | None = None
) -> list[StageLine]:
    """One more than a page, of one show or of all, in one situation or in any."""
    rows = await order.fetch(
        db,
        "SELECT stage_id, show_id, name, situation, session_id FROM public.stages WHERE tenant = $1"
        " AND ($2::uuid IS NULL OR show_id = $2) AND ($3::text IS NULL OR situation = $3)",
        paging,
        tenant,
        show_id,
        situation,
    )
    return [StageLine(**dict(row)) for row in rows]


async def as_run_of(db: Any, tenant: str, show_id: UUID, paging: Paging, as_of: AsOf | None = None) -> list[AsRunEntry]:
    """One more than a page, in the order it was recorded."""
    rows = await BY_POSITION.fetch(
        db,
        "SELECT position, stage_id, happened_at, type, actor, frame, data FROM public.as_run"  # noqa: S608 - fixed texts
        f" WHERE tenant = $1 AND show_id = $2 AND {known_by('as_run.position', 3)}",
        paging,
        tenant,
        show_id,
        *point_of(as_of),
    )
    return [AsRunEntry(**{**dict(row), "data": msgspec.json.decode(row["data"])}) for row in rows]


async def flags_of(db: Any, tenant: str, stage_id: UUID, paging: Paging, as_of: AsOf | None = None) -> list[ChatFlag]:
    """One more than a page, oldest first; what was acknowledged later is not acknowledged yet."""
    rows = await BY_POSITION.fetch(
        db,
        "SELECT flag_id, position, channel, flagged_at, flagged_by, author, message,"  # noqa: S608 - fixed texts
        " CASE WHEN done THEN acknowledged_at END AS acknowledged_at,"
        " CASE WHEN done THEN acknowledged_by END AS acknowledged_by, CASE WHEN done THEN note ELSE '' END AS note"
        f" FROM (SELECT *, {known_by('chat_flags.acknowledged_position', 3)} AS done FROM public.chat_flags) AS flags"
        f" WHERE tenant = $1 AND stage_id = $2 AND {known_by('flags.position', 3)}",
        paging,
        tenant,
        stage_id,
        *point_of(as_of),
    )
    return [ChatFlag(**{**dict(row), **_opened(row)}) for row in rows]


async def looks_of(
    db: Any, tenant: str, stage_id: UUID, paging: Paging, as_of: AsOf | None = None
) -> list[AttendeeView]:
    """One more than a page, oldest first."""
    rows = await BY_POSITION.fetch(
        db,
        "SELECT position, looked_at, outcome, faults, delay_s, looked_by, note FROM public.attendee_views"  # noqa: S608
        f" WHERE tenant = $1 AND stage_id = $2 AND {known_by('attendee_views.position', 3)}",
        paging,
        tenant,
        stage_id,
        *point_of(as_of),
    )
    return [AttendeeView(**dict(row)) for row in rows]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A stage whose engine runs, or ought to."""

    stage_id: UUID
    tenant: str


async def stages_with_engine(db: Any) -> list[Wanted]:
    """Every stage the director has to look after, of all tenants."""
    rows = await db.fetch(
        "SELECT stage_id, tenant FROM public.stages"
        " WHERE engine_up OR situation IN ('ARMED', 'STARTING', 'LIVE', 'ENDING')"
    )
    return [Wanted(**dict(row)) for row in rows]


def _opened(row: Any) -> dict[str, Sealed | None]:
    author = row["author"]
    return {
        "author": msgspec.json.decode(author, type=Sealed) if author is not None else None,
        "message": msgspec.json.decode(row["message"], type=Sealed),
    }

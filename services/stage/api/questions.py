"""What one may ask about stages: one as it is or was, what is on air, many in lists."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from chassis.faults import Unreachable
from chassis.http import AsOf, Caller, Page, Paging, Versioned, versioned
from chassis.http.listing import BY_POSITION
from chassis.service import House
from contracts.envelope import Sealed
from services.stage import views
from services.stage.api.answers import (
    ClipView,
    CueView,
    DestinationView,
    FlagView,
    LeaseView,
    OnAir,
    OverlayView,
    PendingView,
    PresenterView,
    StageView,
)
from services.stage.api.common import READ
from services.stage.application import CHAT_AUTHOR, CHAT_TEXT, OVERLAY_TEXT, SPEAKER_NAME, unseal
from services.stage.domain import STAGE
from services.stage.domain.state import Live, StageRun

TAGS: Final = ["Questions"]
ShowWanted = Annotated[UUID | None, QueryParameter(description="Only those of this show.")]
StageSort = Annotated[Literal["name", "-name"], QueryParameter(name="sort", description="The order.")]
StageSituation = Literal["IDLE", "PREPARED", "ARMED", "STARTING", "LIVE", "ENDING", "ENDED", "FAILED"]
SituationWanted = Annotated[StageSituation | None, QueryParameter(description="Only those in this situation.")]


@get("/stages", operation_id="listStages", scopes=READ, tags=TAGS)
async def list_stages(
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    sort: StageSort = "name",
    show_id: ShowWanted = None,
    situation: SituationWanted = None,
) -> Page[views.StageLine]:
    """List stages by name: of one show, or of all."""
    await house.projector.wait(seen or 0)
    order = views.STAGE_ORDERS[sort]
    found = await views.stages_of(house.db, me.tenant, order, paging, show_id=show_id, situation=situation)
    return order.page(found, paging)


@get("/stages/{stage_id:uuid}", operation_id="seeStage", scopes=READ, tags=TAGS)
async def see_stage(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[StageView]:
    """See a stage as it is, or as it was."""
    stage, version = await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    return versioned(await _stage(house, me.tenant, stage), version, and_more=True)


@get("/stages/{stage_id:uuid}/on-air", operation_id="seeOnAir", scopes=READ, tags=TAGS)
async def see_on_air(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[OnAir]:
    """See who and what is on air, or was at any instant."""
    stage, version = await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    return versioned(await _on_air(house, me.tenant, stage), version, and_more=True)


@get("/stages/{stage_id:uuid}/presenters", operation_id="listPresenters", scopes=READ, tags=TAGS)
async def list_presenters(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[list[PresenterView]]:
    """List the presenters of a stage and where each of them is."""
    stage, version = await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    return versioned(await _presenters(house, me.tenant, stage, tuple(stage.presenters)), version, and_more=True)


@get("/stages/{stage_id:uuid}/destinations", operation_id="listDestinations", scopes=READ, tags=TAGS)
async def list_destinations(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    as_of: NamedDependency[AsOf | None],
) -> Versioned[list[DestinationView]]:
    """List the destinations of a stage and how each of them is."""
    stage, version = await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    return versioned(_destinations(stage), version)


@get("/stages/{stage_id:uuid}/chat-flags", operation_id="listChatFlags", scopes=READ, tags=TAGS)
async def list_chat_flags(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    as_of: NamedDependency[AsOf | None],
) -> Page[FlagView]:
    """List flagged chat messages, oldest first, as they are or were."""
    await house.projector.wait(seen or 0)
    await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    found = await views.flags_of(house.db, me.tenant, stage_id, paging, as_of)
    flags = BY_POSITION.page(found, paging)
    return Page(items=[await _flag(house, me.tenant, flag) for flag in flags.items], next=flags.next)


@get("/stages/{stage_id:uuid}/attendee-view", operation_id="listAttendeeViews", scopes=READ, tags=TAGS)
async def list_attendee_views(
    stage_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    as_of: NamedDependency[AsOf | None],
) -> Page[views.AttendeeView]:
    """List every look at the stream as attendees get it, and every time nobody looked, until now or then."""
    await house.projector.wait(seen or 0)
    await house.handler.state(STAGE, stage_id, tenant=me.tenant, as_of=as_of)
    found = await views.looks_of(house.db, me.tenant, stage_id, paging, as_of)
    return BY_POSITION.page(found, paging)


@get("/shows/{show_id:uuid}/as-run", operation_id="seeAsRun", scopes=READ, tags=TAGS)
async def see_as_run(
    show_id: FromPath[UUID],
    house: NamedDependency[House],
    me: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    seen: NamedDependency[int | None],
    as_of: NamedDependency[AsOf | None],
) -> Page[views.AsRunEntry]:
    """See what really happened on the stages of a show, in the order it was recorded, until now or then."""
    await house.projector.wait(seen or 0)
    found = await views.as_run_of(house.db, me.tenant, show_id, paging, as_of)
    return BY_POSITION.page(found, paging)


# --- from the state to the answer


async def _stage(house: House, tenant: str, stage: StageRun) -> StageView:
    return StageView(
        stage_id=stage.stage_id,
        show_id=stage.show_id,
        name=stage.name,
        rundown_version=stage.rundown.version,
        sessions=list(stage.rundown.sessions.values()),
        cues=[found for cue in stage.rundown.cues if (found := _cue(stage, cue.cue_id)) is not None],
        coverage=stage.coverage,
        analysts=sorted(stage.analysts),
        closes_delegated=sorted(stage.delegation.sessions),
        every_close_delegated=stage.delegation.every,
        brand=stage.brand,
        readiness_waived=stage.waived,
        assets=list(stage.assets.values()),
        presenters=await _presenters(house, tenant, stage, tuple(stage.presenters)),
        engine_generation=stage.engine.generation,
        engine_up=stage.engine.up,
        chat_channels=list(stage.watch.channels),
        on_air=await _on_air(house, tenant, stage),
    )


async def _on_air(house: House, tenant: str, stage: StageRun) -> OnAir:
    session = stage.rundown.sessions.get(stage.session_id) if stage.session_id is not None else None
    lease = stage.lease
    background = stage.background
    return OnAir(
        stage_id=stage.stage_id,
        show_id=stage.show_id,
        situation=stage.situation,
        degraded=isinstance(stage.phase, Live) and stage.phase.degraded,
        run_id=stage.run_id,
        session_id=stage.session_id,
        session_title=session.title if session is not None else None,
        on_stage=await _presenters(house, tenant, stage, stage.on_stage()),
        program=stage.program.scene,
        blank=stage.program.blank,
        program_frame=stage.program.frame,
        preview=stage.preview,
        overlays=await _overlays(house, tenant, stage),
        background={"asset_id": str(background.asset_id or "") or None, "colour": background.colour},
        clips=[
            ClipView(clip_id=ident, asset_id=clip.asset_id, status=clip.status.value)
            for ident, clip in stage.clips.items()
        ],
        destinations=_destinations(stage),
        current_cue=_cue(stage, stage.rundown.current_cue),
        next_cue=_cue(stage, stage.rundown.next_cue),
        operator=None
        if lease is None
        else LeaseView(number=lease.number, holder=lease.holder, expires_at=lease.expires_at),
        recording=[ident for ident, segment in stage.segments.items() if segment.first_frame is not None],
        pending=[
            PendingView(effect_id=ident, type=intent.tag(), since=intent.at) for ident, intent in stage.pending.items()
        ],
    )


def _cue(stage: StageRun, cue_id: UUID | None) -> CueView | None:
    plan = stage.rundown
    cue = plan.cue(cue_id) if cue_id is not None else None
    if cue is None:
        return None
    known = {plan.held: "HELD", plan.next_cue: "NEXT", plan.current_cue: "CURRENT"}
    state = known.get(cue.cue_id, "DONE" if cue.cue_id in plan.done else "PENDING")
    return CueView(
        cue_id=cue.cue_id, session_id=cue.session_id, kind=cue.kind, label=cue.label, order=cue.order, state=state
    )


async def _presenters(house: House, tenant: str, stage: StageRun, idents: tuple[UUID, ...]) -> list[PresenterView]:
    return [
        PresenterView(
            presenter_id=ident,
            name=await _readable(house, tenant, SPEAKER_NAME, stage.presenters[ident].name),
            status=stage.presenters[ident].status.value,
            checked=stage.presenters[ident].checked,
            rehearsed=stage.presenters[ident].rehearsed,
        )
        for ident in idents
    ]


async def _overlays(house: House, tenant: str, stage: StageRun) -> list[OverlayView]:
    return [
        OverlayView(
            overlay_id=one.overlay_id,
            layer=layer,
            kind=one.kind.value,
            text=await _readable(house, tenant, OVERLAY_TEXT, one.text),
            asset_id=one.asset_id,
            shown=one.shown,
        )
        for layer, one in sorted(stage.overlays.items())
    ]


def _destinations(stage: StageRun) -> list[DestinationView]:
    return [
        DestinationView(
            destination_id=ident,
            name=one.name,
            kind=one.kind.value,
            url=one.url,
            key_fingerprint=one.key_fingerprint,
            status=one.status.value,
            reason=one.reason,
            attempt=one.attempt,
        )
        for ident, one in stage.destinations.items()
    ]


async def _flag(house: House, tenant: str, flag: views.ChatFlag) -> FlagView:
    return FlagView(
        flag_id=flag.flag_id,
        channel=flag.channel,
        flagged_at=flag.flagged_at,
        flagged_by=flag.flagged_by,
        author=await _readable(house, tenant, CHAT_AUTHOR, flag.author),
        text=await _readable(house, tenant, CHAT_TEXT, flag.message),
        acknowledged_at=flag.acknowledged_at,
        acknowledged_by=flag.acknowledged_by,
        note=flag.note,
    )


async def _readable(house: House, tenant: str, field: str, box: Sealed | None) -> str | None:
    """What is on air is answered even while the vault is away; names are then missing."""
    try:
        return await unseal(house, tenant, field, box)
    except Unreachable:
        return None


HANDLERS: Final[list[HTTPRouteHandler]] = [
    list_stages,
    see_stage,
    see_on_air,
    list_presenters,
    list_destinations,
    list_chat_flags,
    list_attendee_views,
    see_as_run,
]

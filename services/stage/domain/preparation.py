"""What a stage knows and has before the show: rundown, coverage, seat, assets, brand. Destinations are next door."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain import callsheet
from services.stage.domain.refusals import AssetMissing
from services.stage.domain.state import (
    Armed,
    Ended,
    Failed,
    Idle,
    Prepared,
    Presenter,
    Rundown,
    StageRun,
)
from services.stage.domain.telling import following, tell, wrong_state

Asked: TypeAlias = (
    c.PrepareStage
    | c.UpdateCoverage
    | c.StaffSeat
    | c.AdmitAsset
    | c.DelegateClose
    | c.ApplyBrandKit
    | c.WaiveReadiness
    | c.StandDown
)
Told: TypeAlias = (
    e.StagePrepared
    | e.CoverageLearned
    | e.SeatStaffed
    | e.AssetAdmitted
    | e.CloseDelegated
    | e.BrandKitApplied
    | e.ReadinessWaived
    | e.StageStoodDown
)


def decide(command: Asked, stage: StageRun) -> list[Event]:
    match command:
        case c.PrepareStage():
            return _prepare(command, stage)
        case c.UpdateCoverage():
            coverage = callsheet.covered(command, stage.coverage)
            known = coverage is None or coverage == stage.coverage
            return [] if known else [tell(e.CoverageLearned, command, stage, coverage=coverage)]
        case c.StaffSeat():
            analysts = callsheet.seated(command, stage.analysts)
            known = frozenset(analysts) == stage.analysts
            return [] if known else [tell(e.SeatStaffed, command, stage, analysts=analysts)]
        case c.AdmitAsset():
            asset = callsheet.admitted(command, stage.assets)
            known = stage.assets.get(asset.asset_id) == asset
            return [] if known else [tell(e.AssetAdmitted, command, stage, asset=asset)]
        case c.DelegateClose():
            known = callsheet.delegated(stage.delegation, command.session_id) == stage.delegation
            return [] if known else [tell(e.CloseDelegated, command, stage, session_id=command.session_id)]
        case c.ApplyBrandKit():
            return _apply_brand(command, stage)
        case c.WaiveReadiness():
            _require_rundown(stage)
            return [tell(e.ReadinessWaived, command, stage, reason=command.reason, by=command.by)]
        case c.StandDown():
            return _stand_down(command, stage)
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    match event:
        case e.StagePrepared():
            return _prepared(stage, event)
        case e.CoverageLearned():
            return replace(stage, coverage=event.coverage)
        case e.SeatStaffed():
            return replace(stage, analysts=frozenset(event.analysts))
        case e.AssetAdmitted():
            return replace(stage, assets={**stage.assets, event.asset.asset_id: event.asset})
        case e.CloseDelegated():
            return replace(stage, delegation=callsheet.delegated(stage.delegation, event.session_id))
        case e.BrandKitApplied():
            return replace(stage, brand=event.brand)
        case e.ReadinessWaived():
            return replace(stage, waived=event.reason)
        case e.StageStoodDown():
            engine = replace(stage.engine, retiring=stage.engine.up)
            return replace(stage, phase=Ended(run_id=stage.run_id), lease=None, engine=engine)
        case _:
            assert_never(event)


def missing(stage: StageRun) -> tuple[str, ...]:
    """What the customer still owes before this stage can go live. Source: duties.md K3."""
    if stage.brand is None:
        return ("brand_kit",)
    return tuple(str(asset) for asset in _unapproved(stage.brand, stage))


def _require_rundown(stage: StageRun) -> None:
    if isinstance(stage.phase, Idle):
        raise wrong_state(stage)


def _prepare(command: c.PrepareStage, stage: StageRun) -> list[Event]:
    """An older rundown than the one at hand changes nothing; a session on air that may no longer be recorded stops being."""
    if command.rundown_version <= stage.rundown.version:
        return []
    told: list[Event] = [
        e.StagePrepared(
            at=command.at,
            show_id=command.show_id,
            stage_id=command.stage_id,
            name=command.name,
            rundown_version=command.rundown_version,
            sessions=command.sessions,
            cues=tuple(sorted(command.cues, key=lambda cue: cue.order)),
            presenters=tuple(
                e.PresenterPlan(presenter_id=ident, name=name) for ident, name in command.presenters.items()
            ),
        )
    ]
    forbidden = {session.session_id for session in command.sessions if session.do_not_record}
    for segment_id, segment in stage.segments.items():
        if segment.session_id in forbidden and segment.closing is None:
            fields = {"segment_id": segment_id, "run_id": segment.run_id, "cause": e.SegmentCause.WITHDRAWN}
            stop = following(command.effect_id, str(segment_id))
            told.append(tell(e.RecordingStopRequested, command, stage, effect_id=stop, **fields))
    return told


def _prepared(stage: StageRun, event: e.StagePrepared) -> StageRun:
    """Presenters keep where they are; one that left the plan stays known while on stage or connected."""
    plan = Rundown(
        version=event.rundown_version,
        sessions={session.session_id: session for session in event.sessions},
        cues=event.cues,
        done=stage.rundown.done,
        current_cue=stage.rundown.current_cue,
        held=stage.rundown.held,
    )
    known = {cue.cue_id for cue in event.cues}
    ahead = stage.rundown.next_cue
    if ahead is None or ahead not in known or ahead in plan.done:
        ahead = next((cue.cue_id for cue in event.cues if cue.cue_id not in plan.done), None)
    people = {
        one.presenter_id: replace(stage.presenters.get(one.presenter_id, Presenter(name=one.name)), name=one.name)
        for one in event.presenters
    }
    present = {ident: one for ident, one in stage.presenters.items() if ident not in people and one.feed is not None}
    return replace(
        stage,
        phase=Prepared() if isinstance(stage.phase, Idle) else stage.phase,
        show_id=event.show_id,
        stage_id=event.stage_id,
        name=event.name,
        rundown=replace(plan, next_cue=ahead),
        presenters={**people, **present},
    )


def _apply_brand(command: c.ApplyBrandKit, stage: StageRun) -> list[Event]:
    _require_rundown(stage)
    absent = _unapproved(command.brand, stage)
    if absent:
        raise AssetMissing(missing=[str(asset) for asset in absent])
    if stage.brand == command.brand:
        return []
    return [tell(e.BrandKitApplied, command, stage, brand=command.brand, by=command.by)]


def _unapproved(brand: e.BrandKit, stage: StageRun) -> list[object]:
    wanted = [asset for asset in (brand.logo, brand.background, brand.slate) if asset is not None]
    return [one for one in wanted if not _usable(stage.assets.get(one))]


def _usable(asset: e.Asset | None) -> bool:
    return asset is not None and asset.approved and asset.file is not None


def _stand_down(command: c.StandDown, stage: StageRun) -> list[Event]:
    """A show on air is never cut by a change of plan. Source: duties.md Q6."""
    if stage.on_air:
        raise wrong_state(stage)
    match stage.phase:
        case Prepared() | Armed() | Failed():
            return [tell(e.StageStoodDown, command, stage, reason=command.reason)]
        case _:
            return []

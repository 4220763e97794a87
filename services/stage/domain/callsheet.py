"""The call sheet of a show: what the other services said about it, kept for stages that are entered later.

Facts about a show (hours, seat, assets, delegation) may arrive before the rundown that names its stages, since each
service's log is read on its own. The call sheet remembers them; policies carry them to every stage.
"""

from collections.abc import Mapping
from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.state import Delegation, Value

Asked: TypeAlias = c.EnterStage | c.UpdateCoverage | c.StaffSeat | c.AdmitAsset | c.DelegateClose
Told: TypeAlias = e.StageEntered | e.CoverageNoted | e.SeatNoted | e.AssetNoted | e.DelegationNoted


class CallSheet(Value, frozen=True):
    """What is known about a show as a whole."""

    stages: tuple[UUID, ...] = ()
    coverage: e.Coverage | None = None
    analysts: frozenset[UUID] = frozenset()
    assets: Mapping[UUID, e.Asset] = {}
    delegation: Delegation = Delegation()


def decide(command: Asked, sheet: CallSheet) -> list[Event]:
    """What is noted already is not noted again."""
    at, show_id = command.at, command.show_id
    match command:
        case c.EnterStage():
            known = command.stage_id in sheet.stages
            return [] if known else [e.StageEntered(at=at, show_id=show_id, stage_id=command.stage_id)]
        case c.UpdateCoverage():
            coverage = covered(command, sheet.coverage)
            if coverage is None or coverage == sheet.coverage:
                return []
            return [e.CoverageNoted(at=at, show_id=show_id, coverage=coverage)]
        case c.StaffSeat():
            analysts = seated(command, sheet.analysts)
            known = frozenset(analysts) == sheet.analysts
            return [] if known else [e.SeatNoted(at=at, show_id=show_id, analysts=analysts)]
        case c.AdmitAsset():
            asset = admitted(command, sheet.assets)
            known = sheet.assets.get(asset.asset_id) == asset
            return [] if known else [e.AssetNoted(at=at, show_id=show_id, asset=asset)]
        case c.DelegateClose():
            known = delegated(sheet.delegation, command.session_id) == sheet.delegation
            return [] if known else [e.DelegationNoted(at=at, show_id=show_id, session_id=command.session_id)]
        case _:
            assert_never(command)


def evolve(sheet: CallSheet, event: Told) -> CallSheet:
    match event:
        case e.StageEntered():
            return replace(sheet, stages=(*sheet.stages, event.stage_id))
        case e.CoverageNoted():
            return replace(sheet, coverage=event.coverage)
        case e.SeatNoted():
            return replace(sheet, analysts=frozenset(event.analysts))
        case e.AssetNoted():
            return replace(sheet, assets={**sheet.assets, event.asset.asset_id: event.asset})
        case e.DelegationNoted():
            return replace(sheet, delegation=delegated(sheet.delegation, event.session_id))
        case _:
            assert_never(event)


def covered(command: c.UpdateCoverage, known: e.Coverage | None) -> e.Coverage | None:
    """The coverage after the news; None while its window is unknown."""
    opens_at = command.opens_at or (known.opens_at if known else None)
    closes_at = command.closes_at or (known.closes_at if known else None)
    if opens_at is None or closes_at is None:
        return None
    capped = command.capped if command.capped is not None else (known.capped if known else False)
    status = command.status or (known.status if known else e.CoverageStatus.RESERVED)
    return e.Coverage(opens_at=opens_at, closes_at=closes_at, status=status, capped=capped)


def seated(command: c.StaffSeat, known: frozenset[UUID]) -> tuple[UUID, ...]:
    """Who occupies the seat after the news, in a stable order."""
    return tuple(sorted((known | set(command.arriving)) - set(command.leaving)))


def admitted(command: c.AdmitAsset, known: Mapping[UUID, e.Asset]) -> e.Asset:
    """The asset after the news: approval and sharing are only ever gained, and a file is not lost."""
    new, old = command.asset, known.get(command.asset.asset_id)
    if old is None:
        return new
    return e.Asset(
        asset_id=new.asset_id,
        kind=new.kind or old.kind,
        file=new.file or old.file,
        approved=new.approved or old.approved,
        shared=new.shared or old.shared,
    )


def delegated(known: Delegation, session_id: UUID | None) -> Delegation:
    """The delegation after the news: one session more, or every session for None."""
    if session_id is None:
        return replace(known, every=True)
    return replace(known, sessions=known.sessions | {session_id})

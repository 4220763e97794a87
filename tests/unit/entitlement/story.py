"""One add-on and its story, told in commands: Paris, 10 June 2026, a show from 09:00 to 17:00 (domain.md section 5)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from contracts.entitlement import CoverageRules
from contracts.envelope import Event, Role
from contracts.problems import Refusal
from services.entitlement import commands as c
from services.entitlement.domain.entitlement import ENTITLEMENT
from services.entitlement.domain.situations import Entitlement

ADD_ON = UUID("0197a000-0000-7000-8000-00000000e001")
BASE = UUID("0197a000-0000-7000-8000-00000000b001")
SHOW = UUID("0197a000-0000-7000-8000-000000005001")
OTHER_SHOW = UUID("0197a000-0000-7000-8000-000000005002")
ANNA = UUID("0197a000-0000-7000-8000-00000000a001")
BORIS = UUID("0197a000-0000-7000-8000-00000000a002")
WORK = UUID("0197a000-0000-7000-8000-00000000c001")
MINUTE = timedelta(minutes=1)
MINUTE_MS = 60_000


def paris(clock: str, day: int = 10) -> datetime:
    """A time of June 2026 in Paris, as an instant."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC) - timedelta(hours=2)


EARLIER = paris("12:00", day=1)


class Story:
    """What happened so far. `events` are all of it; `when` tells one command and returns what it led to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state: Entitlement = ENTITLEMENT.initial

    def when(self, command: Any) -> list[Event]:
        new = list(ENTITLEMENT.decide(command, self.state))
        self.state = ENTITLEMENT.fold(new, self.state)
        self.events += new
        ledger = getattr(self.state, "ledger", None)
        if ledger is not None:
            assert ledger.granted == ledger.available + ledger.reserved + ledger.consumed + ledger.forfeited
        return new

    def refused(self, command: Any, refusal: type[Refusal]) -> Refusal:
        before = self.state
        with pytest.raises(refusal) as refused:
            ENTITLEMENT.decide(command, self.state)
        assert type(refused.value) is refusal
        assert self.state == before
        return refused.value

    @property
    def situation(self) -> str:
        return type(self.state).__name__

    @property
    def minutes(self) -> dict[str, int]:
        """The ledger in minutes."""
        return {name: ms // MINUTE_MS for name, ms in msgspec.structs.asdict(self.state.ledger).items()}


def names(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def purchase(**changes: Any) -> c.RegisterPurchase:
    return c.RegisterPurchase(
        **{
            "at": EARLIER,
            "entitlement_id": ADD_ON,
            "order_ref": "PO-4711/2",
            "terms_version": "2026-1",
            "terms_sha256": "ab" * 32,
            "granted_minutes": 540,
            "term_months": 12,
            "rules": CoverageRules(),
            "base_package_id": BASE,
            "starts_on": date(2026, 6, 1),
            "zone": "Europe/Paris",
            **changes,
        }
    )


def reserve(start: str = "09:00", end: str = "17:00", **changes: Any) -> c.ReserveCoverage:
    return c.ReserveCoverage(
        **{
            "at": EARLIER,
            "show_id": SHOW,
            "starts_at": paris(start),
            "ends_at": paris(end),
            "base_package_active": True,
            "platform_access": True,
            "features": ("vod",),
            **changes,
        }
    )


def check_in(clock: str, analyst: UUID = ANNA, show: UUID = SHOW) -> c.StartCoverage:
    return c.StartCoverage(at=paris(clock), show_id=show, analyst_id=analyst)


def check_out(clock: str, analyst: UUID = ANNA) -> c.EndCoverage:
    return c.EndCoverage(at=paris(clock), show_id=SHOW, analyst_id=analyst)


def opens(clock: str = "08:30") -> c.OpenCoverage:
    return c.OpenCoverage(at=paris(clock))


def show_ends(clock: str, show: UUID = SHOW) -> c.NoteShowEnded:
    return c.NoteShowEnded(at=paris(clock), show_id=show, ended_at=paris(clock))


def closes(clock: str) -> c.CloseCoverage:
    return c.CloseCoverage(at=paris(clock))


def left(minutes: int, clock: str) -> c.ReportThreshold:
    return c.ReportThreshold(at=paris(clock), remaining_minutes=minutes)


def overtime(minutes: int, clock: str, role: Role = Role.CUSTOMER) -> c.AuthoriseOvertime:
    return c.AuthoriseOvertime(at=paris(clock), minutes=minutes, reason="encore", by="carla", role=role)


def work(start: str, minutes: int, **changes: Any) -> c.LogWork:
    """Preparation on 2 June."""
    started_at = paris(start, day=2)
    return c.LogWork(
        **{
            "at": started_at + minutes * MINUTE,
            "work_id": WORK,
            "duty": "D2",
            "activity": "preparation",
            "of_seat": True,
            "started_at": started_at,
            "ended_at": started_at + minutes * MINUTE,
            **changes,
        }
    )


def bought(**changes: Any) -> Story:
    story = Story()
    story.when(purchase(**changes))
    return story


def active(**changes: Any) -> Story:
    story = bought(**changes)
    story.when(c.Activate(at=EARLIER, base_package_active=True))
    return story


def reserved(start: str = "09:00", end: str = "17:00", **changes: Any) -> Story:
    story = active(**changes)
    story.when(reserve(start, end))
    return story


def covering(start: str = "09:00", end: str = "17:00", checked_in: str = "08:30", **changes: Any) -> Story:
    story = reserved(start, end, **changes)
    story.when(c.OpenCoverage(at=story.state.reservation.opens_at))
    story.when(check_in(checked_in))
    return story

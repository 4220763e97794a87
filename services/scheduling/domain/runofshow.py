"""What is known of a run of show: the draft, the plan in force, proposals, and the day as it goes. Data only."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from contracts.scheduling import RundownPublished, SessionTimes, Stage
from services.scheduling.domain.plan import Plan, plan_of
from services.scheduling.domain.retiming import Actual, Expected, expected
from services.scheduling.domain.situations import Value


class Proposal(Value, frozen=True):
    """Other times for a session, put to the customer (K2)."""

    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str


class RunOfShow(Value, frozen=True):
    """`version` 0: nothing is in force. `draft` is what the next publication puts in force, if anything waits.

    `times` are the expected times that differ, or once differed, from the plan in force.
    """

    version: int = 0
    plan: Plan = Plan()
    draft: Plan | None = None
    actual: Mapping[UUID, Actual] = {}
    times: Mapping[UUID, SessionTimes] = {}
    proposals: Mapping[UUID, Proposal] = {}

    @property
    def latest(self) -> Plan:
        """What an edit starts from."""
        return self.plan if self.draft is None else self.draft

    def drafted(self, plan: Plan) -> "RunOfShow":
        return replace(self, draft=None if plan == self.plan and self.version else plan)

    def with_publication(self, event: RundownPublished) -> "RunOfShow":
        """The plan with one stage replaced; the draft is used up once the plan equals it."""
        others = [stage for stage in self.plan.stages if stage.stage_id != event.stage_id]
        mine = [Stage(stage_id=event.stage_id, name=event.stage_name)] if event.sessions else []
        named = {one.speaker_id: one for one in (*self.plan.speakers, *event.speakers)}
        here = {it.session_id for it in self.plan.sessions if it.stage_id == event.stage_id}
        gone = here | {it.session_id for it in event.sessions}
        plan = plan_of(
            (*others, *mine),
            (*(it for it in self.plan.sessions if it.session_id not in gone), *event.sessions),
            (*(cue for cue in self.plan.cues if cue.session_id not in gone), *event.cues),
            named.values(),
        )
        replanned = {it.session_id for it in event.sessions}
        times = {key: it for key, it in self.times.items() if key not in here and key not in replanned}
        draft = None if plan == self.draft else self.draft
        return replace(self, version=event.rundown_version, plan=plan, draft=draft, times=times)

    def expected_of(self, stage_id: UUID) -> Expected:
        """The times of a stage as they follow from the plan in force and the day so far."""
        return expected([it for it in self.plan.sessions if it.stage_id == stage_id], self.actual)

    def expected_times(self) -> dict[UUID, SessionTimes]:
        """The times of all sessions as they follow from the plan in force and the day so far."""
        return {it.session_id: it for stage in self.plan.stages for it in self.expected_of(stage.stage_id).times}

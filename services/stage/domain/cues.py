"""The rundown, line by line: taken in order, or left for a reason. Source: duties.md D4; domain.md U15, I11, I12.

A line that was left out of order stays pending; only taking or skipping it makes it done.
"""

from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from contracts import stage as e
from contracts.envelope import Event
from services.stage import commands as c
from services.stage.domain.refusals import CueDone, CueOutOfOrder, CueUnknown, RundownChanged
from services.stage.domain.state import Rundown, StageRun
from services.stage.domain.telling import require_engine, tell

Asked: TypeAlias = c.TakeCue | c.SkipCue | c.HoldCue | c.JumpToCue
Told: TypeAlias = e.CueTaken | e.CueSkipped | e.CueHeld | e.RundownDeviated


def decide(command: Asked, stage: StageRun) -> list[Event]:
    require_engine(stage)
    plan = stage.rundown
    if command.rundown_version != plan.version:
        raise RundownChanged(current=plan.version)
    cue = plan.cue(command.cue_id)
    if cue is None:
        raise CueUnknown
    if cue.cue_id in plan.done:
        raise CueDone
    fields = {"cue_id": cue.cue_id, "rundown_version": plan.version, "by": command.by}
    match command:
        case c.TakeCue():
            taken = tell(e.CueTaken, command, stage, session_id=cue.session_id, **fields)
            return [*_deviation(command, stage), taken]
        case c.SkipCue():
            return [tell(e.CueSkipped, command, stage, reason=command.reason, **fields)]
        case c.HoldCue():
            return [tell(e.CueHeld, command, stage, reason=command.reason, **fields)]
        case c.JumpToCue():
            return list(_deviation(command, stage))
        case _:
            assert_never(command)


def evolve(stage: StageRun, event: Told) -> StageRun:
    plan = stage.rundown
    match event:
        case e.CueTaken():
            done = plan.done | {event.cue_id}
            plan = replace(plan, done=done, current_cue=event.cue_id, held=_still(plan, event.cue_id))
            return replace(stage, rundown=replace(plan, next_cue=plan.after(event.cue_id)))
        case e.CueSkipped():
            plan = replace(plan, done=plan.done | {event.cue_id}, held=_still(plan, event.cue_id))
            if plan.next_cue == event.cue_id:
                plan = replace(plan, next_cue=plan.after(event.cue_id))
            return replace(stage, rundown=plan)
        case e.CueHeld():
            return replace(stage, rundown=replace(plan, held=event.cue_id))
        case e.RundownDeviated():
            return replace(stage, rundown=replace(plan, next_cue=event.cue_id))
        case _:
            assert_never(event)


def _still(plan: Rundown, cue_id: UUID) -> UUID | None:
    return plan.held if plan.held != cue_id else None


def _deviation(command: c.TakeCue | c.JumpToCue, stage: StageRun) -> list[Event]:
    """Nothing when the cue is next; the deviation when a reason is given. Raises CueOutOfOrder without one."""
    expected = stage.rundown.next_cue
    if command.cue_id == expected:
        return []
    if not command.reason:
        raise CueOutOfOrder(next_cue_id=str(expected) if expected else None)
    return [
        tell(
            e.RundownDeviated,
            command,
            stage,
            expected_cue_id=expected,
            cue_id=command.cue_id,
            rundown_version=stage.rundown.version,
            reason=command.reason,
            by=command.by,
        )
    ]

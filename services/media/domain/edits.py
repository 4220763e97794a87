"""An edit: which stretches of a recording make a film; the recording itself is never touched. Source: duties.md D17."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, assert_never, get_args
from uuid import UUID

import msgspec

from chassis.decider import Decider
from contracts import media as e
from contracts.envelope import Event
from contracts.media import EditSegment
from services.media import commands as c
from services.media.domain.refusals import EditNotRendered, EditOutOfRange, SegmentUnknown, wrong
from services.media.domain.tape import Tape

FRAME_SLACK_MS: Final = 50
"""How far a stretch may reach beyond a segment: its length is rounded to milliseconds, a request's to what people type."""


class Unknown(msgspec.Struct, frozen=True):
    """There is no such edit."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the film is to be. `sources` are the store's keys of the originals."""

    show_id: UUID
    edit_id: UUID
    recording_id: UUID
    title: str
    segments: tuple[EditSegment, ...]
    sources: dict[UUID, str]
    loudness_lufs: float | None


class Rendering(msgspec.Struct, frozen=True):
    """The film is being made."""

    plan: Plan


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The film exists."""

    plan: Plan
    key: str
    sha256: str
    size_bytes: int
    duration_ms: int
    recipe: str


class Failed(msgspec.Struct, frozen=True):
    """The film could not be made; another edit may try differently."""

    plan: Plan
    reason: str


Edit: TypeAlias = Unknown | Rendering | Rendered | Failed
Told: TypeAlias = e.EditCreated | e.EditRendered | e.EditFailed


def decide(command: c.EditCommand, edit: Edit) -> Sequence[Event]:
    if isinstance(command, c.CreateEdit):
        if not isinstance(edit, Unknown):
            raise wrong(edit)
        return _create(command)
    if isinstance(edit, Unknown):
        raise wrong(edit, c.CreateEdit)
    ids: dict[str, Any] = {"show_id": edit.plan.show_id, "edit_id": edit.plan.edit_id}
    match command, edit:
        case c.FinishEdit(), Rendering():
            return [e.EditRendered(**msgspec.structs.asdict(command), **ids)]
        case c.FinishEdit(), Rendered() if edit.sha256 == command.sha256:
            return []
        case c.FailEdit(), Rendering():
            return [e.EditFailed(at=command.at, reason=command.reason, **ids)]
        case c.FailEdit(), Failed():
            return []
        case _:
            raise wrong(edit)


def _create(command: c.CreateEdit) -> list[Event]:
    """Every stretch has to lie within a segment that is kept."""
    for stretch in command.segments:
        length_ms = command.lengths_ms.get(stretch.segment_id)
        if length_ms is None:
            raise SegmentUnknown(segment_id=str(stretch.segment_id))
        if not stretch.start_s < stretch.end_s <= (length_ms + FRAME_SLACK_MS) / 1000:
            raise EditOutOfRange(segment_id=str(stretch.segment_id), length_ms=length_ms)
    if not command.segments:
        raise EditOutOfRange("Nothing that was recorded lies within this edit.")
    used = {stretch.segment_id for stretch in command.segments}
    return [
        e.EditCreated(
            at=command.at,
            show_id=command.show_id,
            edit_id=command.edit_id,
            recording_id=command.recording_id,
            title=command.title,
            segments=command.segments,
            sources={segment_id: key for segment_id, key in command.sources.items() if segment_id in used},
            loudness_lufs=command.loudness_lufs,
        )
    ]


def require_rendered(edit: Edit) -> Rendered:
    """The film. Raises EditNotRendered."""
    if isinstance(edit, Rendered):
        return edit
    reason = edit.reason if isinstance(edit, Failed) else None
    raise EditNotRendered(state=type(edit).__name__.upper(), reason=reason)


def trimmed(tape: Tape, start_s: float, end_s: float | None) -> tuple[EditSegment, ...]:
    """The stretches of the kept segments that [start_s, end_s) of the recording covers, gaps left out.

    Positions count what was recorded: a gap takes no time. Without `end_s` it runs to the end.
    """
    found: list[EditSegment] = []
    begins_s = 0.0
    for segment in tape.kept:
        assert segment.kept is not None
        length_s = segment.kept.duration_ms / 1000
        first_s = max(0.0, start_s - begins_s)
        last_s = length_s if end_s is None else min(length_s, end_s - begins_s)
        if first_s < last_s:
            found.append(EditSegment(segment_id=segment.segment_id, start_s=round(first_s, 3), end_s=round(last_s, 3)))
        begins_s += length_s
    return tuple(found)


def evolve(edit: Edit, event: Told) -> Edit:
    if isinstance(event, e.EditCreated):
        return Rendering(Plan(**{name: getattr(event, name) for name in Plan.__struct_fields__}))
    assert not isinstance(edit, Unknown)
    match event:
        case e.EditRendered():
            return Rendered(
                plan=edit.plan,
                key=event.key,
                sha256=event.sha256,
                size_bytes=event.size_bytes,
                duration_ms=event.duration_ms,
                recipe=event.recipe,
            )
        case e.EditFailed():
            return Failed(edit.plan, event.reason)
        case _:
            assert_never(event)


_INITIAL: Final[Edit] = Unknown()
EDIT: Final = Decider("edit", _INITIAL, decide, evolve, {event.tag(): event for event in get_args(Told)})

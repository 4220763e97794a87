"""What holds for a show now, read from the log: its rights, and why a recording must not go on demand."""

from uuid import UUID

from chassis.handle import Handler
from contracts.problems import NotFound
from services.media.domain import RECORDING, RIGHTS
from services.media.domain.rights import Rights
from services.media.domain.tape import Quarantined, Unknown


async def rights_of(handler: Handler, show_id: UUID, tenant: str) -> Rights:
    """The show's rights; those of a show nobody has said anything about where nothing is known."""
    try:
        rights, _ = await handler.state(RIGHTS, show_id, tenant=tenant)
    except NotFound:
        return Rights()
    return rights


async def obstacle_now(handler: Handler, recording_id: UUID, tenant: str) -> str | None:
    """Why nothing of the recording may be on demand; None when it may. Raises NotFound where there is none."""
    recording, _ = await handler.state(RECORDING, recording_id, tenant=tenant)
    assert not isinstance(recording, Unknown)
    if isinstance(recording, Quarantined):
        return f"quarantined: {recording.reason}"
    tape = recording.tape
    return (await rights_of(handler, tape.show_id, tenant)).obstacle(tape.session_id)

"""Reading a call sheet and writing on it."""

from uuid import UUID

from chassis.handle import Do, Handler
from contracts.envelope import Recorded
from contracts.problems import NotFound
from services.stage import commands as c
from services.stage.domain import CALL_SHEET
from services.stage.domain.callsheet import CallSheet


def note(show_id: UUID, command: c.Command) -> list[Do]:
    """Put it onto the call sheet of the show."""
    return [Do(decider=CALL_SHEET, ident=show_id, command=command)]


async def sheet_of(handler: Handler, show_id: UUID, about: Recorded) -> CallSheet:
    """The call sheet as it is, empty for a show nobody has spoken of."""
    try:
        sheet, _ = await handler.state(CALL_SHEET, show_id, tenant=about.metadata.tenant)
    except NotFound:
        return CallSheet()
    return sheet

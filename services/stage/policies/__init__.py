"""Whenever another service, or a stage, says something a stage has to act on: a sentence each.

What is said about a show goes onto its call sheet first; what the call sheet notes goes to every stage of the show.
"""

from chassis.handle import Handler
from chassis.inbox import Policy
from services.stage.policies import assets, crew, hours, stages


def policies(handler: Handler) -> list[Policy]:
    """Everything the stage service reacts to."""
    return [*hours.POLICIES, *crew.policies(handler), *assets.POLICIES, *stages.policies(handler)]

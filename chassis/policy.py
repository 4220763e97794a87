"""What a policy is, and how it is tried: "whenever this event, then these commands".

Following a source and keeping the cursor is `chassis.inbox`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from chassis.faults import Fault, Unreachable
from chassis.handle import Do
from contracts.envelope import Event, Recorded
from contracts.problems import Busy, Refusal

log = structlog.get_logger(__name__)

TRIES = 5
"""How often a policy that raises is tried before its message is parked."""
FIRST_PAUSE_S = 0.1
"""Before the second try; each further pause is twice as long."""

Then = Callable[[Any, Recorded], Awaitable[Sequence[Do]]]


class AfterParked(StrEnum):
    """What a policy does with an event of a show of which an earlier event of the same source is parked."""

    GO_ON = "go on"
    WAIT_SHOW = "wait"
    """It is parked as well, behind the other, and handled in order once that is retried or dropped."""


class Policy(msgspec.Struct, frozen=True):
    """Whenever `on` happens, `then` says what to do. The name of `then` is a sentence and appears as the actor.

    `after_parked` is for policies whose effects on a show depend on their order.
    """

    on: type[Event]
    then: Then
    after_parked: AfterParked = AfterParked.GO_ON

    @property
    def name(self) -> str:
        return self.then.__name__


class Waits(Refusal):
    """An earlier message of the same show is parked; this one waits behind it."""

    code, status = "WAITS", 409
    fr = "Un message antérieur du même spectacle est mis de côté ; celui-ci attend derrière lui."


class ParkedBehind(Refusal):
    """An earlier message of the same show has to be settled first.

    `facts`: `position` and `policy` of that one.
    """

    code, status = "PARKED_BEHIND", 409
    fr = "Un message antérieur du même spectacle doit d'abord être réglé."


class StillParked(Refusal):
    """The policy failed again; the message stays parked.

    `facts`: `error`.
    """

    code, status = "STILL_PARKED", 409
    fr = "La règle a de nouveau échoué ; le message reste mis de côté."


class PolicyFailed(Fault):
    """A policy could not be run again; the text is the reason as it is kept."""


async def tried(policy: Policy, event: Event, record: Recorded) -> Sequence[Do]:
    for attempt in range(1, TRIES):
        try:
            return await policy.then(event, record)
        except (Unreachable, Busy):
            raise
        except Exception as fault:  # noqa: BLE001 - the last try below lets it out
            log.warning("policy_retry", policy=policy.name, attempt=attempt, error=repr(fault))
            await asyncio.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
    return await policy.then(event, record)


def error_text(fault: Exception) -> str:
    code = fault.code if isinstance(fault, Refusal) else type(fault).__name__
    return f"{code}: {fault}"

"""Forgetting a person: a command, an event, and a key that is destroyed; again, if a restored vault brings it back.

The event names the subject's opaque id and nothing else about them. Their sealed fields stay where they are, in every
copy of the log, under a Merkle tree that still holds; nobody can open them any more. Source: design.md section 5.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
import structlog

from chassis.decider import Decider
from chassis.faults import Unreachable
from chassis.handle import Cause, Do, Handler, Outcome, utc_now
from chassis.inbox import Policy
from chassis.store import CONNECTION_LOST, Key
from chassis.vault import Vault
from contracts.envelope import Event, Recorded
from contracts.forgetting import Basis, Forgotten
from contracts.problems import NotFound

log = structlog.get_logger(__name__)

AGAIN_EVERY_S = 60.0
"""How long a vault restored from a backup may know forgotten people before they are forgotten again."""
_STREAMS: Final = UUID("5d9f1a52-6a3f-4f4e-9f0e-7b8c6c1b6e0a")


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Destroy what opens this subject's fields. `basis` is a word, not a text: a text might name the person."""

    at: datetime
    subject: str
    basis: Basis


class Forgetting:
    """The forgetting of one service, by the event it records."""

    def __init__(self, event: type[Forgotten], handler: Handler, vault: Vault) -> None:
        self.event, self.handler, self.vault = event, handler, vault
        self._decider: Decider[Forget, bool] = Decider("subject", False, self._decide, _evolve, {event.tag(): event})

    def _decide(self, command: Forget, forgotten: bool) -> Sequence[Event]:
        return [] if forgotten else [self.event(at=command.at, subject=command.subject, basis=command.basis)]

    async def forget(self, subject: str, basis: Basis, cause: Cause, key: Key | None) -> Outcome:
        """Records it, then destroys the key. Raises NotFound where this tenant has no such subject.

        Whoever dies in between is caught up with by `policy`.
        """
        if not await self.vault.knows(cause.tenant, subject):
            raise NotFound
        ident = uuid5(_STREAMS, f"{cause.tenant}|{subject}")
        command = Forget(at=utc_now(), subject=subject, basis=basis)
        outcome = await self.handler.run(self._decider, ident, command, cause, key=key)
        await self.vault.forget(cause.tenant, subject)
        return outcome

    def policy(self) -> Policy:
        """Whenever somebody is to be forgotten, their key goes: also after a crash, and once the vault is back."""
        return Policy(self.event, self.destroy_the_key_of_the_forgotten)

    async def destroy_the_key_of_the_forgotten(self, event: Forgotten, about: Recorded) -> Sequence[Do]:
        await self.vault.forget(about.metadata.tenant, event.subject)
        return []


def _evolve(_: bool, __: Any) -> bool:
    return True


class ForgottenTable:
    """The projection that remembers who was forgotten, for the day a backup of the vault does not."""

    name = "forgotten"
    goes_back = True

    async def apply(self, db: Any, event: Event, about: Recorded) -> None:
        if isinstance(event, Forgotten):
            await db.execute(
                "INSERT INTO public.forgotten (tenant, subject) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                about.metadata.tenant, event.subject,
            )  # fmt: skip


async def keep_forgotten(pool: asyncpg.Pool, vault: Vault, *, every_s: float = AGAIN_EVERY_S) -> None:
    """Forgets everybody again who is in a restored vault although the log says that they were forgotten; for ever."""
    while True:
        try:
            rows = await pool.fetch("SELECT tenant, subject FROM public.forgotten")
            brought_back = await vault.forget_again([(row["tenant"], row["subject"]) for row in rows])
            if brought_back:
                log.warning("forgotten_again", subjects=brought_back)
        except (Unreachable, *CONNECTION_LOST) as lost:
            log.info("forgetting_waits", reason=type(lost).__name__)
        await asyncio.sleep(every_s)

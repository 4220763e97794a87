"""What may be done with webhooks by whom, apart from HTTP: checks, keys in the vault, the row, the courier woken.

Subscribing is reading by other means, so a route needs the scope to read; but not everybody who may look should send a
tenant's events elsewhere, so one of `ROLES` is needed as well.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

import msgspec
import uuid6

from chassis.http import Caller, IdempotencyKey
from chassis.store import Store
from chassis.vault import Vault
from chassis.webhooks.courier import Courier, secret_name
from chassis.webhooks.post import admit
from chassis.webhooks.signing import new_secret
from chassis.webhooks.table import Hook, State
from contracts.envelope import Event, Role
from contracts.problems import Forbidden, KeyReused, NotFound, Refusal, WrongState

ROLES: Final = frozenset({Role.PARTNER, Role.INTEGRATOR, Role.SUPERVISOR, Role.SRE})
OLD_SECRET_VALID: Final = timedelta(hours=24)
_NAMESPACE: Final = UUID("5b0c7d3e-8a55-4a4b-9d6c-0a6f8d1f2b34")


class TooManyWebhooks(Refusal):
    """You have as many webhooks here as you may; delete one first."""

    code, status = "TOO_MANY_WEBHOOKS", 409
    fr = "Vous avez ici autant de webhooks que permis ; supprimez-en un d'abord."


class PositionNotReached(Refusal):
    """The log has not come that far. `facts`: `end` (its last position)."""

    code, status = "POSITION_NOT_REACHED", 409
    fr = "Le journal n'en est pas encore là."


class CreateWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to send what. `types` are event types (none: all), `show` one show (null: all), `after` the position behind
    which it begins (null: behind what is recorded now; 0: from the beginning).
    """

    url: Annotated[str, msgspec.Meta(min_length=10, max_length=2000, pattern="^https?://")]
    show: UUID | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


def request_type(events: Mapping[str, type[Event]]) -> Any:
    """`CreateWebhook` with the event types of one service, so that the contract names them."""
    types = Annotated[list[Literal[tuple(sorted(events))]], msgspec.Meta(max_length=200)]  # type: ignore[misc,valid-type]
    return msgspec.defstruct(
        "CreateWebhook",
        [("types", types, msgspec.field(default_factory=list))],
        bases=(CreateWebhook,),
        namespace={"__doc__": CreateWebhook.__doc__},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


class ReplayWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send everything behind this position again, in order and under the same ids."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it is. `after` is the last position told; `failures` are attempts in a row; `reason` is why it is
    disabled.
    """

    id: UUID
    url: str
    types: list[str]
    show: UUID | None
    state: State
    reason: str
    after: int
    failures: int
    next_attempt_at: datetime | None
    old_secret_until: datetime | None
    made_by: str
    made_at: datetime


class WebhookSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The signing key, shown now and never again. `old_secret_until`: until then messages are signed with the one before
    as well.
    """

    webhook: Webhook
    secret: str


class PingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a test message: the receiver's status, or an error; `taken` when it was a success (2xx)."""

    taken: bool
    status: int | None
    took_ms: int
    error: str


def shown(hook: Hook) -> Webhook:
    return Webhook(
        id=hook.id,
        url=hook.url,
        types=hook.types,
        show=hook.show,
        state=hook.state,
        reason=hook.reason,
        after=hook.cursor,
        failures=hook.failures,
        next_attempt_at=hook.next_at,
        old_secret_until=hook.old_secret_until,
        made_by=hook.made_by,
        made_at=hook.made_at,
    )


def require_role(me: Caller) -> None:
    if not ROLES.intersection(me.roles):
        raise Forbidden("Webhooks are for partners, integrators, supervisors and SREs.", needs=sorted(ROLES))


class Desk:
    """What the routes do, for one caller."""

    def __init__(self, service: str, courier: Courier, store: Store, vault: Vault, me: Caller) -> None:
        require_role(me)
        self.courier, self.table, self.me = courier, courier.table, me
        self._service, self._store, self._vault = service, store, vault

    async def find(self, ident: UUID) -> Hook:
        hook = await self.table.find(self.me.tenant, ident)
        if hook is None:
            raise NotFound
        return hook

    async def create(self, wanted: CreateWebhook, types: Sequence[str], key: IdempotencyKey | None) -> tuple[Hook, str]:
        """The key goes into the vault before the webhook exists. A repeat under one Idempotency-Key finds the first one."""
        ident = uuid5(_NAMESPACE, f"{self._service}|{self.me.tenant}|{key.text}") if key else uuid6.uuid7()
        if key is not None and (known := await self.table.find(self.me.tenant, ident)) is not None:
            if known.fingerprint != key.fingerprint:
                raise KeyReused
            return known, await self._secret(known)
        await admit(self.courier.outbound, wanted.url)
        hook = self._new(ident, wanted, types, await self._reached(wanted.after), key)
        secret = new_secret()
        if await self._vault.secret(hook.tenant, secret_name(self._service, ident, 1)) is None:
            await self._vault.keep_secret(hook.tenant, secret_name(self._service, ident, 1), secret)
        if not await self.table.add(hook, self.me.actor()):
            raise TooManyWebhooks
        self.courier.changed(ident)
        return await self.find(ident), await self._secret(hook)

    async def _reached(self, position: int | None) -> int:
        """The position, or the end of the log for none. Raises PositionNotReached."""
        end = await self._store.head()
        if position is not None and position > end:
            raise PositionNotReached(end=end)
        return end if position is None else position

    def _new(
        self, ident: UUID, wanted: CreateWebhook, types: Sequence[str], cursor: int, key: IdempotencyKey | None
    ) -> Hook:
        return Hook(
            id=ident,
            tenant=self.me.tenant,
            url=wanted.url,
            types=sorted(set(types)),
            show=wanted.show,
            state=State.ACTIVE,
            reason="",
            version=1,
            cursor=cursor,
            failures=0,
            next_at=None,
            secret=1,
            old_secret_until=None,
            fingerprint=key.fingerprint if key else None,
            made_by=self.me.subject,
            made_at=datetime.now(UTC),
        )

    async def _secret(self, hook: Hook) -> str:
        found = await self._vault.secret(hook.tenant, secret_name(self._service, hook.id, hook.secret))
        if found is None:
            raise NotFound
        return found

    async def rotate(self, ident: UUID) -> tuple[Hook, str]:
        hook, secret = await self.find(ident), new_secret()
        await self._vault.keep_secret(hook.tenant, secret_name(self._service, ident, hook.secret + 1), secret)
        until = datetime.now(UTC) + OLD_SECRET_VALID
        return await self.change(hook, "secret_rotated", "", secret=hook.secret + 1, old_secret_until=until), secret

    async def remove(self, ident: UUID) -> None:
        hook = await self.find(ident)
        await self.table.remove(hook, self.me.actor())
        for number in range(1, hook.secret + 1):
            await self._vault.drop_secret(hook.tenant, secret_name(self._service, ident, number))
        self.courier.changed(ident)

    async def pause(self, ident: UUID) -> Hook:
        hook = await self.find(ident)
        if hook.state is not State.ACTIVE:
            raise WrongState(state=hook.state, allowed=["resume"])
        return await self.change(hook, "paused", "", state=State.PAUSED)

    async def resume(self, ident: UUID) -> Hook:
        """It goes on behind the last event it was told; the next attempt is at once."""
        hook = await self.find(ident)
        return await self.change(hook, "resumed", "", state=State.ACTIVE, reason="", failures=0, next_at=None)

    async def replay(self, ident: UUID, after: int) -> Hook:
        hook = await self.find(ident)
        await self._reached(after)
        detail = f"from position {after}, it had been told {hook.cursor}"
        return await self.change(hook, "replayed", detail, cursor=after, failures=0, next_at=None)

    async def change(self, hook: Hook, action: str, detail: str, /, **fields: Any) -> Hook:
        changed = await self.table.change(hook, action, self.me.actor(), detail, **fields)
        if changed is None:
            raise NotFound
        self.courier.changed(hook.id)
        return changed

    async def ping(self, ident: UUID) -> PingResult:
        """Sends a message that is no event, whatever state the webhook is in; its cursor stays."""
        hook = await self.find(ident)
        message = str(uuid6.uuid7())
        body = {
            "specversion": "1.0",
            "id": message,
            "source": f"/{self._service}",
            "type": "regie.webhook.ping",
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
            "tenant": hook.tenant,
            "data": {"webhook": hook.id},
        }
        async with self.courier.mail() as mail:
            attempt = await mail.send_body(hook, message, msgspec.json.encode(body))
        await self.table.note(hook, "pinged", self.me.actor(), attempt.error or f"status {attempt.status}")
        return PingResult(taken=attempt.taken, status=attempt.status, took_ms=attempt.took_ms, error=attempt.error)

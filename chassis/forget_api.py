"""The route by which a person is forgotten, the same in every service that seals fields of people."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from chassis.forget import Forgetting
from chassis.handle import Cause
from chassis.http import Answer, Caller, IdempotencyKey, receipt, refuses
from contracts.forgetting import Basis
from contracts.problems import Forbidden, NotFound


class ForgetPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to forget, by the id their name was given with (a speaker, an analyst, a contact, an overlay, a flag), and why."""

    subject_id: UUID
    basis: Basis


def forget_handlers(service: str, prefix: str) -> Sequence[HTTPRouteHandler]:
    """`prefix` stands before the id in this service's subjects."""
    allowed = (f"{service}:admin", f"{service}:write")

    @post(
        "/forgotten",
        operation_id="forgetPerson",
        scopes=[f"{service}:read"],
        tags=["Audit trail"],
        status_code=200,
        responses=refuses(NotFound),
    )
    async def forget_person(
        data: JSONBody[ForgetPerson],
        forgetting: NamedDependency[Forgetting],
        me: NamedDependency[Caller],
        cause: NamedDependency[Cause],
        key: NamedDependency[IdempotencyKey | None],
    ) -> Answer:
        """Destroy the key that opens what is known of a person; it cannot be undone.

        Their name reads null from now on, everywhere and in every copy of the history, whose proofs still hold.
        Asks for the `admin` or the `write` scope of this service.
        """
        if not any(me.may(scope) for scope in allowed):
            raise Forbidden(f"The token lacks {' or '.join(allowed)}.", needs=list(allowed))
        outcome = await forgetting.forget(f"{prefix}{data.subject_id}", data.basis, cause, key)
        return receipt(outcome, data.subject_id)

    return [forget_person]

"""What the routes share: the request as one thing, bodies that refuse unknown fields, texts and scopes."""

from typing import Annotated, Final

import msgspec
from litestar.di import NamedDependency, Provide

from chassis.http import Caller, Cause, IdempotencyKey
from services.scheduling.application.request import Request

READ: Final = ["scheduling:read"]
WRITE: Final = ["scheduling:write"]
OPERATE: Final = ["scheduling:operate"]
ADMIN: Final = ["scheduling:admin"]
EITHER: Final = ("scheduling:write", "scheduling:operate")
"""For what both the customer's and the analyst's side may do: a route asks for `read`, and the handler for one of these."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Fold = Annotated[int, msgspec.Meta(ge=0, le=1)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request; fields nobody knows are refused."""


def provide_request(
    me: NamedDependency[Caller],
    cause: NamedDependency[Cause],
    key: NamedDependency[IdempotencyKey | None],
    expect: NamedDependency[int | None],
) -> Request:
    """The caller's request, as the application takes it."""
    return Request(me, cause, key, expect)


REQUEST: Final = {"request_": Provide(provide_request, sync_to_thread=False)}
"""Dependency of every command route."""

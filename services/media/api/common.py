"""What the routes share: the request as one thing, who may do what, and the words of their bodies."""

from typing import Annotated, Final

import msgspec
from litestar.di import NamedDependency, Provide

from chassis.http import Caller, Cause, IdempotencyKey
from services.media.application import Request

READ: Final = ["media:read"]
WRITE: Final = ["media:write"]
OPERATE: Final = ["media:operate"]

EITHER: Final = ("media:operate", "media:write")
"""The analyst's scope and the customer's: each route that takes either reads with `media:read` and asks for one."""

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request; fields nobody knows are refused."""


class Reasoned(Body, frozen=True, kw_only=True):
    """A decision somebody else will want to understand."""

    reason: Reason


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

"""Fewer fields of wide lists, by `fields=`: a client with a table of three columns need not carry thirteen.

Such an answer is another representation of the list, with a media type of its own, so that `application/json` keeps
promising every field. A list that takes `fields` returns `Sparse`; what its items have is read from there.
"""

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, get_args, get_origin

import msgspec
from litestar import Response
from litestar.params import QueryParameter
from litestar.types import Scope

from chassis.http.problems import FieldError
from contracts.problems import Invalid

if TYPE_CHECKING:
    from chassis.http.answers import Page

T = TypeVar("T", bound=msgspec.Struct)

PARAMETER: Final = "fields"
SOME_FIELDS: Final = "application/vnd.regie.fields+json"

FieldsText = Annotated[
    str | None,
    QueryParameter(
        name=PARAMETER,
        max_length=2000,
        description=f"Only these fields of each item, separated by commas; the answer is then `{SOME_FIELDS}`.",
    ),
]


class Fields(tuple[str, ...]):
    """The fields a client wants of each item; none is all of them."""

    __slots__ = ()


class Sparse(Response[Any], Generic[T]):
    """A page of whole items, or of some of their fields."""


def fields_of(returned: Any) -> tuple[str, ...]:
    """The names a handler's `fields` parameter may take, by what it returns; none where it takes no such parameter."""
    if get_origin(returned) is not Sparse:
        return ()
    return tuple(field.encode_name for field in msgspec.structs.fields(get_args(returned)[0]))


def provide_fields(scope: Scope, fields_text: FieldsText = None) -> Fields:
    """Raises Invalid naming each field that the items of this list do not have."""
    if fields_text is None:
        return Fields()
    known = scope["regie.rule"].fields  # type: ignore[typeddict-item]
    wanted = dict.fromkeys(each.strip() for each in fields_text.split(","))
    errors = [
        FieldError(
            place="query", field=PARAMETER, rule=f"`{name[:80]}` is no field of this list; {', '.join(known)} are"
        )
        for name in wanted
        if name not in known
    ]
    if errors:
        raise Invalid(errors=errors)
    return Fields(wanted)


def some_of(page: "Page[T]", fields: Fields) -> Sparse[T]:
    """The page as it is, or with some fields of its items, in the order they have there."""
    if not fields:
        return Sparse(page, media_type="application/json")
    items = [
        {
            each.encode_name: getattr(item, each.name)
            for each in msgspec.structs.fields(item)
            if each.encode_name in fields
        }
        for item in page.items
    ]
    return Sparse({"items": items, "next": page.next}, media_type=SOME_FIELDS)

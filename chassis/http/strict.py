"""Reading request bodies strictly: one decode into the handler's own type, every wrong field named.

Litestar decodes to builtins and then converts leniently, so `"5"` passes for a number; it checks no media type, and
invalid UTF-8 is a 500 (measured.md part D section 1). `StrictRequest` mends that for all services.
"""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Empty

from chassis.http.problems import FieldError, Malformed
from contracts.problems import Invalid

MAX_ERRORS: Final = 50
_ECHO: Final = re.compile(r"Invalid (enum )?value .*", re.DOTALL)
"""How msgspec repeats a value it does not know: it may be a name or a key in the wrong field, and problems get into logs."""
_AT: Final = re.compile(r" - at `(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_NUL: Final = b"\\u0000"


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded once, strictly, into the type the handler names."""

    async def body(self) -> bytes:
        state = self._connection_state
        if state.body is Empty:
            state.body = self._body = await self._read()
        body = await super().body()
        rule: Any = self.scope.get("regie.rule")
        if not body and rule is not None and rule.needs_body:
            raise Malformed("This operation needs a body.")
        return body

    async def _read(self) -> bytes:
        """The body, within the route's limit; as the library reads it, without a generator for each request."""
        limit = self.route_handler.resolve_request_max_body_size() or math.inf
        for name, value in self.scope["headers"]:
            if name == b"content-length" and int(value) > limit:  # the server has refused what is no number
                raise RequestEntityTooLarge
        pieces: list[bytes] = []
        size = 0
        while True:
            message: Any = await self.receive()
            if message["type"] == "http.disconnect":
                raise InternalServerException("client disconnected prematurely")
            pieces.append(message["body"])
            size += len(pieces[-1])
            if size > limit:
                raise RequestEntityTooLarge
            if not message.get("more_body", False):
                self.is_connected = False
                return b"".join(pieces)

    async def json(self) -> Any:
        rule = self.scope["regie.rule"]  # type: ignore[typeddict-item]
        return decode(await self.body(), rule.decoder, rule.body)


def decode(body: bytes, decoder: "msgspec.json.Decoder[Any]", wanted: Any) -> Any:
    """Raises Malformed for what is not JSON, Invalid naming every field that does not fit."""
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as error:
        return _second_reading(_parsed(body), wanted, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {_plain(error)}") from None
    if _NUL in body:
        refuse_nul(_parsed(body))
    return value


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {_plain(error)}") from None


def _second_reading(parsed: Any, wanted: Any, first: msgspec.ValidationError) -> Any:
    """Accepts 5.0 for 5, which to JSON Schema is an integer (2020-12 core, section 4.2.3); otherwise names the faults."""
    whole = with_whole_numbers(parsed)
    errors = list(islice(faults_in(whole, wanted, ""), MAX_ERRORS))
    if errors:
        raise Invalid(errors=errors)
    refuse_nul(whole)
    try:
        return msgspec.convert(whole, wanted, strict=True, str_keys=True)
    except msgspec.ValidationError:
        raise Invalid(errors=[_as_error(first, "")]) from None


def with_whole_numbers(value: Any) -> Any:
    """The same JSON value with every float that is a whole number written as an integer."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: with_whole_numbers(item) for key, item in value.items()}
        case list():
            return [with_whole_numbers(item) for item in value]
    return value


def faults_in(value: Any, wanted: Any, at: str) -> Iterator[FieldError]:
    """Every way `value` departs from the type, in the order of the type's fields; `at` is the pointer to it."""
    try:
        msgspec.convert(value, wanted, strict=True, str_keys=True)
    except msgspec.ValidationError as error:
        deeper = list(_faults_inside(value, _without_none(wanted), at))
        yield from deeper or [_as_error(error, at)]


def _faults_inside(value: Any, wanted: Any, at: str) -> Iterator[FieldError]:
    origin, args = get_origin(wanted) or wanted, get_args(wanted)
    if isinstance(value, dict) and isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        yield from _faults_in_struct(value, wanted, at)
    elif isinstance(value, list) and origin in (list, tuple, set, frozenset) and args:
        for nr, item in enumerate(value):
            yield from faults_in(item, args[0], f"{at}/{nr}")
    elif isinstance(value, dict) and origin in (dict, Mapping) and len(args) == 2:
        for key, item in value.items():
            yield from faults_in(item, args[1], f"{at}/{escaped(key)}")


def _faults_in_struct(value: dict[str, Any], wanted: Any, at: str) -> Iterator[FieldError]:
    config = (get_origin(wanted) or wanted).__struct_config__
    fields = msgspec.structs.fields(wanted)
    for field in fields:
        where = f"{at}/{escaped(field.encode_name)}"
        if field.encode_name in value:
            yield from faults_in(value[field.encode_name], field.type, where)
        elif field.required:
            yield FieldError(place="body", field=where, rule="is required")
    if config.forbid_unknown_fields:
        known = {field.encode_name for field in fields} | ({config.tag_field} if config.tag_field else set())
        for name in value.keys() - known:
            yield FieldError(place="body", field=f"{at}/{escaped(name)}", rule="is not a field of this request")


def _without_none(wanted: Any) -> Any:
    """The bare type, or the one type of an optional; other unions stay whole, since no branch is the intended one."""
    if get_origin(wanted) is Annotated:
        return _without_none(get_args(wanted)[0])
    if get_origin(wanted) in (Union, UnionType):
        inner = [arg for arg in get_args(wanted) if arg not in (NoneType, msgspec.UnsetType)]
        return _without_none(inner[0]) if len(inner) == 1 else wanted
    return wanted


def _as_error(error: msgspec.ValidationError, at: str) -> FieldError:
    text = str(error)
    match = _AT.search(text)
    path = match["path"] if match else "$"
    steps = [name or index for name, index in _STEP.findall(path)]
    pointer = at + "".join(f"/{escaped(step)}" for step in steps if step != "...")
    rule = _ECHO.sub("must be one of the values the contract names", _AT.sub("", text))
    return FieldError(place="body", field=pointer, rule=rule)


def escaped(step: str) -> str:
    """A reference token of a JSON pointer. Source: RFC 6901 section 3."""
    return step.replace("~", "~0").replace("/", "~1")


def refuse_nul(value: Any) -> None:
    """PostgreSQL text cannot hold U+0000, so no string of ours does. Raises Invalid naming each place."""
    errors = [
        FieldError(place="body", field=at, rule="must not contain the character U+0000")
        for at in _nul_places(value, "")
    ]
    if errors:
        raise Invalid(errors=errors[:MAX_ERRORS])


def _nul_places(value: Any, at: str) -> Iterator[str]:
    match value:
        case str() if "\0" in value:
            yield at
        case dict():
            for key, item in value.items():
                if "\0" in key:
                    yield at
                yield from _nul_places(item, f"{at}/{escaped(key)}")
        case list():
            for nr, item in enumerate(value):
                yield from _nul_places(item, f"{at}/{nr}")


def _plain(error: Exception) -> str:
    match error:
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
    return str(error)

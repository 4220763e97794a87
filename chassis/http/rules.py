"""What each route demands of a request, read once from its handler when the application is built.

A route without scopes is a mistake here, not an open door: it has to say `public=True`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, ParameterKwarg
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from chassis.http.deprecation import Deprecation, headers_of
from chassis.http.problems import (
    BodyTooLarge,
    HeadTooLarge,
    InternalFault,
    Malformed,
    MediaTypeRefused,
    PreconditionRequired,
    RateLimited,
    Refuses,
    TooManyConnections,
    TooSlow,
    TooSlowClient,
    UrlTooLong,
)
from chassis.http.rates import COMMANDS, CONTROL, READS, STRANGERS
from chassis.http.schemas import inside
from chassis.http.sparse import PARAMETER, fields_of
from contracts.problems import (
    Busy,
    Forbidden,
    Invalid,
    KeyReused,
    NewerHistory,
    NotFound,
    PositionAhead,
    Refusal,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)

JSON: Final = "application/json"
RAW_BODY: Final = "body"
HEALTH: Final = "/health/"
"""What the platform asks; it is never limited."""


ANYWHERE: Final = (
    Malformed,
    TooSlowClient,
    UrlTooLong,
    HeadTooLarge,
    InternalFault,
    Unavailable,
    TooSlow,
    TooManyConnections,
)
"""What any request may be answered, whatever it is for."""

_MANY: Final = (
    msgspec.inspect.ListType,
    msgspec.inspect.VarTupleType,
    msgspec.inspect.SetType,
    msgspec.inspect.FrozenSetType,
    msgspec.inspect.DictType,
)


class MisdescribedRoute(TypeError):  # noqa: N818 - names the state, as refusals do
    """A handler is written in a way that would break the contract on the wire; says which and how to mend it."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a route or of a dependency it uses. `place` is path, query, header or cookie.

    `nullable`: where the library would read "" or "null" as absent. `instant`: where it would read any number as a time.
    """

    name: str
    place: str
    field: Any
    required: bool
    many: bool
    nullable: bool
    instant: bool


class Rule(msgspec.Struct, kw_only=True):
    """`accepts` is empty where the operation takes no body. `decoder` is set where it takes JSON.

    `budget` is the rate budget a request is counted under, empty for what is never limited. `headers` go with each answer.
    `refusals` is everything the route may answer instead: what follows from what it takes, then what it names.
    `fields` are those its items have, where a client may ask for some of them.
    """

    operation: str
    public: bool
    scopes: frozenset[str]
    if_match: bool
    query: dict[str, Parameter]
    accepts: tuple[str, ...]
    needs_body: bool = False
    body: Any = None
    decoder: Any = None
    budget: str = ""
    deprecation: Deprecation | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    refusals: tuple[type[Refusal], ...] = ()
    fields: tuple[str, ...] = ()


def http_handlers(app: Litestar) -> Iterator[tuple[HTTPRoute, HTTPRouteHandler]]:
    """Every handler of our own, without the OPTIONS handlers the library adds."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if "OPTIONS" not in handler.http_methods:
                    yield route, handler


def rule_of(route: HTTPRoute, handler: HTTPRouteHandler) -> Rule:
    """Raises MisdescribedRoute when the handler would break the contract on the wire."""
    opt = handler.opt
    name = handler.operation_id if isinstance(handler.operation_id, str) else handler.handler_name
    scopes = frozenset(opt.get("scopes", ()))
    public = bool(opt.get("public", False))
    if public == bool(scopes):
        raise MisdescribedRoute(f"{name}: give the handler either scopes=[...] or public=True")
    parameters = list(parameters_of(handler))
    accepts, body = _body_of(handler)
    if body is not None:
        _check_request_type(name, body)
        _check_sizes(name, body)
    if opt.get("if_match") and "expect" not in dependencies_of(handler):
        raise MisdescribedRoute(f"{name}: if_match=True needs the dependency `expect`")
    fields = fields_of(handler.parsed_return_field.annotation)
    if bool(fields) != any(parameter.name == PARAMETER for parameter in parameters):
        raise MisdescribedRoute(f"{name}: the dependency `fields` and a Sparse answer need each other")
    rule = Rule(
        operation=name,
        public=public,
        scopes=scopes,
        if_match=bool(opt.get("if_match", False)),
        query={parameter.name: parameter for parameter in parameters if parameter.place == "query"},
        accepts=accepts,
        needs_body=bool(accepts) and not _optional_body(handler),
        body=body,
        decoder=None if body is None else msgspec.json.Decoder(body),
        budget=_budget(route, handler, scopes),
        deprecation=opt.get("deprecation"),
        headers=headers_of(opt.get("deprecation")),
        fields=fields,
    )
    own = handler.responses.refusals if isinstance(handler.responses, Refuses) else ()
    rule.refusals = tuple(dict.fromkeys([*_common(rule, route, handler, bool(parameters)), *own]))
    return rule


def _budget(route: HTTPRoute, handler: HTTPRouteHandler, scopes: frozenset[str]) -> str:
    """What the route says itself (`budget=`), or else what follows from its method and scopes."""
    if "budget" in handler.opt:
        return str(handler.opt["budget"])
    if not scopes:
        return "" if route.path_format.startswith(HEALTH) else STRANGERS
    if "GET" in handler.http_methods:
        return READS
    return CONTROL if any(scope.endswith(":operate") for scope in scopes) else COMMANDS


def _common(rule: Rule, route: HTTPRoute, handler: HTTPRouteHandler, takes_parameters: bool) -> list[type[Refusal]]:
    """The refusals that follow from what the route takes."""
    used = dependencies_of(handler)
    found: list[type[Refusal]] = [*ANYWHERE, NewerHistory]
    found += [RateLimited] if rule.budget else []
    found += [] if rule.public else [Unauthenticated, Forbidden]
    found += [NotFound] if route.path_parameters or "paging" in used else []
    found += [Invalid] if takes_parameters or rule.accepts else []
    found += [BodyTooLarge, MediaTypeRefused] if rule.accepts or "key" in used else []
    found += [StaleVersion] if "expect" in used else []
    found += [PositionAhead] if "seen" in used else []
    found += [PreconditionRequired] if rule.if_match else []
    found += [KeyReused] if "key" in used else []
    found += [Busy] if {"key", "expect", "cause"} & used else []
    return found


def parameters_of(handler: HTTPRouteHandler) -> Iterator[Parameter]:
    """The parameters of a handler and of the dependencies it names, the handler's own first."""
    providers = handler.resolve_dependencies()
    yield from _parameters_in(handler.parsed_fn_signature.parameters, providers, set())


def dependencies_of(handler: HTTPRouteHandler) -> set[str]:
    """The names of all dependencies a handler uses, directly or through another."""
    providers = handler.resolve_dependencies()
    used: set[str] = set()
    for _ in _parameters_in(handler.parsed_fn_signature.parameters, providers, used):
        pass
    return used


def _parameters_in(
    fields: Mapping[str, FieldDefinition], providers: Mapping[str, Provide], used: set[str]
) -> Iterator[Parameter]:
    for name, field in fields.items():
        if name in providers:
            if name not in used:
                used.add(name)
                yield from _parameters_in(providers[name].parsed_fn_signature.parameters, providers, used)
        elif isinstance(field.kwarg_definition, ParameterKwarg):
            yield _parameter(name, field, field.kwarg_definition)


def _parameter(name: str, field: FieldDefinition, kwarg: ParameterKwarg) -> Parameter:
    place = str(getattr(getattr(kwarg, "param_type", None), "value", "path"))
    alias = kwarg.name or kwarg.header or kwarg.query or kwarg.cookie or name
    inner = _without_none(field.annotation)
    many = get_origin(inner) in (list, tuple, set, frozenset)
    return Parameter(
        name=alias,
        place=place,
        field=field,
        required=not field.has_default,
        many=many,
        nullable=inner is not field.annotation and inner is not str and not many,
        instant=inner is datetime,
    )


def _without_none(wanted: Any) -> Any:
    if get_origin(wanted) in (Union, UnionType):
        inner = [arg for arg in get_args(wanted) if arg is not NoneType]
        return inner[0] if len(inner) == 1 else wanted
    return wanted


def _body_of(handler: HTTPRouteHandler) -> tuple[tuple[str, ...], Any]:
    """The media types the operation takes, and the type of a JSON body."""
    fields = handler.parsed_fn_signature.parameters
    accepts = tuple(handler.opt.get("accepts", ()))
    data = fields.get("data")
    if data is None:
        return accepts or ((JSON,) if RAW_BODY in fields else ()), None
    kwarg = data.kwarg_definition
    media = str(getattr(kwarg.media_type, "value", kwarg.media_type)) if isinstance(kwarg, BodyKwarg) else JSON
    return accepts or (media,), data.annotation if media == JSON else None


def _optional_body(handler: HTTPRouteHandler) -> bool:
    data = handler.parsed_fn_signature.parameters.get("data")
    return data is not None and data.has_default


def _check_request_type(name: str, body: Any) -> None:
    """Unknown fields must be refused and instants must carry their offset, in every request type."""
    for found in _types_in(msgspec.inspect.type_info(body), set()):
        if isinstance(found, msgspec.inspect.StructType) and not found.forbid_unknown_fields:
            raise MisdescribedRoute(f"{name}: {found.cls.__name__} needs forbid_unknown_fields=True")
        if isinstance(found, msgspec.inspect.DateTimeType) and found.tz is not True:
            raise MisdescribedRoute(f"{name}: use chassis.http.Instant for datetime fields of the request body")


def _check_sizes(name: str, body: Any) -> None:
    """Every list of a request has a longest length and every whole number a largest value, as our tables do."""
    for found in _types_in(msgspec.inspect.type_info(body), set()):
        if isinstance(found, _MANY) and found.max_length is None:
            raise MisdescribedRoute(f"{name}: a list of the request body needs max_length")
        if isinstance(found, msgspec.inspect.IntType) and found.le is None and found.lt is None:
            raise MisdescribedRoute(f"{name}: a whole number of the request body needs le")


def _types_in(info: msgspec.inspect.Type, seen: set[type]) -> Iterator[msgspec.inspect.Type]:
    yield info
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
    for inner in inside(info):
        yield from _types_in(inner, seen)

"""How a handler is called: what it asks for is gathered in turn, and what it answers is sent.

It stands where the library would call the handler, so that a route is declared, checked and documented as ever. The
library's own way takes a quarter of a request: a task for each dependency that could run beside others, conversions of
what no client wrote, and hooks, caches, forms and cookies, of which no route of ours has any.
"""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Empty, Receive, Scope, Send

from chassis.http.answers import Plain
from chassis.http.rules import MisdescribedRoute
from chassis.http.strict import StrictRequest

_CONSTRAINTS: Final = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz")
_HOOKS: Final = ("guards", "before_request", "after_response")
_GIVEN: Final = {"scope": Any, "request": Any, "data": Any}
"""What is as it is meant to be: a body was decoded strictly into the type the handler names."""


class Call:
    """An ASGI application around one handler. Raises MisdescribedRoute for what it has no way to call."""

    def __init__(self, route: HTTPRoute, handler: HTTPRouteHandler) -> None:
        _, model = route.route_handler_map[next(iter(handler.http_methods))]
        _refuse_what_nobody_does(handler, model)
        in_turn = [each for batch in model.dependency_batches for each in sorted(batch, key=lambda each: each.key)]
        self._handler, self._waits = handler, not handler.has_sync_callable
        self._extractors: list[Any] = list(model.extractors)
        headers = model.expected_header_params
        if headers and not any(header.is_required for header in headers):
            wanted = [(header.field_alias.lower().encode(), header.field_name, header.default) for header in headers]
            self._extractors[len(model.expected_reserved_kwargs)] = _Headers(wanted)
        made = {
            **_GIVEN,
            **{header.field_name: str | None for header in headers},
            **{name: parameter.type for name, parameter in route.path_parameters.items()},
            **{dependency.key: Any for dependency in in_turn},
        }
        self._parameters = {
            parameter.field_name: parameter
            for parameter in (*headers, *model.expected_query_params, *model.expected_cookie_params)
        }
        self._dependencies = [_Dependency(each.key, each.provide, made) for each in in_turn]
        self._arguments = _Arguments(handler.signature_model, made)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Any = StrictRequest(scope, receive, send)
        try:
            arguments = await self._gathered(request)
        except ValidationException as unfit:
            raise self._as_clients_know_it(unfit) from None
        answer = self._handler.fn(**arguments)
        if self._waits:
            answer = await answer
        if isinstance(answer, Plain):
            await answer.go_out(self._handler.status_code, send)
        else:
            other = await self._handler.to_response(app=scope["litestar_app"], data=answer, request=request)
            await other(scope, receive, send)

    async def _gathered(self, request: Any) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for extract in self._extractors:
            await extract(values, request)
        if values.get("data") is Empty:
            del values["data"]
        for dependency in self._dependencies:
            made = dependency.make(**dependency.arguments.of(values, request))
            values[dependency.key] = await made if dependency.waits else made
        return self._arguments.of(values, request)

    def _as_clients_know_it(self, unfit: ValidationException) -> ValidationException:
        """Each parameter by its name on the wire; the library knows it by its name in our program."""
        for entry in unfit.extra if isinstance(unfit.extra, list) else ():
            name, dot, rest = str(entry.get("key", "")).partition(".")
            if parameter := self._parameters.get(name):
                entry |= {"key": parameter.field_alias + dot + rest, "source": parameter.param_type}
        return unfit


def _refuse_what_nobody_does(handler: HTTPRouteHandler, model: Any) -> None:
    if model.expected_form_data:
        raise MisdescribedRoute(f"{handler}: nobody would close the files of a form")
    if handler.cache or handler.after_request or any(getattr(handler, f"resolve_{hook}")() for hook in _HOOKS):
        raise MisdescribedRoute(f"{handler}: nobody would look at its cache or call its hooks and guards")


class _Arguments:
    """The arguments of a function: as they are where all of them were made as it wants them, or else converted."""

    def __init__(self, model: Any, made: Mapping[str, Any]) -> None:
        fields = msgspec.structs.fields(model)
        self._names = tuple(field.name for field in fields)
        as_wanted = all(field.name in made and made[field.name] in (Any, _bare(field.type)) for field in fields)
        self._convert = None if as_wanted else model.parse_values_from_connection_kwargs

    def of(self, values: dict[str, Any], request: Any) -> dict[str, Any]:
        if self._convert is not None:
            converted: dict[str, Any] = self._convert(connection=request, kwargs=values)
            return converted
        return {name: values[name] for name in self._names if name in values}


def _bare(wanted: Any) -> Any:
    """The type without annotations that only describe it."""
    if get_origin(wanted) is Annotated:
        inner, *notes = get_args(wanted)
        constrained = any(getattr(note, each, None) is not None for note in notes for each in _CONSTRAINTS)
        return wanted if constrained else _bare(inner)
    if get_origin(wanted) in (Union, UnionType):
        return Union[tuple(_bare(each) for each in get_args(wanted))]  # noqa: UP007 - of any number
    return wanted


class _Dependency:
    def __init__(self, key: str, provide: Any, made: Mapping[str, Any]) -> None:
        if provide.has_sync_generator_dependency or provide.has_async_generator_dependency:
            raise MisdescribedRoute(f"{key}: nobody would end a dependency that is a generator")
        self.key, self.make, self.waits = key, provide.dependency, not provide.has_sync_callable
        self.arguments = _Arguments(provide.signature_model, made)


class _Headers:
    """Takes a route's header parameters, all of them optional, from the request as it came; of repeated ones the first."""

    def __init__(self, wanted: Sequence[tuple[bytes, str, Any]]) -> None:
        self._wanted = wanted

    async def __call__(self, values: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        sent: dict[bytes, bytes] = {}
        for name, value in connection.scope["headers"]:
            sent.setdefault(name, value)
        for name, key, default in self._wanted:
            found = sent.get(name)
            values[key] = default if found is None else found.decode("latin-1")

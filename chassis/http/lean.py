"""What a request of ours does not need of the library: three shortcuts in how it gets a handler's arguments.

They are taken in the library's own tables of a route (`Api.build`), so what a route asks for is declared, checked and
documented as ever.
"""

from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.routes import HTTPRoute


def lean(route: HTTPRoute) -> None:
    """Dependencies in turn, those of our own making unconverted, and only the headers that are asked for.

    Litestar starts a task for each dependency that could run beside others, which cost a tenth of a request; none of ours
    waits for anything but the body.
    """
    for _, model in route.route_handler_map.values():
        in_turn = [dependency for batch in model.dependency_batches for dependency in batch]
        made_by_us = {"scope", *(dependency.key for dependency in in_turn)}
        for dependency in in_turn:
            provide = dependency.provide
            if provide.has_sync_callable and made_by_us.issuperset(provide.signature_model._fields):
                dependency.provide = cast("Provide", _AsTheyAre(provide))
        model.dependency_batches = [{dependency} for dependency in in_turn]
        headers = model.expected_header_params
        if headers and not any(header.is_required for header in headers):
            wanted = [(header.field_alias.lower().encode(), header.field_name, header.default) for header in headers]
            model.extractors[len(model.expected_reserved_kwargs)] = _Headers(wanted)


class _AsTheyAre:
    """A dependency that asks for nothing a client sent: its arguments need no conversion, which costs more than they do."""

    has_sync_generator_dependency = has_async_generator_dependency = False

    def __init__(self, provide: Provide) -> None:
        self._make, self._fields = provide.dependency, tuple(provide.signature_model._fields)
        self.signature_model = self

    def parse_values_from_connection_kwargs(self, connection: Any, kwargs: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the library's signature
        return {name: kwargs[name] for name in self._fields}

    async def __call__(self, **kwargs: Any) -> Any:
        return self._make(**kwargs)


class _Headers:
    """Takes a route's header parameters, all of them optional, from the request as it came; of repeated ones the first."""

    def __init__(self, wanted: list[tuple[bytes, str, Any]]) -> None:
        self._wanted = wanted

    async def __call__(self, values: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        sent: dict[bytes, bytes] = {}
        for name, value in connection.scope["headers"]:
            sent.setdefault(name, value)
        for name, key, default in self._wanted:
            found = sent.get(name)
            values[key] = default if found is None else found.decode("latin-1")

"""Builds a service's HTTP application: its handlers inside the chassis's edge, gate, decoder and documents."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ControllerRouterHandler

from chassis.auth import Verifier
from chassis.denials import Denials
from chassis.http.call import Call
from chassis.http.denied import DenialsOf
from chassis.http.depends import PROVIDED
from chassis.http.edge import LIMIT_S, Edge
from chassis.http.gate import Gate
from chassis.http.health import COMMON, Check, Resource
from chassis.http.openapi import Described, describe, encoded
from chassis.http.proxies import Proxies
from chassis.http.rates import Rates
from chassis.http.rules import Rule, http_handlers, rule_of
from chassis.http.strict import StrictRequest

BODY_LIMIT_BYTES: Final = 1_000_000

Hook = Callable[[], Awaitable[Any]] | Callable[[Litestar], Awaitable[Any]] | Callable[[], Any]


class Api:
    """One service's API, described as data; `build` makes the application.

    `ready` names the parts `/health/ready` asks. `dependencies` are the service's own, beside those of
    `chassis.http.depends.PROVIDED`. `body_limit_bytes` holds where a route sets no `request_max_body_size` of its own.
    Without `rates` nobody is limited. `proxies` are in front of the service.
    `resource` is the service as clients and their token issuer know it. `limit_s` is how long an answer may take to begin.
    """

    def __init__(
        self,
        *,
        service: str,
        title: str,
        version: str,
        description: str,
        handlers: Sequence[ControllerRouterHandler],
        verifier: Verifier,
        denials: Denials | None = None,
        ready: Sequence[tuple[str, Check]] = (),
        on_startup: Sequence[Hook] = (),
        on_shutdown: Sequence[Hook] = (),
        dependencies: Mapping[str, Provide] | None = None,
        tags: Mapping[str, str] | None = None,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        state: Mapping[str, Any] | None = None,
        rates: Rates | None = None,
        proxies: Proxies | None = None,
        resource: Resource | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.service, self.verifier, self.denials = service, verifier, denials or Denials()
        self._limit_s = limit_s
        self._rates = Rates({}) if rates is None else rates
        self._proxies = proxies or Proxies()
        self._resource = resource or Resource(url=f"https://{service}.example", issuer="")
        self.described = Described(
            service=service, title=title, version=version, description=description, tags=dict(tags or {})
        )
        self._handlers, self._ready = list(handlers), list(ready)
        self._on_startup, self._on_shutdown = list(on_startup), list(on_shutdown)
        self._dependencies = dict(dependencies or {})
        self._body_limit_bytes = body_limit_bytes
        self._state = dict(state or {})

    def build(self) -> Litestar:
        """Raises MisdescribedRoute when a handler would break the contract on the wire."""
        rules: dict[int, Rule] = {}
        calls: dict[int, Call] = {}
        gate = DefineMiddleware(
            Gate, verifier=self.verifier, rules=rules, calls=calls, rates=self._rates, proxies=self._proxies
        )
        app = Litestar(
            route_handlers=[*self._handlers, *COMMON],
            dependencies={**PROVIDED, **self._dependencies},
            middleware=[gate],
            request_class=StrictRequest,
            request_max_body_size=self._body_limit_bytes,
            openapi_config=None,
            logging_config=None,
            on_startup=self._on_startup,
            on_shutdown=self._on_shutdown,
            state=State(self._state),
            debug=False,
        )
        methods: dict[str, set[str]] = {}
        for route, handler in http_handlers(app):
            rules[id(handler)] = rule_of(route, handler)
            calls[id(handler)] = Call(route, handler)
            methods.setdefault(route.path_format, set()).update(handler.http_methods)
        app.state.service = self.service
        app.state.denied = DenialsOf(self.denials, self.verifier).note
        app.state.ready = self._ready
        app.state.draining = asyncio.Event()
        scopes = sorted({scope for rule in rules.values() for scope in rule.scopes})
        app.state.resource = self._resource.metadata(self.described.title, scopes)
        document = _Document(app, self.described)
        app.state.openapi = document.json
        app.asgi_handler = Edge(app.asgi_router, service=self.service, methods=methods, limit_s=self._limit_s)
        return app


class _Document:
    """The OpenAPI document, made when first asked for."""

    def __init__(self, app: Litestar, described: Described) -> None:
        self._app, self._described = app, described

    def json(self) -> bytes:
        return self._encoded

    @cached_property
    def _encoded(self) -> bytes:
        return encoded(describe(self._app, self._described))

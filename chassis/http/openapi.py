"""The OpenAPI 3.1 document of a service, read from its handlers.

All schemas come from msgspec, the same generator the event contracts use; the library's own document is not used, since
it disagrees with the wire in a dozen places (measured.md part D section 1). Error responses follow by rule from what a
route takes and names in `refuses(...)`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import ServerSentEvent, Stream
from litestar.routes import HTTPRoute

from chassis.http.answers import Answer, Receipt, Versioned
from chassis.http.links import add_links
from chassis.http.problems import MEDIA_TYPE, FieldError, Problem
from chassis.http.rules import (
    JSON,
    MisdescribedRoute,
    Parameter,
    Rule,
    http_handlers,
    parameters_of,
    rule_of,
)
from chassis.http.schemas import schemas_of
from contracts.problems import Invalid, Refusal

REF: Final = "#/components/schemas/{name}"
_TYPED_PART: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_CONSTRAINTS: Final = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")
_PHRASES: Final = {200: "Done.", 201: "Created.", 202: "Accepted; the outcome follows as an event.", 204: "Done."}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {"description": "The version of the resource, for If-Match.", "schema": {"type": "string"}},
    "Regie-Position": {"description": "The log position of what was recorded.", "schema": {"type": "string"}},
    "Location": {"description": "The path of what was created.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "string"}},
    "Link": {
        "description": "The following page, as `rel=next`; absent on the last (RFC 8288).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of the budget this request was counted under, and in how many seconds it is whole.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "The budget: requests at once (`q`) and the seconds they come back in (`w`).",
        "schema": {"type": "string"},
    },
    "Content-Language": {"description": "The language of the title, by Accept-Language.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` where the Idempotency-Key was known and this is the first answer again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Deprecation": {
        "description": "Since when the operation is deprecated: `@` and Unix seconds (RFC 9745).",
        "schema": {"type": "string"},
    },
    "Sunset": {"description": "When the operation goes (RFC 8594).", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "What kind of token is needed (RFC 6750).", "schema": {"type": "string"}},
    "traceparent": {"description": "The W3C trace context of this exchange.", "schema": {"type": "string"}},
}
_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An OAuth 2.0 access token (ES256). An operation lists the scopes it needs.",
}

Json = dict[str, Any]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says of the service as a whole. `tags` are tag names with their description."""

    service: str
    title: str
    version: str
    description: str
    tags: Mapping[str, str]


def describe(app: Litestar, described: Described) -> Json:
    """The whole document. Raises MisdescribedRoute for a handler without a docstring, or a repeated operationId."""
    operations = [
        _Operation(route, handler, described)
        for route, handler in http_handlers(app)
        if handler.resolve_include_in_schema() is not False
    ]
    operations.sort(key=lambda operation: (operation.path, operation.method))
    schemas = _Schemas([wanted for operation in operations for wanted in operation.types()])
    responses: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    taken: dict[str, str] = {}
    for operation in operations:
        where = f"{operation.method} {operation.path}"
        if taken.setdefault(operation.id, where) != where:
            raise MisdescribedRoute(f"{where}: operationId {operation.id} belongs to {taken[operation.id]}")
        paths.setdefault(operation.path, {})[operation.method] = operation.document(schemas, responses)
    add_links(paths)
    return {
        "openapi": "3.1.0",
        "info": _info(described),
        "servers": [{"url": "/", "description": "This service."}],
        "security": [{"bearer": []}],
        "tags": _tags(operations, described),
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": dict(sorted(responses.items())),
            "headers": _HEADERS,
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def encoded(document: Json) -> bytes:
    """Indented and in a fixed order, so that a committed copy changes only with the contract."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _info(described: Described) -> Json:
    return {
        "title": described.title,
        "version": described.version,
        "description": described.description,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }


def _tags(operations: list["_Operation"], described: Described) -> list[Json]:
    used = sorted({tag for operation in operations for tag in operation.tags})
    return [{"name": tag, "description": described.tags.get(tag, f"{tag}.")} for tag in used]


class _Schemas:
    """The schema of every type used, by reference into components."""

    def __init__(self, types: list[Any]) -> None:
        wanted = [Problem, FieldError, *types]
        found, self.components = schemas_of(wanted, REF)
        self._by_id = {id(kind): schema for kind, schema in zip(wanted, found, strict=True)}
        self._kept = wanted
        self.components["Problem"]["additionalProperties"] = True

    def of(self, wanted: Any) -> Json:
        return self._by_id[id(wanted)]


class _Operation:
    """One method of one path."""

    def __init__(self, route: HTTPRoute, handler: HTTPRouteHandler, described: Described) -> None:
        self.path = _TYPED_PART.sub(r"{\1}", route.path_format)
        self.method = next(iter(handler.http_methods)).lower()
        self.rule: Rule = rule_of(route, handler)
        self.id = camel(self.rule.operation)
        self.tags = sorted(handler.resolve_tags() if hasattr(handler, "resolve_tags") else handler.tags or [])
        self.tags = self.tags or [described.title]
        self.summary, self.description = _words(handler)
        self.status = handler.status_code
        self.media_type = str(getattr(handler.media_type, "value", handler.media_type) or JSON)
        self.returned, self.content = _content_of(handler.parsed_return_field.annotation)
        self.parameters = _unique(parameters_of(handler))
        self._types = {parameter.name: _constrained(parameter) for parameter in self.parameters}
        self._body = self.rule.body

    def types(self) -> list[Any]:
        content = [self.content] if self._has_schema() else []
        body = [] if self._body is None else [self._body]
        return [*content, *body, *self._types.values()]

    def _has_schema(self) -> bool:
        return self.content not in (None, bytes, Any) and not self._streams()

    def _streams(self) -> bool:
        return isinstance(self.returned, type) and issubclass(self.returned, Stream | ServerSentEvent)

    def document(self, schemas: _Schemas, responses: dict[str, Json]) -> Json:
        document: Json = {
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description,
            "tags": self.tags,
            "security": [] if self.rule.public else [{"bearer": sorted(self.rule.scopes)}],
        }
        if self.rule.deprecation is not None:
            document["deprecated"] = True
        parameters = [self._parameter(parameter, schemas) for parameter in self.parameters]
        if self.returned is Versioned:
            parameters.append(_IF_NONE_MATCH)
        if parameters:
            document["parameters"] = parameters
        if self.rule.accepts:
            document["requestBody"] = self._request_body(schemas)
        document["responses"] = self._responses(schemas, responses)
        return document

    def _parameter(self, parameter: Parameter, schemas: _Schemas) -> Json:
        kwarg = parameter.field.kwarg_definition
        schema = {**schemas.of(self._types[parameter.name]), **(kwarg.schema_extra or {})}
        if parameter.field.has_default and parameter.field.default not in ("", None):
            schema["default"] = msgspec.to_builtins(parameter.field.default)
        needed = parameter.required or (parameter.name == "If-Match" and self.rule.if_match)
        document: Json = {"name": parameter.name, "in": parameter.place, "required": needed, "schema": schema}
        text = kwarg.description or ("The id of the resource." if parameter.place == "path" else "")
        return {**document, "description": text} if text else document

    def _request_body(self, schemas: _Schemas) -> Json:
        schema = (
            {"type": "string", "format": "binary", "minLength": 1} if self._body is None else schemas.of(self._body)
        )
        return {"required": self.rule.needs_body, "content": {media: {"schema": schema} for media in self.rule.accepts}}

    def _responses(self, schemas: _Schemas, responses: dict[str, Json]) -> Json:
        found: Json = {str(self.status): self._success(schemas)}
        if self.returned is Versioned:
            found["304"] = {"description": "You have this version.", "headers": _refer("ETag", "traceparent")}
        by_status: dict[int, list[type[Refusal]]] = {}
        for refusal in self.rule.refusals:
            by_status.setdefault(refusal.status, []).append(refusal)
        for status, refusals in sorted(by_status.items()):
            name = ".".join(sorted({refusal.code for refusal in refusals}))
            responses[name] = _problem_response(status, refusals)
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found

    def _success(self, schemas: _Schemas) -> Json:
        headers = ["traceparent"]
        headers += ["RateLimit", "RateLimit-Policy"] if self.rule.budget else []
        headers += ["Deprecation", "Sunset", "Link"] if self.rule.deprecation else []
        headers += ["Link"] if "limit" in self.rule.query else []
        if self.returned in (Answer, Versioned):
            headers.append("ETag")
        if self.returned is Answer:
            headers += ["Regie-Position", "Idempotency-Replayed"]
            headers += ["Location"] if self.status == 201 else []
        document: Json = {"description": _PHRASES.get(self.status, "Done."), "headers": _refer(*headers)}
        if self._streams():
            document["content"] = {"text/event-stream": {"schema": {"type": "object"}}}
        elif self.content is bytes:
            document["content"] = {self.media_type: {"schema": {"type": "string", "format": "binary"}}}
        elif self.content is Any:
            document["content"] = {self.media_type: {"schema": {}}}
        elif self.content is not None:
            document["content"] = {self.media_type: {"schema": schemas.of(self.content)}}
        return document


_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "An ETag you have; the answer is 304 while it is current.",
}


def _refer(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem_response(status: int, refusals: list[type[Refusal]]) -> Json:
    properties: Json = {"code": {"type": "string", "enum": sorted({refusal.code for refusal in refusals})}}
    if Invalid in refusals:
        properties["errors"] = {"type": "array", "items": {"$ref": REF.format(name="FieldError")}}
    schema = {"allOf": [{"$ref": REF.format(name="Problem")}, {"type": "object", "properties": properties}]}
    headers = ["traceparent", "Content-Language"]
    headers += ["WWW-Authenticate"] if status in (401, 403) else []
    headers += ["Retry-After"] if status in (429, 503) else []
    headers += ["RateLimit", "RateLimit-Policy"] if status == 429 else []
    words = "\n".join(f"- `{refusal.code}`: {refusal.title()}" for refusal in refusals)
    return {"description": words, "headers": _refer(*headers), "content": {MEDIA_TYPE: {"schema": schema}}}


def _content_of(returned: Any) -> tuple[Any, Any]:
    """The response class of a handler, if any, and the type of its body."""
    origin = get_origin(returned) or returned
    if isinstance(origin, type) and issubclass(origin, Answer):
        return Answer, Receipt
    if isinstance(origin, type) and issubclass(origin, Response):
        return origin, (get_args(returned) or (bytes,))[0]
    return None, None if returned is type(None) else returned


def _constrained(parameter: Parameter) -> Any:
    kwarg = parameter.field.kwarg_definition
    limits = {name: getattr(kwarg, name) for name in _CONSTRAINTS if getattr(kwarg, name, None) is not None}
    limits |= {"min_length": kwarg.min_items} if kwarg.min_items else {}
    limits |= {"max_length": kwarg.max_items} if kwarg.max_items else {}
    wanted = parameter.field.annotation
    inner = [arg for arg in get_args(wanted) if arg is not type(None)]
    if parameter.nullable or (type(None) in get_args(wanted) and len(inner) == 1):
        wanted = inner[0]
    return Annotated[wanted, msgspec.Meta(**limits, extra={"parameter": parameter.name})]


def _unique(parameters: Any) -> list[Parameter]:
    return list({(parameter.place, parameter.name): parameter for parameter in parameters}.values())


def _words(handler: HTTPRouteHandler) -> tuple[str, str]:
    text = (handler.fn.__doc__ or "").strip()
    if not text:
        raise MisdescribedRoute(f"{handler.handler_name}: a handler needs a docstring; it is its public description")
    first, _, rest = text.partition("\n")
    return first.rstrip("."), " ".join(rest.split()) or first


def camel(name: str) -> str:
    """`go_live` and `goLive` are both operationId `goLive`."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)

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

from chassis.http.answers import Answer, Page, Receipt, Tagged, Versioned
from chassis.http.examples import example_of
from chassis.http.follow import EVENT_STREAM, Followed
from chassis.http.links import add_links
from chassis.http.parts import (
    BEARER,
    COMMON_TAGS,
    CONTACT,
    HEADERS,
    LICENCE,
    oauth,
    problem_name,
    problem_response,
    problem_schema,
    refer,
)
from chassis.http.prefer import Job
from chassis.http.problems import FieldError, Problem
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
from chassis.http.sparse import PARAMETER, SOME_FIELDS, Sparse
from contracts.problems import Refusal

REF: Final = "#/components/schemas/{name}"
_TYPED_PART: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_CONSTRAINTS: Final = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")
_PHRASES: Final = {200: "Done.", 201: "Created.", 202: "Accepted; the outcome follows as an event.", 204: "Done."}
_EVENTS: Final[dict[str, Any]] = {EVENT_STREAM: {"schema": {"type": "object"}}}

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
    add_links(paths, schemas.components)
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
            "headers": _used(HEADERS, paths, responses),
            "examples": dict(sorted(schemas.examples.items())),
            "securitySchemes": {"bearer": BEARER, "oauth2": oauth(_scopes(operations))},
        },
    }


def _used(headers: Mapping[str, Json], *parts: Json) -> Json:
    """Only what is referred to: a linter takes the rest for a mistake."""
    text = repr(parts)
    return {name: each for name, each in headers.items() if f"'#/components/headers/{name}'" in text}


def encoded(document: Json) -> bytes:
    """Indented and in a fixed order, so that a committed copy changes only with the contract."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _info(described: Described) -> Json:
    return {
        "title": described.title,
        "version": described.version,
        "description": described.description,
        "contact": CONTACT,
        "license": LICENCE,
    }


def _tags(operations: list["_Operation"], described: Described) -> list[Json]:
    used = sorted({tag for operation in operations for tag in operation.tags})
    words = {described.title: described.description, **COMMON_TAGS, **described.tags}
    if unknown := sorted(set(used) - words.keys()):
        raise MisdescribedRoute(f"{described.service}: say in `tags` what these tags are about: {', '.join(unknown)}")
    return [{"name": tag, "description": words[tag]} for tag in used]


def _scopes(operations: list["_Operation"]) -> set[str]:
    return {scope for operation in operations for scope in operation.rule.scopes}


class _Schemas:
    """The schema of every type used, by reference into components."""

    def __init__(self, types: list[Any]) -> None:
        wanted = [Problem, FieldError, *types]
        found, self.components = schemas_of(wanted, REF)
        self._by_id = {id(kind): schema for kind, schema in zip(wanted, found, strict=True)}
        self._kept = wanted
        self.examples: dict[str, Json] = {}
        self._problems: dict[str, str] = {}
        self.components["Problem"]["additionalProperties"] = True

    def of(self, wanted: Any) -> Json:
        return self._by_id[id(wanted)]

    def problem(self, refusals: list[type[Refusal]], status: int, operation: str) -> Json:
        """A schema shared by all operations that answer with the same codes."""
        codes = ".".join(sorted({refusal.code for refusal in refusals}))
        if codes not in self._problems:
            self._problems[codes] = problem_name(refusals, status, operation)
            self.components[self._problems[codes]] = problem_schema(refusals, REF)
        return {"$ref": REF.format(name=self._problems[codes])}

    def body(self, wanted: Any) -> Json:
        """The schema of a body, with an example: shared where the schema is."""
        schema = self.of(wanted)
        if "$ref" not in schema:
            return {"schema": schema, "examples": {"example": {"value": example_of(schema, self.components)}}}
        name = schema["$ref"].rpartition("/")[2]
        if name not in self.examples:
            self.examples[name] = {"summary": f"One {name}.", "value": example_of(schema, self.components)}
        return {"schema": schema, "examples": {"example": {"$ref": f"#/components/examples/{name}"}}}

    def some_fields(self, page: Any) -> Json:
        """A body like that of a page, with items that have some of their fields."""
        whole = self.components[self.of(page)["$ref"].rpartition("/")[2]]["properties"]
        item = self.components[whole["items"]["items"]["$ref"].rpartition("/")[2]]["properties"]
        some = {"type": "object", "properties": item, "minProperties": 1, "additionalProperties": False}
        schema = {
            "type": "object",
            "properties": {"items": {"type": "array", "items": some}, "next": whole["next"]},
            "required": ["items", "next"],
        }
        first = next(iter(item))
        example = {"items": [{first: example_of(item[first], self.components, first)}], "next": None}
        return {"schema": schema, "examples": {"example": {"value": example}}}


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
        self.ended = get_args(handler.parsed_return_field.annotation)[0] if self.returned is Job else None
        self.parameters = _unique(parameters_of(handler))
        self._types = {parameter.name: _constrained(parameter) for parameter in self.parameters}
        self._body = self.rule.body
        self._example_bodies: Mapping[str, str] = handler.opt.get("example_bodies", {})

    def types(self) -> list[Any]:
        content = [self.content] if self._has_schema() else []
        body = [] if self._body is None else [self._body]
        ended = [] if self.ended is None else [self.ended]
        return [*content, *ended, *body, *self._types.values()]

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
            "security": [] if self.rule.public else [{"bearer": [], "oauth2": sorted(self.rule.scopes)}],
        }
        if self.rule.deprecation is not None:
            document["deprecated"] = True
        parameters = [self._parameter(parameter, schemas) for parameter in self.parameters]
        if self.returned in (Versioned, Tagged):
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
        if parameter.name == PARAMETER:
            schema = {"type": "array", "items": {"enum": list(self.rule.fields)}, "minItems": 1}
            document = {**document, "schema": schema, "style": "form", "explode": False}
        text = kwarg.description or ("The id of the resource." if parameter.place == "path" else "")
        if not text:
            raise MisdescribedRoute(f"{self.id}: parameter {parameter.name} needs a description")
        return {**document, "description": text, "example": example_of(schema, schemas.components, parameter.name)}

    def _request_body(self, schemas: _Schemas) -> Json:
        if self._body is None:
            content = {media: self._raw(media) for media in self.rule.accepts}
        else:
            content = dict.fromkeys(self.rule.accepts, schemas.body(self._body))
        return {"required": self.rule.needs_body, "content": content}

    def _raw(self, media: str) -> Json:
        """A body we read ourselves; a route may show one of each media type in `example_bodies`.

        JSON is the value itself: said to be a text, a generated client would send the file as a JSON string.
        """
        schema: Json = {"type": "string", "format": "binary", "minLength": 1}
        example: Any = self._example_bodies.get(media)
        if media == JSON:
            schema = {"type": "object", "additionalProperties": True}
            example = msgspec.json.decode(example) if example else None
        content: Json = {"schema": schema}
        return {**content, "examples": {"example": {"value": example}}} if example else content

    def _responses(self, schemas: _Schemas, responses: dict[str, Json]) -> Json:
        found: Json = {str(self.status): self._success(schemas)}
        if self.ended is not None:
            headers = refer("traceparent", "ETag", *_OF_JOBS)
            content = {self.media_type: schemas.body(self.ended)}
            found["200"] = {
                "description": "How the job ended, to who waited for it.",
                "headers": headers,
                "content": content,
            }
        if self.returned in (Versioned, Tagged):
            found["304"] = {
                "description": "You have this version.",
                "headers": {**self._etag(), **refer("traceparent")},
            }
        by_status: dict[int, list[type[Refusal]]] = {}
        for refusal in self.rule.refusals:
            by_status.setdefault(refusal.status, []).append(refusal)
        for status, refusals in sorted(by_status.items()):
            name = ".".join(sorted({refusal.code for refusal in refusals}))
            responses[name] = problem_response(status, refusals, schemas.problem(refusals, status, self.id))
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found

    def _etag(self) -> Json:
        if self.returned is Tagged:
            return {"ETag": refer("Content-Tag")["Content-Tag"]}
        return refer("ETag") if self.returned in (Answer, Job, Versioned) else {}

    def _success(self, schemas: _Schemas) -> Json:
        headers = ["traceparent"]
        headers += ["RateLimit", "RateLimit-Policy"] if self.rule.budget else []
        headers += ["Deprecation", "Sunset", "Link"] if self.rule.deprecation else []
        headers += ["Link"] if "limit" in self.rule.query else []
        if self.returned in (Answer, Job):
            headers += ["Regie-Position", "Idempotency-Replayed"]
        headers += ["Location"] if self.status == 201 else []
        headers += _OF_JOBS if self.returned is Job else []
        document: Json = {
            "description": _PHRASES.get(self.status, "Done."),
            "headers": {**refer(*headers), **self._etag()},
        }
        if self._streams():
            document["content"] = _EVENTS
        elif self.content is bytes:
            document["content"] = {self.media_type: {"schema": {"type": "string", "format": "binary"}}}
        elif self.content is Any:
            document["content"] = {self.media_type: {"schema": {}}}
        elif self.content is not None:
            document["content"] = {self.media_type: schemas.body(self.content)}
            document["content"] |= _EVENTS if self.returned is Followed else {}
            if self.returned is Sparse:
                document["content"][SOME_FIELDS] = schemas.some_fields(self.content)
        return document


_OF_JOBS: Final = ["Location", "Preference-Applied"]
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "An ETag you have; the answer is 304 while it is current.",
    "example": '"7"',
}


def _content_of(returned: Any) -> tuple[Any, Any]:
    """The response class of a handler, if any, and the type of its body."""
    origin = get_origin(returned) or returned
    if isinstance(origin, type) and issubclass(origin, Answer):
        return Answer, Receipt
    if origin is Job:
        return Job, Receipt
    if origin is Sparse:
        return Sparse, Page[get_args(returned)[0]]  # type: ignore[misc]
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

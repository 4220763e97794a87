"""Requests made from the OpenAPI document: every operation, with whatever it needs filled in so that its handler is reached."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import msgspec

METHODS = ("get", "put", "post", "delete", "patch")
WORDS = (
    "a1",
    "1",
    '"1"',
    "@1",
    "#aabbcc",
    "rtmp://example.org/live",
    "https://example.org/x",
    "attendees",
    "2030-01-01T09:00",
)
"""Texts of which one fits every pattern of the contracts."""
FORMATS = {
    "date-time": "2030-01-01T09:00:00Z",
    "date": "2030-01-01",
    "duration": "PT5M",
    "uri": "https://example.org/x",
}


BODIES: dict[str, Any] = {"setBackground": {"lease": 1, "colour": "#102030"}, "createEdit": {"title": "Talk"}}
"""Bodies of operations whose schema allows what only one of several fields may say."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation. `holes` are its path parameters; `fill` makes a path of them."""

    id: str
    method: str
    path: str
    holes: tuple[str, ...]
    scopes: frozenset[str]
    params: dict[str, Any]
    headers: dict[str, str]
    body: bytes | None

    def fill(self, values: Mapping[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda hole: values.get(hole[1]) or made_up(hole[1]), self.path)


def made_up(hole: str) -> str:
    """A value for a path parameter that names nothing."""
    return {"position": "999999", "level": "0", "tile": "x999/999"}.get(hole) or str(uuid4())


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Every operation of a document, in its order."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _operation(document, path, method, methods[method])


def _operation(document: dict[str, Any], path: str, method: str, about: dict[str, Any]) -> Operation:
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for parameter in (_resolved(document, one) for one in about.get("parameters", [])):
        if parameter.get("required") and parameter["in"] != "path":
            value = example(document, parameter["schema"])
            (params if parameter["in"] == "query" else headers)[parameter["name"]] = value
    body = None
    if "requestBody" in about:
        media, content = next(iter(about["requestBody"]["content"].items()))
        headers["content-type"] = media
        wanted = BODIES.get(about["operationId"]) or _body(document, content)
        body = msgspec.json.encode(wanted) if media == "application/json" else b"<x/>"
    scopes = {scope for requirement in about["security"] for scope in requirement["oauth2"]}
    return Operation(
        id=about["operationId"],
        method=method.upper(),
        path=path,
        holes=tuple(re.findall(r"\{(\w+)\}", path)),
        scopes=frozenset(scopes),
        params=params,
        headers=headers,
        body=body,
    )


def _body(document: dict[str, Any], content: dict[str, Any]) -> Any:
    """The document's own example, else the least its schema asks for."""
    given = [_resolved(document, one)["value"] for one in content.get("examples", {}).values()]
    return given[0] if given else example(document, content["schema"])


def _resolved(document: dict[str, Any], thing: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in thing:
        found: Any = document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that follows the schema: what is required and nothing else."""
    schema = _resolved(document, schema)
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return example(document, {**schema[choice][0], **({"type": schema["type"]} if "type" in schema else {})})
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "object":
            known = schema.get("properties", {})
            return {name: example(document, known[name]) for name in schema.get("required", [])}
        case "array":
            return [example(document, schema["items"]) for _ in range(schema.get("minItems", 0))]
        case "string":
            return _text(schema)
        case "boolean":
            return True
        case "null":
            return None
    return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)


def _text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(uuid4())
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    pattern, least = schema.get("pattern", ""), schema.get("minLength", 0)
    return next(word for word in WORDS if re.search(pattern.replace(r"\Z", "$"), word) and len(word) >= least)

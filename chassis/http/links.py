"""OpenAPI links between the operations of one resource: what a client, or a tester, can do next with an answer.

Without them a generated test knows no id and no ETag, so it never gets behind 404 and 412 (measured.md part D
section 2).
"""

from typing import Any

MAX_LINKS = 12
"""Of one answer. They begin behind the answer's own path, so that every operation is led to from somewhere."""
VERSION = {"$ref": "#/components/headers/ETag"}

Json = dict[str, Any]


def add_links(paths: dict[str, Json], schemas: Json) -> None:
    """From each creation to what its id allows, and from each answer with an ETag to what needs that ETag."""
    for path, methods in paths.items():
        for document in methods.values():
            status = next((each for each in ("201", "202", "200") if each in document["responses"]), "")
            success = document["responses"].get(status, {})
            versioned = success.get("headers", {}).get("ETag") == VERSION
            made = _made_id(success, schemas) if status in ("201", "202") else None
            links = _links(paths, path, document, made, versioned=versioned)
            if links:
                success["links"] = dict(list(links.items())[:MAX_LINKS])


def _made_id(success: Json, schemas: Json) -> str | None:
    """Where in the answer to a creation the id stands: at the top, or in the one resource it shows."""
    for content in success.get("content", {}).values():
        properties = _properties(content.get("schema", {}), schemas)
        holders = {"": properties, **{f"/{name}": _properties(each, schemas) for name, each in properties.items()}}
        return next((f"{place}/id" for place, held in holders.items() if "id" in held), None)
    return None


def _properties(schema: Json, schemas: Json) -> Json:
    found: Json = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema).get("properties", {})
    return found


def _links(paths: dict[str, Json], path: str, source: Json, made: str | None, *, versioned: bool) -> Json:
    owner = _owner(path)
    found: Json = {}
    for other, methods in sorted(paths.items(), key=lambda each: (each[0] <= path, each[0])):
        for target in methods.values():
            if target["operationId"] == source["operationId"]:
                continue
            if made and _owner(other) == f"{path}/{_last_parameter(other)}":
                known = {_last_parameter(other).strip("{}"): f"$response.body#{made}"}
                found[target["operationId"]] = _link(target, known, path)
            elif versioned and owner and _owner(other) == owner and _wants_version(target):
                found[target["operationId"]] = _link(target, {}, path)
    return found


def _link(target: Json, known: dict[str, str], path: str) -> Json:
    parameters: dict[str, str] = {
        name: f"$request.path.{name}" for name in (part[1:-1] for part in path.split("/") if part.startswith("{"))
    }
    parameters = {f"path.{name}": value for name, value in (parameters | known).items()}
    if _wants_version(target):
        parameters["header.If-Match"] = "$response.header.ETag"
    return {"operationId": target["operationId"], "parameters": parameters}


def _wants_version(target: Json) -> bool:
    return any(parameter["name"] == "If-Match" for parameter in target.get("parameters", ()))


def _owner(path: str) -> str:
    """The path up to its last parameter: the resource an operation belongs to."""
    head, brace, _ = path.rpartition("}")
    return head + brace


def _last_parameter(path: str) -> str:
    return _owner(path).rpartition("/")[2]

"""What a new OpenAPI document breaks for the clients of an old one, and what it adds."""

import re
from collections.abc import Iterator
from typing import Any, Final

from regie.compatibility.findings import Finding, breaking, compatible
from regie.compatibility.schemas import Relation

Json = dict[str, Any]
METHODS: Final = ("get", "put", "post", "patch", "delete")


class Api:
    """One document, with its references followed. `operations` are by method and path, whatever a path calls its ids."""

    def __init__(self, document: Json) -> None:
        self._parts: Json = document.get("components", {})
        self.schemas: dict[str, Json] = self._parts.get("schemas", {})
        self.operations: dict[str, Json] = {
            f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}": methods[method]
            for path, methods in document["paths"].items()
            for method in METHODS
            if method in methods
        }

    def follow(self, part: Json) -> Json:
        if "$ref" not in part:
            return part
        _, _, kind, name = part["$ref"].split("/")
        found: Json = self._parts[kind][name]
        return found

    def follow_schema(self, schema: Json) -> Json:
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def parameters(self, operation: Json) -> dict[str, Json]:
        """By place and name; of a path by their order, since their names are ours alone."""
        known = [self.follow(each) for each in operation.get("parameters", ())]
        path = [each for each in known if each["in"] == "path"]
        named = {f"{each['in']} {each['name']}": each for each in known if each["in"] != "path"}
        return {f"path {nr}": each for nr, each in enumerate(path, 1)} | named

    def responses(self, operation: Json) -> dict[str, Json]:
        return {status: self.follow(each) for status, each in operation["responses"].items()}


def compare(service: str, old_document: Json, new_document: Json) -> Iterator[Finding]:
    old, new = Api(old_document), Api(new_document)
    for where in old.operations.keys() - new.operations.keys():
        yield breaking(service, where, "the operation is gone")
    for where in new.operations.keys() - old.operations.keys():
        yield compatible(service, where, "a new operation")
    for where in sorted(old.operations.keys() & new.operations.keys()):
        before, after = old.operations[where], new.operations[where]
        if before["operationId"] != after["operationId"]:
            yield breaking(service, where, f"operationId {before['operationId']} became {after['operationId']}")
        if after.get("deprecated") and not before.get("deprecated"):
            yield compatible(service, where, "is deprecated")
        yield from _security(service, where, before, after)
        yield from _parameters(service, where, (old, before), (new, after))
        yield from _request(service, where, (old, before), (new, after))
        yield from _responses(service, where, (old, before), (new, after))


Side = tuple[Api, Json]


def _security(service: str, where: str, before: Json, after: Json) -> Iterator[Finding]:
    """Each old way to be let in must still do: be no weaker than one of the new ways."""
    ways = after.get("security", [])
    for old in before.get("security", []) or [{}]:
        if ways and not any(_lets_in(old, new) for new in ways):
            needed = sorted({scope for way in ways for scopes in way.values() for scope in scopes})
            yield breaking(service, where, f"security: now needs {' '.join([*ways[0], *needed])}")
    if not ways and before.get("security"):
        yield compatible(service, where, "needs no token any more")


def _lets_in(old: Json, new: Json) -> bool:
    return all(scheme in old and set(scopes) <= set(old[scheme]) for scheme, scopes in new.items())


def _parameters(service: str, where: str, old_side: Side, new_side: Side) -> Iterator[Finding]:
    (old, before), (new, after) = old_side, new_side
    known, wanted = old.parameters(before), new.parameters(after)
    relation = Relation(old.schemas, new.schemas)
    for name in sorted(known.keys() - wanted.keys()):
        yield breaking(service, where, f"{name}: the parameter is gone, and refused as unknown")
    for name, each in wanted.items():
        if name not in known:
            make = breaking if each.get("required") else compatible
            yield make(service, where, f"{name}: a new {'required ' if each.get('required') else ''}parameter")
            continue
        if each.get("required") and not known[name].get("required"):
            yield breaking(service, where, f"{name}: the parameter is required now")
        for at, what in relation.unreadable(known[name]["schema"], each["schema"]):
            yield breaking(service, where, f"{name}{at}: {what}")
        yield from _default(service, where, name, known[name]["schema"], each["schema"])


def _default(service: str, where: str, at: str, old: Json, new: Json) -> Iterator[Finding]:
    if "default" in old and new.get("default") != old["default"]:
        yield breaking(service, where, f"{at}: left out, it meant {old['default']!r}, now {new.get('default')!r}")


def _request(service: str, where: str, old_side: Side, new_side: Side) -> Iterator[Finding]:
    (old, before), (new, after) = old_side, new_side
    known, wanted = old.follow(before.get("requestBody", {})), new.follow(after.get("requestBody", {}))
    if wanted.get("required") and not known.get("required"):
        yield breaking(service, where, "request: a body is required now")
    if known and not wanted:
        yield breaking(service, where, "request: takes no body any more")
        return
    relation = Relation(old.schemas, new.schemas)
    for media, content in known.get("content", {}).items():
        if media not in wanted["content"]:
            yield breaking(service, where, f"request: {media} is not taken any more")
            continue
        for at, what in relation.unreadable(content["schema"], wanted["content"][media]["schema"]):
            yield breaking(service, where, f"request {at}: {what}")
        fields, others = (
            side.follow_schema(each["schema"]).get("properties", {})
            for side, each in ((old, content), (new, wanted["content"][media]))
        )
        for name in sorted(fields.keys() & others.keys()):
            yield from _default(service, where, f"request /{name}", fields[name], others[name])
        for name in sorted(others.keys() - fields.keys()):
            yield compatible(service, where, f"request /{name}: a new field")


def _responses(service: str, where: str, old_side: Side, new_side: Side) -> Iterator[Finding]:
    """Success keeps its shape. The codes of problems are an open list: clients go by the status (docs of the API)."""
    (old, before), (new, after) = old_side, new_side
    known, sent = old.responses(before), new.responses(after)
    for status in sorted(known.keys() - sent.keys()):
        make = breaking if status < "400" else compatible
        yield make(service, where, f"answer {status}: is gone")
    for status in sorted(sent.keys() - known.keys()):
        make = breaking if status < "300" else compatible
        yield make(service, where, f"answer {status}: is new")
    for status in sorted(known.keys() & sent.keys()):
        relation = Relation(new.schemas, old.schemas, keeps_fields=True, open_enums=status >= "400")
        for name in sorted(known[status].get("headers", {}).keys() - sent[status].get("headers", {}).keys()):
            yield breaking(service, where, f"answer {status}: header {name} is gone")
        for media, content in known[status].get("content", {}).items():
            if media not in sent[status].get("content", {}):
                yield breaking(service, where, f"answer {status}: is not {media} any more")
                continue
            for at, what in relation.unreadable(sent[status]["content"][media]["schema"], content["schema"]):
                yield breaking(service, where, f"answer {status} {at}: {what}")

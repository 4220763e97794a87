"""Whether every value one schema describes can be read by a program that knows another schema.

One relation, `unreadable(writer, reader)`, answers for requests (old clients write, the new service reads), for answers
and partners (the new service writes, old clients read) and for replays (the old log was written, new code reads).
It covers the JSON Schema our documents use; what it cannot prove readable (another pattern, another format) it reports.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]
Fault = tuple[str, str]
"""Where (a JSON pointer into the value, `*` for any item) and what."""

_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_CHOICES: Final = re.compile(r"\^\(([^()]*)\)\$")


class Relation:
    """`writer` and `reader` are the named schemas of either document, by name.

    `keeps_fields`: a field the reader knows must still be written, even an optional one. `open_enums`: the reader has
    promised to bear values it does not know.
    """

    def __init__(
        self,
        writer: Mapping[str, Json],
        reader: Mapping[str, Json],
        *,
        keeps_fields: bool = False,
        open_enums: bool = False,
    ) -> None:
        self._writer, self._reader = writer, reader
        self._keeps_fields, self._open_enums = keeps_fields, open_enums

    def unreadable(self, writer: Json, reader: Json, at: str = "", seen: frozenset[Any] = frozenset()) -> list[Fault]:
        """Everything that stands in the way, in the order of the writer's schema."""
        pair = (writer.get("$ref"), reader.get("$ref"))
        if None not in pair:
            if pair in seen:
                return []
            seen = seen | {pair}
        known = list(_branches(reader, self._reader))
        found: list[Fault] = []
        for branch in _branches(writer, self._writer):
            tried = [(_kind(branch) != _kind(each), self._one(branch, each, at, seen)) for each in known]
            found += min(tried, key=lambda each: (bool(each[1]), each[0], len(each[1])))[1]
        return list(dict.fromkeys(found))

    def _one(self, writer: Json, reader: Json, at: str, seen: frozenset[Any]) -> list[Fault]:
        found = [*_values(writer, reader, at, open_enums=self._open_enums)]
        kind, wanted = _kind(writer), _kind(reader)
        if wanted is not None and kind != wanted and (kind, wanted) != ("integer", "number"):
            return [*found, (at, f"type {kind or 'any'} is not {wanted}")]
        found += _text(writer, reader, at)
        found += _bounds(writer, reader, at)
        if kind == "object":
            found += self._object(writer, reader, at, seen)
        if kind == "array":
            found += self._array(writer, reader, at, seen)
        return found

    def _object(self, writer: Json, reader: Json, at: str, seen: frozenset[Any]) -> Iterator[Fault]:
        sent, known = writer.get("properties", {}), reader.get("properties", {})
        more = reader.get("additionalProperties", True)
        for name in sorted(set(reader.get("required", ())) - set(writer.get("required", ()))):
            yield f"{at}/{name}", "is required, and may be missing"
        if self._keeps_fields:
            for name in sorted(known.keys() - sent.keys() - set(reader.get("required", ()))):
                yield f"{at}/{name}", "is no longer sent"
        for name, schema in sent.items():
            if name in known:
                yield from self.unreadable(schema, known[name], f"{at}/{name}", seen)
            elif more is False:
                yield f"{at}/{name}", "is refused as unknown"
            elif isinstance(more, dict):
                yield from self.unreadable(schema, more, f"{at}/{name}", seen)
        others = writer.get("additionalProperties", not sent)
        if isinstance(others, dict) and isinstance(more, dict):
            yield from self.unreadable(others, more, f"{at}/*", seen)
        elif others not in (False, {}) and isinstance(more, dict) and more:
            yield f"{at}/*", "may be of any kind"
        elif others is not False and more is False:
            yield f"{at}/*", "is refused as unknown"

    def _array(self, writer: Json, reader: Json, at: str, seen: frozenset[Any]) -> Iterator[Fault]:
        sent, known = writer.get("prefixItems", []), reader.get("prefixItems", [])
        if len(sent) != len(known):
            yield at, f"{len(sent)} places are not {len(known)}"
        for nr, (one, other) in enumerate(zip(sent, known, strict=False)):
            yield from self.unreadable(one, other, f"{at}/{nr}", seen)
        if isinstance(reader.get("items"), dict) and not known:
            items = writer.get("items", {})
            yield from self.unreadable(items if isinstance(items, dict) else {}, reader["items"], f"{at}/*", seen)
        if reader.get("uniqueItems") and not writer.get("uniqueItems"):
            yield at, "must not repeat an item"


def _branches(schema: Json, named: Mapping[str, Json]) -> Iterator[Json]:
    """The schema without references and choices: each way in which a value can follow it."""
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        yield from _branches(_both(named[schema["$ref"].rpartition("/")[2]], rest), named)
    elif schema.get("if") == {}:
        yield from _branches(
            {**{key: each for key, each in schema.items() if key not in ("if", "then")}, **schema["then"]}, named
        )
    elif "allOf" in schema:
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            for flat in list(_branches(part, named))[:1]:
                whole = _both(whole, flat)
        yield from _branches(whole, named)
    elif choice := next((each for each in ("anyOf", "oneOf") if each in schema), None):
        rest = {key: value for key, value in schema.items() if key not in (choice, "discriminator")}
        for each in schema[choice]:
            yield from _branches(_both(rest, each), named)
    elif isinstance(schema.get("type"), list):
        for kind in schema["type"]:
            yield {**schema, "type": kind}
    else:
        yield schema


def _both(one: Json, other: Json) -> Json:
    """A schema that demands what two demand; where both constrain the same field, the second is the finer one."""
    whole = {**one, **other}
    if "properties" in one and "properties" in other:
        known = one["properties"]
        finer = {
            name: _finer(known[name], each) if name in known else each for name, each in other["properties"].items()
        }
        whole["properties"] = {**known, **finer}
    if "required" in one and "required" in other:
        whole["required"] = sorted({*one["required"], *other["required"]})
    if "additionalProperties" in one and "properties" in other:
        whole["additionalProperties"] = one["additionalProperties"]
    return whole


def _finer(one: Json, other: Json) -> Json:
    """A field that two schemas constrain, where the second may say no more than "not null"."""
    if set(other) == {"type"} and other["type"] != "null" and "anyOf" in one:
        return {**one, "anyOf": [each for each in one["anyOf"] if each.get("type") != "null"]}
    return other


def _kind(schema: Json) -> str | None:
    if "type" in schema:
        return str(schema["type"])
    values = _constants(schema)
    if values and all(isinstance(value, str) for value in values):
        return "string"
    return "object" if "properties" in schema else None


def _constants(schema: Json) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _values(writer: Json, reader: Json, at: str, *, open_enums: bool) -> Iterator[Fault]:
    allowed, sent = _constants(reader), _constants(writer)
    if allowed is None or open_enums:
        return
    if sent is None:
        yield at, "is one of a list, and may be any value"
        return
    for value in sent:
        if value not in allowed:
            yield at, f"value {value!r} is not known"


def _text(writer: Json, reader: Json, at: str) -> Iterator[Fault]:
    if _constants(writer) is not None:
        return
    for rule in ("format", "pattern"):
        if rule in reader and not _is_one_of(writer.get(rule), reader[rule]):
            yield at, f"{rule} {writer.get(rule, 'any')} is not {reader[rule]}"


def _is_one_of(written: str | None, read: str) -> bool:
    """Whether it is the same, or one of the choices of a pattern `^(one|other)$`, a choice being without parentheses."""
    choices = _CHOICES.fullmatch(read)
    return written == read or (choices is not None and written in {f"^{each}$" for each in choices[1].split("|")})


def _bounds(writer: Json, reader: Json, at: str) -> Iterator[Fault]:
    if _constants(writer) is not None:
        return
    for rule in _LOWER:
        if rule in reader and reader[rule] != 0 and writer.get(rule, float("-inf")) < reader[rule]:
            yield at, f"{rule} {writer.get(rule, 'none')} is less than {reader[rule]}"
    for rule in _UPPER:
        if rule in reader and writer.get(rule, float("inf")) > reader[rule]:
            yield at, f"{rule} {writer.get(rule, 'none')} is more than {reader[rule]}"
    step = reader.get("multipleOf")
    if (step and (writer.get("multipleOf") or 0) % step != 0) or (step and "multipleOf" not in writer):
        yield at, f"multipleOf {writer.get('multipleOf', 'none')} is not {step}"

"""JSON Schemas of our Structs, for REST and events alike: msgspec's, with what it leaves out.

msgspec writes patterns as Python has them, no format for a key that is a UUID, and none for a `datetime` that does not
demand an offset. All our instants are aware and written with their offset, so each is `date-time` (RFC 3339).

Nor can it know what holds between the fields of a request: a Struct says that as JSON Schema keywords in its class
variable `between_fields`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import inspect

Json = dict[str, Any]


def schemas_of(types: Sequence[Any], ref_template: str) -> tuple[list[Json], dict[str, Json]]:
    """The schema of each type, and the named schemas they refer to."""
    infos = inspect.multi_type_info(types)
    structs: dict[Any, inspect.StructType] = {}
    for info in infos:
        _collect(info, structs)
    found, components = msgspec.json.schema_components([*types, *structs], ref_template=ref_template)
    named = found[len(types) :]
    at = len(ref_template.partition("{name}")[0])
    renamed = {
        reference["$ref"][at:]: _plain_name(reference["$ref"][at:], info)
        for reference, info in zip(named, structs.values(), strict=True)
        if "." in reference["$ref"][at:]
    }
    if renamed:
        components = {renamed.get(name, name): each for name, each in components.items()}
        _rename(
            [*found, components],
            {ref_template.format(name=old): ref_template.format(name=new) for old, new in renamed.items()},
        )
    for reference, info in zip(named, structs.values(), strict=True):
        component = components[reference["$ref"][at:]]
        for field in info.fields:
            _mark_formats(component["properties"][field.encode_name], field.type)
        if between := getattr(info.cls, "between_fields", {}):
            # "If anything, then this": a choice beside `properties` makes generators of clients forget the properties.
            component |= {"if": {}, "then": between}
    schemas = list(found[: len(types)])
    for schema, info in zip(schemas, infos, strict=True):
        _mark_formats(schema, info)
    _write_patterns_for_all(schemas)
    _write_patterns_for_all(components)
    return schemas, components


def _plain_name(path: str, info: inspect.StructType) -> str:
    """The name of a schema whose class shares its name with another: no Python path is a name of ours.

    Two events are told apart by their service. Raises TypeError for other types: one of them needs another name.
    """
    service, dot, _ = str(info.tag or "").partition(".")
    if not dot:
        raise TypeError(f"{path}: another schema of this document is called {info.cls.__name__}, too; rename one")
    return service.capitalize() + info.cls.__name__


def _rename(node: Any, references: dict[str, str]) -> None:
    if isinstance(node, dict):
        if node.get("$ref") in references:
            node["$ref"] = references[node["$ref"]]
        for inner in node.values():
            _rename(inner, references)
    elif isinstance(node, list):
        for inner in node:
            _rename(inner, references)


def _write_patterns_for_all(node: Any) -> None:
    r"""Patterns as ECMA 262 has them: our `\Z`, the very end of the text, is its `$`."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            node["pattern"] = node["pattern"].replace(r"\Z", "$")
        for inner in node.values():
            _write_patterns_for_all(inner)
    elif isinstance(node, list):
        for inner in node:
            _write_patterns_for_all(inner)


def _collect(info: inspect.Type, structs: dict[Any, inspect.StructType]) -> None:
    if isinstance(info, inspect.StructType):
        if info.cls in structs:
            return
        structs[info.cls] = info
    for inner in inside(info):
        _collect(inner, structs)


def inside(info: inspect.Type) -> Iterator[inspect.Type]:
    """The types directly inside a type."""
    match info:
        case inspect.StructType():
            yield from (field.type for field in info.fields)
        case inspect.UnionType():
            yield from info.types
        case inspect.DictType():
            yield info.value_type
        case inspect.TupleType():
            yield from info.item_types
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield info.item_type
        case inspect.Metadata():
            yield info.type


def _mark_formats(schema: Json, info: inspect.Type) -> None:
    match info:
        case inspect.DateTimeType():
            schema["format"] = "date-time"
        case inspect.Metadata():
            _mark_formats(schema, info.type)
        case inspect.UnionType() if any(isinstance(each, inspect.DateTimeType) for each in info.types):
            for branch in schema["anyOf"]:
                if branch.get("type") == "string" and len(branch) == 1:
                    branch["format"] = "date-time"
        case inspect.DictType():
            if isinstance(info.key_type, inspect.UUIDType):
                schema["propertyNames"] = {"type": "string", "format": "uuid"}
            if isinstance(schema.get("additionalProperties"), dict):
                _mark_formats(schema["additionalProperties"], info.value_type)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            if "items" in schema:
                _mark_formats(schema["items"], info.item_type)

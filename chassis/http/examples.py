"""An example of any schema we publish: every field filled, valid, the same on every run.

Made from the schema itself, so an example cannot lag behind it; what texts look like is in `contracts/examples.py`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from contracts.examples import PATTERNS, TEXTS

Json = dict[str, Any]

MOMENT: Final = datetime(2026, 6, 10, 8, 30, tzinfo=UTC)
_HOURS_LATER: Final = {"start": 1, "begin": 1, "from": 1, "live": 1, "end": 9, "until": 9, "expire": 9, "close": 9}
DEEPEST: Final = 8


class NoExample(LookupError):  # noqa: N818 - names the state, as refusals do
    """No example is known for a pattern or a kind of schema; says where. Add one to `contracts/examples.py`."""


def example_of(schema: Json, components: Mapping[str, Json], name: str = "", *, depth: int = 0) -> Any:
    """A value of the schema. `components` are the named schemas by the last part of their reference."""
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example_of(components[target], components, name or target, depth=depth)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][crc32(name.encode()) % len(schema["enum"])]
    for choice in ("anyOf", "oneOf"):
        if choice in schema.get("then", {}):
            return _object(schema, components, name, depth) | _settled(schema["then"][choice][0])
        if choice in schema:
            real = [each for each in schema[choice] if each.get("type") != "null"]
            rest = {key: value for key, value in schema.items() if key != choice}
            return example_of({**rest, **(real or schema[choice])[0]}, components, name, depth=depth)
    return _typed(schema, components, name, depth)


def _typed(schema: Json, components: Mapping[str, Json], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, components, name, depth)
        case "array":
            return _array(schema, components, name, depth)
        case "string":
            return _string(schema, name)
        case "integer":
            return _number(schema, name)
        case "number":
            return float(_number(schema, name))
        case "boolean":
            return True
        case "null":
            return None
    raise NoExample(f"{name}: {schema}")


def _object(schema: Json, components: Mapping[str, Json], name: str, depth: int) -> Json:
    properties = schema.get("properties", {})
    wanted = properties if depth < DEEPEST else schema.get("required", ())
    made = {key: example_of(properties[key], components, key, depth=depth + 1) for key in wanted}
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and not properties:
        key = _string(schema.get("propertyNames", {"type": "string"}), "key")
        return {key: example_of(values, components, name, depth=depth + 1)} if values else {key: name}
    return made


def _settled(branch: Json) -> Json:
    """What one of several forms of an object rules out: its fields that must be null."""
    return {name: None for name, each in branch.get("properties", {}).items() if each.get("type") == "null"}


def _array(schema: Json, components: Mapping[str, Json], name: str, depth: int) -> list[Any]:
    prefix = [example_of(each, components, name, depth=depth + 1) for each in schema.get("prefixItems", ())]
    if prefix:
        return prefix
    items = schema.get("items")
    if not isinstance(items, dict) or depth >= DEEPEST:
        return []
    return [example_of(items, components, name, depth=depth + 1)] * max(1, int(schema.get("minItems", 1)))


def _string(schema: Json, name: str) -> str:
    match schema.get("format"):
        case "date-time":
            return instant(name).isoformat().replace("+00:00", "Z")
        case "date":
            return MOMENT.date().isoformat()
        case "uuid":
            return str(uuid5(NAMESPACE_URL, f"urn:regie:example:{name}"))
        case "binary":
            return TEXTS.get(name, "...")
    if pattern := schema.get("pattern"):
        if pattern not in PATTERNS:
            raise NoExample(f"{name}: pattern {pattern}")
        return PATTERNS[pattern]
    if name.endswith("sha256"):
        return PATTERNS["^[0-9a-f]{64}$"]
    text = TEXTS.get(name, name.replace("_", " ") or "text")[: schema.get("maxLength", 200)]
    return text.ljust(schema.get("minLength", 0), ".")


def instant(name: str) -> datetime:
    """Instants of one example come in a sensible order: what starts is before what ends."""
    late = next((hours for word, hours in _HOURS_LATER.items() if word in name), 0)
    return MOMENT + timedelta(hours=late)


def _number(schema: Json, name: str) -> int:
    low = int(schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1))
    high = int(schema.get("maximum", schema.get("exclusiveMaximum", low + 600 + 1) - 1))
    step = int(schema.get("multipleOf", 1))
    value = low + crc32(name.encode()) % min(high - low + 1, 60)
    return max(low, value // step * step)

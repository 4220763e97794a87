"""A sample of any event: every field filled, the same on every run.

For golden messages of events no show has brought about yet: what matters there is that each field is present and that
the message is read for ever after. Values are plausible, never personal.
"""

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

import msgspec
from msgspec import inspect

from contracts.envelope import Event

MOMENT: Final = datetime(2026, 6, 10, 9, tzinfo=UTC)
_TEXTS: Final = {
    "zone": "Europe/Paris",
    "url": "rtmp://live.example.com/app",
    "language": "en",
    "subject": "sub-7f3a9c",
    "box": base64.b64encode(bytes(range(48))).decode(),
    "terms_version": "2026-01",
}


def sample(event: type[Event]) -> Event:
    """One such event. Raises NotImplementedError for a kind of field no event has had so far."""
    return msgspec.convert(_of(inspect.type_info(event), event.__name__), event)


def _of(info: inspect.Type, path: str) -> Any:
    """A JSON value of the type; `path` names the place, and so decides which value."""
    match info:
        case inspect.StructType():
            fields = {field.encode_name: _of(field.type, f"{path}.{field.name}") for field in info.fields}
            return fields | ({info.tag_field: info.tag} if info.tag_field else {})
        case inspect.UnionType():
            return _of(next(each for each in info.types if not isinstance(each, inspect.NoneType)), path)
        case inspect.Metadata():
            return _of(info.type, path)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return [_of(info.item_type, f"{path}.0")]
        case inspect.TupleType():
            return [_of(each, f"{path}.{nr}") for nr, each in enumerate(info.item_types)]
        case inspect.DictType():
            return {_of(info.key_type, f"{path}.key"): _of(info.value_type, f"{path}.value")}
    return _simple(info, path)


def _simple(info: inspect.Type, path: str) -> Any:
    seed = crc32(path.encode())
    match info:
        case inspect.DateTimeType():
            return (MOMENT + timedelta(minutes=seed % 480)).isoformat()
        case inspect.DateType():
            return date(2026, 6, 1 + seed % 28).isoformat()
        case inspect.UUIDType():
            return str(uuid5(NAMESPACE_URL, f"urn:regie:sample:{path.rpartition('.')[2]}"))
        case inspect.EnumType():
            return list(info.cls)[seed % len(info.cls)].value
        case inspect.LiteralType():
            return info.values[seed % len(info.values)]
        case inspect.BoolType():
            return seed % 2 == 0
        case inspect.IntType():
            return _within(seed % 60, info.ge, info.gt, info.le, info.lt)
        case inspect.FloatType():
            return _within(seed % 60, info.ge, info.gt, info.le, info.lt) + 0.5
        case inspect.StrType():
            return _text(info, path)
    raise NotImplementedError(f"{path}: {info}")


def _within(value: int, ge: float | None, gt: float | None, le: float | None, lt: float | None) -> int:
    low = int(ge if ge is not None else gt + 1 if gt is not None else 0)
    high = int(le if le is not None else lt - 1 if lt is not None else low + 600)
    return low + value % (high - low + 1)


def _text(info: inspect.StrType, path: str) -> str:
    name = path.rpartition(".")[2]
    if info.pattern == "^[0-9a-f]{64}$" or name.endswith("sha256"):
        return (uuid5(NAMESPACE_URL, path).hex * 2)[:64]
    if info.pattern is not None:
        raise NotImplementedError(f"{path}: no sample for pattern {info.pattern}")
    return _TEXTS.get(name, name.replace("_", " "))[: info.max_length or 200]

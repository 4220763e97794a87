"""AMF0 values as RTMP commands carry them. Source: Action Message Format AMF0, Adobe 2007, section 2."""

import struct
from typing import Any

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _ECMA, _END, _STRICT, _DATE, _LONG = (
    0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12,
)  # fmt: skip
MAX_DEPTH = 8


class AmfError(ValueError):
    """The bytes are not AMF0, or of a type no RTMP command needs."""


def encode(*values: Any) -> bytes:
    return b"".join(_encode(value) for value in values)


def decode(data: bytes) -> list[Any]:
    """All values one after the other; raises AmfError."""
    values: list[Any] = []
    at = 0
    try:
        while at < len(data):
            value, at = _decode(data, at, 0)
            values.append(value)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise AmfError("cut short or malformed") from error
    return values


def _encode(value: Any) -> bytes:
    match value:
        case None:
            return bytes([_NULL])
        case bool():
            return bytes([_BOOLEAN, value])
        case int() | float():
            return struct.pack(">Bd", _NUMBER, value)
        case str():
            text = value.encode()
            if len(text) > 0xFFFF:
                return struct.pack(">BI", _LONG, len(text)) + text
            return struct.pack(">BH", _STRING, len(text)) + text
        case dict():
            return bytes([_OBJECT]) + _pairs(value)
        case _:
            raise AmfError(f"no AMF0 type for {type(value).__name__}")


def ecma_array(values: dict[str, Any]) -> bytes:
    """The form `onMetaData` uses."""
    return struct.pack(">BI", _ECMA, len(values)) + _pairs(values)


def _pairs(values: dict[str, Any]) -> bytes:
    body = b""
    for key, value in values.items():
        name = key.encode()
        body += struct.pack(">H", len(name)) + name + _encode(value)
    return body + bytes([0, 0, _END])


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise AmfError("nested too deep")
    kind = data[at]
    at += 1
    match kind:
        case 0:
            return struct.unpack_from(">d", data, at)[0], at + 8
        case 1:
            return bool(data[at]), at + 1
        case 2:
            return _text(data, at + 2, struct.unpack_from(">H", data, at)[0])
        case 12:
            return _text(data, at + 4, struct.unpack_from(">I", data, at)[0])
        case 3:
            return _members(data, at, depth)
        case 8:
            return _members(data, at + 4, depth)
        case 5 | 6:
            return None, at
        case 10:
            return _items(data, at, depth)
        case 11:
            return struct.unpack_from(">d", data, at)[0], at + 10
        case _:
            raise AmfError("unknown type")


def _text(data: bytes, at: int, length: int) -> tuple[str, int]:
    if at + length > len(data):
        raise AmfError("cut short")
    return data[at : at + length].decode(), at + length


def _members(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    while True:
        (length,) = struct.unpack_from(">H", data, at)
        if length == 0 and data[at + 2] == _END:
            return members, at + 3
        name, at = _text(data, at + 2, length)
        members[name], at = _decode(data, at, depth + 1)


def _items(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    (count,) = struct.unpack_from(">I", data, at)
    at += 4
    items: list[Any] = []
    for _ in range(count):
        value, at = _decode(data, at, depth + 1)
        items.append(value)
    return items, at

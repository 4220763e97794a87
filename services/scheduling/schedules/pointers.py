"""JSON pointers (RFC 6901): places in a document, and the lines they stand on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

LONGEST_LOCATED = 4 << 20
"""Characters up to which lines are worth looking for; beyond it the pointer has to do."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True)
class Pointer:
    """A place in a JSON document; its line is found later, and only if it is reported."""

    field: str = ""
    line: int | None = None

    def child(self, name: str) -> "Pointer":
        return Pointer(f"{self.field}/{escaped(name)}")


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def lines_of(text: str, wanted: Iterable[str]) -> dict[str, int]:
    """The line of each pointer's value, or of its nearest ancestor that is there. `text` is valid JSON."""
    if len(text) > LONGEST_LOCATED:
        return {}
    chains = {pointer: _chain(pointer) for pointer in wanted}
    offsets = _offsets(text, {pointer for chain in chains.values() for pointer in chain})
    found = dict[str, int]()
    for pointer, chain in chains.items():
        start = next((offsets[ancestor] for ancestor in chain if ancestor in offsets), 0)
        found[pointer] = text.count("\n", 0, start) + 1
    return found


def _chain(pointer: str) -> list[str]:
    parts = pointer.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


@dataclass
class _Frame:
    """An open object (`index` is None) or array, and the member that comes next."""

    pointer: str
    index: int | None
    key: str | None = None

    def member(self) -> str:
        return f"{self.pointer}/{self.key if self.index is None else self.index}"

    def advance(self) -> None:
        self.key = None
        self.index = None if self.index is None else self.index + 1


def _offsets(text: str, wanted: set[str]) -> dict[str, int]:
    """Where the values of the wanted pointers begin. Of a repeated key the last counts, as it does for the decoder."""
    found, frames = dict[str, int](), list[_Frame]()
    for match in _TOKEN.finditer(text):
        mark, top = match[0], frames[-1] if frames else None
        if mark in {"}", "]"}:
            frames.pop()
        elif mark == ",":
            frames[-1].advance()
        elif top is not None and top.index is None and top.key is None:
            top.key = escaped(msgspec.json.decode(mark, type=str))
        elif mark != ":":
            pointer = top.member() if top is not None else ""
            if pointer in wanted:
                found[pointer] = match.start()
            if mark in {"{", "["}:
                frames.append(_Frame(pointer, 0 if mark == "[" else None))
    return found

"""XML from strangers as a small tree that knows its lines: no DOCTYPE, no entities of its own, bounded depth and size.

expat refuses what is not well-formed; the three limits here close the rest (trust.md, XML bombs): without a DOCTYPE
there is nothing to expand and nothing to fetch.
"""

from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from services.scheduling.schedules.draft import Report, Whole
from services.scheduling.schedules.model import ScheduleInvalid

DEEPEST = 64
MOST_NODES = 200_000
"""A schedule of a thousand sessions has 30,000 elements (38C3, 2024)."""


class Node:
    """An element: local name, attributes, children, and the text directly in it."""

    __slots__ = ("_parts", "attributes", "children", "line", "name", "parent")

    def __init__(self, name: str, attributes: dict[str, str], line: int, parent: "Node | None") -> None:
        self.name = name.rpartition(":")[2]
        self.attributes = attributes
        self.line = line
        self.parent = parent
        self.children = list[Node]()
        self._parts = list[str]()

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def append(self, text: str) -> None:
        self._parts.append(text)

    def all(self, name: str) -> Iterator["Node"]:
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> "Node | None":
        return next(self.all(name), None)

    @property
    def field(self) -> str:
        """The path of the element, counting siblings of its name from 1."""
        if self.parent is None:
            return f"/{self.name}"
        siblings = list(self.parent.all(self.name))
        counted = f"[{siblings.index(self) + 1}]" if len(siblings) > 1 else ""
        return f"{self.parent.field}/{self.name}{counted}"

    def child(self, name: str) -> "Node | Missing":
        return self.first(name) or Missing(self, name)


class Missing:
    """The place of an attribute, or of an element that is not there: its parent's line."""

    def __init__(self, node: Node, name: str) -> None:
        self.line = node.line
        self._node, self._name = node, name

    @property
    def field(self) -> str:
        attribute = "@" if self._name in self._node.attributes else ""
        return f"{self._node.field}/{attribute}{self._name}"

    def child(self, name: str) -> "Missing":
        return Missing(self._node, f"{self._name}/{name}")


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.root: Node | None = None
        self._open = list[Node]()
        self._count = 0

    def _refuse(self, rule: str) -> NoReturn:
        report = Report("XML")
        report.error(Whole(self.parser.CurrentLineNumber), rule)
        raise report.refusal()

    def _doctype(self, *_: object) -> None:
        self._refuse("a document type declaration (DOCTYPE) is not accepted; leave it out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST:
            self._refuse(f"elements are nested deeper than {DEEPEST}")
        if self._count > MOST_NODES:
            self._refuse(f"there are more than {MOST_NODES} elements")
        node = Node(name, attributes, self.parser.CurrentLineNumber, self._open[-1] if self._open else None)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].append(text)


def parse(data: bytes) -> Node:
    """The root element. Raises ScheduleInvalid with the line for anything that is not well-formed or not accepted."""
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except ScheduleInvalid:
        raise
    except (expat.ExpatError, ValueError, LookupError) as reason:
        # ValueError and LookupError: an encoding that Python does not know or that is not one byte a character.
        line = reason.lineno if isinstance(reason, expat.ExpatError) else builder.parser.CurrentLineNumber
        report = Report("XML")
        report.error(Whole(line), f"the XML is not well-formed: {reason}")
        raise report.refusal() from reason
    assert builder.root is not None, "expat refuses a document without an element"
    return builder.root

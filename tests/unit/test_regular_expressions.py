"""No pattern of ours takes long for any text: each is tried with texts made to hurt it.

Patterns are found in the modules (compiled ones), in calls of `re` with a literal, and in the published schemas.
"""

import ast
import importlib
import json
import pkgutil
import re
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from re import _constants as sre
from re import _parser as parser
from typing import Any, Final

import pytest

import chassis
import contracts
import regie
import services

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = (contracts, chassis, services, regie)
RAMP: Final = (8, 12, 16, 20, 24, 28, 32, 40, 60, 120, 400, 3000)
"""How often the hurtful part is repeated: in steps so small that exponential time is seen before it takes for ever."""
SECONDS: Final = 0.05
"""Of the processor, that one text may take."""


@cache
def patterns() -> dict[str, str]:
    """Every pattern of ours, and where it was found."""
    found = {pattern: "schema" for path in (ROOT / "contracts" / "generated").rglob("*.json") for pattern in _in(path)}
    for source in SOURCES:
        for path in Path(source.__path__[0]).rglob("*.py"):
            found |= {pattern: str(path.relative_to(ROOT)) for pattern in _literals(ast.parse(path.read_text()))}
        for module in pkgutil.walk_packages(source.__path__, f"{source.__name__}."):
            if not module.name.endswith("__main__"):
                values = vars(importlib.import_module(module.name)).values()
                compiled = [value for value in values if isinstance(value, re.Pattern)]
                found |= {each.pattern: module.name for each in compiled if isinstance(each.pattern, str)}
                found |= {
                    each.pattern.decode("latin-1"): module.name for each in compiled if isinstance(each.pattern, bytes)
                }
    return found


def _in(path: Path) -> Iterator[str]:
    waiting: list[Any] = [json.loads(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            called = f"{getattr(node.func.value, 'id', '')}.{node.func.attr}"
            first = node.args[0]
            if called.startswith("re.") and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def repeats(pattern: str) -> int:
    """How many parts of a pattern may repeat without end; without two of them nothing can take long."""
    return sum(1 for _ in _repeats(parser.parse(pattern)))


def _repeats(parsed: Any) -> Iterator[None]:
    for code, argument in parsed:
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            if argument[1] is sre.MAXREPEAT or argument[1] > 50:
                yield
            yield from _repeats(argument[2])
        elif code is sre.SUBPATTERN:
            yield from _repeats(argument[3])
        elif code is sre.BRANCH:
            for branch in argument[1]:
                yield from _repeats(branch)
        elif code in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repeats(argument[1])


def letters_of(parsed: Any) -> set[str]:
    """Characters a pattern tells apart."""
    found: set[str] = set()
    for code, argument in parsed:
        if code in (sre.LITERAL, sre.NOT_LITERAL):
            found.add(chr(argument))
        elif code is sre.RANGE:
            found.add(chr(argument[0]))
        elif code is sre.IN:
            found |= letters_of(argument)
        elif code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            found |= letters_of(argument[2])
        elif code is sre.SUBPATTERN:
            found |= letters_of(argument[3])
        elif code is sre.BRANCH:
            for branch in argument[1]:
                found |= letters_of(branch)
    return found


def beginning_of(parsed: Any) -> str:
    """The literal text a match has to begin with."""
    text = ""
    for code, argument in parsed:
        if code is sre.LITERAL:
            text += chr(argument)
        elif code is not sre.AT:
            break
    return text


def slow(pattern: str, *, searched: bool) -> str | None:
    """A text that takes too long, shortened; None where none was found. Schemas look for their pattern anywhere."""
    parsed = parser.parse(pattern)
    compiled = re.compile(pattern)
    letters = [*sorted(letters_of(parsed))[:4], "a", "0"]
    hurtful = dict.fromkeys("".join(each) for size in (1, 2) for each in product(letters, repeat=size))
    begins = dict.fromkeys(["", beginning_of(parsed)])
    for times, part, begin in product(RAMP, hurtful, begins):
        text = begin + part * times + "\n!"
        began = time.process_time()
        (compiled.search if searched else compiled.match)(text)
        if time.process_time() - began > SECONDS:
            return f"{begin!r} + {part!r} * {times}"
    return None


def test_patterns_are_found() -> None:
    found = patterns()
    assert len(found) > 30
    assert "^[^\\x00-\\x1f\\x7f]*$" in found


def test_no_pattern_takes_long() -> None:
    risky = {pattern: where for pattern, where in patterns().items() if repeats(pattern) > 1}
    assert risky
    found = {pattern: slow(pattern, searched=where == "schema") for pattern, where in risky.items()}
    assert {pattern: text for pattern, text in found.items() if text} == {}


@pytest.mark.parametrize("pattern", [r"^(a|aa)+$", r"^([a-z]+\s?)+:", r"(.*,)*;"])
def test_a_pattern_that_takes_for_ever_is_found(pattern: str) -> None:
    assert repeats(pattern) > 1 or "aa" in pattern
    assert slow(pattern, searched=False)

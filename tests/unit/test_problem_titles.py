"""Every refusal of every service has a title in both languages."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import chassis
import contracts
import services
from contracts.problems import NotFound, Refusal

SOURCES = (contracts, chassis, services)


def every_refusal() -> list[type[Refusal]]:
    """All subclasses there are, once every module has been read."""
    for source in SOURCES:
        for module in pkgutil.walk_packages(source.__path__, f"{source.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = tuple(f"{source.__name__}." for source in SOURCES)
    return [refusal for refusal in dict.fromkeys(_below(Refusal)) if refusal.__module__.startswith(ours)]


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _below(inner)


def faults(refusal: type[Refusal]) -> list[str]:
    found = []
    if not vars(refusal).get("__doc__"):
        found.append("no title of its own")
    if not vars(refusal).get("fr"):
        found.append("no French title of its own")
    for language in ("en", "fr"):
        title = refusal.title(language) if not found else ""
        if title and (not title.endswith(".") or "Source:" in title or "`facts`" in title):
            found.append(f"{language} is not one plain sentence: {title!r}")
    if not found and refusal.title("en") == refusal.title("fr"):
        found.append("the French title is the English one")
    return found


def test_every_refusal_has_a_title_in_english_and_in_french() -> None:
    refusals = every_refusal()
    assert len(refusals) > 100
    assert {refusal.__qualname__: faults(refusal) for refusal in refusals if faults(refusal)} == {}


def test_a_refusal_without_french_is_found() -> None:
    class Untranslated(NotFound):
        """There is no such thing."""

    class Copied(NotFound):
        """There is no such thing."""

        fr = "There is no such thing."

    class Endless(NotFound):
        """There is no such thing. Source: hearsay."""

        fr = "Cela n'existe pas"

    assert faults(Untranslated) == ["no French title of its own"]
    assert faults(Copied) == ["the French title is the English one"]
    assert faults(Endless) == ['fr is not one plain sentence: "Cela n\'existe pas"']


@pytest.mark.parametrize("refusal", [NotFound])
def test_the_english_title_says_nothing_of_its_source(refusal: type[Refusal]) -> None:
    class Sourced(refusal):
        """There is no such thing. Source: duties.md D3."""

    assert Sourced.title() == "There is no such thing."

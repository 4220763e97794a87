"""One difference between two contracts, and whether it breaks somebody."""

from typing import NamedTuple


class Finding(NamedTuple):
    """`text` is the same on every run: a break that is intended is declared by it."""

    breaks: bool
    text: str


def breaking(document: str, where: str, what: str) -> Finding:
    return Finding(breaks=True, text=f"{document}: {where}: {what}")


def compatible(document: str, where: str, what: str) -> Finding:
    return Finding(breaks=False, text=f"{document}: {where}: {what}")

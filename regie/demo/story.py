"""How the story is told: numbered steps with what was seen and how long each took; the first that fails ends it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Told:
    """What a step has to say for itself; shown behind it."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text


class Story:
    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._number = 0
        self._begun = time.monotonic()

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/]")

    @contextmanager
    def step(self, title: str) -> Iterator[Told]:
        """One thing that must happen. A StepFailed inside is shown under its step and goes on outwards."""
        self._number += 1
        told, begun = Told(), time.monotonic()
        try:
            with self.console.status(escape(title)):
                yield told
        except BaseException:
            self._line("[red]x[/]", title, "[red]failed[/]", begun)
            raise
        self._line("[green]+[/]", title, f"[dim]{escape(told.text)}[/]", begun)

    def _line(self, mark: str, title: str, text: str, begun: float) -> None:
        took = time.monotonic() - begun
        self.console.print(f" {self._number:>3} {mark} {escape(title):<66} {took:5.1f} s  {text}", soft_wrap=True)

    @property
    def steps(self) -> int:
        return self._number

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._begun

"""What people see while the house starts and runs: one line per part with where and how long, then the addresses."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Show:
    """Writes to standard error, so that standard output stays free; a spinner where there is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.console, transient=True
        )

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Spinners for what is under way, gone when everything has started."""
        with self._progress:
            yield

    @contextmanager
    def step(self, what: str, where: str = "") -> Iterator[None]:
        """One part that starts: a line when it has, with where it is and the seconds it took."""
        task = self._progress.add_task(what, total=None)
        begun = time.monotonic()
        try:
            yield
        except Exception:
            self._line("[red]x[/]", what, where, time.monotonic() - begun)
            raise
        finally:
            self._progress.remove_task(task)
        self._line("[green]+[/]", what, where, time.monotonic() - begun)

    def _line(self, mark: str, what: str, where: str, took_s: float) -> None:
        self.console.print(f"  {mark} {what:<22} {took_s:5.1f} s   [dim]{where}[/]", soft_wrap=True)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", soft_wrap=True)

    def warn(self, text: str) -> None:
        self.console.print(f"[yellow]  ! {text}[/]", soft_wrap=True)

    def fail(self, text: str) -> None:
        self.console.print("[bold red]Regie did not start.[/]")
        self.console.print(text, markup=False, soft_wrap=True)

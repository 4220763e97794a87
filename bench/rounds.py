"""Runs contestants in interleaved rounds and takes medians."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median

Figures = Mapping[str, float]
"""One contestant's figures of one round, by metric."""
Contestant = Callable[[], Awaitable[Figures]]


class Measured:
    """Every round's figures; `value` is the median over the rounds."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[Figures]] = {}

    def add(self, contestant: str, figures: Figures) -> None:
        self.rounds.setdefault(contestant, []).append(figures)

    def value(self, contestant: str, metric: str) -> float:
        """The median of one metric. Raises KeyError when the contestant never reported it."""
        return median(round_[metric] for round_ in self.rounds[contestant])

    def spread(self, contestant: str, metric: str) -> tuple[float, float]:
        """Lowest and highest of the rounds."""
        found = [round_[metric] for round_ in self.rounds[contestant]]
        return min(found), max(found)

    def best(self, contestants: Sequence[str], metric: str, *, lowest: bool = False) -> str:
        """The contestant with the best median, among those that reported the metric."""
        able = [c for c in contestants if metric in self.rounds.get(c, [{}])[0]]
        return (min if lowest else max)(able, key=lambda c: self.value(c, metric))


async def interleaved(
    contestants: Mapping[str, Contestant],
    *,
    rounds: int = 3,
    measured: Measured | None = None,
    seed: int = 1,
    before: Callable[[], Awaitable[None]] | None = None,
) -> Measured:
    """Runs every contestant once per round, in an order drawn anew for each round; the draw can be repeated by its seed.

    Pass `measured` to collect several scenes into one. `before` comes before each run and is not measured: what one
    contestant left to be done must not be paid for by the next.
    """
    measured = measured or Measured()
    draw = random.Random(seed)
    for _ in range(rounds):
        order = list(contestants)
        draw.shuffle(order)
        for name in order:
            if before is not None:
                await before()
            measured.add(name, await contestants[name]())
    return measured

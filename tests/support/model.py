"""An in-memory model of the store and its handler, for the stateful tests."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Model:
    """What must be in the log: values per counter, and what was answered under each key.

    `unsure` are commands whose outcome the caller never learned: each was recorded whole or not at all.
    """

    raised: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    answered: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def resolve(self, found: dict[str, list[int]]) -> None:
        """Takes what the log says about the commands we are unsure of; everything else must be exactly as believed.

        Raises AssertionError naming the counter that differs.
        """
        for counter in {*found, *self.raised, *self.unsure}:
            extra = list(found.get(counter, []))
            for value in self.raised[counter]:
                assert value in extra, f"{counter}: {value} was acknowledged and is not in the log"
                extra.remove(value)
            for value in extra:
                assert value in self.unsure[counter], f"{counter}: {value} is in the log and nobody asked for it"
                self.unsure[counter].remove(value)
            self.raised[counter] = list(found.get(counter, []))
            self.unsure[counter] = []

"""How fast one client may ask: a budget per client and kind of work, in memory that cannot grow without bound.

Each budget is a leaky bucket kept as one instant (the generic cell rate algorithm): when it would be empty if nothing
came any more. A client that has rested that long is the same as one never seen, so forgetting it loses nothing.

The counts are one process's own. They keep a noisy client from starving the others of this process; a quota over all
replicas is the gateway's business. Source: draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

READS: Final = "reads"
COMMANDS: Final = "commands"
CONTROL: Final = "control"
"""What is asked while a show runs has a budget of its own: an integrator's import never takes from it."""
UNLIMITED: Final = ""
"""For what must always get through, such as the emergency cut."""
STRANGERS: Final = "strangers"
"""Requests without a valid token, by network address."""

WINDOW_S: Final = 20
"""After this much rest the whole burst is there again."""
REMEMBERED: Final = 20_000
"""Clients a process keeps count of; the one silent for longest is forgotten first."""

Headers = list[tuple[bytes, bytes]]


class Left(msgspec.Struct, frozen=True):
    """What is left of a budget after a request: `retry_s` is 0 where the request is within it."""

    budget: str
    remaining: int
    full_in_s: int
    retry_s: int


class Rates:
    """The budgets of one process. `per_s` gives requests a second by budget; 0 or absent means no limit."""

    def __init__(
        self,
        per_s: Mapping[str, float],
        *,
        window_s: int = WINDOW_S,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s = {name: rate for name, rate in per_s.items() if rate > 0}
        self._window_s, self._remembered, self._clock = window_s, remembered, clock
        self._empty_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._policies = {name: f'"{name}";q={self._burst(name)};w={window_s}'.encode() for name in self._per_s}

    @property
    def clients(self) -> int:
        """How many clients, counted once per budget, are kept count of."""
        return len(self._empty_at)

    def _burst(self, budget: str) -> int:
        return max(1, int(self._per_s[budget] * self._window_s))

    def spend(self, budget: str, who: str) -> Left | None:
        """Count one request of `who`; None where the budget knows no limit. A refused request costs nothing."""
        rate = self._per_s.get(budget)
        if rate is None:
            return None
        now, burst, key = self._clock(), self._burst(budget), (budget, who)
        empty_at = max(now, self._empty_at.get(key, now))
        after = empty_at + 1 / rate
        over_s = after - now - burst / rate
        if over_s > 1e-9:
            self._empty_at.move_to_end(key)
            return Left(budget, 0, _seconds(empty_at - now), max(1, _seconds(over_s)))
        self._empty_at[key] = after
        self._empty_at.move_to_end(key)
        while len(self._empty_at) > self._remembered:
            self._empty_at.popitem(last=False)
        return Left(budget, int((burst / rate - (after - now)) * rate + 1e-6), _seconds(after - now), 0)

    def headers(self, left: Left) -> Headers:
        """RateLimit-Policy (the burst and the window it comes back in) and RateLimit (what is left, when it is full)."""
        told = f'"{left.budget}";r={left.remaining};t={left.full_in_s}'.encode()
        return [(b"ratelimit-policy", self._policies[left.budget]), (b"ratelimit", told)]


def _seconds(span: float) -> int:
    """Whole seconds, never too few; what is only a rounding error above is not a second more."""
    return math.ceil(span - 1e-6)


def network_of(address: str) -> str:
    """The address a stranger is counted under: IPv4 as it is, IPv6 by its /64, which one subscriber has whole."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))

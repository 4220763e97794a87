"""The one event everybody writes, and how a contestant's run is timed and told."""

import json
import sys
import time
from statistics import quantiles
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench.store.server import server_seconds
from contracts.envelope import Actor, Metadata, Role

TYPE = "stage.presenter_joined.v1"
TENANT = "acme"
SHOW = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
PAYLOAD = b'{"type":"stage.presenter_joined.v1","at":"2026-06-10T09:00:00Z","presenter":"0190163d-8694-739b"}'
ACTOR = Actor(id="operator-7", role=Role.ANALYST)


def metadata() -> Metadata:
    ident = uuid4()
    return Metadata(id=ident, tenant=TENANT, actor=ACTOR, correlation=ident, causation=ident, command="Join", show=SHOW)


METADATA = msgspec.json.encode(metadata())
"""For contestants that are no event store, or whose metadata is their caller's affair."""


class Stopwatch:
    """Times one run: latencies of each append, CPU of this process and of the server."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster
        self.latencies: list[float] = []
        self._server = server_seconds(postmaster)
        self._own = own_seconds()
        self.started = time.perf_counter()

    def figures(self) -> dict[str, float]:
        took = time.perf_counter() - self.started
        own, server, count = (
            own_seconds() - self._own,
            server_seconds(self._postmaster) - self._server,
            len(self.latencies),
        )
        cuts = quantiles(self.latencies, n=100)
        return {
            "rate": count / took,
            "p50_ms": cuts[49] * 1e3,
            "p99_ms": cuts[98] * 1e3,
            "client_us": own / count * 1e6,
            "server_us": server / count * 1e6,
        }


def own_seconds() -> float:
    """CPU of this process, all threads; finer than the ticks of os.times, which a short run may not reach."""
    return time.process_time()


def task() -> Any:
    """What the caller asks: scene, writers, seconds, url, postmaster and whatever the contestant needs."""
    return json.loads(sys.argv[1])


def tell(figures: dict[str, float]) -> None:
    print(json.dumps(figures))

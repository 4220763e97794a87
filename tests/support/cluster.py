"""Three real brokers on loopback that form one cluster, each with a store of its own and the same accounts."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import nats.errors
from nats.aio.client import Client
from nats.js.api import StreamInfo
from nats.js.errors import APIError

from contracts.roles import SERVICES
from regie.broker_accounts import account_of
from regie.broker_server import Cluster
from regie.embedded.nats import Nats
from regie.exchange import PUBLIC, ensure_exchange
from regie.home import Home
from tests.support.ports import free_ports

TENANTS = ("acme", "globex")
NODES = 3
NOT_YET = (nats.errors.Error, APIError, TimeoutError, OSError)
"""What a cluster answers while it has no leader, or not all of its members."""

PASSWORD = "routes-of-a-test-cluster"


class Trio:
    """The brokers by name, and the admin's look at them."""

    def __init__(self, nodes: dict[str, Nats], admin: Client) -> None:
        self.nodes, self.admin = nodes, admin

    @property
    def any(self) -> Nats:
        """A node that is running."""
        return next(node for node in self.nodes.values() if node.program.running)

    async def leader(self, stream: str) -> Nats:
        """The node that leads a stream of the logs; waits while there is none."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(*NOT_YET):
                    info = await self.admin.jetstream().stream_info(stream)
                    if info.cluster and info.cluster.leader:
                        return self.nodes[info.cluster.leader]
                await asyncio.sleep(0.1)

    async def copied(self, tenant: str, sequence: int) -> float:
        """When (monotonic, seconds) a tenant's PUBLIC reached a sequence; waits for it."""
        async with asyncio.timeout(240):
            while True:
                with contextlib.suppress(*NOT_YET):
                    info = await self.admin.jetstream(domain=account_of(tenant)).stream_info(PUBLIC)
                    if info.state.last_seq >= sequence:
                        return time.monotonic()
                await asyncio.sleep(0.05)

    async def until_whole(self, tenant: str) -> None:
        """Waits until every copy of every stream is up to date on every node."""
        async with asyncio.timeout(120):
            while not await self._is_whole(tenant):  # noqa: ASYNC110 - the brokers have no event to wait on
                await asyncio.sleep(0.2)

    async def _is_whole(self, tenant: str) -> bool:
        try:
            streams = await self.admin.jetstream().streams_info()
            streams += await self.admin.jetstream(domain=account_of(tenant)).streams_info()
        except NOT_YET:
            return False
        return all(has_all_copies(stream) for stream in streams)


def has_all_copies(stream: StreamInfo) -> bool:
    """Whether a stream has a leader and as many up-to-date followers as it wants."""
    if stream.cluster is None or not stream.cluster.leader:
        return False
    good = [peer for peer in stream.cluster.replicas or [] if peer.current and not peer.offline]
    return len(good) + 1 == stream.config.num_replicas


@contextlib.asynccontextmanager
async def cluster_of_three(folder: Path) -> AsyncIterator[Trio]:
    """Starts the brokers and makes the exchange with three copies of each stream."""
    first = free_ports(2 * NODES)
    routes = tuple(f"127.0.0.1:{first + NODES + nr}" for nr in range(NODES))
    nodes: dict[str, Nats] = {}
    for nr in range(NODES):
        name, place = f"node{nr}", Cluster("test", first + NODES + nr, routes, PASSWORD)
        nodes[name] = Nats(Home(folder / name), first + nr, TENANTS, name=name, cluster=place)
    _share_keys(list(nodes.values()))
    try:
        await asyncio.gather(*(node.start() for node in nodes.values()))
        admin = await nodes["node0"].connect("admin")
        try:
            cluster = Trio(nodes, admin)
            await _make_exchange(cluster)
            yield cluster
        finally:
            await admin.close()
    finally:
        await asyncio.gather(*(node.stop() for node in nodes.values()))


def _share_keys(nodes: Sequence[Nats]) -> None:
    """The same users on every node."""
    first, *others = nodes
    for user in ("admin", "system", *SERVICES, *(f"partner-{tenant}" for tenant in TENANTS)):
        first.seed_file(user)
    for other in others:
        shutil.copytree(first.home.secrets, other.home.secrets, dirs_exist_ok=True)


async def _make_exchange(cluster: Trio) -> None:
    """The exchange of the product; asked again until the three have found one another."""
    async with asyncio.timeout(90):
        while True:
            try:
                await ensure_exchange(cluster.admin, TENANTS, replicas=NODES)
            except NOT_YET:
                await asyncio.sleep(0.3)
            else:
                break
    await cluster.until_whole(TENANTS[0])

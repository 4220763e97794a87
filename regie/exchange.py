"""The streams on the broker and the partners' way to them: made if absent, and how a partner reads.

A service's stream is the mirror of its log: sequence n is event position n. Each tenant has a stream PUBLIC in an
account of its own, a copy of its part of the four with the tenant moved forward,
`pub.<tenant>.<mode>.<service>.<aggregate>.<id>.<event>.<show>`; a replay never gets into it.
Not in here: who may log in (`broker_accounts`) and who publishes (`chassis.relay`). Source: design.md section 4.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    ExternalStream,
    RePublish,
    StorageType,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)
from nats.js.errors import NotFoundError, ServiceUnavailableError

from chassis.broker import LOGS, servers_of, stored_subject, stream_name, tls_options
from contracts.envelope import Mode
from contracts.roles import SERVICES
from regie.broker_accounts import DOMAIN, account_of, check_tenant, durable_of

__all__ = ["DOMAIN", "PUBLIC", "NoAccount", "Partner", "ensure_exchange", "partner_connection"]

PUBLIC = "PUBLIC"


class NoAccount(Exception):  # noqa: N818
    """The broker has no account for a tenant; the text says which, and where tenants are named."""


PUBLIC_MODES = (Mode.LIVE, Mode.REHEARSAL)


async def ensure_exchange(
    admin: Client, tenants: Iterable[str], first_sequences: Mapping[str, int] | None = None, replicas: int = 1
) -> list[str]:
    """Make the streams and the partners' durables that are absent; the names of what was made.

    What exists is left alone: an update through this library drops the fields it does not know. `first_sequences` gives
    the sequence a service's stream starts with where its log does not start at 1. Raises NoAccount.
    """
    js = admin.jetstream()
    starts = first_sequences or {}
    wanted = [log_stream(service, starts.get(service, 1), replicas) for service in SERVICES]
    made = [str(config.name) for config in (*wanted, audit_stream(replicas)) if await _add_stream(js, config)]
    for tenant in tenants:
        check_tenant(tenant)
        theirs = admin.jetstream(domain=account_of(tenant))
        try:
            if await _add_stream(theirs, public_stream(tenant, replicas)):
                made.append(f"{PUBLIC} of {tenant}")
        except ServiceUnavailableError as absent:
            raise NoAccount(
                f"the broker has no account for tenant {tenant!r}: add it there (deploy/nats), or leave it out of REGIE_TENANTS"
            ) from absent
        if await _add_durable(theirs, partner_durable(tenant, replicas)):
            made.append(durable_of(tenant))
    return made


def log_stream(service: str, first_sequence: int = 1, replicas: int = 1) -> StreamConfig:
    """The mirror of one service's log: nothing in it can be deleted, and nothing expires."""
    return StreamConfig(
        name=stream_name(service),
        description=f"The log of {service}: sequence n is event position n.",
        subjects=[f"regie.*.{service}.>"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        first_seq=first_sequence,
        deny_delete=True,
        deny_purge=True,
        allow_direct=True,
        allow_atomic=True,
        republish=RePublish(src=">", dest=stored_subject(">"), headers_only=True),
    )


def audit_stream(replicas: int = 1) -> StreamConfig:
    """The signed checkpoints of the four logs: kept where the databases' owner cannot change them."""
    return StreamConfig(
        name="AUDIT",
        description="Signed checkpoints of the four logs.",
        subjects=["audit.*.checkpoint"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        deny_delete=True,
        deny_purge=True,
        allow_direct=True,
    )


def public_stream(tenant: str, replicas: int = 1) -> StreamConfig:
    """What one partner reads: its tenant's part of the four logs, live and rehearsal, in the order it arrived."""
    return StreamConfig(
        name=PUBLIC,
        description=f"Everything {tenant} may know.",
        storage=StorageType.FILE,
        num_replicas=replicas,
        deny_delete=True,
        deny_purge=True,
        allow_direct=True,
        sources=[
            StreamSource(
                name=stream_name(service),
                external=ExternalStream(api=f"$JS.{LOGS}.API", deliver=f"sourced.{tenant}"),
                subject_transforms=[_tenant_first(mode, service, tenant) for mode in PUBLIC_MODES],
            )
            for service in SERVICES
        ],
    )


def _tenant_first(mode: Mode, service: str, tenant: str) -> SubjectTransform:
    rest = ".".join(f"{{{{wildcard({place})}}}}" for place in (1, 2, 3, 4))
    return SubjectTransform(
        src=f"regie.{mode}.{service}.{tenant}.*.*.*.*",
        dest=f"pub.{tenant}.{mode}.{service}.{rest}",
    )


def partner_durable(tenant: str, replicas: int = 1) -> ConsumerConfig:
    """The durable every partner finds ready; what others it makes is its own affair."""
    return ConsumerConfig(
        name=durable_of(tenant),
        durable_name=durable_of(tenant),
        description=f"Everything {tenant} may know.",
        filter_subject=f"pub.{tenant}.>",
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30,
        max_ack_pending=1000,
        num_replicas=replicas,
    )


async def _add_stream(js: JetStreamContext, config: StreamConfig) -> bool:
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        await js.add_stream(config)
        return True
    return False


async def _add_durable(js: JetStreamContext, config: ConsumerConfig) -> bool:
    try:
        await js.consumer_info(PUBLIC, str(config.name))
    except NotFoundError:
        await js.add_consumer(PUBLIC, config)
        return True
    return False


class Partner:
    """A partner's end of the exchange: its stream through the durable it finds ready."""

    def __init__(self, connection: Client, tenant: str, subscription: JetStreamContext.PullSubscription) -> None:
        self.tenant = tenant
        self._connection = connection
        self._subscription = subscription
        self._js = connection.jetstream()

    async def fetch(self, most: int = 100, wait_s: float = 1.0) -> list[Msg]:
        """The next messages, oldest first, none when there are none within `wait_s`. The caller acknowledges each."""
        try:
            return list(await self._subscription.fetch(most, timeout=wait_s))
        except TimeoutError:  # the library's own is one, and it lets the built-in one through as well
            return []

    async def pending(self) -> int:
        """How many messages wait: not yet delivered, or delivered and not yet acknowledged."""
        info = await self._js.consumer_info(PUBLIC, durable_of(self.tenant))
        return int(info.num_pending or 0) + int(info.num_ack_pending or 0)

    async def replay_from(self, sequence: int) -> None:
        """Read again from this sequence of the stream PUBLIC on."""
        await self._js.reset_consumer(PUBLIC, durable_of(self.tenant), sequence)


@asynccontextmanager
async def partner_connection(
    url: str, seed_file: Path, tenant: str, ca_file: Path | None = None
) -> AsyncIterator[Partner]:
    """Connect as a partner, with the seed it was given, and the CA where the broker's certificate is of the house's own."""
    connection = await nats.connect(
        servers_of(url),
        nkeys_seed=str(seed_file),
        inbox_prefix=f"_INBOX_{tenant}".encode(),
        **tls_options(url, ca_file),
    )
    try:
        js = connection.jetstream()
        subscription = await js.pull_subscribe_bind(durable_of(tenant), stream=PUBLIC)
        yield Partner(connection, tenant, subscription)
    finally:
        await connection.close()

"""One service process: everything of the chassis wired together, from settings to a served API.

A service says what it is (`Definition`); this module builds the house around it, keeps its background work running,
and ends it in order. Nothing else in the chassis knows all the others.
"""

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar
from litestar.di import Provide
from nats.aio.client import Client

from chassis import tenancy
from chassis.audit import AuditLog
from chassis.broker import BROKER_ERRORS, StreamSource, connect
from chassis.decider import Codec
from chassis.denials import Denials
from chassis.entrance import proxies_of, rates_of, resource_of, verifier_of
from chassis.faults import Fault, Unreachable
from chassis.forget import Forgetting, ForgottenTable, keep_forgotten
from chassis.forget_api import forget_handlers
from chassis.handle import Handler
from chassis.http import Api, Server
from chassis.inbox import Inbox, OwnLog, Policy
from chassis.keks import Keks, keks_in
from chassis.migrate import CHASSIS_SQL, VAULT_SQL, migrate
from chassis.observe import configure_logging
from chassis.outbound import outbound_of
from chassis.parked import parked_handlers, parked_summary
from chassis.production import require_fit
from chassis.project import Projection, Projector
from chassis.recheck import Recheck
from chassis.reconcile import Reconciler
from chassis.relay import Relay
from chassis.settings import ChassisSettings, SettingsError, load
from chassis.store import Store, open_store
from chassis.timers import TimerCommands, TimerRunner, TimersOf, TimerTable
from chassis.trail import trail_handlers
from chassis.vault import Vault
from chassis.webhooks.api import webhook_handlers
from chassis.webhooks.wiring import courier_of, desk_of
from contracts.envelope import Event
from contracts.forgetting import Forgotten
from contracts.upcasters import UPCASTERS, Upcasters

log = structlog.get_logger(__name__)

POOL_SIZE = 10
VERSION = "0.1.0"
"""Of the APIs; the same as the distribution's (pyproject.toml)."""
RESTART_S = 1.0


class House:
    """What a running service is made of; handlers and background work get it."""

    def __init__(self, definition: "Definition", settings: Any, pools: "Pools", store: Store) -> None:
        self.definition, self.settings = definition, settings
        self.db, self.store = pools.own, store
        self.codec = Codec(definition.events, definition.upcasters)
        self.handler = Handler(store, self.codec)
        self.vault = Vault(pools.vault, _keks(settings)) if pools.vault is not None else None
        tables = [*definition.projections]
        if definition.timers is not None:
            tables.append(TimerTable(definition.timers))
        self.forgetting = self._forgetting()
        if self.forgetting is not None:
            tables.append(ForgottenTable())
        self.projector = Projector(store, pools.own, self.codec, tables)
        self.relay: Relay | None = None
        self.reconciler: Reconciler | None = None
        self.broker: Client | None = None
        self.audit = self._audit_log()
        self.outbound = outbound_of(settings.outbound_allow)
        self.denials = Denials(pools.own)
        parts = (definition.name, store, pools.own, self.vault, self.outbound, settings.webhook_pauses_s)
        self.courier = courier_of(*parts)
        self.inboxes: dict[str, Inbox] = {}

    @property
    def sealed(self) -> Vault:
        """The vault of a service that cannot do without. Raises Unreachable where none is configured."""
        if self.vault is None:
            raise Unreachable("this service has no vault: set REGIE_VAULT_DATABASE_URL and REGIE_VAULT_KEY_FILE")
        return self.vault

    def _forgetting(self) -> Forgetting | None:
        event = self.definition.forgotten
        return None if event is None or self.vault is None else Forgetting(event, self.handler, self.vault)

    def _audit_log(self) -> AuditLog | None:
        if self.settings.audit_key_file is None:
            return None
        seed = bytes.fromhex(self.settings.audit_key_file.read_text().strip())
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return AuditLog(self.definition.name, self.store, self.db, key, self._publish_checkpoint)

    async def _publish_checkpoint(self, note: str) -> None:
        """Best effort: a checkpoint that finds no broker is kept in the database, and the next one covers it."""
        if self.broker is None:
            return
        try:
            await self.broker.jetstream(timeout=2).publish(f"audit.{self.definition.name}.checkpoint", note.encode())
        except BROKER_ERRORS as lost:
            log.info("checkpoint_not_published", reason=type(lost).__name__)


Background = Callable[[House], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a service is, as data.

    `tags` says what each tag of the API is about. `policies` and `dependencies` are made from the house, once. `background` functions run for ever and are started
    again when they fail; `on_start` functions run once, after the database answers, and must be idempotent.
    `forgotten` is what a service records that seals fields of people; `subjects` stands before the ids in its subjects.
    """

    name: str
    title: str
    summary: str
    events: Mapping[str, type[Event]]
    upcasters: Upcasters = field(default_factory=dict)
    migrations: Path | None = None
    projections: Sequence[Projection] = ()
    policies: Callable[[House], Sequence[Policy]] = lambda _: ()
    forgotten: type[Forgotten] | None = None
    subjects: str = ""
    timers: TimersOf | None = None
    timer_commands: TimerCommands = field(default_factory=dict)
    handlers: Sequence[Any] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    on_start: Sequence[Background] = ()
    background: Sequence[Background] = ()


@dataclass(frozen=True)
class Pools:
    own: asyncpg.Pool
    vault: asyncpg.Pool | None


def main(definition: Definition, settings_type: type[ChassisSettings]) -> None:
    """`python -m services.<name>` serves; `python -m services.<name> migrate` brings the databases up to date."""
    configure_logging(definition.name)
    try:
        settings = load(definition.name, settings_type)
        if sys.argv[1:] == ["migrate"]:
            uvloop.run(migrate_all(definition, settings))
        else:
            require_fit(definition.name, settings)
            uvloop.run(run(definition, settings))
    except SettingsError as wrong:
        sys.exit(f"{definition.name}: {wrong}")


async def migrate_all(definition: Definition, settings: ChassisSettings) -> None:
    if settings.owner_database_url is None:
        raise SettingsError(f"REGIE_{definition.name.upper()}_OWNER_DATABASE_URL: must be set to migrate")
    folders = [CHASSIS_SQL] + ([definition.migrations] if definition.migrations else [])
    applied = await migrate(settings.owner_database_url, _role(settings.database_url), folders)
    if settings.vault_owner_database_url and settings.vault_database_url:
        role = _role(settings.vault_database_url)
        applied += await migrate(settings.vault_owner_database_url, role, [VAULT_SQL], log=False)
    log.info("migrated", applied=applied)


async def run(definition: Definition, settings: ChassisSettings) -> None:
    """Serves until told to stop. Database and broker may come later: until then the service is alive, not ready."""
    async with open_house(definition, settings) as house, asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(job, name=name) for name, job in _jobs(house).items()]
        server = Server(api(definition, house), host=settings.host, port=settings.port)
        _keep_what_is_here()
        await server.serve()
        for task in work:
            task.cancel()


def _keep_what_is_here() -> None:
    """Takes programs and routes out of garbage collection: a full one over them takes about 50 ms of a show.

    What a request makes is rarely garbage in cycles, so young objects are looked at less often than every 700.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@contextlib.asynccontextmanager
async def open_house(definition: Definition, settings: ChassisSettings) -> AsyncIterator[House]:
    """The house with its store open and nothing running yet; tests use it directly."""
    async with contextlib.AsyncExitStack() as stack:
        own = await stack.enter_async_context(_pool(settings.database_url))
        vault = None
        if settings.vault_database_url is not None:
            vault = await stack.enter_async_context(_pool(settings.vault_database_url))
        store = await stack.enter_async_context(open_store(settings.database_url, own))
        yield House(definition, settings, Pools(own, vault), store)


def _pool(url: str) -> asyncpg.Pool:
    return tenancy.open_pool(url, min_size=0, max_size=POOL_SIZE, timeout=5, command_timeout=30)


def api(definition: Definition, house: House | None = None) -> Litestar:
    """The service's API; without a house it answers nothing but can be described (contract generation)."""

    def the_house() -> House:
        if house is None:
            raise Unreachable("this application only describes itself")
        return house

    settings = house.settings if house else None
    return Api(
        service=definition.name,
        title=definition.title,
        version=VERSION,
        description=definition.summary,
        handlers=[*definition.handlers, *_common_handlers(definition)],
        tags=definition.tags,
        verifier=verifier_of(definition.name, settings),
        denials=house.denials if house else None,
        ready=_checks(house) if house else [],
        rates=rates_of(settings) if settings else None,
        proxies=proxies_of(settings) if settings else None,
        resource=resource_of(settings) if settings else None,
        dependencies={
            "house": Provide(the_house, sync_to_thread=False),
            "inboxes": Provide(lambda: the_house().inboxes, sync_to_thread=False),
            "trail_store": Provide(lambda: the_house().store, sync_to_thread=False),
            "forgetting": Provide(lambda: _forgetting(the_house()), sync_to_thread=False),
            "hooks": desk_of(definition.name, the_house),
            "audit": Provide(lambda: _audit(the_house()), sync_to_thread=False),
            "denials": Provide(lambda: the_house().denials, sync_to_thread=False),
        },
    ).build()


def _common_handlers(definition: Definition) -> Sequence[Any]:
    """The routes every service has."""
    name, forgets = definition.name, definition.forgotten is not None
    forgetting = forget_handlers(name, definition.subjects) if forgets else []
    return [
        *trail_handlers(name),
        *parked_handlers(name),
        *webhook_handlers(name, definition.events),
        *forgetting,
    ]


def _forgetting(house: House) -> Forgetting:
    if house.forgetting is None:
        raise Unreachable("this service has no vault: set REGIE_VAULT_DATABASE_URL and REGIE_VAULT_KEY_FILE")
    return house.forgetting


def _audit(house: House) -> AuditLog:
    if house.audit is None:
        raise Unreachable("this service keeps no audit log: set REGIE_AUDIT_KEY_FILE")
    return house.audit


def _checks(house: House) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    async def database() -> None:
        await house.store.head()

    async def broker() -> str:
        return await house.relay.check() if house.relay else "not connected to the broker yet"

    async def parked() -> str:
        with tenancy.seeing_all():
            return parked_summary(house.definition.name, await house.store.parked_open())

    async def stream() -> str:
        return await house.reconciler.check() if house.reconciler else "ok, not compared yet"

    checks: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("database", database),
        ("read_models", house.projector.check),
        ("parked", parked),
    ]
    if house.settings.nats_url is not None:
        checks += [("broker", broker), ("stream", stream)]
    if house.vault is not None:
        checks.append(("vault", house.vault.check))
    if house.audit is not None:
        checks.append(("history", house.audit.check))
    return checks


def _jobs(house: House) -> dict[str, Any]:
    """Everything that runs beside the API, by name."""
    definition = house.definition
    policies = list(definition.policies(house))
    if house.forgetting is not None:
        policies.append(house.forgetting.policy())
    jobs: dict[str, Any] = {"projections": house.projector.run(), "denials": house.denials.run()}
    if house.courier is not None:
        jobs["webhooks"] = _for_ever("webhooks", house.courier.run)
    if definition.timers is not None:
        jobs["timers"] = TimerRunner(house.db, house.handler, definition.timer_commands).run()
    own = [policy for policy in policies if _service_of(policy) == definition.name]
    if own:
        inbox = house.inboxes[definition.name] = Inbox(
            definition.name, OwnLog(house.store), house.store, house.handler, own, definition.upcasters
        )
        jobs["inbox-own"] = inbox.run()
    if house.forgetting is not None:
        jobs["forgetting"] = keep_forgotten(house.db, house.forgetting.vault)
    if house.audit is not None:
        jobs["audit"] = house.audit.run()
        jobs["recheck"] = Recheck(house.audit, round_s=house.settings.audit_round_s).run()
    if house.settings.nats_url is not None:
        jobs["exchange"] = _for_ever("exchange", _exchange, house, policies)
    for job in (*definition.on_start, *definition.background):
        name = job.__name__
        jobs[name] = _once(name, job, house) if job in definition.on_start else _for_ever(name, job, house)
    return {name: _for_the_house(job) for name, job in jobs.items()}


async def _for_the_house(job: Awaitable[None]) -> None:
    """Relays, read models, timers and policies work for every tenant."""
    with tenancy.seeing_all():
        await job


async def _exchange(house: House, policies: Sequence[Policy]) -> None:
    """Relays our log and follows the streams our policies are about, once there is a broker."""
    settings, name = house.settings, house.definition.name
    broker = house.broker = await connect(settings.nats_url, name, settings.nats_seed_file, settings.nats_ca_file)
    try:
        async with asyncio.TaskGroup() as tasks:
            house.relay = Relay(name, house.store, broker, ready_lag_s=settings.relay_lag_ready_s)
            house.reconciler = Reconciler(name, house.store, broker, every_s=settings.compare_stream_every_s)
            tasks.create_task(house.relay.run(), name="relay")
            tasks.create_task(house.reconciler.run(), name="reconciler")
            for source in sorted({_service_of(policy) for policy in policies} - {name}):
                about = [policy for policy in policies if _service_of(policy) == source]
                stream = StreamSource(broker, source, (policy.on.tag() for policy in about))
                inbox = Inbox(source, stream, house.store, house.handler, about, UPCASTERS.get(source))
                house.inboxes[source] = inbox
                tasks.create_task(inbox.run(), name=f"inbox-{source}")
    finally:
        house.broker = None
        await broker.close()


def _service_of(policy: Policy) -> str:
    return policy.on.tag().split(".", 1)[0]


async def _for_ever(name: str, job: Callable[..., Awaitable[None]], *args: Any) -> None:
    while True:
        try:
            await job(*args)
        except Unreachable as lost:
            log.info("waits", job=name, reason=str(lost))
        except Exception:
            log.exception("restarts", job=name)
        await asyncio.sleep(RESTART_S)


async def _once(name: str, job: Background, house: House) -> None:
    while True:
        try:
            return await job(house)
        except Unreachable as lost:
            log.info("waits", job=name, reason=str(lost))
            await asyncio.sleep(RESTART_S)


def _role(url: str) -> str:
    role = urlsplit(url).username
    if not role:
        raise SettingsError("the database URL must name a role")
    return role


def _keks(settings: ChassisSettings) -> Keks:
    if settings.vault_key_file is None:
        raise Fault("REGIE_VAULT_KEY_FILE must be set where a vault is used")
    return keks_in(settings.vault_key_file)

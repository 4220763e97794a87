"""What `regie up` will start, decided once from the environment: ports, embedded or given parts, each service's own
environment. Data only; starting is the supervisor's.
"""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chassis.settings import PRODUCTION, SettingsError
from contracts.roles import SERVICES
from regie.broker_accounts import check_tenant
from regie.broker_server import Tls
from regie.embedded.provision import Database
from regie.home import Home, home_from
from regie.issuer import AUDIENCE

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
VAULT = "vault"
BASE_PORT = 8400
OFFSETS = {"entitlement": 1, "scheduling": 2, "stage": 3, "media": 4, "rtmp ingest": 5, "broker": 6, "issuer": 7}
"""Distance of each port from REGIE_PORT."""

OUTBOUND_ALLOW = "127.0.0.0/8,::1/128"
"""A house on one machine streams to, and tells, programs on the same machine."""

PRIVILEGED = ("OWNER_DATABASE_URL", "ADMIN_SEED_FILE", "SYSTEM_SEED_FILE", "TLS_KEY_FILE")
"""Ends of variables no service gets to see while it serves."""


class PortTaken(Exception):  # noqa: N818
    """Another program listens where a part of Regie wants to."""


@dataclass(frozen=True)
class Plan:
    """Read by everything that starts something.

    `given` holds the databases somebody else runs, by service (and `vault`); the others are embedded. `nats_tls` is the
    embedded broker's; `nats_replicas` on how many nodes of a given cluster streams are stored, once they are made. `root` is the
    folder the services' packages are in.
    """

    home: Home
    base_port: int
    tenants: tuple[str, ...]
    given: Mapping[str, Database]
    nats_url: str | None
    environ: Mapping[str, str]
    nats_tls: Tls | None = None
    nats_ca_file: Path | None = None
    nats_replicas: int = 1
    services: tuple[str, ...] = SERVICES
    root: Path = ROOT

    def port(self, what: str) -> int:
        return self.base_port + OFFSETS[what]

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.port(service)}"

    @property
    def embedded_databases(self) -> list[str]:
        return [name for name in (*self.services, VAULT) if name not in self.given]

    @property
    def own_issuer(self) -> bool:
        """Whether tokens are ours to give: not when REGIE_JWKS or REGIE_ISSUER names somebody else."""
        return not (self.environ.get("REGIE_JWKS") or self.environ.get("REGIE_ISSUER"))

    def check_ports(self) -> None:
        """Raises PortTaken naming every port that is in use, and how to choose others."""
        wanted = [
            what
            for what in OFFSETS
            if what in (*self.services, "rtmp ingest")
            or (what == "broker" and not self.nats_url)
            or (what == "issuer" and self.own_issuer)
        ]
        taken = [f"{self.port(what)} ({what})" for what in wanted if not is_free(self.port(what))]
        if taken:
            which = f"Port {taken[0]} is" if len(taken) == 1 else f"Ports {', '.join(taken)} are"
            raise PortTaken(
                f"{which} in use on {HOST} by another program. "
                f"Choose another block of ten with REGIE_PORT, for example: REGIE_PORT={self.base_port + 100} make run"
            )

    def vault_key_file(self) -> Path:
        """The file of the vault's key-encryption key: 32 bytes as hex, made once."""
        self.home.secret("vault.key", lambda: secrets.token_hex(32))
        return self.home.secrets / "vault.key"

    def audit_key_file(self, service: str) -> Path:
        """The file of the seed a service signs its log's checkpoints with: 32 bytes as hex, made once."""
        self.home.secret(f"{service}.audit", lambda: secrets.token_hex(32))
        return self.home.secrets / f"{service}.audit"

    def service_env(
        self, service: str, databases: Mapping[str, Database], nats: tuple[str, Path | None]
    ) -> dict[str, str]:
        """The whole environment of one service: its own secrets, nobody else's, and never an owner's password."""
        mine = databases[service]
        nats_url, seed_file = nats
        env = self._shared(service)
        wanted = {
            "DATABASE_URL": mine.url,
            "PORT": str(self.port(service)),
            "NATS_URL": nats_url,
            "NATS_SEED_FILE": str(seed_file or ""),
            "VAULT_DATABASE_URL": databases[VAULT].url,
            "AUDIT_KEY_FILE": str(self.audit_key_file(service)),
        }
        env.update({f"REGIE_{service.upper()}_{name}": value for name, value in wanted.items()})
        env.setdefault("REGIE_VAULT_KEY_FILE", str(self.vault_key_file()))
        if service == "stage":
            env.setdefault("REGIE_STAGE_INGEST_PORT", str(self.port("rtmp ingest")))
        return env

    def migrate_env(self, service: str, databases: Mapping[str, Database]) -> dict[str, str]:
        """The environment of one service's migration: the owners' URLs besides the service's."""
        prefix = f"REGIE_{service.upper()}_"
        mine, vault = databases[service], databases[VAULT]
        wanted = {
            "DATABASE_URL": mine.url,
            "OWNER_DATABASE_URL": mine.owner_url,
            "VAULT_DATABASE_URL": vault.url,
            "VAULT_OWNER_DATABASE_URL": vault.owner_url,
        }
        return {**self._shared(service), **{prefix + name: value for name, value in wanted.items() if value}}

    def _shared(self, service: str) -> dict[str, str]:
        """Our environment without what belongs to another service or to an owner."""
        foreign = tuple(f"REGIE_{other.upper()}_" for other in SERVICES if other != service)
        env = {
            name: value
            for name, value in self.environ.items()
            if not name.startswith(foreign) and not name.endswith(PRIVILEGED)
        }
        env.update(REGIE_HOME=str(self.home.path), REGIE_HOST=HOST)
        if self.own_issuer:
            env["REGIE_ISSUER"] = self.url("issuer")
        env.setdefault("REGIE_AUDIENCE", AUDIENCE)
        env.setdefault("REGIE_OUTBOUND_ALLOW", OUTBOUND_ALLOW)
        if self.nats_ca_file:
            env["REGIE_NATS_CA_FILE"] = str(self.nats_ca_file)
        return env


def plan_from(environ: Mapping[str, str] = os.environ) -> Plan:
    """Read REGIE_HOME, REGIE_PORT, REGIE_TENANTS and the URLs of given parts.

    Raises SettingsError naming the variable and its rule.
    """
    tenants = tuple(environ.get("REGIE_TENANTS", "acme,sandbox").split(","))
    try:
        for tenant in tenants:
            check_tenant(tenant)
    except ValueError as error:
        raise SettingsError(f"REGIE_TENANTS: {error}") from error
    if environ.get("REGIE_MODE") == PRODUCTION:
        raise SettingsError(
            "REGIE_MODE: is production, and this is a house on one machine that makes its own keys;"
            " start the services themselves, `python -m services.<name>`"
        )
    return Plan(
        home=home_from(environ),
        base_port=_base_port(environ.get("REGIE_PORT") or str(BASE_PORT)),
        tenants=tenants,
        given=_given(environ),
        nats_url=environ.get("REGIE_NATS_URL") or None,
        environ=environ,
        nats_tls=_nats_tls(environ),
        nats_ca_file=_file(environ, "REGIE_NATS_CA_FILE"),
        nats_replicas=_nats_replicas(environ),
    )


def _nats_tls(environ: Mapping[str, str]) -> Tls | None:
    cert, key = (_file(environ, f"REGIE_NATS_TLS_{what}_FILE") for what in ("CERT", "KEY"))
    if cert is None and key is None:
        if environ.get("REGIE_NATS_CA_FILE") and not environ.get("REGIE_NATS_URL"):
            raise SettingsError("REGIE_NATS_CA_FILE: needs REGIE_NATS_URL, or REGIE_NATS_TLS_CERT_FILE and _KEY_FILE")
        return None
    if cert is None or key is None:
        raise SettingsError("REGIE_NATS_TLS_CERT_FILE, REGIE_NATS_TLS_KEY_FILE: must both be set, or neither")
    if environ.get("REGIE_NATS_URL"):
        raise SettingsError("REGIE_NATS_TLS_CERT_FILE: is for the embedded broker, and REGIE_NATS_URL names another")
    return Tls(cert, key, _file(environ, "REGIE_NATS_CA_FILE"))


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    """The file a variable names; None where it is not set. Raises SettingsError when it is not there."""
    text = environ.get(name)
    if text and not Path(text).is_file():
        raise SettingsError(f"{name}: must be a file that is there")
    return Path(text).absolute() if text else None


def _nats_replicas(environ: Mapping[str, str]) -> int:
    text = environ.get("REGIE_NATS_REPLICAS") or "1"
    if text not in ("1", "3", "5"):
        raise SettingsError("REGIE_NATS_REPLICAS: must be 1, 3 or 5")
    if text != "1" and not environ.get("REGIE_NATS_URL"):
        raise SettingsError("REGIE_NATS_REPLICAS: must be 1 for the embedded broker, which is alone")
    return int(text)


def _base_port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65535 - max(OFFSETS.values()):
        raise SettingsError(f"REGIE_PORT: must be a whole number from 1024 to {65535 - max(OFFSETS.values())}")
    return int(text)


def _given(environ: Mapping[str, str]) -> dict[str, Database]:
    given = {}
    for name in (*SERVICES, VAULT):
        prefix = f"REGIE_{name.upper()}_"
        url, owner = environ.get(f"{prefix}DATABASE_URL"), environ.get(f"{prefix}OWNER_DATABASE_URL", "")
        if url:
            given[name] = Database(name=name, url=url, owner_url=owner)
        elif owner:
            raise SettingsError(f"{prefix}DATABASE_URL: must be set where {prefix}OWNER_DATABASE_URL is")
    return given


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True

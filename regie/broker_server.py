"""The configuration of one broker as text, from the templates in `deploy/nats`: alone or in a cluster, with TLS or without.

Not in here: who may say what (`broker_accounts`). Source: design.md section 4, measured.md part B sections 5 and 6.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from regie.broker_accounts import DOMAIN, render

HOST = "127.0.0.1"
ROUTE_USER = "route"
PASSWORD = re.compile(r"[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True)
class Tls:
    """PEM files of a broker. Clients are known by their nkeys, so `ca_file` is for what the broker itself connects to:
    the other nodes of a cluster, and for the house's own clients, which trust it alone.

    The certificate names every host clients and routes connect to; in a cluster it is one for clients as well.
    """

    cert_file: Path
    key_file: Path
    ca_file: Path | None = None


@dataclass(frozen=True)
class Cluster:
    """A node's place among the others: where it listens for them, and all of them, `host:port` (itself may be there)."""

    name: str
    port: int
    routes: tuple[str, ...]
    password: str
    """What nodes know each other by: letters, digits, - and _, at least 16. The same on all."""
    host: str = HOST


@dataclass(frozen=True)
class Server:
    """One broker. In a cluster each has a name and a store of its own; accounts are the same on all."""

    port: int
    store: Path
    name: str = "regie"
    host: str = HOST
    tls: Tls | None = None
    cluster: Cluster | None = None
    accounts: str = "accounts.conf"
    """The file of the accounts; relative to the configuration's own folder."""


def server_text(server: Server) -> str:
    """The text of `server.conf`. Raises ValueError for what the broker would take, and should not be given."""
    return render(
        "server",
        name=server.name,
        host=server.host,
        port=server.port,
        store=server.store.absolute(),
        domain=DOMAIN,
        accounts=server.accounts,
        tls=render("server-tls", **_files(server.tls)) if server.tls else "",
        cluster=_cluster(server.cluster, server.tls) if server.cluster else "",
    )


def _cluster(cluster: Cluster, tls: Tls | None) -> str:
    if not PASSWORD.fullmatch(cluster.password):
        raise ValueError("a cluster's password must be at least 16 letters, digits, - and _")
    if tls and tls.ca_file is None:
        raise ValueError("a cluster with TLS needs the file of its CA: nodes show each other certificates")
    known = {"user": ROUTE_USER, "password": cluster.password}
    return render(
        "server-cluster",
        name=cluster.name,
        host=cluster.host,
        port=cluster.port,
        routes="".join(render("server-route", address=address, **known) for address in cluster.routes),
        tls=render("server-route-tls", **_files(tls)) if tls else "",
        **known,
    )


def _files(tls: Tls) -> dict[str, str]:
    """Absolute, because the broker reads them relative to where it was started."""
    named = {"cert_file": tls.cert_file, "key_file": tls.key_file, "ca_file": tls.ca_file}
    return {name: str(path.absolute()) for name, path in named.items() if path}

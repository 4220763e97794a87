"""The broker's accounts and users as configuration text, from the templates in `deploy/nats`; keys come from outside.

The same text serves the embedded broker and a cluster. Source: design.md section 4, measured.md part B section 6.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from contracts.roles import SERVICES

TEMPLATES = Path(__file__).parent.parent / "deploy" / "nats"
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class _Text(Template):
    """`%{name}`, because `$` is part of most subjects of JetStream."""

    delimiter = "%"


@dataclass(frozen=True)
class PublicKeys:
    """Public nkeys: of the admin, of the system account, by service, by tenant."""

    admin: str
    system: str
    services: Mapping[str, str]
    tenants: Mapping[str, str]


def render(name: str, **values: object) -> str:
    """One template of `deploy/nats`, filled in. Raises KeyError for a placeholder without a value."""
    return _Text((TEMPLATES / f"{name}.conf.tmpl").read_text()).substitute(values)


def accounts(keys: PublicKeys) -> str:
    """The text of `accounts.conf`."""
    streams = [service.upper() for service in SERVICES]
    return render(
        "accounts",
        admin=keys.admin,
        system=keys.system,
        services="".join(_service(service, keys.services[service], streams) for service in SERVICES),
        exports="".join(render("partner-exports", **partner_names(tenant)) for tenant in keys.tenants),
        partners="".join(
            render("partner-account", tenant=tenant, nkey=nkey, **partner_names(tenant))
            for tenant, nkey in keys.tenants.items()
        ),
    )


def _service(service: str, nkey: str, streams: Sequence[str]) -> str:
    reads = "".join(render("service-read", stream=stream) for stream in streams)
    return render("service-user", service=service, nkey=nkey, reads=reads)


def partner_names(tenant: str) -> dict[str, str]:
    """The account and the durable of a tenant. Raises ValueError for a name that cannot be a subject token."""
    check_tenant(tenant)
    return {"account": f"PARTNER_{tenant}", "durable": durable_of(tenant)}


def check_tenant(tenant: str) -> None:
    """Raises ValueError unless the name can be a token of a subject and a part of a stream's or durable's name."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r} is not a tenant: lower-case letters, digits, - and _, at most 40")


def durable_of(tenant: str) -> str:
    """The name of the durable consumer a partner reads."""
    return f"partner_{tenant}"

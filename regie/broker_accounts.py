"""The broker's accounts and users as configuration text, from the templates in `deploy/nats`; keys come from outside.

The same text serves the embedded broker and a cluster. Source: design.md section 4, measured.md part B section 6.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from chassis.broker import stream_name
from contracts.roles import SERVICES

TEMPLATES = Path(__file__).parent.parent / "deploy" / "nats"
DOMAIN = "REGIE"
"""The JetStream domain of every broker of the house."""
PARTNER_CONSUMERS = 64
"""How many consumers a partner may have at a time; each costs the broker memory."""
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


def render(template: str, /, **values: object) -> str:
    """One template of `deploy/nats`, filled in. Raises KeyError for a placeholder without a value."""
    return _Text((TEMPLATES / f"{template}.conf.tmpl").read_text()).substitute(values)


def accounts(keys: PublicKeys) -> str:
    """The text of `accounts.conf`."""
    return render(
        "accounts",
        admin=keys.admin,
        system=keys.system,
        exports="".join(
            [
                *(_service_exports(service, keys.tenants) for service in SERVICES),
                *(render("partner-exports", **partner_names(tenant)) for tenant in keys.tenants),
            ]
        ),
        imports="".join(render("partner-admin", **partner_names(tenant)) for tenant in keys.tenants),
        services="".join(_service_account(service, keys.services[service]) for service in SERVICES),
        partners="".join(_partner_account(tenant, nkey) for tenant, nkey in keys.tenants.items()),
    )


def _service_exports(service: str, tenants: Iterable[str]) -> str:
    partners = ", ".join(f'"{account_of(tenant)}"' for tenant in tenants)
    sourced = render("partner-sourced", stream=stream_name(service), partners=partners) if partners else ""
    names = ", ".join(service_account(other) for other in SERVICES)
    return render("service-exports", **_service_names(service), services=names, sourced=sourced)


def _service_account(service: str, nkey: str) -> str:
    reads = "".join(render("service-read", stream=stream_name(other), service=other) for other in SERVICES)
    return render("service-account", **_service_names(service), nkey=nkey, reads=reads)


def _service_names(service: str) -> dict[str, str]:
    return {"service": service, "stream": stream_name(service), "account": service_account(service)}


def _partner_account(tenant: str, nkey: str) -> str:
    return render(
        "partner-account",
        nkey=nkey,
        max_consumers=PARTNER_CONSUMERS,
        allowed="".join(render("partner-allowed", api=api) for api in ("$JS.API", f"$JS.{DOMAIN}.API")),
        sources="".join(render("partner-import", stream=stream_name(service)) for service in SERVICES),
        **partner_names(tenant),
    )


def service_account(service: str) -> str:
    """The broker's account of a service."""
    return f"SERVICE_{service}"


def account_of(tenant: str) -> str:
    """The broker's account of a tenant's partner; also the name the admin reaches its JetStream API under."""
    return f"PARTNER_{tenant}"


def partner_names(tenant: str) -> dict[str, str]:
    """The tenant and its account. Raises ValueError for a name that cannot be a subject token."""
    check_tenant(tenant)
    return {"tenant": tenant, "account": account_of(tenant)}


def check_tenant(tenant: str) -> None:
    """Raises ValueError unless the name can be a token of a subject and a part of a stream's or durable's name."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r} is not a tenant: lower-case letters, digits, - and _, at most 40")


def durable_of(tenant: str) -> str:
    """The durable consumer that is made for a partner; it may make others itself."""
    return f"partner_{tenant}"

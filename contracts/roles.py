"""Which role may do what: the scopes a token of each role carries. Data only.

A scope is `<service>:<verb>`. `read` is every query; `write` is what a customer or integrator may ask for; `operate` is
what the analyst does on a show; `admin` is correction, override and waiver; `inspect` shows who was denied what.
Source: duties.md A.1 to A.4 (who does which duty); design.md section 5.
"""

from typing import Final

from contracts.envelope import Role

SERVICES: Final = ("entitlement", "scheduling", "stage", "media")
VERBS: Final = ("read", "write", "operate", "admin", "inspect")


def _every(*verbs: str) -> frozenset[str]:
    return frozenset(f"{service}:{verb}" for service in SERVICES for verb in verbs)


_ANALYST: Final = _every("read") | {"scheduling:operate", "stage:operate", "media:operate"}

SCOPES: Final[dict[Role, frozenset[str]]] = {
    Role.CUSTOMER: _every("read") | {"entitlement:write", "scheduling:write", "media:write"},
    Role.INTEGRATOR: _every("read", "write"),
    Role.ANALYST: _ANALYST,
    Role.SUPERVISOR: _ANALYST | _every("admin"),
    Role.PARTNER: _every("read"),
    Role.SRE: _every("read", "admin", "inspect"),
}
"""Scopes by role. `Role.SYSTEM` is absent on purpose: a policy or a timer never carries a token."""

TOKEN_ROLES: Final = tuple(SCOPES)


def scopes_of(*roles: Role) -> frozenset[str]:
    """Every scope any of the roles grants. Raises KeyError for a role that gets no token."""
    return frozenset[str]().union(*(SCOPES[role] for role in roles))

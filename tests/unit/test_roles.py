"""Which scopes a role carries. Source: duties.md A.1 to A.4."""

import pytest

from contracts.envelope import Role
from contracts.roles import SCOPES, SERVICES, VERBS, scopes_of

KNOWN = {f"{service}:{verb}" for service in SERVICES for verb in VERBS}


def test_every_scope_names_a_service_and_a_verb():
    assert all(scopes <= KNOWN for scopes in SCOPES.values())


@pytest.mark.parametrize("role", SCOPES)
def test_every_role_may_read_everything_of_its_tenant(role):
    assert scopes_of(role) >= {f"{service}:read" for service in SERVICES}


def test_a_partner_may_only_read():
    assert all(scope.endswith(":read") for scope in scopes_of(Role.PARTNER))


def test_a_customer_operates_no_show():
    assert not any(scope.endswith((":operate", ":admin")) for scope in scopes_of(Role.CUSTOMER))


def test_a_supervisor_may_all_an_analyst_may():
    assert scopes_of(Role.SUPERVISOR) > scopes_of(Role.ANALYST)


def test_several_roles_add_up():
    assert scopes_of(Role.CUSTOMER, Role.SRE) == scopes_of(Role.CUSTOMER) | scopes_of(Role.SRE)


def test_the_system_never_carries_a_token():
    with pytest.raises(KeyError):
        scopes_of(Role.SYSTEM)

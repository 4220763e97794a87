"""How a service gets its webhooks: the courier from its parts and settings, the desk of each request."""

from collections.abc import Callable
from typing import Protocol

import asyncpg
from litestar.di import NamedDependency, Provide

from chassis.faults import Unreachable
from chassis.http import Caller
from chassis.outbound import Outbound
from chassis.settings import SettingsError
from chassis.store import Store
from chassis.vault import Vault
from chassis.webhooks.courier import Courier, schedule_of
from chassis.webhooks.desk import Desk, require_role


class HasCourier(Protocol):
    """What the desk needs of the house."""

    store: Store
    vault: Vault | None
    courier: Courier | None


def courier_of(
    service: str, store: Store, pool: asyncpg.Pool, vault: Vault | None, outbound: Outbound, pauses_s: str
) -> Courier | None:
    """None where no vault keeps the signing keys. Raises SettingsError for a schedule that is none."""
    if vault is None:
        return None
    try:
        pauses = schedule_of(pauses_s)
    except ValueError:
        raise SettingsError("REGIE_WEBHOOK_PAUSES_S: must be seconds separated by commas, such as 5,300") from None
    return Courier(service, store, pool, vault, outbound, pauses)


def desk_of(service: str, the_house: Callable[[], HasCourier]) -> Provide:
    """The dependency `hooks` of the routes."""

    def desk(me: NamedDependency[Caller]) -> Desk:
        require_role(me)
        house = the_house()
        if house.courier is None or house.vault is None:
            raise Unreachable("webhooks need a vault: set REGIE_VAULT_DATABASE_URL and REGIE_VAULT_KEY_FILE")
        return Desk(service, house.courier, house.store, house.vault, me)

    return Provide(desk, sync_to_thread=False)

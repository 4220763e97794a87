"""Whose rows a piece of work sees: the wall behind the wall (PostgreSQL row-level security).

Each query names its tenant; that is the first wall. The second is the database's: every table with a column `tenant`
shows only the rows of the session's tenant, whatever the query says (`chassis/migrate.py`). Connections of `open_pool`
carry the sight of whoever takes them: nothing, unless this work was told otherwise. A request sees the tenant of its
token (`chassis/http/gate.py`); what keeps the house running sees all. See docs/decisions/0009-row-level-security.md.
"""

from contextvars import ContextVar
from typing import Any, Final

import asyncpg

SETTING: Final = "regie.tenant"
NOBODY: Final = ""
EVERYBODY: Final = "*"
"""No tenant can have this name: a tenant is a token of a NATS subject."""

_sight: ContextVar[str] = ContextVar("regie_sight", default=NOBODY)


class Seeing:
    """What `seeing` gives: a class, since each request enters one."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def __enter__(self) -> None:
        self._before = _sight.get()
        _sight.set(self._tenant)

    def __exit__(self, *_: object) -> None:
        _sight.set(self._before)


def seeing(tenant: str) -> Seeing:
    """Within it, and in tasks started there, queries see this tenant's rows alone."""
    return Seeing(tenant)


def seeing_all() -> Seeing:
    """For the house's own work (relay, read models, timers, proofs) and the few questions that span customers."""
    return seeing(EVERYBODY)


def sees_all_from_here() -> None:
    """The rest of this task, and what it starts, works for the house itself."""
    _sight.set(EVERYBODY)


def sees_all() -> bool:
    """Whether the current work is the house's own."""
    return _sight.get() == EVERYBODY


class Connection(asyncpg.Connection):
    """A connection that knows whose rows its session shows, so that a change of tenant costs a round trip and the same
    tenant again costs none.
    """

    sight: str | None = NOBODY

    async def look(self) -> None:
        """Make the session see what the current work may see."""
        wanted = _sight.get()
        if wanted == self.sight:
            return
        self.sight = None  # until we know: a cancelled round trip may or may not have arrived
        await self.fetchval("SELECT set_config($1, $2, false)", SETTING, wanted)
        self.sight = wanted

    def get_reset_query(self) -> str:
        """Nothing to undo: our sessions set no variable but the sight, listen to nothing and hold no advisory lock.

        The library rolls back an open transaction by itself. Saves a round trip for each use of a connection.
        """
        return ""


async def _look(connection: Any) -> None:
    await connection.look()


def open_pool(url: str, **options: Any) -> asyncpg.Pool:
    """A pool whose connections see what their user may see; `options` are those of `asyncpg.create_pool`."""
    return asyncpg.create_pool(url, connection_class=Connection, setup=_look, **options)

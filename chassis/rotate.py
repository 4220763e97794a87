"""Wraps everything in the vault with the key-encryption key in use, and tells which of the others are no longer needed.

Works on a vault in use, and may be stopped anywhere: each batch is one statement that changes only what is still as it was
read, so that nobody who is forgotten meanwhile comes back. The next run goes on. Source: trust.md section 4.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chassis.faults import Fault
from chassis.keks import Keks

BATCH: Final = 500


class Entries(msgspec.Struct, frozen=True):
    """A kind of what is wrapped: its table, and the columns of its name and its box."""

    table: str
    name: str
    box: str
    context: str

    @property
    def behind(self) -> str:
        return (
            f"SELECT tenant, {self.name} AS name, {self.box} AS box, kek FROM public.{self.table}"  # noqa: S608
            f" WHERE {self.box} IS NOT NULL AND kek <> $1 AND (tenant, {self.name}) > ($2, $3)"
            f" ORDER BY tenant, {self.name} LIMIT $4"
        )

    @property
    def change(self) -> str:
        return (
            f"UPDATE public.{self.table} AS t SET {self.box} = n.fresh, kek = $1"  # noqa: S608
            " FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS n (tenant, name, old, fresh)"
            f" WHERE t.tenant = n.tenant AND t.{self.name} = n.name AND t.{self.box} = n.old RETURNING 1"
        )

    @property
    def count(self) -> str:
        return f"SELECT kek, count(*) FROM public.{self.table} WHERE {self.box} IS NOT NULL GROUP BY kek"  # noqa: S608


DATA_KEYS: Final = Entries("keys", "subject", "wrapped", "key")
SECRETS: Final = Entries("secrets", "name", "box", "secret")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`rewrapped` and `unreadable` are entries; `wraps` is how many entries each key wraps now, by its id."""

    rewrapped: int
    unreadable: int
    wraps: Mapping[str, int]


async def rotate(pool: Any, keks: Keks) -> Report:
    """Until nothing is wrapped by another key, but what cannot be read: its key is not configured, or it was altered."""
    rewrapped = unreadable = 0
    for entries in (DATA_KEYS, SECRETS):
        last = ("", "")
        while rows := await pool.fetch(entries.behind, keks.current, *last, BATCH):
            fresh = [(row, _rewrapped(keks, entries, row)) for row in rows]
            changed = [(row["tenant"], row["name"], row["box"], box) for row, box in fresh if box is not None]
            unreadable += len(rows) - len(changed)
            if changed:
                rewrapped += len(await pool.fetch(entries.change, keks.current, *map(list, zip(*changed, strict=True))))
            last = (rows[-1]["tenant"], rows[-1]["name"])
    return Report(rewrapped=rewrapped, unreadable=unreadable, wraps=await wraps(pool))


async def wraps(pool: Any) -> dict[str, int]:
    """How many entries each key wraps, by its id."""
    found: dict[str, int] = {}
    for entries in (DATA_KEYS, SECRETS):
        for row in await pool.fetch(entries.count):
            found[row["kek"]] = found.get(row["kek"], 0) + row["count"]
    return found


def _rewrapped(keks: Keks, entries: Entries, row: Any) -> bytes | None:
    context = context_of(entries, row["tenant"], row["name"])
    try:
        return keks.wrap(keks.unwrap(row["kek"], row["box"], context), context)
    except Fault:
        return None


def context_of(entries: Entries, tenant: str, name: str) -> str:
    """What a box is tied to, so that it opens nowhere else."""
    return f"{tenant}|{entries.context}|{name}"

"""Lists: the orders a list may be asked in, and the page that follows from a cursor.

Each list names its orders (`Order`); a client chooses one by `sort`. A cursor is the sort key of the last item seen,
together with the order it belongs to, so it is stable while items come and go, and no page is ever counted off.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from chassis.http.answers import Page
from chassis.http.depends import Paging, write_cursor
from chassis.http.problems import NoSuchPage
from chassis.store import AsOf

T = TypeVar("T")

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A sort key that is a PostgreSQL bigint."""
LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for an instant not known yet, so that such items come last; in SQL `LAST_SQL`."""
LAST_SQL = "'9999-12-31T00:00:00Z'::timestamptz"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a list.

    `by` are SQL expressions that are never null, the last of them unique, each with the type it has in a cursor; `key`
    gives the same of an item, as a tuple.
    """

    name: str
    by: tuple[tuple[str, Any], ...]
    key: Callable[[Any], tuple[Any, ...]]
    descending: bool = False

    def after(self, paging: Paging) -> tuple[Any, ...] | None:
        """The sort key the page begins behind. Raises NoSuchPage for a cursor of another list or order."""
        if paging.after is None:
            return None
        wanted: Any = tuple[(str, *(kind for _, kind in self.by))]  # type: ignore[misc]
        try:
            name, *key = msgspec.convert(paging.after, wanted)
        except msgspec.ValidationError:
            raise NoSuchPage from None
        if name != self.name or any(isinstance(part, str) and "\0" in part for part in key):
            raise NoSuchPage
        return tuple(key)

    async def fetch(self, db: Any, query: str, paging: Paging, *args: Any) -> list[Any]:
        """The rows of a page and one more. `query` ends in a WHERE clause that takes `args`."""
        key = self.after(paging) or ()
        columns, way = [column for column, _ in self.by], "DESC" if self.descending else "ASC"
        if key:
            marks = ", ".join(f"${len(args) + nr}" for nr in range(1, len(key) + 1))
            query += f" AND ({', '.join(columns)}) {'<' if self.descending else '>'} ({marks})"
        query += f" ORDER BY {', '.join(f'{column} {way}' for column in columns)} LIMIT ${len(args) + len(key) + 1}"
        rows: list[Any] = await db.fetch(query, *args, *key, paging.limit + 1)
        return rows

    def page(self, found: Sequence[T], paging: Paging) -> Page[T]:
        """The page out of `limit + 1` found items."""
        items = list(found[: paging.limit])
        cursor = write_cursor(self.name, *self.key(items[-1])) if len(found) > paging.limit else None
        if cursor is not None:
            paging.link.tell(cursor=cursor)
        return Page(items=items, next=cursor)

    def page_of(self, everything: Iterable[T], paging: Paging) -> Page[T]:
        """The page out of a whole list at hand, in any order."""
        key = self.after(paging)
        rest = [item for item in everything if key is None or self._follows(self.key(item), key)]
        return self.page(sorted(rest, key=self.key, reverse=self.descending), paging)

    def _follows(self, item: tuple[Any, ...], key: tuple[Any, ...]) -> bool:
        return item < key if self.descending else item > key


def orders(*each: Order) -> dict[str, Order]:
    """Each order and its reverse, which is the name with a minus."""
    found: dict[str, Order] = {}
    for order in each:
        found[order.name] = order
        turned = order.name[1:] if order.name.startswith("-") else f"-{order.name}"
        found[turned] = msgspec.structs.replace(order, name=turned, descending=not order.descending)
    return found


def in_order_of(name: str, expression: str, kind: Any, key: Callable[[Any], Any]) -> Order:
    """An order by one unique expression."""
    return Order(name=name, by=((expression, kind),), key=lambda item: (key(item),))


def known_by(column: str, first: int) -> str:
    """The SQL condition that an event had been recorded at a point in history, by the column of its log position, named with its table.

    `first` numbers the argument that is the point's instant, the next one is its position (`point_of`); both null is now.
    """
    recorded_at = f"(SELECT told.recorded_at FROM log.events AS told WHERE told.position = {column})"  # noqa: S608 - a column's name
    return (
        f"(${first}::timestamptz IS NULL OR {recorded_at} <= ${first})"
        f" AND (${first + 1}::bigint IS NULL OR {column} <= ${first + 1})"
    )


def point_of(as_of: AsOf | None) -> tuple[datetime | None, int | None]:
    """The two arguments `known_by` asks for."""
    return (None, None) if as_of is None else (as_of.at, as_of.position)


BY_POSITION = in_order_of("position", "position", Whole, lambda item: item.position)
"""For lists in the order things were recorded."""

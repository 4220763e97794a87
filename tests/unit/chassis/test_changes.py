"""What a projection executes reaches the database in its order and in few round trips, or not at all."""

import contextlib

import pytest

from chassis.changes import Changes, Elsewhere


class Database:
    """A pool and its one connection; notes what it is asked."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.asked: list[tuple[object, ...]] = []

    @contextlib.asynccontextmanager
    async def acquire(self):
        yield self

    @contextlib.asynccontextmanager
    async def transaction(self):
        self.asked.append(("begin",))
        try:
            yield
        except BaseException:
            self.asked.append(("rollback",))
            raise
        self.asked.append(("commit",))

    async def fetchrow(self, query, *args):
        if "FOR UPDATE" in query:
            return {"position": self.position}
        self.asked.append((query, *args))
        return None

    async def execute(self, query, name, position, skipped):
        self.asked.append(("move", position, skipped))

    async def executemany(self, query, rows):
        self.asked.append((query, list(rows)))


async def test_neighbours_of_one_text_are_sent_as_one_and_nothing_changes_places():
    database = Database(7)
    async with Changes(database, "shows", 7) as changes:
        for row in (1, 2, 3):
            await changes.execute("insert", row)
        await changes.execute("update", 1)
        await changes.execute("insert", 4)
        assert changes.needed
        await changes.move(12)
    assert database.asked == [
        ("begin",),
        ("insert", [(1,), (2,), (3,)]),
        ("update", [(1,)]),
        ("insert", [(4,)]),
        ("move", 12, None),
        ("commit",),
    ]


async def test_a_question_comes_behind_what_was_executed_before_it():
    database = Database(7)
    async with Changes(database, "shows", 7) as changes:
        await changes.execute("insert", 1)
        await changes.fetchrow("select", 1)
        await changes.execute("insert", 2)
        await changes.move(9, 8)
    assert database.asked == [
        ("begin",), ("insert", [(1,)]), ("select", 1), ("insert", [(2,)]), ("move", 9, 8), ("commit",)
    ]  # fmt: skip


async def test_a_batch_that_changes_nothing_asks_nothing():
    database = Database(7)
    async with Changes(database, "shows", 7) as changes:
        pass
    assert not changes.needed
    assert database.asked == []


async def test_nothing_is_written_where_another_process_moved_the_cursor():
    database = Database(9)
    async with contextlib.AsyncExitStack() as stack:
        elsewhere = stack.enter_context(pytest.raises(Elsewhere))
        changes = await stack.enter_async_context(Changes(database, "shows", 7))
        await changes.execute("insert", 1)
        await changes.move(8)
    assert elsewhere.value.position == 9
    assert database.asked == [("begin",), ("rollback",)]

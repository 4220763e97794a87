"""A leaf of the Merkle log has the same bytes wherever it is made: by Python of a stored row, or by the database."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chassis import merkle
from chassis.leaves import COLUMNS, leaf_bytes, leaf_of, stored

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
SHOW = UUID("0190163d-8694-739b-aea5-966c26f8ad91")


def arbitrary():
    """Rows of the log without their position, and their instants."""
    found = []

    @settings(max_examples=200, database=None)
    @given(
        row=st.tuples(
            TEXT, st.integers(-(2**31), 2**31 - 1), TEXT, TEXT, st.none() | st.uuids(), st.binary(), st.binary()
        ),
        at=st.datetimes(timezones=st.just(UTC)),
    )
    @example(row=("", 1, "é", "東京\\000", None, b"", b""), at=datetime(1970, 1, 1, tzinfo=UTC))
    @example(
        row=("\U0001f3ac", 2, "\x01\n", "\\", SHOW, b"\x00" * 9000, b"\xff"),
        at=datetime(1969, 12, 31, 23, 59, 59, 1, UTC),
    )
    def gather(row, at):
        found.append((row, at))

    gather()
    return found


@pytest.fixture
async def owner(toy_urls):
    owner = await asyncpg.connect(toy_urls[0])
    yield owner
    await owner.close()


async def test_the_database_hashes_the_bytes_an_export_is_judged_by(owner):
    events = arbitrary()
    # Streams are made distinct, which is all the log asks of a row.
    rows = [(nr, f"{row[0]}{nr}", *row[1:], at) for nr, (row, at) in enumerate(events, 1)]
    await owner.execute("SET regie.tenant = '*'")
    await owner.executemany(f"INSERT INTO log.events ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", rows)
    kept = [stored(row) for row in await owner.fetch(f"SELECT {COLUMNS} FROM log.events ORDER BY position")]
    assert len(kept) == len(events) > 100
    made = await owner.fetchrow("SELECT * FROM log.audit_leaves(0, $1)", len(kept))
    hashes = [made["hashes"][at : at + merkle.HASH] for at in range(0, len(made["hashes"]), merkle.HASH)]
    assert (made["first"], made["last"], len(hashes)) == (1, len(kept), len(kept))
    for event, hashed in zip(kept, hashes, strict=True):
        assert leaf_of(event) == hashed, event


async def test_a_leaf_begins_where_it_is_told_and_takes_no_more_than_it_is_told(owner):
    await owner.execute("SET regie.tenant = '*'")
    await owner.execute(
        "INSERT INTO log.events SELECT n, 's', n, 't', 'acme', NULL, '', '', now() FROM generate_series(1, 9) AS n"
    )
    made = await owner.fetchrow("SELECT * FROM log.audit_leaves(3, 4)")
    assert (made["first"], made["last"], len(made["hashes"])) == (4, 7, 4 * merkle.HASH)
    assert (await owner.fetchrow("SELECT * FROM log.audit_leaves(9, 4)"))["hashes"] is None


def test_the_canonical_bytes_are_what_is_written_down():
    event = stored(
        {
            "position": 12, "stream": "é", "version": 1, "type": "t", "tenant": "", "show": None,
            "payload": b"{}", "metadata": b"\x00", "recorded_at": datetime(1970, 1, 1, 0, 0, 1, 5, UTC),
        }
    )  # fmt: skip
    columns = [b"12", "é".encode(), b"1", b"t", b"", b"", b"{}", b"\x00", b"1000005"]
    assert leaf_bytes(event) == b"".join(len(column).to_bytes(4, "big") + column for column in columns)
    assert leaf_bytes(event, at=13)[:6] == b"\x00\x00\x00\x0213"

"""What a process recorded itself is given to its followers without a gap, and only while it fits in memory."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chassis import fresh
from chassis.fresh import Fresh
from tests.support.drafts import draft

AT = datetime(2026, 6, 10, 9, tzinfo=UTC)


def pieces(*sizes: int, first: int = 1):
    """Drafts in pieces, each with the position of its last event."""
    last = first - 1
    for size in sizes:
        last += size
        yield last, [draft("counter-1", last - size + nr + 1) for nr in range(size)]


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    skipped=st.sets(st.integers(0, 29)),
    after=st.integers(0, 160),
    limit=st.integers(1, 20),
)
def test_what_is_given_follows_without_a_gap(sizes, skipped, after, limit):
    tail, kept, gap = Fresh(), {}, False
    for nr, (last, drafts) in enumerate(pieces(*sizes)):
        if nr in skipped:
            gap = True  # recorded by another process
            continue
        tail.add(last, drafts, AT)
        kept, gap = {} if gap else kept, False
        kept |= {last - len(drafts) + 1 + at: each for at, each in enumerate(drafts)}
    found = tail.after(after, limit)
    assert [record.position for record in found] == list(range(after + 1, after + 1 + len(found)))
    assert [record.metadata for record in found] == [kept[record.position].metadata for record in found]
    if after + 1 in kept:
        assert len(found) == min(limit, max(kept) - after)


def test_a_piece_that_comes_late_is_left_out():
    tail = Fresh()
    (one, first), (two, second) = pieces(2, 3)
    tail.add(two, second, AT)
    tail.add(one, first, AT)
    assert tail.after(0, 10) == []
    assert [record.position for record in tail.after(2, 10)] == [3, 4, 5]


def test_memory_is_bounded_in_events_and_in_bytes(monkeypatch):
    monkeypatch.setattr(fresh, "MOST_EVENTS", 4)
    tail = Fresh()
    for last, drafts in pieces(2, 2, 2):
        tail.add(last, drafts, AT)
    assert tail.after(0, 10) == []
    assert [record.position for record in tail.after(2, 10)] == [3, 4, 5, 6]
    monkeypatch.setattr(fresh, "MOST_BYTES", 100)
    tail.add(7, [draft("counter-2", 1, payload=b"x" * 90)], AT)
    assert tail.after(5, 10) == []
    assert [record.position for record in tail.after(6, 10)] == [7]

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
    tail, kept, waiting, end = Fresh(), {}, {}, 1
    for nr, (last, drafts) in enumerate(pieces(*sizes)):
        if nr in skipped:
            continue  # recorded by another process
        tail.add(last, drafts, AT)
        first = last - len(drafts) + 1
        piece = dict(enumerate(drafts, first))
        if waiting:  # the gap before it is none of ours
            kept, waiting, end = waiting, {}, max(waiting) + 1
        if first == end:
            kept, end = kept | piece, last + 1
        else:
            waiting = piece
    found = tail.after(after, limit)
    assert [record.position for record in found] == list(range(after + 1, after + 1 + len(found)))
    assert [record.metadata for record in found] == [kept[record.position].metadata for record in found]
    if after + 1 in kept:
        assert len(found) == min(limit, max(kept) - after)


def test_a_piece_that_was_overtaken_is_in_its_place():
    tail = Fresh()
    (one, first), (two, second), (three, third) = pieces(2, 3, 1)
    tail.add(two, second, AT)
    assert tail.after(2, 10) == []
    tail.add(one, first, AT)
    tail.add(three, third, AT)
    assert [record.position for record in tail.after(0, 10)] == [1, 2, 3, 4, 5, 6]


def test_a_piece_that_comes_too_late_is_left_out():
    tail = Fresh()
    (one, first), (two, second), (three, third) = pieces(2, 3, 1)
    tail.add(two, second, AT)
    tail.add(three, third, AT)
    tail.add(one, first, AT)
    assert tail.after(0, 10) == []
    assert [record.position for record in tail.after(2, 10)] == [3, 4, 5, 6]


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

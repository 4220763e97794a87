"""The exchange's benchmark runs, and its report names what it measured."""

import pytest

from bench.exchange.__main__ import RATES, measure, report


@pytest.mark.long
async def test_every_contestant_tells_what_it_did():
    rows = report(await measure(0.2, 400, 1)).rows
    assert len(rows) == 2 * len(RATES) + 2
    assert all(row.ours > 0 and row.reference_value > 0 for row in rows)
    assert all(row.goal for row in rows if "p50" in row.metric)

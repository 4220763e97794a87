"""Buying for a show that begins in a minute: its coverage is open at once, at whatever hour the tests run."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

EARLY: Final = {"margin_before_s": 3600, "margin_after_s": 600, "prep_s": 900, "thresholds_minutes": []}
"""The rules of such terms."""


def order(terms: str, package: str) -> dict[str, Any]:
    """One add-on. Its term began two days ago: coverage that opens an hour ago may open yesterday, in the zone (Q14)."""
    return {
        "order_ref": f"order-{uuid4().hex[:8]}",
        "terms_version": terms,
        "base_package_id": package,
        "zone": "Europe/Paris",
        "starts_on": (datetime.now(UTC) - timedelta(days=2)).date().isoformat(),
    }

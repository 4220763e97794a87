"""Tests look at everything: they play the house, and check from behind the wall between tenants what requests did."""

import pytest

from chassis import tenancy


@pytest.fixture(scope="session", autouse=True)
async def _sees_all() -> None:
    tenancy.sees_all_from_here()

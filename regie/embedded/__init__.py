"""The real database and broker that `make run` and the tests start by themselves, from PyPI wheels."""

"""Benchmarks: each `bench/<name>.py` (or package) is run by `make bench-<name>` and reports through `bench.report`.

Ours and the references run interleaved in one run (`bench.rounds`), so that what else the machine does meets all of them.
"""

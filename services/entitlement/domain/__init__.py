"""The rules of entitlement, pure: no clock, no randomness, no input or output.

Three aggregates: `terms` (versions that never change), `access` (what a customer has), `entitlement` (one add-on: its
life in `standing`, its binding to a show in `reserving`, its covered day in `covering`, its hours in `accounting`).
"""

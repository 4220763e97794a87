"""The rules of scheduling, pure: no clock, no randomness, no input or output.

Aggregates: `show` (its life), `rundown` (its run of show; `plan` is the data, `retiming` the arithmetic of a late day),
`crew` (teams and seats), `rota` (one analyst's time), `prep`, `training`, `timechecks`, `readiness`.
"""

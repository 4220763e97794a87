"""Writes what a benchmark found to `docs/benchmarks`: `<name>.json` for programs, `<name>.md` and `<name>.svg` for people.

The JSON is a list of `{"metric", "ours", "reference", "reference_value", "ratio", "goal", "holds"}`; `ratio` is ours
divided by the reference's. The markdown adds the machine, versions, date and command, and what bounds a missed goal.
"""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.chart import Panel, svg

__all__ = ["Panel", "Report", "Row", "grid", "plain", "svg", "write"]

FOLDER = Path(__file__).parent.parent / "docs" / "benchmarks"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison. `goal` is `">= x"` or `"<= x"`, about the ratio, or None where nothing is asked.

    Without a reference, `reference_value` is the number the goal is measured against (`"a second"`, 1e6).
    """

    metric: str
    ours: float
    reference: str
    reference_value: float
    goal: str | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.reference_value

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        sign, _, limit = self.goal.partition(" ")
        assert sign in (">=", "<="), self.goal
        return self.ratio >= float(limit) if sign == ">=" else self.ratio <= float(limit)

    def as_json(self) -> dict[str, object]:
        return {
            "metric": self.metric,
            "ours": rounded(self.ours),
            "reference": self.reference,
            "reference_value": rounded(self.reference_value),
            "ratio": rounded(self.ratio),
            "goal": self.goal,
            "holds": self.holds,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything one benchmark says. `command` is what a reader types; `packages` are distributions whose version counts.

    `sections` are further markdown, by heading: method, tables of every contestant, what bounds a goal not reached.
    """

    name: str
    title: str
    command: str
    rows: Sequence[Row]
    panels: Sequence[Panel] = ()
    packages: Sequence[str] = ()
    versions: Mapping[str, str] | None = None
    sections: Mapping[str, str] | None = None


def write(report: Report, folder: Path = FOLDER) -> list[Path]:
    """Writes the three files and answers their paths; prints the table, too. Without panels there is no chart."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{report.name}.json", folder / f"{report.name}.md"]
    rows = [row.as_json() for row in report.rows]
    paths[0].write_text(json.dumps(rows, indent=1) + "\n")
    paths[1].write_text(markdown(report))
    if report.panels:
        paths.append(folder / f"{report.name}.svg")
        paths[-1].write_text(svg(report.title, report.panels))
    print(table(report.rows))
    return paths


def markdown(report: Report) -> str:
    facts = {**machine(), **{name: version(name) for name in report.packages}, **(report.versions or {})}
    parts = [
        f"# {report.title}",
        (
            f"`{report.command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. "
            "Medians of interleaved rounds in one run; ratio is ours / reference."
        ),
        *([f"![{report.title}]({report.name}.svg)"] if report.panels else []),
        table(report.rows),
        *(f"## {heading}\n\n{text.strip()}" for heading, text in (report.sections or {}).items()),
        "## Machine and versions\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items()),
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row]) -> str:
    head = ("metric", "ours", "reference", "its value", "ratio", "goal", "holds")
    lines = [
        (r.metric, plain(r.ours), r.reference, plain(r.reference_value), plain(r.ratio), r.goal or "", _word(r.holds))
        for r in rows
    ]
    return grid(head, lines)


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])


def _word(holds: bool | None) -> str:
    return "" if holds is None else "yes" if holds else "**no**"


def rounded(value: float) -> float:
    """Three significant digits, or whole numbers from a hundred on: more would claim a precision nobody has."""
    return round(value) if abs(value) >= 100 else float(f"{value:.3g}")


def plain(value: float) -> str:
    return f"{rounded(value):,}"


def machine() -> dict[str, str]:
    """Facts of this machine that decide figures."""
    cpu = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return {
        "cores": f"{len(os.sched_getaffinity(0))} x {models[0] if models else platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load average when written (1, 5, 15 min)": load,
        "Python": sys.version.split()[0],
    }

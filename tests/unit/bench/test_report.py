"""A benchmark's report says plainly what holds and what does not."""

import json
from xml.etree import ElementTree as ET

import pytest

from bench import report
from bench.chart import Panel
from bench.report import Report, Row
from bench.rounds import interleaved

FAST = Row(metric="appends/s", ours=42_084, reference="peer", reference_value=2_000, goal=">= 20")
SLOW = Row(metric="p50 ms", ours=1.5, reference="limit", reference_value=1.0, goal="<= 1.3")


def test_a_goal_is_about_the_ratio_and_knows_its_direction():
    assert (FAST.ratio, FAST.holds, SLOW.holds) == (21.042, True, False)
    assert Row(metric="x", ours=1, reference="y", reference_value=2).holds is None


def test_a_goal_nobody_can_check_is_refused():
    with pytest.raises(AssertionError):
        _ = Row(metric="x", ours=1, reference="y", reference_value=2, goal="fast").holds


def test_the_files_hold_the_rows_the_machine_and_a_chart_that_is_xml(tmp_path):
    panels = [Panel(title="appends", unit="/s", groups={"64 writers": {"ours & more": 42_084, "peer": 2_000}})]
    found = Report(name="x", title="X", command="make bench-x", rows=[FAST, SLOW], panels=panels, packages=["msgspec"])
    json_path, markdown_path, chart_path = report.write(found, tmp_path)
    assert json.loads(json_path.read_text())[1] == {
        "metric": "p50 ms",
        "ours": 1.5,
        "reference": "limit",
        "reference_value": 1.0,
        "ratio": 1.5,
        "goal": "<= 1.3",
        "holds": False,
    }
    text = markdown_path.read_text()
    assert "| **no** |" in text
    assert "msgspec: " in text
    assert "cores: " in text
    assert "ours & more" in [node.text for node in ET.fromstring(chart_path.read_text()).iter()]


def test_a_logarithmic_chart_keeps_the_smallest_bar_visible():
    panel = Panel(title="a", unit="/s", logarithmic=True, groups={"g": {"big": 1e6, "small": 1.0}})
    nodes = ET.fromstring(report.svg("t", [panel])).iter("{http://www.w3.org/2000/svg}rect")
    widths = [float(node.get("width")) for node in nodes]
    assert min(widths) > 10


async def test_rounds_are_interleaved_and_give_medians():
    order = []

    def contestant(name, values):
        async def run():
            order.append(name)
            return {"rate": values.pop(0)}

        return run

    measured = await interleaved({"a": contestant("a", [1, 9, 5]), "b": contestant("b", [2, 2, 8])}, rounds=3)
    assert all(set(order[at : at + 2]) == {"a", "b"} for at in (0, 2, 4))
    assert measured.value("a", "rate") == 5
    assert measured.spread("b", "rate") == (2, 8)
    assert measured.best(["a", "b"], "rate") == "a"
    assert measured.best(["a", "b"], "rate", lowest=True) == "b"

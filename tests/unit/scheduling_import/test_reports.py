"""What is wrong with a file is told completely, with line or pointer and rule. Each malformed file has its report."""

import json

import pytest

from services.scheduling.schedules import ScheduleInvalid, read_schedule
from services.scheduling.schedules.read import LARGEST

from .files import OWN, event, timed, xml

MALFORMED = sorted(path for path in (OWN / "malformed").iterdir() if not path.name.endswith(".report.json"))


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path.name)
def test_a_malformed_file_is_refused_with_its_report(path):
    expected = json.loads(path.with_name(f"{path.name}.report.json").read_text("utf-8"))
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(path.read_bytes(), zone=None, filename=path.name)
    assert (refused.value.code, refused.value.status) == ("RUNDOWN_INVALID", 422)
    assert refused.value.facts["format"] == expected["format"]
    assert refused.value.facts["errors"] == [{"place": "body", **error} for error in expected["errors"]]
    assert refused.value.facts["error_count"] == len(expected["errors"])


def test_the_folder_is_not_empty():
    assert len(MALFORMED) >= 20


def test_more_than_a_hundred_errors_are_counted_and_capped():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(xml("".join(event("<title>Un</title>") for _ in range(250))), zone=None)
    assert refused.value.facts["error_count"] == 250
    assert len(refused.value.facts["errors"]) == 100
    assert "249 more" in refused.value.detail


def test_warnings_beyond_the_cap_are_counted_in_a_last_one():
    schedule = read_schedule(xml("".join(timed(more=f"<room>B{n}</room>") for n in range(120))), zone=None)
    assert len(schedule.warnings) == 101
    assert "more warnings" in schedule.warnings[-1].rule


def test_a_file_that_is_too_large_is_not_read():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(b" " * (LARGEST + 1), zone=None)
    assert str(LARGEST) in refused.value.facts["errors"][0]["rule"]


def test_too_many_elements_are_refused():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(b"<schedule>" + b"<a/>" * 200_001 + b"</schedule>", zone=None)
    assert "200000" in refused.value.facts["errors"][0]["rule"]


def test_an_external_entity_is_never_fetched():
    bomb = b'<!DOCTYPE s SYSTEM "file:///etc/passwd"><schedule/>'
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(bomb, zone=None)
    assert "DOCTYPE" in refused.value.facts["errors"][0]["rule"]


def test_the_name_of_a_file_is_never_believed():
    data = (OWN / "schedule.json").read_bytes()
    assert read_schedule(data, zone=None, filename="x.xml", content_type="application/xml").sessions


def test_a_zone_that_does_not_exist_is_refused_if_asked_for():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(xml(timed()), zone="Europe/Lutece")
    assert "Europe/Lutece" in refused.value.facts["errors"][0]["rule"]


def test_an_overlap_is_an_error_where_overlaps_are_not_allowed():
    data = xml(timed("10:00") + timed("10:15"))
    assert any("overlaps" in warning.rule for warning in read_schedule(data, zone=None).warnings)
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(data, zone=None, allow_overlaps=False)
    (error,) = refused.value.facts["errors"]
    assert error["field"] == "/schedule/day/room/event[2]/start"
    assert "by 15 min" in error["rule"]


@pytest.mark.parametrize("name", ["title", "track", "subtitle"])
def test_an_endless_text_is_refused_and_not_cut(name):
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(
            xml(event(f"<{name}>{'x' * 1001}</{name}><start>10:00</start><duration>30</duration>")), zone=None
        )
    assert any("1000" in error["rule"] for error in refused.value.facts["errors"])


def test_more_sessions_than_any_conference_has_are_refused():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(xml("<event/>" * 10_001), zone=None)
    assert [error["rule"][:26] for error in refused.value.facts["errors"]] == ["there are 10001 sessions; "]


def test_more_json_objects_than_any_conference_has_are_refused_unread():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(b'{"schedule":{"events":[' + b"{}," * 200_000, zone=None)
    assert "200000 objects" in refused.value.facts["errors"][0]["rule"]


def test_a_list_longer_than_any_conference_needs_is_refused():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(b'{"schedule":{"conference":{},"events":[' + b"0," * 20_000 + b"0]}}", zone=None)
    assert refused.value.facts["errors"][0]["field"] == "/schedule/events"


def test_more_days_than_a_year_has_are_refused():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(xml(timed()).replace(b"</day>", b"</day>" + b'<day date="2026-06-11"/>' * 400), zone=None)
    assert "401 days" in refused.value.facts["errors"][0]["rule"]


def test_a_report_repeats_no_endless_value():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule(xml(timed("9" * 10_000, "x" * 10_000), conference=f"<days>{'9' * 10_000}</days>"), zone="UTC")
    assert len(json.dumps(refused.value.facts)) < 2_000

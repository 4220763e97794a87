"""Real public schedules, which stand beside the repository and are never copied into it."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from services.scheduling.schedules import ScheduleInvalid, read_schedule, select, write_schedule_json

from .files import PUBLIC

pytestmark = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public schedules (../shared/data/schedules) are not beside this repository"
)

VALID = [
    ("voc-frab-camp2019.facts.json", None, 79, 2),
    ("voc-pretalx-democon.json", None, 36, 2),
    ("voc-hub-schedule2.facts.json", None, 2, 2),
    ("fosdem-2007.facts.xml", "Europe/Brussels", 215, 18),
]


@pytest.mark.parametrize(("name", "zone", "sessions", "stages"), VALID)
def test_every_session_and_stage_is_imported(name, zone, sessions, stages):
    schedule = read_schedule((PUBLIC / name).read_bytes(), zone=zone)
    assert (len(schedule.sessions), len(schedule.stages)) == (sessions, stages)
    assert len({session.id for session in schedule.sessions}) == sessions
    assert all(session.starts_at < session.ends_at for session in schedule.sessions)


@pytest.mark.parametrize(("name", "zone", "sessions", "stages"), VALID)
def test_it_is_written_and_read_back_without_loss(name, zone, sessions, stages):
    schedule = read_schedule((PUBLIC / name).read_bytes(), zone=zone)
    again = read_schedule(write_schedule_json(schedule), zone=None)
    assert again.sessions == schedule.sessions
    assert again.days == schedule.days


def test_a_session_after_midnight_stays_with_its_conference_day():
    schedule = read_schedule((PUBLIC / "voc-frab-camp2019.facts.json").read_bytes(), zone=None)
    zone = ZoneInfo(schedule.zone)
    crossing = [it for it in schedule.sessions if it.local_start[:10] != f"{it.ends_at.astimezone(zone):%Y-%m-%d}"]
    assert len(crossing) == 1
    for session in crossing:
        (day,) = (day for day in schedule.days if day.index == session.day)
        assert session in select(schedule, day=day.date).sessions


def test_recording_flags_are_kept():
    schedule = read_schedule((PUBLIC / "voc-pretalx-democon.json").read_bytes(), zone=None)
    assert sum(session.do_not_record for session in schedule.sessions) == 2


def test_local_times_without_a_zone_are_refused_once_for_the_whole_file():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule((PUBLIC / "fosdem-2007.facts.xml").read_bytes(), zone=None)
    (error,) = refused.value.facts["errors"]
    assert error["line"] == 16
    assert "no time zone" in error["rule"]
    assert "215" in error["rule"]


def test_an_old_file_gets_the_dates_of_its_days():
    schedule = read_schedule((PUBLIC / "fosdem-2007.facts.xml").read_bytes(), zone="Europe/Brussels")
    assert [day.date for day in schedule.days] == [date(2007, 2, 25), date(2007, 2, 26)]
    (session,) = (it for it in schedule.sessions if it.title == "AIGLX")
    assert (session.local_start, session.stage) == ("2007-02-25T15:00:00+01:00", "Chavanne")


def test_the_invalid_example_is_refused_with_line_field_and_rule():
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule((PUBLIC / "voc-invalid-example.json").read_bytes(), zone=None)
    facts = refused.value.facts
    assert [(error["line"], error["field"]) for error in facts["errors"]] == [(59, "/schedule/rooms")]
    assert {warning["line"] for warning in facts["warnings"]} == {6, 43, 44}


@pytest.mark.parametrize(
    ("name", "recognised"),
    [("moca24.facts.ics", "iCalendar"), ("pyconuk2015-schedule.rst", "reStructuredText")],
)
def test_what_is_not_supported_yet_is_recognised(name, recognised):
    with pytest.raises(ScheduleInvalid) as refused:
        read_schedule((PUBLIC / name).read_bytes(), zone=None, filename=name)
    assert recognised in refused.value.facts["errors"][0]["rule"]

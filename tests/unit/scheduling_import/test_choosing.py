"""A customer takes a day, a stage or the first few sessions, and moves them to another time."""
# ruff: noqa: DTZ001 - local times, which carry no zone, are what is tested

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.api.examples import SCHEDULES
from services.scheduling.schedules import ScheduleInvalid, read_schedule, rebase, select

from .files import OWN, timed, xml


@pytest.fixture
def schedule():
    second_day = f'</room></day><day index="2" date="2026-06-11"><room name="Salle A">{timed("09:00")}</room>'
    second_day += f'<room name="Salle B">{timed("01:00")}{timed("08:00")}'
    return read_schedule(xml(timed("10:00") + timed("11:00") + second_day), zone=None)


def test_a_day_is_chosen_by_date_or_index_and_keeps_its_night(schedule):
    chosen = select(schedule, day=date(2026, 6, 11))
    assert chosen == select(schedule, day=2)
    assert [session.local_start[:13] for session in chosen.sessions] == [
        "2026-06-11T09",
        "2026-06-11T08",
        "2026-06-12T01",
    ]
    assert [day.index for day in chosen.days] == [2]


def test_stages_and_the_first_sessions_are_chosen(schedule):
    assert select(schedule, stages=["Salle B"]).stages == ("Salle B",)
    assert [session.stage for session in select(schedule, day=2, first=2).sessions] == ["Salle A", "Salle B"]
    assert len(select(schedule, first=99).sessions) == 5
    assert select(schedule) == schedule


@pytest.mark.parametrize("choice", [{"day": 3}, {"day": date(2027, 1, 1)}, {"stages": ["Salle C"]}])
def test_what_is_not_there_is_refused_with_what_is(schedule, choice):
    with pytest.raises(ScheduleInvalid) as refused:
        select(schedule, **choice)
    assert "there are: " in refused.value.facts["errors"][0]["rule"]


@pytest.mark.parametrize("choice", [{"first": 0}, {"first": -1}, {"stages": []}, {"day": 1, "stages": ["Salle B"]}])
def test_an_empty_choice_is_refused(schedule, choice):
    with pytest.raises(ScheduleInvalid):
        select(schedule, **choice)


def test_moving_keeps_gaps_and_relabels_the_day(schedule):
    moved = rebase(select(schedule, day=1), datetime(2030, 1, 1, 8, tzinfo=UTC))
    assert moved.starts_at == datetime(2030, 1, 1, 8, tzinfo=UTC)
    assert [session.local_start for session in moved.sessions] == [
        "2030-01-01T09:00:00+01:00",
        "2030-01-01T10:00:00+01:00",
    ]
    assert moved.days[0].date == date(2030, 1, 1)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_moving_there_and_back_changes_nothing(start):
    schedule = read_schedule((OWN / "schedule.xml").read_bytes(), zone=None)
    moved = rebase(schedule, start.replace(tzinfo=UTC))
    assert rebase(moved, schedule.starts_at) == schedule
    gaps = [(b.starts_at - a.ends_at) for a, b in zip(moved.sessions, moved.sessions[1:], strict=False)]
    assert gaps == [timedelta(minutes=5), timedelta(0), timedelta(0)]


@pytest.mark.parametrize("body", sorted(set(SCHEDULES.values())), ids=["xml", "json"])
def test_the_schedule_our_api_shows_as_an_example_is_one_it_takes(body):
    read = read_schedule(body.encode(), zone=None)
    assert [session.title for session in read.sessions] == ["Opening keynote"]

"""Local times become instants only where they exist once, and elapsed time crosses clock changes."""
# ruff: noqa: DTZ001 - local times, which carry no zone, are what is tested

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import (
    LocalTimeAmbiguous,
    LocalTimeNonexistent,
    ZoneUnknown,
    as_utc,
    elapsed,
    elapsed_ms,
    instant,
    offset_text,
    tzdb_version,
    zone_named,
)

PARIS = ZoneInfo("Europe/Paris")
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "America/St_Johns"]


def test_a_skipped_local_time_is_refused_and_told_when_the_clocks_resume():
    with pytest.raises(LocalTimeNonexistent) as refused:
        instant(datetime(2026, 3, 29, 2, 30), PARIS)
    assert (refused.value.code, refused.value.status) == ("LOCAL_TIME_NONEXISTENT", 422)
    assert refused.value.facts["resumes_at"] == "2026-03-29T03:00:00"


def test_a_skipped_half_hour_is_found_too():
    with pytest.raises(LocalTimeNonexistent) as refused:
        instant(datetime(2026, 10, 4, 2, 15), ZoneInfo("Australia/Lord_Howe"))
    assert refused.value.facts["resumes_at"] == "2026-10-04T02:30:00"


def test_a_fold_does_not_make_a_skipped_time_exist():
    with pytest.raises(LocalTimeNonexistent):
        instant(datetime(2026, 3, 29, 2, 30), PARIS, fold=1)


def test_a_repeated_local_time_is_refused_with_the_choices():
    with pytest.raises(LocalTimeAmbiguous) as refused:
        instant(datetime(2026, 10, 25, 2, 30), PARIS)
    assert (refused.value.code, refused.value.status) == ("LOCAL_TIME_AMBIGUOUS", 422)
    assert refused.value.facts["choices"] == [{"fold": 0, "offset": "+02:00"}, {"fold": 1, "offset": "+01:00"}]


def test_a_fold_chooses_between_the_two():
    assert instant(datetime(2026, 10, 25, 2, 30), PARIS, fold=0) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant(datetime(2026, 10, 25, 2, 30), PARIS, fold=1) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_the_edges_of_a_change_exist_once():
    assert instant(datetime(2026, 3, 29, 1, 59, 59), PARIS) == datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    assert instant(datetime(2026, 3, 29, 3, 0), PARIS) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert instant(datetime(2026, 10, 25, 3, 0), PARIS) == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)


def test_a_local_time_with_an_offset_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="offset"):
        instant(datetime(2026, 1, 1, tzinfo=UTC), PARIS)
    with pytest.raises(ValueError, match="offset"):
        as_utc(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "name", ["", "Europe", "CEST+1:00", "../../etc/passwd", "/etc/localtime", "Mars/Olympus", "Europe/"]
)
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ZoneUnknown) as refused:
        zone_named(name)
    assert refused.value.facts == {"zone": name}


def test_the_same_zone_does_not_subtract_wall_clocks():
    start = datetime(2026, 10, 24, 22, 0, tzinfo=PARIS)
    end = datetime(2026, 10, 25, 5, 0, tzinfo=PARIS)
    assert end - start == timedelta(hours=7)
    assert elapsed(start, end) == timedelta(hours=8)
    assert elapsed_ms(start, end) == 8 * 3_600_000


def test_the_database_has_a_release():
    release = tzdb_version()
    assert release[:2] == "20"
    assert release[-1].isalpha()


def test_without_a_system_database_the_package_names_the_release(monkeypatch):
    monkeypatch.setattr("chassis.clock.TZPATH", ())
    assert tzdb_version.__wrapped__()[:2] == "20"
    assert zoneinfo.TZPATH is not None


@given(moment=st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)), name=st.sampled_from(ZONES))
def test_every_instant_survives_the_way_over_its_local_time(moment, name):
    zone, moment = ZoneInfo(name), moment.replace(tzinfo=UTC)
    local = moment.astimezone(zone)
    assert instant(local.replace(tzinfo=None), zone, fold=local.fold) == moment
    assert local.isoformat().endswith(offset_text(moment, zone))

"""What is written is read back without loss, and no mutation of a file ends in anything but a schedule or a report."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheduling.schedules import (
    Schedule,
    ScheduleDay,
    ScheduledSession,
    ScheduledSpeaker,
    ScheduleInvalid,
    SessionKind,
    read_schedule,
    write_schedule_json,
)
from services.scheduling.schedules.model import kind_of
from services.scheduling.schedules.values import clean

from .files import OWN

TEXTS = st.text(max_size=20).map(clean)
NAMES = TEXTS.filter(bool)
ZONES = ["Europe/Paris", "America/New_York", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe"]
MIDNIGHT = datetime(2026, 10, 24, 22, tzinfo=UTC)
IDS = st.one_of(st.uuids().map(str), st.integers(0, 10**9).map(str), NAMES)
SPEAKERS = st.lists(
    st.builds(ScheduledSpeaker, source_id=IDS, name=NAMES), max_size=3, unique_by=lambda it: it.source_id
)


@st.composite
def schedules(draw):
    zone = draw(st.sampled_from(ZONES))
    days = draw(st.integers(1, 3))
    sessions = [draw(a_session(ZoneInfo(zone), draw(st.integers(1, days)))) for _ in range(draw(st.integers(1, 6)))]
    title = draw(NAMES)
    return Schedule(
        title=title,
        acronym=draw(TEXTS),
        zone=zone,
        version=draw(TEXTS),
        generator=draw(TEXTS),
        days=tuple(a_day(index, ZoneInfo(zone)) for index in range(1, days + 1)),
        sessions=tuple(sorted(sessions, key=lambda it: (it.stage, it.starts_at, it.ends_at, it.id))),
    )


def a_day(index, zone):
    opens = MIDNIGHT + timedelta(days=index)
    return ScheduleDay(
        index=index, date=opens.astimezone(zone).date(), starts_at=opens, ends_at=opens + timedelta(days=1)
    )


@st.composite
def a_session(draw, zone, day):
    start = MIDNIGHT + timedelta(days=day, seconds=draw(st.integers(0, 86_399)))
    speakers, type_, title = tuple(draw(SPEAKERS)), draw(TEXTS), draw(NAMES)
    return ScheduledSession(
        id=str(draw(st.uuids())),
        source_id=draw(st.one_of(st.just(""), st.integers(0, 10**9).map(str), NAMES)),
        title=title,
        subtitle=draw(TEXTS),
        stage=draw(NAMES),
        starts_at=start,
        ends_at=start + timedelta(seconds=draw(st.integers(1, 90_000))),
        local_start=start.astimezone(zone).isoformat(),
        day=day,
        track=draw(TEXTS),
        type=type_,
        kind=kind_of(type_, title, has_speakers=bool(speakers)),
        language=draw(TEXTS),
        speakers=speakers,
        do_not_record=draw(st.booleans()),
        do_not_stream=draw(st.booleans()),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(schedules())
def test_nothing_is_lost_between_writing_and_reading(schedule):
    again = read_schedule(write_schedule_json(schedule), zone=None)
    assert msgspec.structs.replace(again, warnings=()) == schedule


@settings(deadline=None)
@given(schedules(), st.sampled_from(SessionKind))
def test_a_kind_that_was_chosen_by_hand_survives(schedule, kind):
    chosen = tuple(msgspec.structs.replace(session, kind=kind) for session in schedule.sessions)
    again = read_schedule(write_schedule_json(msgspec.structs.replace(schedule, sessions=chosen)), zone=None)
    assert {session.kind for session in again.sessions} == {kind}


SEEDS = [path.read_bytes() for path in sorted(OWN.rglob("*")) if path.is_file() and "report" not in path.name]
PIECES = [b"<", b">", b"</event>", b"null", b"[]", b"{}", b'"', b"\x00", b"\xff", b"&", b"99:99", b"-1", b"1e999"]
PIECES += [
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"\\ud800",
    b"2026-03-29T02:30:00",
    b"\xef\xbb\xbf",
]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), st.sampled_from(PIECES)), max_size=6)


@settings(deadline=None, max_examples=200)
@given(seed=st.sampled_from(SEEDS), edits=EDITS, zone=st.sampled_from([None, "Europe/Paris", "Nowhere"]))
def test_a_mutated_file_is_read_or_refused_and_nothing_else(seed, edits, zone):
    data = seed
    for where, cut, piece in edits:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + cut :]
    check(data, zone)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)


def paths(value, path=()):
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from paths(part, (*path, key))


DOCUMENT = json.loads((OWN / "schedule.json").read_text("utf-8"))
PATHS = [path for path in paths(DOCUMENT) if path]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(PATHS), JSON), min_size=1, max_size=4))
def test_any_value_of_a_json_file_may_be_anything(changes):
    document = json.loads(json.dumps(DOCUMENT))
    for path, value in changes:
        parent = document
        for key in path[:-1]:
            part = parent.get(key) if isinstance(parent, dict) else None
            if isinstance(parent, list) and isinstance(key, int) and key < len(parent):
                part = parent[key]
            parent = part if isinstance(part, dict | list) else {}
        if isinstance(parent, dict) or (isinstance(path[-1], int) and path[-1] < len(parent)):
            parent[path[-1]] = value
    check(json.dumps(document).encode(), None)


def attempt(data, zone):
    try:
        return read_schedule(data, zone=zone)
    except ScheduleInvalid as refused:
        return refused


def check(data, zone):
    schedule = attempt(data, zone)
    if isinstance(schedule, ScheduleInvalid):
        assert schedule.facts["errors"]
        assert msgspec.json.encode(schedule.facts)
    else:
        assert schedule.sessions
        assert read_schedule(write_schedule_json(schedule), zone=None).sessions == schedule.sessions


@pytest.mark.parametrize("size", [0, 1, 7, 100])
def test_a_truncated_file_is_refused(size):
    with pytest.raises(ScheduleInvalid):
        read_schedule((OWN / "schedule.xml").read_bytes()[:size], zone=None)

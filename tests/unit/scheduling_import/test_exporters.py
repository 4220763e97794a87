"""Where exporters differ, the meaning is the same: one behaviour of one exporter per test."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from services.scheduling.schedules import ScheduleInvalid, SessionKind, read_schedule, rundown_problems
from services.scheduling.timing import back_to_back

from .files import EVENT, OWN, event, timed, xml

GUID = "0b5c1f0e-6a0a-4c6e-9d55-3a1f6f1f0001"


def read(data: bytes, zone: str | None = None):
    return read_schedule(data, zone=zone)


def only(data: bytes, zone: str | None = None):
    (session,) = read(data, zone).sessions
    return session


def rules(schedule) -> str:
    return " | ".join(warning.rule for warning in schedule.warnings)


def v1(entry: dict, **conference: object) -> bytes:
    day = {"index": 1, "date": "2026-06-10", "rooms": {"Salle A": [entry]}}
    body = {"title": "T", "time_zone_name": "Europe/Paris", "days": [day], **conference}
    return json.dumps({"schedule": {"version": 1.5, "conference": body}}).encode()


TALK = {"title": "Un", "date": "2026-06-10T10:00:00+02:00", "duration": "00:30"}


def test_our_own_example_says_the_same_in_xml_and_json():
    schedule = read((OWN / "schedule.xml").read_bytes())
    assert schedule == read((OWN / "schedule.json").read_bytes())
    assert schedule.warnings == ()
    assert rundown_problems(schedule) == []
    assert schedule.stages == ("Scène principale",)
    assert [session.kind.value for session in schedule.sessions] == ["talk", "talk", "break", "talk"]
    assert [it.gap_s for it in back_to_back(schedule.slots())] == [300]
    assert schedule.ends_at - schedule.starts_at < timedelta(hours=8)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0:45", 45), ("00:45", 45), ("1:00", 60), ("00:45:00", 45), ("45", 45), ("PT1H30M", 90), ("26:00", 1560)],
)
def test_durations_are_written_in_many_ways(text, minutes):
    session = only(xml(timed(duration=text)))
    assert session.ends_at - session.starts_at == timedelta(minutes=minutes)


def test_pretalx_puts_days_before_hours():
    data = xml(timed(duration="1:00:30")).replace(b"<conference>", b'<generator name="pretalx"/><conference>')
    session = only(data)
    assert session.ends_at - session.starts_at == timedelta(days=1, minutes=30)


@pytest.mark.parametrize("text", ["00:00", "0", "-00:30", "00:61", "1h", "00:30:61", "169:00", "٣٠:٩٩"])
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(ScheduleInvalid):
        only(xml(timed(duration=text)))


def test_a_start_before_the_day_change_is_on_the_next_calendar_day():
    data = xml(timed("01:30"), conference="<day_change>06:00</day_change><time_zone_name>UTC</time_zone_name>")
    session = only(data)
    assert session.starts_at == datetime(2026, 6, 11, 1, 30, tzinfo=UTC)
    assert session.day == 1


def test_a_start_after_the_day_change_is_on_the_day():
    data = xml(timed("01:30"), conference="<day_change>00:00</day_change><time_zone_name>UTC</time_zone_name>")
    assert only(data).starts_at == datetime(2026, 6, 10, 1, 30, tzinfo=UTC)


def test_some_count_hours_beyond_midnight():
    assert only(xml(timed("25:30")), "UTC").starts_at == datetime(2026, 6, 11, 1, 30, tzinfo=UTC)


def test_a_full_date_prevails_over_start_and_over_the_day():
    more = "<date>2026-06-11T01:30:00+02:00</date>"
    schedule = read(xml(timed("01:45", more=more)))
    assert schedule.sessions[0].starts_at == datetime(2026, 6, 10, 23, 30, tzinfo=UTC)
    assert "which counts" in rules(schedule)


def test_a_date_without_time_is_the_calendar_day_of_the_start():
    assert only(xml(timed("01:30", more="<date>2026-06-12</date>")), "UTC").starts_at.day == 12


def test_a_night_of_a_clock_change_is_resolved_by_the_offset():
    first = only(xml(timed("02:30", more="<date>2026-10-25T02:30:00+02:00</date>")))
    second = only(xml(timed("02:30", more="<date>2026-10-25T02:30:00+01:00</date>")))
    assert second.starts_at - first.starts_at == timedelta(hours=1)
    assert (first.local_start[-6:], second.local_start[-6:]) == ("+02:00", "+01:00")


def test_a_session_over_a_clock_change_lasts_what_it_says():
    session = only(xml(timed("01:00", "04:00", more="<date>2026-10-25T01:00:00</date>")))
    assert session.ends_at - session.starts_at == timedelta(hours=4)


def test_events_directly_below_the_day_name_their_room():
    data = xml("").replace(b'<room name="Salle A"></room>', event(f"{EVENT}<room>Janson</room>").encode())
    assert only(data).stage == "Janson"


def test_the_enclosing_room_counts():
    schedule = read(xml(timed(more="<room>Salle B</room>")))
    assert schedule.stages == ("Salle A",)
    assert "Salle B" in rules(schedule)


def test_a_missing_room_gets_a_name():
    schedule = read(xml(timed()).replace(b' name="Salle A"', b""))
    assert schedule.stages == ("Stage",)
    assert "no room" in rules(schedule)


def test_empty_elements_are_absent_values():
    empty = "".join(f"<{name}/>" for name in ("subtitle", "track", "type", "language", "date", "end", "persons"))
    session = only(xml(timed(more=empty)))
    assert (session.subtitle, session.track, session.type, session.language, session.speakers) == ("", "", "", "", ())


def test_cdata_markup_and_blanks_become_plain_text():
    assert only(xml(event(EVENT.replace("Un", "<![CDATA[ Un &\n deux ]]>")))).title == "Un & deux"


def test_control_characters_never_reach_a_title():
    assert only(v1({**TALK, "title": "Un\u0000 de\u0007ux\u2028"})).title == "Un de ux"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings_of_xml_are_understood(encoding):
    name = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{name}"?>' + xml(event(EVENT.replace("Un", "Été"))).decode()
    assert only(text.encode(encoding)).title == "Été"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_of_json_are_understood(encoding):
    assert only(v1(TALK).decode().encode(encoding)).title == "Un"


def test_a_namespace_or_a_blank_before_the_declaration_does_no_harm():
    data = xml(timed()).replace(b"<schedule>", b'<schedule xmlns="urn:x" xmlns:xsi="urn:y" xsi:z="a">')
    assert only(b'\n<?xml version="1.0"?>' + data).title == "Un"


@pytest.mark.parametrize("value", ["true", "True", "1", "yes"])
def test_opting_out_of_recording_is_understood(value):
    assert only(xml(timed(more=f"<recording><optout>{value}</optout></recording>"))).do_not_record
    assert only(v1({**TALK, "do_not_record": value, "do_not_stream": value})).do_not_stream


def test_an_unreadable_flag_counts_as_set():
    schedule = read(v1({**TALK, "do_not_record": "ask her"}))
    assert schedule.sessions[0].do_not_record
    assert "taken as true" in rules(schedule)


@pytest.mark.parametrize("value", [None, False, "", 0])
def test_no_flag_is_no_flag(value):
    assert not only(v1({**TALK, "do_not_record": value})).do_not_record


def test_a_room_that_forbids_recording_says_so_for_its_sessions():
    rooms = [{"name": "Salle A", "features": {"recording": "recording_forbidden"}}]
    assert only(v1(TALK, rooms=rooms)).do_not_record


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"id": 7, "public_name": "Zoé"}, ("7", "Zoé")),
        ({"id": 7, "full_public_name": "Zoé"}, ("7", "Zoé")),
        ({"id": 7, "code": "ABC", "name": "Zoé", "public_name": "Z"}, ("ABC", "Zoé")),
        ({"guid": GUID, "id": "x", "name": "Zoé"}, (GUID, "Zoé")),
    ],
)
def test_persons_are_named_in_many_ways(person, expected):
    (speaker,) = only(v1({**TALK, "persons": [person]})).speakers
    assert (speaker.source_id, speaker.name) == expected


def test_a_person_without_id_gets_a_stable_one_and_one_without_name_is_left_out():
    data = v1({**TALK, "persons": ["Zoé", {"id": 8}, {"name": None}]})
    (speaker,) = only(data).speakers
    assert speaker == only(data).speakers[0]
    assert len(speaker.source_id) == 36


def test_null_persons_and_null_texts_are_absent():
    session = only(v1({**TALK, "persons": None, "subtitle": None, "track": None, "language": None, "id": None}))
    assert (session.speakers, session.subtitle, session.source_id) == ((), "", "")


def test_texts_per_language_give_one():
    session = only(v1({**TALK, "title": {"de": "Eins", "en": "One"}, "track": {"fr": "Métiers"}}))
    assert (session.title, session.track) == ("One", "Métiers")


def test_ids_may_be_numbers_or_texts():
    assert only(v1({**TALK, "id": 5})).source_id == only(v1({**TALK, "id": "5"})).source_id == "5"
    assert only(v1({**TALK, "id": 5})).id == only(v1({**TALK, "id": "5"})).id


def test_an_id_stays_when_the_session_is_moved():
    assert only(v1({**TALK, "id": 5})).id == only(v1({**TALK, "id": 5, "duration": "00:45", "title": "Autre"})).id


def test_a_guid_is_kept_and_one_that_is_no_uuid_gives_a_stable_id():
    assert only(xml(event(guid=GUID.upper()))).id == GUID
    odd = "HOqeNIb6G7M4hYFKFRkCmQ"
    assert only(xml(event(guid=odd))).id == only(xml(event(guid=odd, id="9"))).id


def test_repeated_ids_are_reported_and_stay_apart():
    schedule = read(xml("".join(event(EVENT.replace("10:", f"{hour}:"), guid=GUID) for hour in (10, 11, 11, 11))))
    assert len({session.id for session in schedule.sessions}) == 4
    assert "more than once" in rules(schedule)


def test_a_missing_zone_is_taken_from_the_offsets():
    schedule = read(v1(TALK, time_zone_name=None))
    assert schedule.zone == "Etc/GMT-2"
    assert schedule.sessions[0].local_start == "2026-06-10T10:00:00+02:00"


def test_a_zone_that_is_none_matters_only_without_offsets():
    assert "Rails" in rules(read(v1(TALK, time_zone_name="Rails (GMT+1)")))
    with pytest.raises(ScheduleInvalid):
        read(v1({**TALK, "date": "2026-06-10T10:00:00"}, time_zone_name="Rails (GMT+1)"))


def test_the_zone_asked_for_prevails_over_the_file():
    schedule = read(xml(timed()), "America/Montreal")
    assert schedule.zone == "America/Montreal"
    assert "Europe/Paris" in rules(schedule)
    assert schedule.sessions[0].local_start == "2026-06-10T10:00:00-04:00"


def test_offsets_that_contradict_the_zone_are_reported_and_kept():
    schedule = read(v1(TALK, time_zone_name="UTC"))
    assert schedule.sessions[0].starts_at == datetime(2026, 6, 10, 8, tzinfo=UTC)
    assert "offset" in rules(schedule)


def test_a_day_without_date_follows_from_the_conference():
    data = xml(timed(), conference="<start>2026-06-09</start><time_zone_name>UTC</time_zone_name>", day='index="1"')
    assert only(data).starts_at.date() == date(2026, 6, 9)


def test_days_with_the_same_index_are_told_apart():
    data = xml(timed()).replace(b"</day>", b'</day><day index="1" date="2026-06-11"></day>')
    assert [day.index for day in read(data).days] == [1, 2]


def test_php_writes_empty_objects_as_lists():
    body = json.loads(v1(TALK))
    body["schedule"]["conference"]["days"].append({"index": 2, "date": "2026-06-11", "rooms": []})
    assert len(read(json.dumps(body).encode()).sessions) == 1


def flat(*events: dict, **conference: object) -> bytes:
    body = {"title": "T", "time_zone_name": "Europe/Paris", "days": [], **conference}
    persons = [{"guid": GUID, "name": "Zoé"}]
    return json.dumps({"schedule": {"conference": body, "events": events, "persons": persons}}).encode()


FLAT = {"title": "Un", "start": "2026-06-10T10:00:00+02:00", "end": "2026-06-10T10:30:00+02:00", "room": {"name": "A"}}


def test_a_flat_file_refers_to_rooms_tracks_and_persons():
    rooms, tracks = [{"guid": GUID, "name": "Salle A"}], [{"slug": "m", "name": "Métiers"}]
    entry = {**FLAT, "room": {"guid": GUID}, "track": {"slug": "m"}, "participants": [{"guid": GUID, "role": "HOST"}]}
    session = only(flat(entry, rooms=rooms, tracks=tracks))
    assert (session.stage, session.track, session.speakers[0].name) == ("Salle A", "Métiers", "Zoé")


def test_a_flat_file_needs_no_days():
    night = {**FLAT, "start": "2026-06-11T01:00:00+02:00", "end": "2026-06-11T02:00:00+02:00"}
    schedule = read(
        flat({**FLAT, "start": "2026-06-12T09:00:00+02:00", "end": "2026-06-12T10:00:00+02:00"}, FLAT, night)
    )
    assert [(day.index, day.date) for day in schedule.days] == [(1, date(2026, 6, 10)), (2, date(2026, 6, 12))]
    assert [session.day for session in schedule.sessions] == [1, 1, 2]


@pytest.mark.parametrize("state", ["CANCELED", "WITHDRAWN", "REJECTED", "DRAFT"])
def test_what_does_not_take_place_is_left_out_and_reported(state):
    schedule = read(flat(FLAT, {**FLAT, "title": "Deux", "state": state}))
    assert len(schedule.sessions) == 1
    assert "left out" in rules(schedule)


def test_a_break_of_the_whole_conference_is_on_no_stage():
    schedule = read(flat(FLAT, {"type": "BREAK", "title": "Midi", "start": FLAT["start"], "end": FLAT["end"]}))
    assert len(schedule.sessions) == 1


@pytest.mark.parametrize(
    ("type_", "title", "speakers", "kind"),
    [
        ("lecture", "Un", True, SessionKind.TALK),
        ("", "Un", False, SessionKind.TALK),
        ("Workshop 60 Min", "Un", True, SessionKind.WORKSHOP),
        ("Coffee break", "Un", False, SessionKind.BREAK),
        ("", "Pause déjeuner", False, SessionKind.BREAK),
        ("Talk", "Lunch", False, SessionKind.BREAK),
        ("Talk", "Break", True, SessionKind.TALK),
        ("lunch talk", "Un", True, SessionKind.TALK),
        ("Talk", "Breaking things", False, SessionKind.TALK),
        ("video", "Générique", False, SessionKind.CLIP),
        ("DJ Set", "Un", False, SessionKind.PERFORMANCE),
        ("OTHER", "Un", True, SessionKind.OTHER),
    ],
)
def test_kinds_follow_from_the_words_of_the_file(type_, title, speakers, kind):
    persons = [{"id": 1, "name": "Zoé"}] if speakers else []
    assert only(v1({**TALK, "type": type_, "title": title, "persons": persons})).kind is kind


def test_a_session_in_which_nobody_speaks_is_imported_but_is_no_rundown():
    schedule = read(v1(TALK))
    assert "nobody speaks" in rules(schedule)
    (problem,) = rundown_problems(schedule)
    assert problem.field == f"/sessions/{schedule.sessions[0].id}/speakers"

"""Importing a schedule file: what it gives, what is refused, and that a repeat changes nothing."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from contracts import stage
from contracts.envelope import Role
from tests.integration.scheduling.conftest import DATA, Desk

FILE = (DATA / "schedule.xml").read_bytes()
PATH = "/shows/{}/run-of-show/import"


async def draft(desk: Desk) -> str:
    return str((await desk.post("/shows", 201, json={"title": "Rencontres", "zone": "Europe/Paris"}))["id"])


async def test_the_report_says_what_the_file_holds_and_whether_the_hours_suffice(desk: Desk) -> None:
    show_id = await draft(desk)
    report = await desk.upload(show_id, FILE)
    assert (report["sessions"], report["speakers"]) == (4, 5)
    assert report["stages"][0]["name"] == "Scène principale"
    assert report["coverage"]["verdict"] == "covered"
    assert report["coverage"]["needed_min"] == 210
    assert report["findings"]["counts"]["back_to_back"] == 1
    assert report["findings"]["problems"] == []


async def test_the_same_file_twice_is_one_plan_with_the_same_ids(desk: Desk) -> None:
    show_id = await draft(desk)
    await desk.upload(show_id, FILE)
    await desk.post(f"/shows/{show_id}/rundown/publish", 202)
    before = await desk.get(f"/shows/{show_id}/run-of-show")
    await desk.upload(show_id, FILE)
    published = await desk.post(f"/shows/{show_id}/rundown/publish", 202)
    assert published["events"] == []
    after = await desk.get(f"/shows/{show_id}/run-of-show")
    assert (after["rundown_version"], after["stages"]) == (1, before["stages"])


async def test_a_malformed_file_is_refused_with_lines_and_rules_and_nothing_is_recorded(desk: Desk) -> None:
    show_id = await draft(desk)
    position = await desk.house.store.head()
    broken = FILE.replace(b"<duration>00:45</duration>", b"<duration>soon</duration>").replace(
        b"<title>Ouverture : pourquoi le direct ?</title>", b"<title/>"
    )
    refused = await desk.upload(show_id, broken, 422)
    assert refused["code"] == "RUNDOWN_INVALID"
    assert refused["error_count"] == 2
    assert all(error["line"] and error["field"] and error["rule"] for error in refused["errors"])
    assert await desk.house.store.head() == position


async def test_a_part_of_a_file_is_taken_and_moved(desk: Desk) -> None:
    show_id = await draft(desk)
    starts_at = datetime(2031, 1, 2, 9, tzinfo=UTC)
    report = await desk.upload(show_id, FILE, day=1, first=2, stage="Scène principale", starts_at=starts_at.isoformat())
    assert report["sessions"] == 2
    assert datetime.fromisoformat(report["starts_at"]) == starts_at
    assert (await desk.upload(show_id, FILE, 422, stage="Nowhere"))["code"] == "RUNDOWN_INVALID"
    assert (await desk.upload(show_id, FILE, 422, starts_at="tomorrow"))["code"] == "INVALID"


async def test_an_import_is_one_event_whatever_the_file_holds(desk: Desk) -> None:
    show_id = await draft(desk)
    position = await desk.house.store.head()
    await desk.upload(show_id, FILE)
    assert await desk.house.store.head() == position + 1


async def test_an_import_repeated_with_its_key_is_recorded_once(desk: Desk) -> None:
    show_id = await draft(desk)
    headers = {"content-type": "application/xml", "idempotency-key": "import-1"}
    for _ in range(2):
        await desk.post(PATH.format(show_id), 200, content=FILE, headers=headers)
    tags = [entry["type"] for entry in await desk.events(show_id)]
    assert tags.count("scheduling.run_of_show_imported.v1") == 1


async def test_what_no_reader_knows_is_refused_by_its_media_type(desk: Desk) -> None:
    show_id = await draft(desk)
    refused = await desk.post(PATH.format(show_id), 415, content=b"%PDF", headers={"content-type": "application/pdf"})
    assert refused["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_an_analyst_does_not_import_the_customers_plan(desk: Desk) -> None:
    show_id = await draft(desk)
    headers = {"content-type": "application/xml"}
    refused = await desk.post(PATH.format(show_id), 403, as_=Role.ANALYST, content=FILE, headers=headers)
    assert refused["code"] == "FORBIDDEN"


async def test_a_session_that_has_begun_cannot_be_imported_away(desk: Desk) -> None:
    show_id, _ = await desk.confirmed(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5))
    plan = (await desk.get(f"/shows/{show_id}/run-of-show"))["stages"][0]
    session = plan["sessions"][2]
    desk.stage.say(
        stage.StreamStarted(
            at=datetime.now(UTC),
            effect_id=uuid4(),
            show_id=show_id,  # type: ignore[arg-type]
            stage_id=plan["stage_id"],
            run_id=uuid4(),
            session_id=session["session_id"],
            frame=0,
        )
    )
    await desk.until(
        f"/shows/{show_id}/run-of-show", lambda it: any(one["began_at"] for one in it["stages"][0]["sessions"])
    )
    refused = await desk.upload(show_id, FILE, 409, first=1)
    assert (refused["code"], refused["sessions"]) == ("SESSION_ALREADY_LIVE", [session["session_id"]])


async def test_a_local_time_that_does_not_exist_or_exists_twice_is_refused(desk: Desk) -> None:
    def body(starts: dict[str, object]) -> dict[str, object]:
        ends = {"local": "2026-10-25T09:00"}
        return {"title": "Night", "zone": "Europe/Paris", "starts": starts, "ends": ends}

    gap = await desk.post("/shows", 422, json=body({"local": "2026-03-29T02:30"}))
    assert gap["code"] == "LOCAL_TIME_NONEXISTENT"
    twice = await desk.post("/shows", 422, json=body({"local": "2026-10-25T02:30"}))
    assert twice["code"] == "LOCAL_TIME_AMBIGUOUS"
    drafted = await desk.post("/shows", 201, json=body({"local": "2026-10-25T02:30", "fold": 1}))
    show = await desk.get(f"/shows/{drafted['id']}")
    assert show["starts_at"] == "2026-10-25T01:30:00Z"


async def test_a_plan_by_hand_is_refused_as_a_list_until_it_is_whole(desk: Desk) -> None:
    show_id, one, two = await draft(desk), uuid4(), uuid4()
    session = {
        "title": "Talk",
        "stage": "Main",
        "starts_at": "2031-01-02T09:00:00Z",
        "ends_at": "2031-01-02T09:30:00Z",
    }
    overlapping = {**session, "starts_at": "2031-01-02T09:15:00Z", "kind": "break"}
    await desk.post(f"/shows/{show_id}/sessions/{one}", 200, method="PUT", json=session)
    await desk.post(f"/shows/{show_id}/sessions/{two}", 200, method="PUT", json=overlapping)
    refused = await desk.post(f"/shows/{show_id}/rundown/publish", 422)
    assert refused["code"] == "RUNDOWN_INVALID"
    assert sorted(error["field"] for error in refused["errors"]) == sorted(
        [f"/sessions/{one}/speakers", f"/sessions/{two}/starts_at"]
    )
    await desk.post(f"/shows/{show_id}/sessions/{one}/speakers", 201, json={"name": "Ada"})
    later = {**overlapping, "starts_at": "2031-01-02T09:30:00Z", "ends_at": "2031-01-02T09:40:00Z"}
    await desk.post(f"/shows/{show_id}/sessions/{two}", 200, method="PUT", json=later)
    await desk.post(f"/shows/{show_id}/rundown/publish", 202)
    show = await desk.get(f"/shows/{show_id}")
    assert (show["starts_at"], show["ends_at"]) == ("2031-01-02T09:00:00Z", "2031-01-02T09:40:00Z")

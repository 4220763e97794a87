"""From the stage's facts about a file to a film people watch: kept, accounted for, cut, uploaded, ranged."""

from uuid import uuid4

from contracts.envelope import Role
from contracts.stage.values import SegmentCause
from services.media import places
from services.media.editor import probe
from tests.integration.media.conftest import LENGTH_S, Media

SLACK_MS = 100
"""The encoder's first picture comes two frames late."""


async def test_a_session_becomes_a_kept_recording_an_edit_and_a_film_on_demand(media: Media, tmp_path) -> None:
    path = await media.recorded()
    recording = await media.get(path)
    assert (recording["live_ms"], recording["gaps_ms"], recording["unexplained_ms"]) == (4000, 0, 0)
    assert abs(recording["recorded_ms"] - 4000) <= SLACK_MS
    assert recording["vod_skipped"] is None
    [segment] = recording["segments"]
    assert segment["situation"] == "KEPT"
    assert not segment["salvaged"]

    patient = {"headers": {"prefer": "wait=30"}, "status": 200}
    made = await media.post(f"{path}/edits", {"trim": {"start_s": 1, "end_s": 3}, "loudness_lufs": -16}, **patient)
    assert (made["situation"], made["title"]) == ("RENDERED", "Talk 1")
    assert abs(made["duration_ms"] - 2000) <= 50

    vod = await media.post(f"/edits/{made['edit_id']}/vod", **patient)
    assert (vod["situation"], vod["sha256"]) == ("ON_DEMAND", made["sha256"])
    answer = await media.ask("GET", f"/vod/{vod['vod_id']}/content")
    assert answer.headers["content-type"] == "video/mp4"
    film = tmp_path / "film.mp4"
    film.write_bytes(answer.content)
    seen = await probe(film)
    assert seen.complete
    assert seen.video is not None
    assert seen.video.frames == 60

    origin = await media.get(f"/vod/{vod['vod_id']}/provenance")
    assert [one["sha256"] for one in origin["originals"]] == [segment["sha256"]]
    assert await media.parked() == []
    assert (await media.get("/jobs"))["items"] == []


async def test_a_player_gets_the_range_it_asks_for(media: Media) -> None:
    path = await media.recorded()
    [segment] = (await media.get(path))["segments"]
    content = f"{path}/segments/{segment['segment_id']}/content"
    whole = (await media.ask("GET", content)).content
    assert len(whole) == segment["size_bytes"]
    part = await media.ask("GET", content, headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert (await media.ask("GET", content, headers={"range": "bytes=-7"})).content == whole[-7:]
    assert (await media.ask("GET", content, headers={"range": "bytes=1-2,5-6"})).status_code == 200
    beyond = await media.ask("GET", content, headers={"range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.json()["code"]) == (416, "RANGE_NOT_SATISFIABLE")


async def test_every_download_of_an_original_is_recorded_and_a_player_looking_further_on_is_none(media: Media) -> None:
    path = await media.recorded()
    [segment] = (await media.get(path))["segments"]
    content = f"{path}/segments/{segment['segment_id']}/content"
    await media.ask("GET", content)
    await media.ask("GET", content, headers={"range": "bytes=100-"})
    told = await media.trail(path.strip("/").replace("recordings/", "recording-"))
    assert told.count("recording_downloaded") == 1
    assert (await media.ask("GET", content, role=Role.PARTNER)).status_code == 403


async def test_a_killed_engine_leaves_one_recording_with_its_gap_and_what_could_be_saved(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, film_name="killed.mp4", cause=SegmentCause.ENGINE_LOST)
    media.record(session_id, after_s=24)
    path = media.end_session(session_id, after_s=24 + LENGTH_S)
    recording = await media.until_is(path, "FINALISED")
    first, second = recording["segments"]
    assert first["salvaged"]
    assert not second["salvaged"]
    assert 1000 <= first["duration_ms"] < 4000
    [gap] = recording["gaps"]
    assert (gap["after_segment_id"], gap["cause"]) == (first["segment_id"], "engine_lost")
    assert gap["gap_ms"] == 20_000 + 4000 - first["duration_ms"]
    assert recording["live_ms"] == 28_000
    assert abs(recording["recorded_ms"] + recording["gaps_ms"] - 28_000) <= SLACK_MS
    assert recording["unexplained_ms"] == 0

    place = await media.get(f"{path}/position?at=2026-06-10T09:00:25Z")
    assert (place["segment_id"], place["offset_s"]) == (second["segment_id"], 1.0)
    nowhere = await media.ask("GET", f"{path}/position?at=2026-06-10T09:00:10Z")
    assert nowhere.json()["code"] == "SEGMENT_NOT_KEPT"


async def test_what_was_salvaged_and_what_came_after_are_joined_over_the_gap(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, film_name="killed.mp4", cause=SegmentCause.ENGINE_LOST)
    media.record(session_id, after_s=24)
    path = media.end_session(session_id, after_s=24 + LENGTH_S)
    recording = await media.until_is(path, "FINALISED")
    edit = await media.post(f"{path}/edits", {}, status=202)
    made = await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    assert len(made["segments"]) == 2
    assert abs(made["duration_ms"] - recording["recorded_ms"]) <= 100


async def test_a_file_that_is_no_film_is_lost_with_its_reason_and_its_time_is_a_gap(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, film_name="garbage.mp4")
    path = media.end_session(session_id)
    recording = await media.until_is(path, "FINALISED")
    [segment] = recording["segments"]
    assert segment["situation"] == "LOST"
    assert "is not a recording" in segment["lost"]
    assert recording["gaps"] == [{"after_segment_id": segment["segment_id"], "gap_ms": 4000, "cause": "segment_lost"}]


async def test_a_file_that_never_comes_is_waited_for_then_lost(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, film_name=None)
    recording = await media.until_is(media.end_session(session_id), "FINALISED")
    assert "not in the shared folder" in recording["segments"][0]["lost"]


async def test_a_name_that_leads_out_of_the_shared_folder_is_not_opened(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, film_name=None, file="../../etc/passwd")
    recording = await media.until_is(media.end_session(session_id), "FINALISED")
    assert "not a name inside the shared folder" in recording["segments"][0]["lost"]


async def test_more_missing_than_the_gaps_explain_is_told(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id, lasted_s=60)
    recording = await media.until_is(media.end_session(session_id, after_s=60), "INCOMPLETE")
    assert (recording["live_ms"], recording["gaps_ms"]) == (60_000, 0)
    assert abs(recording["unexplained_ms"] - 56_000) <= SLACK_MS


async def test_an_original_is_the_same_after_everything_was_made_of_it(media: Media) -> None:
    path = await media.recorded()
    [segment] = (await media.get(path))["segments"]
    edit = await media.post(f"{path}/edits", {"title": "Short", "trim": {"end_s": 1}}, status=202)
    await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    assert await places.originals(media.settings).sha256(segment["key"]) == segment["sha256"]


async def test_work_goes_on_after_a_restart(media: Media) -> None:
    session_id = uuid4()
    media.record(session_id)
    path = media.end_session(session_id)
    await media.until_heard()
    await media.restart()
    await media.until_is(path, "FINALISED")
    edit = await media.post(f"{path}/edits", {}, status=202)
    await media.restart()
    await media.until_is(f"/edits/{edit['id']}", "RENDERED")
    assert await media.parked() == []

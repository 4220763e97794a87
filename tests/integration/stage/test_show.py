"""A show on a real engine: asked over HTTP, done by the engine, told as facts with frames; and found again after a kill."""

import asyncio
import os
import signal
from typing import Any
from uuid import uuid4

from contracts.envelope import Role
from services.stage.engine.client import EngineClient
from tests.integration.stage.conftest import Service, Show
from tests.support.requests import ANY_VERSION


async def armed(service: Service, show: Show) -> tuple[str, int]:
    """A stage with its brand, its lease, and its session armed."""
    await service.prepare(show)
    base = f"/stages/{show.stage_id}"
    await service.post(f"{base}/brand", 200, colour="#204060")
    await service.post(f"{base}/lease", 201, ttl_s=600)
    lease = (await service.get(f"{base}/on-air"))["operator"]["number"]
    await service.post(f"{base}/arming", lease=lease, session_id=str(show.talk))
    await service.until(base, lambda stage: stage["engine_up"])
    return base, lease


async def on_stage(service: Service, base: str, lease: int, *presenters: Any) -> None:
    for presenter in presenters:
        path = f"{base}/presenters/{presenter}"
        await service.post(f"{path}/feed", feed="card")
        await service.until(f"{base}/presenters", lambda all_, who=str(presenter): _status(all_, who) == "CONNECTED")
        await service.post(f"{path}/tech-check", 200, light=True, video=True, audio=True)
        await service.post(f"{path}/readiness", 200)
        await service.post(f"{path}/on-stage", lease=lease)
    await service.until(f"{base}/on-air", lambda air: len(air["on_stage"]) == len(presenters))


def _status(presenters: list[dict[str, Any]], who: str) -> str:
    return next(str(one["status"]) for one in presenters if one["presenter_id"] == who)


def scene(layout: str, *presenters: Any) -> dict[str, Any]:
    return {"layout": layout, "sources": [{"kind": "presenter", "id": str(one)} for one in presenters]}


async def go_live(service: Service, base: str, lease: int, show: Show) -> dict[str, Any]:
    await service.post(f"{base}/go-live", lease=lease, session_id=str(show.talk))
    air: dict[str, Any] = await service.until(f"{base}/on-air", lambda seen: seen["situation"] == "LIVE")
    return air


async def watch(service: Service, show: Show, base: str) -> None:
    """What the analyst watches is told as it is and as it was, by position and by instant."""
    first = await service.post(f"{base}/attendee-view", 200, picture=True, sound=True)
    await service.post(f"{base}/chat-watch", 200, channels=["speaker"])
    flag = await service.post(f"{base}/chat-flags", 201, channel="speaker", text="The sound is gone.")
    before = next(entry for entry in await service.trail(show) if entry["position"] == flag["position"])
    await service.post(f"{base}/chat-flags/{flag['id']}/acknowledgement", 200, note="Told the hall.")
    last = await service.post(f"{base}/attendee-view", 200, picture=True, sound=False)
    ran = f"/shows/{show.show_id}/as-run"
    seen = {"headers": {"regie-position": str(last["position"])}}
    flags = (await service.get(f"{base}/chat-flags", **seen))["items"]
    assert [(one["text"], one["note"]) for one in flags] == [("The sound is gone.", "Told the hall.")]
    assert len((await service.get(f"{base}/attendee-view", **seen))["items"]) == 2
    for point in (f"@{flag['position']}", before["recorded_at"]):
        [then] = (await service.get(f"{base}/chat-flags", as_of=point))["items"]
        assert (then["acknowledged_at"], then["acknowledged_by"], then["note"]) == (None, None, "")
        [look] = (await service.get(f"{base}/attendee-view", as_of=point))["items"]
        assert look["position"] == first["position"]
        entries = (await service.get(ran, as_of=point))["items"]
        assert entries == (await service.get(ran))["items"][: len(entries)] != []
    assert (await service.get(f"{base}/chat-flags", as_of=f"@{flag['position'] - 1}"))["items"] == []
    assert (await service.get(ran, as_of="@1"))["items"] == []


async def test_a_show_runs_from_arming_to_its_end(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    await on_stage(service, base, lease, show.ada, show.bob)
    await go_live(service, base, lease, show)
    again = await service.post(f"{base}/go-live", 409, lease=lease, session_id=str(show.talk))
    assert again["code"] == "ALREADY_LIVE"
    await watch(service, show, base)
    await service.post(f"{base}/preview", 200, lease=lease, **scene("split", show.ada, show.bob))
    await service.post(f"{base}/take", lease=lease, transition="fade", transition_frames=10)
    await service.post(f"{base}/overlays", lease=lease, layer=1, kind="lower_third", text="Ada Lovelace")
    await service.post(f"{base}/cues/{show.cues[0]}/taking", 200, lease=lease, rundown_version=1)
    air = await service.until(f"{base}/on-air", lambda seen: seen["overlays"] and not seen["pending"])
    assert air["program"]["layout"] == "split"
    assert air["overlays"][0]["text"] == "Ada Lovelace"
    assert air["overlays"][0]["shown"]
    position = (await service.trail(show))[-1]["position"]
    await service.post(f"{base}/presenters/{show.bob}/off-stage", lease=lease)
    air = await service.until(f"{base}/on-air", lambda seen: len(seen["on_stage"]) == 1)
    assert [one["id"] for one in air["program"]["sources"]] == [str(show.ada)]
    then = await service.get(f"{base}/on-air", as_of=f"@{position}")
    assert len(then["on_stage"]) == 2
    await asyncio.sleep(1)
    await service.post(f"{base}/end-stream", lease=lease, headers=ANY_VERSION)
    await service.until(base, lambda stage: not stage["engine_up"])
    facts = {entry["type"]: entry["data"] for entry in await service.trail(show)}
    closed = facts["stage.program_segment_closed.v1"]
    assert closed["cause"] == "stream_end"
    assert closed["frames"] > 25
    assert (service.home / "media" / closed["file"]).stat().st_size > 1000
    assert facts["stage.stream_ended.v1"]["frame"] > facts["stage.stream_started.v1"]["frame"]
    ran = await service.get(f"/shows/{show.show_id}/as-run")
    told = [entry["type"] for entry in ran["items"]]
    assert (
        told.index("stage.stream_started.v1")
        < told.index("stage.program_taken.v1")
        < told.index("stage.stream_ended.v1")
    )
    stages = await service.get("/stages", show_id=str(show.show_id))
    assert [one["situation"] for one in stages["items"]] == ["ENDED"]


async def test_a_clip_plays_and_ends_by_itself(service: Service) -> None:
    show = Show()
    await make_clip(service)
    base, lease = await armed(service, show)
    cued = await service.post(f"{base}/clips", 201, lease=lease, asset_id=str(show.asset))
    await service.post(f"{base}/clips/{cued['id']}/playing", lease=lease)
    clip = {"layout": "full", "sources": [{"kind": "clip", "id": cued["id"]}]}
    await service.post(f"{base}/preview", 200, lease=lease, **clip)
    await service.post(f"{base}/take", lease=lease)
    await service.until(f"{base}/on-air", lambda air: air["clips"][0]["status"] == "ENDED")
    await service.post(f"{base}/clips/{cued['id']}/removal", lease=lease)
    air = await service.until(f"{base}/on-air", lambda seen: not seen["clips"])
    assert air["program"]["layout"] == "slate"
    told = [entry["type"] for entry in await service.trail(show)]
    assert (
        told.index("stage.clip_started.v1") < told.index("stage.program_taken.v1") < told.index("stage.clip_ended.v1")
    )


async def make_clip(service: Service) -> None:
    """Two seconds of grey, from an engine's own recorder."""
    folder = service.home / "media" / "assets"
    folder.mkdir(parents=True)
    from services.stage.engine.client import launch

    socket = service.home / "clip.sock"
    await launch(socket, "320x180", 25, service.home / "clip.log")
    client = await EngineClient.connect(socket)
    await client.ask("1", "rec.start", id="clip", path=str(folder / "clip.mp4"))
    await asyncio.sleep(2)
    await client.ask("2", "rec.stop", id="clip")
    await client.ask("3", "quit")
    async for _ in client.events():
        pass
    await client.close()


async def test_a_killed_service_finds_its_running_engine_and_settles_what_was_asked(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    await on_stage(service, base, lease, show.ada)
    await go_live(service, base, lease, show)
    pid = service.engine_pid(show.stage_id)
    await service.post(f"{base}/preview", 200, lease=lease, **scene("full", show.ada))
    os.kill(pid, signal.SIGSTOP)
    await service.post(f"{base}/take", lease=lease)
    service.stop(signal.SIGKILL)
    os.kill(pid, signal.SIGCONT)
    await service.start()
    air = await service.until(f"{base}/on-air", lambda seen: not seen["pending"])
    assert air["situation"] == "LIVE"
    assert air["program"]["sources"][0]["id"] == str(show.ada)
    assert service.engine_pid(show.stage_id) == pid
    told = [entry["type"] for entry in await service.trail(show)]
    assert told.count("stage.program_taken.v1") == 1
    assert "stage.engine_lost.v1" not in told
    await service.post(f"{base}/end-stream", lease=lease, headers=ANY_VERSION)
    await service.until(base, lambda stage: not stage["engine_up"])


async def test_a_killed_engine_is_replaced_and_shows_what_the_lost_one_showed(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    await on_stage(service, base, lease, show.ada, show.bob)
    await go_live(service, base, lease, show)
    await service.post(f"{base}/preview", 200, lease=lease, **scene("split", show.ada, show.bob))
    await service.post(f"{base}/take", lease=lease)
    await service.post(f"{base}/overlays", lease=lease, layer=3, kind="title", text="Demain")
    await service.until(f"{base}/on-air", lambda seen: not seen["pending"] and seen["overlays"])
    os.kill(service.engine_pid(show.stage_id), signal.SIGKILL)
    await service.until(base, lambda stage: stage["engine_generation"] == 2 and len(stage["on_air"]["recording"]) == 1)
    air = await service.until(f"{base}/on-air", lambda seen: len(seen["on_stage"]) == 2 and not seen["pending"])
    assert air["situation"] == "LIVE"
    client = await EngineClient.connect(service.home / "run" / "engines" / f"{show.stage_id}.sock")
    answer = await client.ask("look", "state")
    await client.close()
    seen = answer.state  # type: ignore[union-attr]
    assert seen is not None
    assert seen["scene"] == {"layout": "split", "sources": [f"presenter-{show.ada}", f"presenter-{show.bob}"]}
    assert len(seen["overlays"]) == 1
    assert not any(gain["mute"] for gain in seen["audio"].values())
    await service.post(f"{base}/end-stream", lease=lease, headers=ANY_VERSION)
    await service.until(base, lambda stage: not stage["engine_up"])
    trail = [entry for entry in await service.trail(show) if entry["type"] == "stage.program_segment_closed.v1"]
    assert [entry["data"]["cause"] for entry in trail] == ["engine_lost", "stream_end"]
    assert len({entry["data"]["file"] for entry in trail}) == 2


async def test_service_and_engine_killed_together_lose_no_wish(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    await on_stage(service, base, lease, show.ada)
    pid = service.engine_pid(show.stage_id)
    os.kill(pid, signal.SIGSTOP)
    await service.post(f"{base}/go-live", lease=lease, session_id=str(show.talk))
    await service.post(f"{base}/preview", 200, lease=lease, **scene("full", show.ada))
    await service.post(f"{base}/take", lease=lease)
    service.stop(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    await service.start()
    air = await service.until(f"{base}/on-air", lambda seen: seen["situation"] == "LIVE" and not seen["pending"])
    assert air["program"]["sources"][0]["id"] == str(show.ada)
    assert len(air["recording"]) == 1
    told = [entry["type"] for entry in await service.trail(show)]
    assert (told.count("stage.stream_started.v1"), told.count("stage.program_taken.v1")) == (1, 1)
    await service.post(f"{base}/end-stream", lease=lease, headers=ANY_VERSION)
    await service.until(base, lambda stage: not stage["engine_up"])


async def test_an_unreachable_destination_is_told_and_the_programme_goes_on(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    key = "canary-0123456789"
    made = await service.post(f"{base}/destinations", 201, name="tube", url="rtmp://127.0.0.1:9/live", stream_key=key)
    in_use = await service.post(
        f"{base}/destinations", 409, name="again", url="rtmp://127.0.0.1:9/live", stream_key=key
    )
    assert in_use["code"] == "DESTINATION_IN_USE"
    await service.post(f"{base}/destinations/{made['id']}/enabling", lease=lease)
    await go_live(service, base, lease, show)
    found = await service.until(f"{base}/destinations", lambda all_: all_[0]["status"] == "FAILED")
    assert found[0]["reason"]
    air = await service.until(f"{base}/on-air", lambda seen: seen["degraded"])
    assert air["situation"] == "LIVE"
    await service.post(f"{base}/destinations/{made['id']}/removal", lease=lease, headers=ANY_VERSION)
    await service.until(f"{base}/on-air", lambda seen: not seen["degraded"])
    assert key not in service.log
    assert all(key not in str(entry) for entry in await service.trail(show))
    log = (service.home / "run" / "engines" / f"{show.stage_id}.log").read_text()
    assert key not in log


async def test_a_repeated_request_gets_its_first_answer(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    name = {"idempotency-key": str(uuid4())}
    body = {"lease": lease, "session_id": str(show.talk)}
    first = await service.http.post(f"{base}/go-live", json=body, headers=name)
    again = await service.http.post(f"{base}/go-live", json=body, headers=name)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    created = {"name": "tube", "url": "rtmp://127.0.0.1:9/live", "stream_key": "k1", "lease": lease}
    other = {"idempotency-key": str(uuid4())}
    one = await service.http.post(f"{base}/destinations", json=created, headers=other)
    two = await service.http.post(f"{base}/destinations", json=created, headers=other)
    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json() == two.json()


async def test_two_operators_cannot_both_command(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    ben = service.headers(Role.ANALYST, "ben")
    held = await service.post(f"{base}/lease", 409, ttl_s=60, headers=ben)
    assert held["code"] == "LEASE_HELD"
    await service.post(f"{base}/lease/hand-over", 201, lease=lease, to="ben")
    fenced = await service.post(f"{base}/go-live", 409, lease=lease, session_id=str(show.talk))
    assert (fenced["code"], fenced["current"]) == ("LEASE_FENCED", lease + 1)
    await service.post(f"{base}/go-live", 202, lease=lease + 1, session_id=str(show.talk), headers=ben)


async def test_a_stage_is_seen_by_its_own_tenant_and_commanded_by_operators(service: Service) -> None:
    show = Show()
    base, lease = await armed(service, show)
    stranger = await service.http.get(base, headers=service.headers(Role.ANALYST, tenant="globex"))
    assert stranger.status_code == 404
    customer = service.headers(Role.CUSTOMER, "carla")
    forbidden = await service.post(f"{base}/end-stream", 403, lease=lease, headers={**customer, **ANY_VERSION})
    assert forbidden["code"] == "FORBIDDEN"
    closed = await service.post(f"{base}/session-close", 403, session_id=str(show.talk), headers=customer)
    assert closed["code"] == "CLOSE_NOT_DELEGATED"
    brand = await service.post(f"{base}/brand", 403, colour="#000000", headers=customer)
    assert brand["code"] == "FORBIDDEN"


async def test_an_address_that_is_not_public_is_refused_and_nothing_is_recorded(service: Service) -> None:
    """The service of these tests may reach loopback, as `make run` may; everything else that is inside stays closed."""
    show = Show()
    base, _ = await armed(service, show)
    before = len(await service.trail(show))
    for host in ("169.254.169.254", "10.0.0.5", "[::ffff:127.0.0.1]", "0x7f000001", "192.168.1.1:1935"):
        refused = await service.post(
            f"{base}/destinations", 403, name="inside", url=f"rtmp://{host}/live", stream_key="k"
        )
        assert refused["code"] == "ADDRESS_NOT_ALLOWED"
    assert len(await service.trail(show)) == before

"""Third act, live: coverage opens, speakers are prepared, the show goes on air and off again."""

import asyncio
from typing import Any

from regie.demo import pictures
from regie.demo.client import expect, until
from regie.demo.context import STREAM_KEY, Show
from regie.rtmp_receiver import RtmpReceiver
from services.media.editor import Probe, probe

BRAND_COLOUR = "#0055aa"


async def prepare(show: Show) -> None:
    """Everything of the stage that can be done before anybody is on it."""
    with show.story.step("The analyst takes command of the stage") as told:
        await show.analyst.post("stage", show.stage("/lease"), {"ttl_s": 3600})
        lease = (await show.on_air())["operator"]
        show.lease = lease["number"]
        told(f"lease {show.lease} of {lease['holder']}")
    with show.story.step("An RTMP destination is added; its key stays secret") as told:
        show.receiver = RtmpReceiver()
        await show.receiver.start(keys=[STREAM_KEY], directory=show.folder / "received")
        show.stack.push_async_callback(show.receiver.stop)
        url = f"rtmp://127.0.0.1:{show.receiver.port}/live"
        body = {"lease": show.lease, "name": "Main", "url": url, "stream_key": STREAM_KEY}
        made = await show.analyst.post("stage", show.stage("/destinations"), body)
        await show.analyst.post("stage", show.stage(f"/destinations/{made['id']}/enabling"), {"lease": show.lease})
        [seen] = await show.analyst.get("stage", show.stage("/destinations"))
        expect(STREAM_KEY not in str(seen), "the stream key is shown")
        told(f"{seen['name']} at {seen['url']}, key fingerprint {seen['key_fingerprint']}")
    with show.story.step("The session is armed: its engine starts") as told:
        await show.analyst.post("stage", show.stage("/arming"), {"lease": show.lease, "session_id": show.session_id})
        await show.fact("stage", "stage.engine_started.v1")
        told(f"situation {(await show.on_air())['situation']}")


async def rehearse(show: Show) -> None:
    """Each speaker in the green room: camera, tech check, screen share."""
    for number, speaker in enumerate(show.speakers[:2], start=1):
        name = show.stage(f"/presenters/{speaker}")
        with show.story.step(f"Speaker {number} arrives in the green room and is checked") as told:
            feed = await show.analyst.post("stage", f"{name}/feed", {"feed": "ingest"})
            camera = pictures.camera(
                f"{feed['url']}/{feed['stream_key']}", 330 + 110 * number, ("testsrc2", "smptebars")[number - 1]
            )
            await show.stack.enter_async_context(camera)
            await show.fact("stage", "stage.presenter_connected.v1", presenter_id=speaker)
            await show.analyst.post("stage", f"{name}/tech-check", {"light": True, "video": True, "audio": True})
            await show.analyst.post("stage", f"{name}/screen-share-rehearsal")
            await show.analyst.post("stage", f"{name}/readiness")
            told(f"{(await presenter(show, speaker))['status']} with a real picture over RTMP")


async def presenter(show: Show, ident: str) -> dict[str, Any]:
    everybody = await show.analyst.get("stage", show.stage("/presenters"))
    return dict(next(each for each in everybody if each["presenter_id"] == ident))


async def go_live(show: Show) -> None:
    body = {"lease": show.lease, "session_id": show.session_id}
    with show.story.step("Going live is refused while the brand is missing") as told:
        problem = await show.analyst.refused("stage", "POST", show.stage("/go-live"), json=body)
        expect(problem["code"] == "NOT_READY", "the refusal is NOT_READY", problem)
        told(f"{problem['status']} {problem['code']}, missing: {', '.join(problem['missing'])}")
    with show.story.step("The customer's brand is applied") as told:
        brand = {"lease": show.lease, "colour": BRAND_COLOUR, "logo": show.assets["logo"]}
        await show.analyst.post("stage", show.stage("/brand"), brand)
        told(f"{BRAND_COLOUR}, logo {show.assets['logo'][:8]}")
    with show.story.step("GO LIVE: accepted at once, then a fact with its frame") as told:
        receipt = await show.analyst.post("stage", show.stage("/go-live"), body)
        types = [event["type"] for event in receipt["events"]]
        expect(
            "stage.stream_start_requested.v1" in types and "stage.stream_started.v1" not in types,
            "the answer is an intent",
            types,
        )
        started = await show.fact("stage", "stage.stream_started.v1")
        told(f"on air from frame {started['data']['frame']}")
    with show.story.step("Going live twice is refused with what may be done instead") as told:
        problem = await show.analyst.refused("stage", "POST", show.stage("/go-live"), json=body)
        expect((problem["status"], problem["code"]) == (409, "ALREADY_LIVE"), "the refusal is ALREADY_LIVE", problem)
        told(f"{problem['status']} {problem['code']}")
    with show.story.step("The destination receives the programme") as told:
        connected = await show.fact("stage", "stage.destination_connected.v1")
        told(f"connected at attempt {connected['data'].get('attempt', 1)}")


async def run_the_show(show: Show) -> None:
    first = show.speakers[0]
    with show.story.step("The first speaker comes on stage, with a fade") as told:
        await on_stage(show, first)
        frame = await take(show, "full", [{"kind": "presenter", "id": first}], "fade")
        told(f"in the programme from frame {frame}")
    with show.story.step("A lower third names the speaker") as told:
        name = (await presenter(show, first))["name"]
        overlay = await show_overlay(show, name or "Speaker")
        told(f"“{name}”")
    await mark(show, "speaker on stage")
    with show.story.step("The attendees' view and the speakers' chat are watched") as told:
        await show.analyst.post("stage", show.stage("/attendee-view"), {"picture": True, "sound": True, "delay_s": 2.5})
        await show.analyst.post("stage", show.stage("/chat-watch"), {"channels": ["speaker", "moderator"]})
        flag = {"channel": "speaker", "text": "Can you hear me better now?", "author": "a speaker"}
        made = await show.analyst.post("stage", show.stage("/chat-flags"), flag)
        await show.analyst.post("stage", show.stage(f"/chat-flags/{made['id']}/acknowledgement"), {"note": "yes"})
        told("one message flagged and acknowledged")
    with show.story.step("A clip is played and ends by itself") as told:
        clip = await show.analyst.post(
            "stage", show.stage("/clips"), {"lease": show.lease, "asset_id": show.assets["clip"]}
        )
        await show.analyst.post("stage", show.stage(f"/clips/{clip['id']}/playing"), {"lease": show.lease})
        await show.fact("stage", "stage.clip_started.v1")
        await take(show, "full", [{"kind": "clip", "id": clip["id"]}], "cut")
        await mark(show, "clip on air")
        ended = await show.fact("stage", "stage.clip_ended.v1")
        told(f"until frame {ended['data'].get('frame')}")
    await hide_overlay(show, overlay)
    if len(show.speakers) > 1:
        await second_speaker(show, show.speakers[1])


async def second_speaker(show: Show, speaker: str) -> None:
    with show.story.step("Both speakers side by side, then the first goes off stage") as told:
        await on_stage(show, speaker)
        both = [{"kind": "presenter", "id": each} for each in show.speakers[:2]]
        await take(show, "split", both, "wipe")
        await mark(show, "both on stage")
        await show.analyst.post("stage", show.stage(f"/presenters/{show.speakers[0]}/off-stage"), {"lease": show.lease})
        off = await show.fact("stage", "stage.presenter_taken_off_stage.v1", presenter_id=show.speakers[0])
        told(f"off from frame {off['data']['frame']}")


async def end(show: Show) -> None:
    with show.story.step("END OF STREAM") as told:
        await asyncio.sleep(1.0)
        await show.analyst.decided("stage", show.stage("/end-stream"), show.stage(""), {"lease": show.lease})
        ended = await show.fact("stage", "stage.stream_ended.v1")
        told(f"off air at frame {ended['data']['frame']}")
    with show.story.step("What the destination received is a real programme") as told:
        assert show.receiver is not None
        expect(bool(show.receiver.files), "the destination received nothing")
        seen: Probe = await until("a whole file", lambda: _whole(show), 15)
        assert seen.video is not None
        assert seen.audio is not None
        expect((seen.video.codec, seen.audio.codec) == ("h264", "aac"), "H.264 and AAC arrive", seen)
        told(f"{seen.video.codec} {seen.video.width}x{seen.video.height}, {seen.audio.codec}, {seen.duration_s:.1f} s")


async def _whole(show: Show) -> Probe | None:
    assert show.receiver is not None
    seen = await probe(show.receiver.files[-1])
    return seen if seen.video is not None and seen.audio is not None and seen.duration_s > 1 else None


async def on_stage(show: Show, speaker: str) -> None:
    await show.analyst.post("stage", show.stage(f"/presenters/{speaker}/on-stage"), {"lease": show.lease})
    await show.fact("stage", "stage.presenter_brought_on_stage.v1", presenter_id=speaker)


async def take(show: Show, layout: str, sources: list[dict[str, str]], transition: str) -> int:
    """Preview, then take; answers the frame the programme shows it from."""
    before = len(await show.events("stage", "stage.program_taken.v1"))
    await show.analyst.post(
        "stage", show.stage("/preview"), {"lease": show.lease, "layout": layout, "sources": sources}
    )
    await show.analyst.post("stage", show.stage("/take"), {"lease": show.lease, "transition": transition})
    taken = await until("the take", lambda: _more(show, "stage.program_taken.v1", before))
    return int(taken["data"]["frame"])


async def _more(show: Show, tag: str, before: int) -> dict[str, Any] | None:
    found = await show.events("stage", tag)
    return found[-1] if len(found) > before else None


async def show_overlay(show: Show, text: str) -> str:
    body = {"lease": show.lease, "layer": 1, "kind": "lower_third", "text": text}
    made = await show.analyst.post("stage", show.stage("/overlays"), body)
    await show.fact("stage", "stage.overlay_shown.v1", overlay_id=made["id"])
    return str(made["id"])


async def hide_overlay(show: Show, overlay: str) -> None:
    await show.analyst.post("stage", show.stage(f"/overlays/{overlay}/hiding"), {"lease": show.lease})
    await show.fact("stage", "stage.overlay_hidden.v1", overlay_id=overlay)


async def mark(show: Show, name: str) -> None:
    """Remembers the position of the stage's log at this moment, for looking back."""
    show.instants[name] = f"@{(await show.trail('stage'))[-1]['position']}"

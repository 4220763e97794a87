import asyncio

import numpy as np

from services.stage.engine.client import EngineClient
from services.stage.engine.protocol import Applied, Levels, RecState, Rejected, SourceState

from .conftest import FPS, Stage
from .film import gaps, watch

# Luma of pure colours, limited range BT.601.
LUMA = {"red": 81, "green": 145, "blue": 41}
COLOR = {"red": "#FF0000", "green": "#00FF00", "blue": "#0000FF"}


async def colours(stage: Stage) -> None:
    for name, color in COLOR.items():
        await stage.do("source.add", id=name, color=color)


async def test_a_cut_lands_on_exactly_the_frame_it_is_reported_at(stage: Stage) -> None:
    await colours(stage)
    path = stage.directory / "cuts.mp4"
    await stage.take("red")
    await stage.do("rec.start", id="r", path=str(path))
    cuts = []
    for name, pause in zip(("green", "blue", "red", "blue", "green", "red"), (0.3, 0.1, 0.2, 0, 0.13, 0), strict=True):
        await asyncio.sleep(pause)
        cuts.append((await stage.take(name), name))
    stopped = await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    film = watch(path)
    assert len(film.times) == closed.frames == closed.last_frame - closed.first_frame + 1
    assert closed.last_frame == stopped.frame - 1
    assert gaps(film.times) == []
    expected, look = [], "red"
    for frame in range(closed.first_frame, closed.last_frame + 1):
        look = next((name for at, name in cuts if at == frame), look)
        expected.append(look)
    seen = [min(LUMA, key=lambda name: abs(LUMA[name] - luma)) for luma, _, _ in film.colours]
    assert seen == expected
    assert max(abs(LUMA[look] - luma) for look, (luma, _, _) in zip(expected, film.colours, strict=True)) < 3


async def test_fades_wipes_and_layouts_lose_no_frame_and_end_at_the_new_scene(stage: Stage) -> None:
    await colours(stage)
    path = stage.directory / "looks.mp4"
    await stage.take("blue")
    await stage.do("rec.start", id="r", path=str(path))
    fade = await stage.take("green", transition="fade", frames=10)
    await asyncio.sleep(0.6)
    wipe = await stage.take("blue", transition="wipe", frames=10)
    await asyncio.sleep(0.6)
    split = await stage.take("red", "green", layout="split")
    await asyncio.sleep(0.1)
    pip = await stage.take("red", "green", layout="pip")
    await asyncio.sleep(0.1)
    grid = await stage.take("red", "green", "blue", layout="grid")
    await asyncio.sleep(0.1)
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    film = watch(path, keep=True)
    assert gaps(film.times) == []
    at = {name: frame - closed.first_frame for name, frame in locals().items() if name in {"fade", "wipe"}}
    rising = [luma for luma, _, _ in film.colours[at["fade"] - 1 : at["fade"] + 11]]
    assert rising[0] < 45 < rising[1] < rising[5] < rising[9] < 147
    assert abs(rising[10] - LUMA["green"]) < 3
    half = film.pictures[at["wipe"] + 4]
    assert half[:, 20].mean() < 60
    assert half[:, 300].mean() > 130
    looks = {name: film.pictures[frame - closed.first_frame] for name, frame in (("s", split), ("p", pip), ("g", grid))}
    assert abs(looks["s"][90, 40] - 81.0) < 6
    assert abs(looks["s"][90, 280] - 145.0) < 6
    assert abs(looks["p"][20, 20] - 81.0) < 6
    assert abs(looks["p"][150, 270] - 145.0) < 6
    assert [round(float(looks["g"][y, x]) / 10) for y, x in ((45, 80), (45, 240), (135, 80))] == [8, 14, 4]


async def test_overlays_appear_and_vanish_with_the_frames_that_are_reported(stage: Stage) -> None:
    path = stage.directory / "overlays.mp4"
    await stage.do("source.add", id="blue", color="#0000FF")
    await stage.take("blue")
    await stage.do("rec.start", id="r", path=str(path))
    shown = await stage.do("overlay.set", id="name", layer=1, kind="lower_third", text="Zoé Ünal\nRégie à Nîmes")
    await stage.do("overlay.set", id="news", layer=2, kind="ticker", text="Dernière minute")
    await asyncio.sleep(0.3)
    cleared = await stage.do("overlay.clear", id="name")
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    film = watch(path, keep=True)
    whitest = [int(picture[100:160, :160].max()) for picture in film.pictures]
    visible = [frame + closed.first_frame for frame, white in enumerate(whitest) if white > 180]
    assert visible == list(range(shown.frame, cleared.frame))


async def test_the_emergency_cut_shows_the_slate_in_silence_and_returns(stage: Stage) -> None:
    await stage.do("source.add", id="green", color="#00FF00")
    await stage.take("green")
    path = stage.directory / "blank.mp4"
    await stage.do("rec.start", id="r", path=str(path))
    on = await stage.do("blank", on=True)
    assert (await stage.state())["blank"] is True
    await asyncio.sleep(0.2)
    off = await stage.do("blank", on=False)
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    dark = [frame + closed.first_frame for frame, (luma, _, _) in enumerate(watch(path).colours) if luma < 100]
    assert dark == list(range(on.frame, off.frame))


async def test_the_same_cid_answers_the_same_and_does_nothing_twice(stage: Stage) -> None:
    scene = {"layout": "full", "sources": ["red"]}
    await colours(stage)
    first = await stage.client.ask("once", "scene.take", scene=scene)
    await stage.take("blue")
    again = await stage.client.ask("once", "scene.take", scene=scene)
    other = await EngineClient.connect(stage.socket)
    elsewhere = await other.ask("once", "scene.take", scene=scene)
    refused = await stage.client.ask("twice", "source.add", id="red", color="#FF0000")
    await stage.do("source.remove", id="red")
    still = await other.ask("twice", "source.add", id="red", color="#FF0000")
    together = await asyncio.gather(
        *(client.ask("thrice", "source.add", id="new", color="#FFFFFF") for client in (stage.client, other))
    )
    await other.close()
    assert first == again == elsewhere
    assert isinstance(first, Applied)
    assert refused == still
    assert isinstance(refused, Rejected)
    assert together[0] == together[1]
    assert isinstance(together[0], Applied)
    assert (await stage.state())["scene"]["sources"] == ["blue"]


async def test_every_connection_hears_every_event(stage: Stage) -> None:
    other = await EngineClient.connect(stage.socket)
    assert other.hello.pid == stage.pid
    assert other.hello.size == "320x180"
    assert other.hello.fps == FPS
    await stage.do("source.add", id="red", color="#FF0000")
    heard = []
    async with asyncio.timeout(5):
        async for event in other.events():
            heard.append(event)
            if isinstance(event, Applied):
                break
    await other.close()
    assert [type(event) for event in heard if not isinstance(event, Levels)] == [SourceState, Applied]


async def test_what_cannot_be_done_is_rejected_with_its_reason_and_changes_nothing(stage: Stage) -> None:
    kept = stage.directory / "kept.mp4"
    kept.write_bytes(b"precious")
    before = await stage.state()
    asked = [
        ("rec.start", {"id": "x", "path": str(kept)}, "file exists"),
        ("scene.take", {"scene": {"layout": "full", "sources": ["nobody"]}}, "unknown sources: nobody"),
        ("scene.take", {"scene": {"layout": "full"}}, "needs sources"),
        ("scene.take", {"scene": {"layout": "full"}, "frames": 9999}, "<= 250"),
        ("source.add", {"id": "x"}, "exactly one of"),
        ("source.add", {"id": "x", "url": "http://127.0.0.1/secret"}, "must be an rtmp(s) address"),
        ("source.add", {"id": "../x", "color": "#FFFFFF"}, "$.id"),
        ("source.add", {"id": "x", "color": "red"}, "$.color"),
        ("overlay.set", {"id": "x", "kind": "title"}, "needs `text`"),
        ("overlay.set", {"id": "x", "kind": "image", "path": __file__}, "no picture"),
        ("dest.add", {"id": "x", "url": "rtmp://host"}, "rtmp(s)://host/application/key"),
        ("rec.start", {"id": "x", "path": "/nonexistent/x.mp4"}, "no such file"),
        ("clip.play", {"id": "x", "path": "/nonexistent/x.mp4"}, "does not exist"),
        ("dest.remove", {"id": "x"}, "no such destination"),
        ("levitate", {}, "unknown verb"),
    ]
    for verb, args, reason in asked:
        outcome = await stage.ask(verb, **args)
        assert isinstance(outcome, Rejected), verb
        assert reason in outcome.reason, verb
    assert (await stage.state()) | {"frame": 0} == before | {"frame": 0}
    assert kept.read_bytes() == b"precious"


async def test_the_programme_runs_without_any_source_in_real_time(stage: Stage) -> None:
    path = stage.directory / "slate.mp4"
    await stage.do("rec.start", id="r", path=str(path))
    await asyncio.sleep(1)
    await stage.do("rec.stop", id="r")
    closed = await stage.heard(RecState, id="r", state="closed")
    film = watch(path, keep=True)
    assert film.codecs == ("h264", "aac")
    assert film.size == (320, 180)
    assert closed.frames >= FPS // 2
    assert film.pictures[0][80:100].max() > 150, "the slate's text is readable"
    assert np.abs(film.sound).max() < 1e-4

import io
import time

import av
import numpy as np
import pytest
from PIL import Image

from services.stage.engine import overlays
from services.stage.engine.encoder import Encoder
from services.stage.engine.inlet import Inlet
from services.stage.engine.layouts import places
from services.stage.engine.lettering import Lettering
from services.stage.engine.log import Log
from services.stage.engine.mixer import Gain, Layer, Mixer
from services.stage.engine.picture import Canvas, Patch, Rect, fitted, to_planes
from services.stage.engine.programme import Programme
from services.stage.engine.protocol import OverlaySet, Scene, Style
from services.stage.engine.redact import Redactor
from services.stage.engine.sources import frame_of_color

WIDTH, HEIGHT, FPS, BLOCK = 320, 180, 25, 1920


class Voice:
    """A source that is one colour and one constant level."""

    state = "live"

    def __init__(self, color: str, level: float) -> None:
        self.frame, self.level = frame_of_color(color, WIDTH, HEIGHT), level

    def picture(self, now: float) -> av.VideoFrame:
        return self.frame

    def sound(self, start: int, count: int) -> np.ndarray:
        return np.full((2, count), self.level, np.float32)

    def watch(self, now: float) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@pytest.fixture
def mixer() -> Mixer:
    slate, background = (frame_of_color(color, WIDTH, HEIGHT) for color in ("#202020", "#000000"))
    mixer = Mixer(WIDTH, HEIGHT, FPS, slate, background)
    mixer.sources = {"a": Voice("#FF0000", 0.5), "b": Voice("#0000FF", 0.25)}
    return mixer


def level(mixer: Mixer, frame: int) -> float:
    mixer.picture(frame)
    return float(mixer.sound(frame, frame * BLOCK, BLOCK)[0, -1])


def full(name: str) -> Scene:
    return Scene(layout="full", sources=(name,))


def test_only_what_is_on_air_is_heard_and_it_glides_in(mixer: Mixer) -> None:
    assert level(mixer, 0) == 0
    mixer.take(full("a"), "cut", 0, 1)
    mixer.picture(1)
    block = mixer.sound(1, BLOCK, BLOCK)[0]
    assert block[0] == 0
    assert block[-1] == 0.5
    assert np.all(np.diff(block) >= 0)
    assert level(mixer, 2) == 0.5


def test_sound_fades_with_the_picture(mixer: Mixer) -> None:
    mixer.take(full("a"), "cut", 0, 0)
    level(mixer, 0)
    mixer.take(full("b"), "fade", 4, 1)
    assert [level(mixer, frame) for frame in range(1, 6)] == pytest.approx([0.4375, 0.375, 0.3125, 0.25, 0.25])


def test_gain_and_mute_are_kept_while_a_source_is_off_air(mixer: Mixer) -> None:
    mixer.gains["a"] = Gain(-20.0)
    mixer.take(full("a"), "cut", 0, 0)
    assert level(mixer, 0) == pytest.approx(0.05)
    mixer.gains["a"] = Gain(-20.0, mute=True)
    assert level(mixer, 1) == 0


def test_the_emergency_cut_is_silent_within_the_frame(mixer: Mixer) -> None:
    mixer.take(full("a"), "cut", 0, 0)
    level(mixer, 0)
    mixer.blank = True
    mixer.picture(1)
    assert not mixer.sound(1, BLOCK, BLOCK).any()


def test_two_loud_sources_do_not_wrap_around(mixer: Mixer) -> None:
    mixer.gains = {"a": Gain(12.0), "b": Gain(12.0)}
    mixer.take(Scene(layout="split", sources=("a", "b")), "cut", 0, 0)
    assert level(mixer, 0) == 1.0


def test_a_source_without_a_picture_shows_the_slate_in_its_place(mixer: Mixer) -> None:
    mixer.sources["b"].picture = lambda now: None  # type: ignore[method-assign,attr-defined]
    mixer.take(Scene(layout="split", sources=("a", "b")), "cut", 0, 0)
    luma = mixer.picture(0).planes.y
    assert abs(int(luma[90, 80]) - 81) <= 1
    assert abs(int(luma[90, 240]) - 44) <= 1


def test_a_picture_that_cannot_be_drawn_is_replaced_by_the_slate_and_the_programme_goes_on(mixer: Mixer) -> None:
    class Broken:
        def draw(self, canvas: Canvas, frame: int) -> None:
            raise ValueError

    told: list[object] = []
    out = io.StringIO()
    programme = Programme(mixer, Encoder(WIDTH, HEIGHT, FPS, 300, 64), told.append, Log(Redactor(), out))
    mixer.take(full("a"), "cut", 0, 0)
    mixer.overlays["x"] = Layer(0, "title", Broken())
    programme.start()
    while programme.frame < 3:
        time.sleep(0.02)
    taken = programme.hand_over(lambda _: mixer.overlays.clear()).result(5)
    later = programme.hand_over(lambda _: None).result(5)
    programme.end()
    programme.join(5)
    assert later.frame > taken.frame
    assert programme.failed is None
    assert programme.faults == taken.frame
    assert out.getvalue().count("a picture could not be drawn") == 1


@pytest.mark.parametrize("layout", ["full", "split", "pip", "grid"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1280, 720), (66, 64)])
def test_every_place_is_even_and_inside(layout: str, count: int, size: tuple[int, int]) -> None:
    scene = Scene(layout=layout, sources=tuple(f"s{number}" for number in range(count)))  # type: ignore[arg-type]
    for _, rect in places(scene, *size):
        for shape in ((1920, 1080), (100, 400), (3, 2)):
            x, y, width, height = fitted(*shape, rect)
            assert all(side % 2 == 0 for side in (x, y, width, height))
            assert rect.x <= x < x + width <= rect.x + rect.width <= size[0]
            assert rect.y <= y < y + height <= rect.y + rect.height <= size[1]


def test_a_picture_keeps_its_shape() -> None:
    assert fitted(1000, 1000, Rect(0, 0, 320, 180)) == Rect(70, 0, 180, 180)


@pytest.mark.parametrize(
    ("color", "planes"),
    [((255, 255, 255), (235, 128, 128)), ((0, 0, 0), (16, 128, 128)), ((255, 0, 0), (81, 90, 240))],
)
def test_colours_are_those_of_the_standard(color: tuple[int, int, int], planes: tuple[int, int, int]) -> None:
    found = to_planes(np.full((2, 2, 3), color, np.uint8), high_definition=False)
    assert tuple(int(plane[0, 0]) for plane in found) == planes


def test_transparent_covers_nothing_and_opaque_everything() -> None:
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.block[:] = 77
    Patch(Image.new("RGBA", (40, 40), (255, 255, 255, 0)), high_definition=False).draw(canvas, 0, 0)
    assert np.all(canvas.block == 77)
    Patch(Image.new("RGBA", (40, 40), (255, 255, 255, 255)), high_definition=False).draw(canvas, 300, 160)
    assert np.all(canvas.planes.y[160:, 300:] == 235)
    assert canvas.planes.y[159, 299] == 77


@pytest.mark.parametrize("text", ["é", "è", "ê", "ë", "à", "ç", "î", "ï", "ô", "ù", "û", "É", "À", "Ç"])
def test_french_accents_are_visible_and_each_its_own(text: str) -> None:
    def ink(letter: str) -> bytes:
        image = Image.new("L", (60, 60))
        Lettering(32).write(image, 8, 8, letter, "#FFFFFF")
        return image.tobytes()

    plain = {"é": "e", "É": "E", "À": "A", "Ç": "C", "ç": "c", "à": "a", "î": "i", "ï": "i", "ô": "o"}.get(text, "u")
    plain = "e" if text in "èêë" else plain
    others = {ink(letter) for letter in "eéèêëaàcçiîïoôuùûEÉAÀCÇ\ufff0" if letter != text}
    assert ink(text) not in others
    assert sum(ink(text)) > sum(ink(plain)) * 0.8


@pytest.mark.parametrize("kind", ["lower_third", "title", "ticker"])
@pytest.mark.parametrize("text", ["A", "Zoé Müller\nRégie", "x" * 2000, "ligne\n" * 60, "Ελληνικά 漢字 🎬"])
def test_any_text_can_be_drawn_on_any_frame(kind: str, text: str) -> None:
    request = OverlaySet(cid="c", id="o", kind=kind, text=text, style=Style())  # type: ignore[arg-type]
    overlay = overlays.render(request, WIDTH, HEIGHT, FPS)
    changed = []
    for frame in (0, 1, 30, 100, 5000):
        canvas = Canvas(WIDTH, HEIGHT)
        overlay.draw(canvas, frame)
        changed.append(bool(canvas.block.any()))
    assert any(changed)


def picture() -> av.VideoFrame:
    return frame_of_color("#FFFFFF", 64, 64)


def test_a_feed_is_tied_to_the_programme_and_keeps_its_rhythm() -> None:
    inlet = Inlet(live=True)
    inlet.picture(10.0)
    frames = [picture() for _ in range(5)]
    for number, frame in enumerate(frames):
        inlet.push_picture(7000 + number * 0.04, frame, 0.04)
    seen = [inlet.picture(10.0 + tick * 0.04) for tick in range(10)]
    first = next(tick for tick, frame in enumerate(seen) if frame is not None)
    assert seen[first : first + 5] == frames
    assert seen[first + 5 :] == [frames[-1]] * (5 - first)


def test_a_feed_whose_time_jumps_is_tied_anew() -> None:
    inlet = Inlet(live=True)
    inlet.picture(10.0)
    inlet.push_picture(100.0, picture(), 0.04)
    late = picture()
    inlet.push_picture(3.0, late, 0.04)
    assert inlet.picture(10.5) is late


def test_sound_is_continuous_although_timestamps_wobble() -> None:
    inlet = Inlet(live=True)
    inlet.picture(0.0)
    wave = np.sin(np.arange(1024 * 40) / 20).astype(np.float32)
    for number in range(40):
        stamp = round(number * 1024 / 48) / 1000
        inlet.push_sound(stamp, np.stack([wave[number * 1024 : (number + 1) * 1024]] * 2))
    heard = inlet.sound(0, 48000)
    assert heard is not None
    start = int(np.flatnonzero(heard[0])[0]) - 1
    assert np.array_equal(heard[0, start : start + len(wave)], wave[: 48000 - start])

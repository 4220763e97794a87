"""Text and pictures above the scene, rendered once with Pillow when they are set, drawn on every frame."""

from typing import Protocol

from PIL import Image, ImageDraw, UnidentifiedImageError

from services.stage.engine.lettering import Lettering, fitting
from services.stage.engine.picture import Canvas, Patch
from services.stage.engine.protocol import OverlaySet, Style

TICKER_SECONDS_PER_WIDTH = 8
MAX_TICKER_WIDTH = 16_384
MAX_PICTURE_PIXELS = 40_000_000


class Unusable(Exception):  # noqa: N818 - the answer to a request, not a fault
    """The material cannot be shown, for a reason in words."""


class Overlay(Protocol):
    def draw(self, canvas: Canvas, frame: int) -> None: ...


class Fixed:
    """A patch that stays where it is."""

    def __init__(self, patch: Patch, x: int, y: int) -> None:
        self._patch, self._x, self._y = patch, x // 2 * 2, y // 2 * 2

    def draw(self, canvas: Canvas, frame: int) -> None:  # noqa: ARG002 - the same on every frame
        self._patch.draw(canvas, self._x, self._y)


class Ticker:
    """A strip that runs from right to left and begins again."""

    def __init__(self, strip: Patch, y: int, pixels_per_frame: int) -> None:
        self._strip, self._y, self._speed = strip, y // 2 * 2, max(2, pixels_per_frame // 2 * 2)
        self._began: int | None = None

    def draw(self, canvas: Canvas, frame: int) -> None:
        if self._began is None:
            self._began = frame
        way = (frame - self._began) * self._speed % (canvas.width + self._strip.width)
        left = canvas.width - way
        if left >= 0:
            self._strip.draw(canvas, left, self._y)
        else:
            self._strip.draw(canvas, 0, self._y, first=-left, columns=canvas.width)


def render(request: OverlaySet, width: int, height: int, fps: int) -> Overlay:
    """Prepare an overlay; raises Unusable."""
    definition = height >= 720
    if request.kind == "image":
        if request.path is None or request.text is not None:
            raise Unusable("an image overlay needs `path` and no `text`")
        return Fixed(Patch(load(request.path, width, height), high_definition=definition), 0, 0)
    if not (request.text or "").strip() or request.path is not None:
        raise Unusable("a text overlay needs `text` and no `path`")
    text, style = (request.text or "").strip(), request.style
    if request.kind == "ticker":
        strip = _strip(" ".join(text.split()), height // 18, style)
        patch = Patch(strip, high_definition=definition)
        return Ticker(patch, height - strip.height - height // 60, width // (TICKER_SECONDS_PER_WIDTH * fps))
    box = _title(text, width, height, style) if request.kind == "title" else None
    if box is not None:
        place = (max(0, width - box.width) // 2, max(0, height - box.height) // 2)
    else:
        box = _lower_third(text, width, height, style)
        place = (width // 20, max(0, height - box.height - height // 12))
    return Fixed(Patch(box, high_definition=definition), *place)


def slate(text: str, width: int, height: int) -> Image.Image:
    """The picture that is shown when there is nothing else."""
    image = Image.new("RGB", (width, height), "#16202B")
    ImageDraw.Draw(image).rectangle((0, height - max(2, height // 60), width, height), fill="#3E7CB1")
    lines = text.splitlines()
    _centred(image, lines, fitting(lines, height // 9, width * 0.9), "#E8EEF4")
    return image


def load(path: str, width: int, height: int) -> Image.Image:
    """Read a picture file, no larger than the canvas; raises Unusable when it is none, or absurdly large."""
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP", "GIF", "BMP")) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise Unusable("the picture has too many pixels")
            image.thumbnail((width, height))
            return image.convert("RGBA")
    except UnidentifiedImageError:
        raise Unusable("the file is no picture of a known format") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise Unusable("the picture file cannot be read") from None


def _centred(image: Image.Image, lines: list[str], lettering: Lettering, fill: str) -> None:
    y = (image.height - lettering.line_height * len(lines)) / 2
    for number, line in enumerate(lines):
        x = (image.width - lettering.width(line)) / 2
        lettering.write(image, x, y + number * lettering.line_height, line, fill)


def _strip(text: str, size: int, style: Style) -> Image.Image:
    """One line in a band, cut where it becomes wider than a picture can be."""
    lettering = Lettering(size)
    padding = lettering.size
    width = min(MAX_TICKER_WIDTH, int(lettering.width(text)) + 2 * padding)
    image = Image.new("RGBA", (width, lettering.line_height // 2 * 2), style.background)
    lettering.write(image, padding, 0, text, style.color)
    return image


def _title(text: str, width: int, height: int, style: Style) -> Image.Image:
    lines = text.splitlines()
    lettering = fitting(lines, height // 7, width * 0.8)
    padding = height // 20
    wide = int(max(map(lettering.width, lines))) + 2 * padding
    high = lettering.line_height * len(lines) + 2 * padding
    image = Image.new("RGBA", (min(width, wide), min(height, high)), style.background)
    _centred(image, lines, lettering, style.color)
    return image


def _lower_third(text: str, width: int, height: int, style: Style) -> Image.Image:
    """First line large, the others smaller below it, a bar of the text's colour at the left."""
    name, *others = text.splitlines()
    padding = max(2, height // 45)
    large = fitting([name], height // 12, width * 0.75)
    small = fitting(others, height // 18, width * 0.75)
    wide = max([large.width(name), *map(small.width, others)])
    high = large.line_height + small.line_height * len(others) + 2 * padding
    image = Image.new("RGBA", (int(wide) + 5 * padding, min(height, high)), style.background)
    ImageDraw.Draw(image).rectangle((0, 0, padding, image.height), fill=style.color)
    large.write(image, 3 * padding, padding, name, style.color)
    for number, line in enumerate(others):
        small.write(image, 3 * padding, padding + large.line_height + number * small.line_height, line, style.color)
    return image

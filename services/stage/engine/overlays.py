"""Text and pictures above the scene, rendered once with Pillow when they are set, drawn on every frame."""

from typing import Protocol

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

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
    if not request.text or request.path is not None:
        raise Unusable("a text overlay needs `text` and no `path`")
    style = request.style
    if request.kind == "ticker":
        strip = _line(" ".join(request.text.split()), height // 18, style, MAX_TICKER_WIDTH)
        patch = Patch(strip, high_definition=definition)
        return Ticker(patch, height - strip.height - height // 60, width // (TICKER_SECONDS_PER_WIDTH * fps))
    box = _title(request.text, width, height, style) if request.kind == "title" else None
    if box is not None:
        place = ((width - box.width) // 2, (height - box.height) // 2)
    else:
        box = _lower_third(request.text, width, height, style)
        place = (width // 20, height - box.height - height // 12)
    return Fixed(Patch(box, high_definition=definition), *place)


def slate(text: str, width: int, height: int) -> Image.Image:
    """The picture that is shown when there is nothing else."""
    image = Image.new("RGB", (width, height), "#16202B")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height - max(2, height // 60), width, height), fill="#3E7CB1")
    if text:
        font = fitting(text, height // 9, width * 0.9)
        draw.multiline_text((width / 2, height / 2), text, fill="#E8EEF4", font=font, anchor="mm", align="center")
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


def fitting(text: str, size: int, width: float) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    """The font that ships with Pillow, as large as asked or as the width allows."""
    size = max(8, size)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    while True:
        font = ImageFont.load_default(size)
        left, _, right, _ = probe.multiline_textbbox((0, 0), text, font=font)
        if right - left <= width or size <= 8:
            return font
        size = max(8, min(size - 1, int(size * width / (right - left))))


def _line(text: str, size: int, style: Style, limit: int) -> Image.Image:
    font = ImageFont.load_default(max(8, size))
    padding = max(4, size // 3)
    width = min(limit, int(font.getlength(text)) + 4 * padding)
    image = Image.new("RGBA", (width, (size + 2 * padding) // 2 * 2), style.background)
    ImageDraw.Draw(image).text((2 * padding, image.height / 2), text, fill=style.color, font=font, anchor="lm")
    return image


def _title(text: str, width: int, height: int, style: Style) -> Image.Image:
    font = fitting(text, height // 7, width * 0.8)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=font)
    padding = height // 20
    size = (min(width, int(right - left) + 2 * padding), min(height, int(bottom - top) + 2 * padding))
    image = Image.new("RGBA", size, style.background)
    middle = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(image).multiline_text(middle, text, fill=style.color, font=font, anchor="mm", align="center")
    return image


def _lower_third(text: str, width: int, height: int, style: Style) -> Image.Image:
    """First line large, the others smaller below it, a bar of the text's colour at the left."""
    name, _, role = text.partition("\n")
    large, padding = height // 13, height // 45
    first = fitting(name, large, width * 0.75)
    second = fitting(role, large * 2 // 3, width * 0.75)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    boxes = [probe.multiline_textbbox((0, 0), part, font=font) for part, font in ((name, first), (role, second))]
    wide = max(box[2] for box in boxes) if role else boxes[0][2]
    high = boxes[0][3] + (boxes[1][3] + padding if role else 0)
    image = Image.new("RGBA", (int(wide) + 5 * padding, int(high) + 2 * padding), style.background)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, padding, image.height), fill=style.color)
    draw.text((3 * padding, padding), name, fill=style.color, font=first)
    if role:
        draw.multiline_text((3 * padding, boxes[0][3] + 2 * padding), role, fill=style.color, font=second)
    return image

"""Text on pictures, in the font that ships with Pillow, accents included.

That font (a cut-down Aileron) has no accented letters, so they are put together here from the letter and a mark made of
glyphs it does have. Text it cannot write at all, such as Greek, is written in a system font where there is one.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
SYSTEM_FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
)
SUBSTITUTES = str.maketrans(
    {
        "œ": "oe",
        "Œ": "OE",
        "æ": "ae",
        "Æ": "AE",
        "ß": "ss",
        "\u2013": "-",
        "\u2014": "-",
        "\u2011": "-",
        "•": "·",
        "€": "EUR",
    }
    | dict.fromkeys("\u00a0\u202f\u2009\t", " ")
)


class Mark(NamedTuple):
    """How an accent is made: a glyph, its share of the letter's size, and whether it hangs below."""

    glyph: str
    share: float
    below: bool = False


MARKS = {
    "\u0300": Mark("`", 1.0),
    "\u0301": Mark("\u00b4", 1.0),
    "\u0302": Mark("^", 0.55),
    "\u0303": Mark("~", 0.7),
    "\u0308": Mark("..", 0.8),
    "\u030a": Mark("°", 0.7),
    "\u030c": Mark("v", 0.45),
    "\u0327": Mark(",", 0.8, below=True),
}


class Lettering:
    """Measures and writes single lines in one size; lengths in pixels."""

    def __init__(self, size: int) -> None:
        self.size = max(8, size)
        self.line_height = round(self.size * 1.3)
        self._ascent = round(self.size * 0.98)

    def width(self, line: str) -> float:
        font, letters = self._letters(line)
        return sum(self._advances(font, letters))

    def write(self, image: Image.Image, x: float, y: float, line: str, fill: str) -> None:
        """Write with the line's upper left corner at x, y."""
        draw = ImageDraw.Draw(image)
        font, letters = self._letters(line)
        baseline = y + self._ascent
        for (letter, marks), advance in zip(letters, self._advances(font, letters), strict=True):
            self._letter(draw, (x, baseline), letter, font, fill, dotless=bool(marks) and letter in {"i", "j"})
            for mark in marks:
                self._mark(draw, (x, baseline), letter, mark, fill)
            x += advance

    @staticmethod
    def _advances(font: Font, letters: list[tuple[str, str]]) -> list[float]:
        known: dict[str, float] = {}
        for letter, _ in letters:
            if letter not in known:
                known[letter] = float(font.getlength(letter))
        return [known[letter] for letter, _ in letters]

    def _letters(self, line: str) -> tuple[Font, list[tuple[str, str]]]:
        """The font a line can be written in, and its letters with their combining marks; all in one without marks."""
        letters: list[tuple[str, str]] = []
        for character in unicodedata.normalize("NFD", line.translate(SUBSTITUTES)):
            if unicodedata.combining(character) and letters:
                letters[-1] = (letters[-1][0], letters[-1][1] + character)
            else:
                letters.append((character, ""))
        if all(_known(letter) and all(mark in MARKS for mark in marks) for letter, marks in letters):
            return _shipped(self.size), letters if any(marks for _, marks in letters) else _whole(letters)
        system = _system(self.size)
        if system is not None:
            return system, [(unicodedata.normalize("NFC", line), "")]
        drawn = [(letter if _known(letter) else "?", "".join(set(marks) & set(MARKS))) for letter, marks in letters]
        return _shipped(self.size), drawn

    def _letter(
        self, draw: ImageDraw.ImageDraw, at: tuple[float, float], letter: str, font: Font, fill: str, *, dotless: bool
    ) -> None:
        if not dotless:
            draw.text(at, letter, fill=fill, font=font, anchor="ls")
            return
        mask = Image.new("L", (self.size, 2 * self.size))
        pen = ImageDraw.Draw(mask)
        pen.text((1, self.size), letter, fill=255, font=font, anchor="ls")
        pen.rectangle((0, 0, self.size, self.size + _box("x", self.size)[1] - 1), fill=0)
        draw.bitmap((round(at[0]) - 1, round(at[1]) - self.size), mask, fill=fill)

    def _mark(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], letter: str, sign: str, fill: str) -> None:
        mark = MARKS[sign]
        size = max(6, round(self.size * mark.share))
        left, top, right, bottom = _box("x" if letter in "ij" else letter, self.size)
        if letter in "ij":
            left, _, right, _ = _box(letter, self.size)
        mark_left, mark_top, mark_right, mark_bottom = _box(mark.glyph, size)
        gap = self.size / 16
        x = at[0] + (left + right) / 2 - (mark_left + mark_right) / 2
        y = at[1] + (bottom - mark_top if mark.below else top - gap - mark_bottom)
        draw.text((x, y), mark.glyph, fill=fill, font=_shipped(size), anchor="ls")


def fitting(lines: list[str], size: int, width: float) -> Lettering:
    """The size asked for, or the largest one in which every line is no wider than that."""
    lettering = Lettering(size)
    while lettering.size > 8 and (widest := max(map(lettering.width, lines), default=0)) > width:
        lettering = Lettering(min(lettering.size - 1, int(lettering.size * width / widest)))
    return lettering


def _whole(letters: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("".join(letter for letter, _ in letters), "")]


@cache
def _shipped(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _system(size: int) -> Font | None:
    path = next((path for path in SYSTEM_FONTS if Path(path).is_file()), None)
    return ImageFont.truetype(path, size) if path is not None else None


@cache
def _known(letter: str) -> bool:
    """Whether the shipped font has a glyph of its own for it."""
    font = _shipped(24)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask("\ufff0"))


@cache
def _box(text: str, size: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the ink, from the start of the baseline; Pillow's own box begins at the baseline."""
    sheet = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(sheet).text((size, 2 * size), text, fill=255, font=_shipped(size), anchor="ls")
    left, top, right, bottom = sheet.getbbox() or (size, 2 * size, size, 2 * size)
    return left - size, top - 2 * size, right - size, bottom - 2 * size

"""Pictures as YUV 4:2:0 planes in numpy arrays: the canvas the programme is drawn on, colours, patches, blending.

Everything stays in the encoder's own format, so that a frame costs no colour conversion. Widths, heights and offsets
are even numbers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.uint8]
Wide = NDArray[np.uint16]


class Planes(NamedTuple):
    """Brightness at full size, both colour differences at half size."""

    y: Plane
    u: Plane
    v: Plane


class Rect(NamedTuple):
    x: int
    y: int
    width: int
    height: int


class Canvas:
    """One picture in one block of memory, with a view on each plane."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        luma, chroma = width * height, width * height // 4
        self.block: Plane = np.zeros(luma + 2 * chroma, np.uint8)
        half = (height // 2, width // 2)
        self.planes = Planes(
            self.block[:luma].reshape(height, width),
            self.block[luma : luma + chroma].reshape(half),
            self.block[luma + chroma :].reshape(half),
        )

    def packed(self) -> Plane:
        """The form in which the encoder takes it: the planes one below the other."""
        return self.block.reshape(self.height * 3 // 2, self.width)

    def copy_from(self, other: "Canvas") -> None:
        np.copyto(self.block, other.block)

    def blit(self, planes: Planes, x: int, y: int) -> None:
        """Put a picture at an even offset; it must lie inside."""
        height, width = planes.y.shape
        self.planes.y[y : y + height, x : x + width] = planes.y
        for mine, other in ((self.planes.u, planes.u), (self.planes.v, planes.v)):
            mine[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2] = other

    def mix(self, other: "Canvas", weight: int) -> None:
        """Fade towards the other picture; weight 0 = none of it, 256 = all of it."""
        np.copyto(self.block, blended(self.block, other.block, weight))

    def wipe(self, other: "Canvas", columns: int) -> None:
        """Cover the left part with the other picture; columns is even."""
        for mine, new, edge in zip(self.planes, other.planes, (columns, columns // 2, columns // 2), strict=True):
            mine[:, :edge] = new[:, :edge]


def blended(old: Plane, new: Plane, weight: int) -> Plane:
    total = old.astype(np.uint16) * np.uint16(256 - weight) + new.astype(np.uint16) * np.uint16(weight)
    return ((total + 128) >> 8).astype(np.uint8)


class Patch:
    """A picture with transparency, prepared so that drawing it costs one multiplication a pixel."""

    def __init__(self, image: Image.Image, *, high_definition: bool) -> None:
        pixels = np.asarray(even(image.convert("RGBA")))
        planes = to_planes(pixels[..., :3], high_definition=high_definition)
        alpha = (pixels[..., 3].astype(np.uint16) * 256 + 127) // 255
        small = _halved(alpha).astype(np.uint16)
        self.height, self.width = alpha.shape
        self._layers = [
            (plane.astype(np.uint16) * mask + 128, 256 - mask)
            for plane, mask in zip(planes, (alpha, small, small), strict=True)
        ]

    def draw(self, canvas: Canvas, x: int, y: int, first: int = 0, columns: int | None = None) -> None:
        """Lay the columns from `first` on the canvas at an even offset; what lies outside is left away."""
        width = min(self.width - first if columns is None else columns, self.width - first, canvas.width - x)
        height = min(self.height, canvas.height - y)
        if width <= 0 or height <= 0:
            return
        for plane, (colour, rest), scale in zip(canvas.planes, self._layers, (1, 2, 2), strict=True):
            place = plane[y // scale : (y + height) // scale, x // scale : (x + width) // scale]
            part = np.s_[: height // scale, first // scale : (first + width) // scale]
            place[:] = (place.astype(np.uint16) * rest[part] + colour[part]) >> 8


def even(image: Image.Image) -> Image.Image:
    """The picture with even sides, by cutting at most one row and column, or doubling a single one."""
    width, height = max(2, image.width // 2 * 2), max(2, image.height // 2 * 2)
    if (width, height) == image.size:
        return image
    return image.crop((0, 0, width, height))


def to_planes(rgb: Plane, *, high_definition: bool) -> Planes:
    """Convert an RGB array with even sides. Source: ITU-R BT.709 and BT.601, limited range."""
    red, blue = (0.2126, 0.0722) if high_definition else (0.299, 0.114)
    pixels = rgb.astype(np.float32)
    luma = pixels @ np.array([red, 1 - red - blue, blue], np.float32)
    u = 128 + (pixels[..., 2] - luma) * np.float32(224 / 255 / (2 * (1 - blue)))
    v = 128 + (pixels[..., 0] - luma) * np.float32(224 / 255 / (2 * (1 - red)))
    full = np.rint(16 + luma * np.float32(219 / 255)).astype(np.uint8)
    return Planes(full, np.rint(_halved(u)).astype(np.uint8), np.rint(_halved(v)).astype(np.uint8))


def _halved(plane: NDArray[np.generic]) -> NDArray[np.float32]:
    height, width = plane.shape
    blocks = plane.astype(np.float32).reshape(height // 2, 2, width // 2, 2)
    halved: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return halved


def fitted(width: int, height: int, into: Rect) -> Rect:
    """The largest even rectangle of that shape inside another, centred."""
    scale = min(into.width / width, into.height / height)
    wide = max(2, min(into.width, round(width * scale / 2) * 2))
    high = max(2, min(into.height, round(height * scale / 2) * 2))
    return Rect(
        into.x + (into.width - wide) // 4 * 2,
        into.y + (into.height - high) // 4 * 2,
        wide,
        high,
    )

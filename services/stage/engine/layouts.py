"""Where the sources of a scene lie on the canvas."""

import math

from services.stage.engine.picture import Rect
from services.stage.engine.protocol import Scene

PIP_SHARE, PIP_MARGIN = 0.3, 0.03


def even(number: float) -> int:
    return int(number) // 2 * 2


def places(scene: Scene, width: int, height: int) -> list[tuple[str, Rect]]:
    """Source ids with their rectangles, lowest first; sources beyond the places of the layout are left out."""
    whole = Rect(0, 0, width, height)
    match scene.layout:
        case "slate":
            rects: list[Rect] = []
        case "full":
            rects = [whole]
        case "split":
            half = even(width / 2)
            rects = [Rect(0, 0, half, height), Rect(half, 0, width - half, height)]
        case "pip":
            wide, high = even(width * PIP_SHARE), even(height * PIP_SHARE)
            margin = even(width * PIP_MARGIN)
            rects = [whole, Rect(width - wide - margin, height - high - margin, wide, high)]
        case "grid":
            rects = _grid(len(scene.sources), width, height)
    return list(zip(scene.sources, rects, strict=False))


def _grid(count: int, width: int, height: int) -> list[Rect]:
    columns = math.ceil(math.sqrt(max(1, count)))
    rows = math.ceil(max(1, count) / columns)
    wide, high = even(width / columns), even(height / rows)
    return [Rect(index % columns * wide, index // columns * high, wide, high) for index in range(count)]

"""Draws the programme's picture and mixes its sound, frame by frame, from scene, sources, overlays and transition.

Used by the programme thread alone. Not in here: encoding, and deciding which request is allowed (`desk.py`).
"""

from typing import NamedTuple

import av
import numpy as np

from services.stage.engine.inlet import Samples
from services.stage.engine.layouts import places
from services.stage.engine.overlays import Overlay
from services.stage.engine.picture import Canvas, Planes, Rect, fitted
from services.stage.engine.protocol import Scene, Transition
from services.stage.engine.sources import Source


class Change(NamedTuple):
    """A transition under way: frame `start` is the first that shows something of the new scene."""

    old: Scene
    kind: Transition
    start: int
    frames: int

    def share(self, frame: int) -> float:
        """How much of the new scene a frame shows, above 0 and up to 1."""
        return min(1.0, (frame - self.start + 1) / self.frames)


class Gain(NamedTuple):
    gain_db: float = 0.0
    mute: bool = False

    @property
    def factor(self) -> float:
        return 0.0 if self.mute else float(10 ** (self.gain_db / 20))


class Layer(NamedTuple):
    layer: int
    kind: str
    overlay: Overlay


class Mixer:
    """The whole look and sound of the programme as of now."""

    def __init__(self, width: int, height: int, fps: int, slate: av.VideoFrame, background: av.VideoFrame) -> None:
        self.width, self.height, self.fps = width, height, fps
        self.scene = Scene(layout="slate")
        self.preview: Scene | None = None
        self.sources: dict[str, Source] = {}
        self.overlays: dict[str, Layer] = {}
        self.gains: dict[str, Gain] = {}
        self.background = background
        self.blank = False
        self._slate = slate
        self._change: Change | None = None
        self._canvas, self._other = Canvas(width, height), Canvas(width, height)
        self._scaled: dict[tuple[str, int, int], tuple[av.VideoFrame, Planes]] = {}
        self._heard: dict[str, float] = {}

    def take(self, scene: Scene, kind: Transition, frames: int, frame: int) -> None:
        """Put a scene on air from this frame on; a transition still under way jumps to its end."""
        self._change = None if kind == "cut" or frames < 2 else Change(self.scene, kind, frame, frames)
        self.scene = scene

    def forget(self, source: str) -> None:
        """Drop what is kept of a source that is gone."""
        self.sources.pop(source, None)
        self._heard.pop(source, None)
        for key in [key for key in self._scaled if key[0] == source]:
            del self._scaled[key]

    def picture(self, frame: int) -> Canvas:
        """The canvas of one frame, valid until the next call."""
        now = frame / self.fps
        shown = {name: source.picture(now) for name, source in self.sources.items()}
        for source in self.sources.values():
            source.watch(now)
        if self.blank:
            return self.slate()
        self._compose(self._canvas, self.scene, shown)
        self._transit(frame, shown)
        for layer in sorted(self.overlays.values(), key=lambda each: each.layer):
            layer.overlay.draw(self._canvas, frame)
        return self._canvas

    def slate(self) -> Canvas:
        """The canvas with the slate on it: what is shown when nothing else may or can be."""
        self._put(self._canvas, "", self._slate, Rect(0, 0, self.width, self.height))
        return self._canvas

    def _transit(self, frame: int, shown: dict[str, av.VideoFrame | None]) -> None:
        change = self._change
        if change is None:
            return
        share = change.share(frame)
        if share >= 1:
            self._change = None
            return
        self._compose(self._other, change.old, shown)
        if change.kind == "fade":
            self._canvas.mix(self._other, round((1 - share) * 256))
        else:
            self._other.wipe(self._canvas, int(self.width * share) // 2 * 2)
            self._canvas, self._other = self._other, self._canvas

    def _compose(self, canvas: Canvas, scene: Scene, shown: dict[str, av.VideoFrame | None]) -> None:
        whole = Rect(0, 0, self.width, self.height)
        placed = places(scene, self.width, self.height)
        if not placed:
            self._put(canvas, "", self._slate, whole)
            return
        self._put(canvas, " background", self.background, whole)
        for name, rect in placed:
            picture = shown.get(name)
            self._put(canvas, name if picture is not None else "", picture or self._slate, rect)

    def _put(self, canvas: Canvas, name: str, picture: av.VideoFrame, into: Rect) -> None:
        rect = fitted(picture.width, picture.height, into)
        key = (name, rect.width, rect.height)
        known = self._scaled.get(key)
        if known is None or known[0] is not picture:
            known = self._scaled[key] = (picture, _planes(picture, rect))
        canvas.blit(known[1], rect.x, rect.y)

    def sound(self, frame: int, start: int, count: int) -> Samples:
        """The samples that belong to a frame, shape (2, count); levels glide within it, so that nothing clicks."""
        mixed = np.zeros((2, count), np.float32)
        targets = {} if self.blank else self._targets(frame)
        for name, source in self.sources.items():
            samples = source.sound(start, count)
            target = targets.get(name, 0.0)
            before = self._heard.get(name, 0.0)
            self._heard[name] = target
            if samples is not None and not self.blank and (target or before):
                mixed += samples * np.linspace(before, target, count, dtype=np.float32)
        return np.clip(mixed, -1.0, 1.0, out=mixed)

    def _targets(self, frame: int) -> dict[str, float]:
        """The factor of each source that is to be heard at the end of a frame."""
        weights = {name: 1.0 for name, _ in places(self.scene, self.width, self.height)}
        if self._change is not None:
            share = self._change.share(frame)
            old = {name for name, _ in places(self._change.old, self.width, self.height)}
            weights = {name: share + (1 - share) * (name in old) for name in weights}
            weights |= dict.fromkeys(old - set(weights), 1 - share)
        return {name: weight * self.gains.get(name, Gain()).factor for name, weight in weights.items()}


def _planes(picture: av.VideoFrame, rect: Rect) -> Planes:
    if (picture.width, picture.height) != (rect.width, rect.height):
        picture = picture.reformat(rect.width, rect.height, "yuv420p", interpolation="BILINEAR")
    packed = np.asarray(picture.to_ndarray(), np.uint8)
    width, height = rect.width, rect.height
    half = (height // 2, width // 2)
    flat = packed.reshape(-1)
    luma, chroma = width * height, width * height // 4
    return Planes(
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma :].reshape(half),
    )

"""The programme's sources: colours, stills, live feeds, files and clips, each with a state and a picture at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image, ImageColor

from chassis.outbound import Outbound
from services.stage.engine import feeds
from services.stage.engine.encoder import SAMPLE_RATE
from services.stage.engine.inlet import Inlet, Samples
from services.stage.engine.picture import Canvas, Rect, even, fitted, to_planes

SourceStates = Literal["connecting", "live", "stalled", "lost", "eof", "removed"]
STALLED_AFTER_S = 2.0
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 5.0
MAX_BAD_PACKETS = 50
Told = Callable[[SourceStates, str | None], None]


class Source(Protocol):
    """What the mixer needs of a source; called by the programme thread."""

    state: SourceStates

    def start(self) -> None: ...
    def picture(self, now: float) -> av.VideoFrame | None:
        """None = show the slate instead."""

    def sound(self, start: int, count: int) -> Samples | None: ...
    def watch(self, now: float) -> None:
        """Notice what only time tells: a stall, an end."""

    def stop(self) -> None: ...


class Still:
    """A picture that never changes: a colour or a picture file."""

    def __init__(self, frame: av.VideoFrame, tell: Told) -> None:
        self.state: SourceStates = "connecting"
        self._frame = frame
        self._tell = tell

    def start(self) -> None:
        self.state = "live"
        self._tell("live", None)

    def picture(self, now: float) -> av.VideoFrame | None:  # noqa: ARG002 - the same at any time
        return self._frame

    def sound(self, start: int, count: int) -> Samples | None:  # noqa: ARG002 - stills are silent
        return None

    def watch(self, now: float) -> None:
        """Nothing to notice: a still neither stalls nor ends."""

    def stop(self) -> None:
        self.state = "removed"
        self._tell("removed", None)


class Feed:
    """A URL decoded in a thread of its own, opened again and again until it is removed.

    `once` = a clip: from its start, to its end, and then never again.
    """

    def __init__(
        self,
        url: str,
        tell: Told,
        size: tuple[int, int],
        *,
        loop: bool = False,
        once: bool = False,
        outbound: Outbound | None = None,
    ) -> None:
        feeds.check(url)
        self.state: SourceStates = "connecting"
        self.ended: Literal["played", "failed"] | None = None
        self._url, self._tell, self._size = url, tell, size
        self._outbound = outbound or Outbound()
        self._live = feeds.is_live(url)
        self.once = once
        self._loop = loop
        self._inlet = Inlet(live=self._live)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._finished = False
        self._arrived = 0.0
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._become("removed")

    def picture(self, now: float) -> av.VideoFrame | None:
        frame = self._inlet.picture(now)
        if frame is not None and self.state in {"connecting", "lost"}:
            self._become("live")  # now, not when it arrived: "live" is told with the first frame that shows it
        return frame if self.state in {"live", "eof"} else None

    def sound(self, start: int, count: int) -> Samples | None:
        return self._inlet.sound(start, count) if self.state == "live" else None

    def watch(self, now: float) -> None:
        if self._live and self.state == "live" and time.monotonic() - self._arrived > STALLED_AFTER_S:
            self._become("stalled", "no pictures or sound arrive")
        if self._finished and self.state not in {"eof", "removed"} and self._inlet.drained(now):
            self.ended = "played"
            self._become("eof")

    def _become(self, state: SourceStates, reason: str | None = None) -> None:
        with self._lock:
            if self.state in {state, "removed"}:
                return
            self.state = state
            self._tell(state, reason)

    def _run(self) -> None:
        pause = RETRY_FIRST_S
        while not self._stop.is_set():
            began = time.monotonic()
            reason = self._attempt()
            if reason is None or self._stop.is_set():
                return
            self._inlet.forget()
            if self.once:
                self.ended = "failed"
                self._become("lost", reason)
                return
            self._become("lost", reason)
            self._stop.wait(pause)
            lasted = time.monotonic() - began > 2 * RETRY_MOST_S
            pause = RETRY_FIRST_S if lasted or not feeds.is_remote(self._url) else min(RETRY_MOST_S, pause * 2)

    def _attempt(self) -> str | None:
        """Open and decode until it ends; returns why it was lost, None when it came to its proper end."""
        seamless = False
        while not self._stop.is_set():
            self._inlet.restart(seamless=seamless)
            try:
                opened = feeds.open_feed(self._url, self._stop, self._outbound)
                try:
                    shown = self._decode(opened.container)
                finally:
                    opened.close()
            except feeds.FAULTS as error:
                return feeds.words_of(error)
            if not shown:
                return "holds no pictures and no sound"
            if self._live:
                return "the feed ended"
            if not self._loop:
                self._finished = True
                return None
            seamless = True
        return None

    def _decode(self, container: av.container.InputContainer) -> bool:
        video = container.streams.video[0] if container.streams.video else None
        audio = container.streams.audio[0] if container.streams.audio else None
        chosen = [stream for stream in (video, audio) if stream is not None]
        if not chosen:
            return False
        for stream in chosen:
            stream.codec_context.thread_count = 1
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
        shown = False
        for frame in self._frames(container, chosen):
            if isinstance(frame, av.VideoFrame):
                rate = (video.average_rate if video is not None else None) or 25
                self._inlet.push_picture(_seconds(frame), self._fit(frame), float(1 / rate))
            else:
                for block in resampler.resample(frame):
                    samples: Samples = block.to_ndarray().astype(np.float32, copy=False)
                    self._inlet.push_sound(_seconds(block), samples)
            shown = True
            self._arrived = time.monotonic()
            if video is None or self.state == "stalled":
                self._become("live")
            while not self._live and not self._stop.is_set() and not self._inlet.wait_for_room(0.1):
                self._arrived = time.monotonic()
        return shown

    def _frames(
        self, container: av.container.InputContainer, streams: list[VideoStream | AudioStream]
    ) -> Iterator[av.VideoFrame | av.AudioFrame]:
        """Decoded frames with a time; single bad packets are passed over, many are a broken feed."""
        bad = 0
        for packet in container.demux(streams):
            if self._stop.is_set():
                return
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                bad += 1
                if bad > MAX_BAD_PACKETS:
                    raise
                continue
            bad = 0 if frames else bad
            for frame in frames:
                if isinstance(frame, av.VideoFrame | av.AudioFrame) and frame.pts is not None:
                    yield frame

    def _fit(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Scale to the programme's size here, in this thread, so that a full picture costs the mixer a copy only."""
        width, height = self._size
        rect = fitted(frame.width, frame.height, Rect(0, 0, width, height))
        return frame.reformat(rect.width, rect.height, "yuv420p", interpolation="BILINEAR")


def _seconds(frame: av.VideoFrame | av.AudioFrame) -> float:
    return float((frame.pts or 0) * (frame.time_base or 0))


def frame_of(image: Image.Image, *, high_definition: bool) -> av.VideoFrame:
    """A Pillow picture as a frame the mixer can scale; transparent parts are black."""
    whole = even(image.convert("RGBA"))
    flat = Image.new("RGBA", whole.size, "#000000")
    flat.alpha_composite(whole)
    planes = to_planes(np.asarray(flat.convert("RGB")), high_definition=high_definition)
    canvas = Canvas(*whole.size)
    canvas.blit(planes, 0, 0)
    return av.VideoFrame.from_ndarray(canvas.packed(), format="yuv420p")


def frame_of_color(color: str, width: int, height: int) -> av.VideoFrame:
    red, green, blue = ImageColor.getrgb(color)[:3]
    return frame_of(Image.new("RGB", (width, height), (red, green, blue)), high_definition=height >= 720)

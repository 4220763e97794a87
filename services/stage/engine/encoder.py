"""One H.264 and one AAC encoder whose packets every sink shares.

Encoded once, however many sinks: a destination more costs no encoding. No B-frames, so a packet is out with its frame.
"""

import os
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from services.stage.engine.picture import Canvas

SAMPLE_RATE = 48_000
KEY_EVERY_S = 2
GLOBAL_HEADER = 1 << 22
BT709, BT601, LIMITED = 1, 6, 1


class Unit(NamedTuple):
    """One encoded packet; `position` in programme frames for pictures, in samples of 48 kHz for sound."""

    video: bool
    key: bool
    position: int
    data: bytes


class Encoder:
    """Used by the programme thread alone."""

    def __init__(self, width: int, height: int, fps: int, video_kbps: int, audio_kbps: int) -> None:
        self.width, self.height, self.fps = width, height, fps
        self.video_kbps, self.audio_kbps = video_kbps, audio_kbps
        self._template = av.open(os.devnull, "w", format="mp4")  # never written: it only owns the two encoders
        self.video = self._open_video()
        self.audio = self._open_audio()
        self._template.start_encoding()  # only now the streams hold what a recording copies from them
        self._picture = self.video.codec_context
        self._sound = self.audio.codec_context

    def _open_video(self) -> VideoStream:
        stream = self._template.add_stream("libx264", rate=self.fps)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.time_base = Fraction(1, self.fps)
        context.gop_size = KEY_EVERY_S * self.fps
        context.max_b_frames = 0
        context.bit_rate = self.video_kbps * 1000
        context.thread_count = 1 if self.height < 720 else 2
        context.flags |= GLOBAL_HEADER
        matrix = BT709 if self.height >= 720 else BT601
        context.colorspace = context.color_primaries = context.color_trc = matrix
        context.color_range = LIMITED
        rate = f"{self.video_kbps}k"
        context.options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "forced-idr": "1",
            "maxrate": rate,
            "bufsize": rate,
            # Length-prefixed NAL units are what FLV and MP4 carry, so no sink has to convert them.
            "x264-params": "annexb=0:scenecut=0:repeat-headers=0",
        }
        context.open()
        return stream

    def _open_audio(self) -> AudioStream:
        stream = self._template.add_stream("aac", rate=SAMPLE_RATE)
        context = stream.codec_context
        context.layout, context.format = "stereo", "fltp"
        context.bit_rate = self.audio_kbps * 1000
        context.time_base = Fraction(1, SAMPLE_RATE)
        context.flags |= GLOBAL_HEADER
        context.open()
        return stream

    @property
    def video_config(self) -> bytes:
        """The AVC decoder configuration record."""
        return self._picture.extradata or b""

    @property
    def audio_config(self) -> bytes:
        """The AAC AudioSpecificConfig."""
        return self._sound.extradata or b""

    def picture(self, canvas: Canvas, frame: int, *, key: bool) -> list[Unit]:
        """Encode one programme frame; `key` makes it one a decoder can begin at."""
        picture = av.VideoFrame.from_ndarray(canvas.packed(), format="yuv420p")
        picture.pts, picture.time_base = frame, Fraction(1, self.fps)
        if key:
            picture.pict_type = PictureType.I
        return [
            Unit(video=True, key=packet.is_keyframe, position=packet.pts or 0, data=bytes(packet))
            for packet in self._picture.encode(picture)
        ]

    def sound(self, samples: NDArray[np.float32], position: int) -> list[Unit]:
        """Encode samples of shape (2, n); packets may lag by up to 1024 samples."""
        block = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        block.sample_rate = SAMPLE_RATE
        block.pts, block.time_base = position, Fraction(1, SAMPLE_RATE)
        return [
            Unit(video=False, key=False, position=packet.pts or 0, data=bytes(packet))
            for packet in self._sound.encode(block)
        ]

"""Media for the tests, and a way to look at media: decoded with PyAV, in the tests' own process."""

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np


class Film(NamedTuple):
    """A decoded file: the mean of each plane and the time of each picture, and the sound."""

    codecs: tuple[str, str]
    size: tuple[int, int]
    colours: list[tuple[float, float, float]]
    times: list[float]
    pictures: list[np.ndarray]
    sound: np.ndarray
    sound_times: list[float]


def watch(path: Path, *, keep: bool = False) -> Film:
    colours, times, pictures, sound, sound_times = [], [], [], [np.zeros(0, np.float32)], []
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        for frame in container.decode(video, audio):
            if isinstance(frame, av.AudioFrame):
                sound.append(frame.to_ndarray()[0])
                sound_times.append(float(frame.time))
                continue
            packed = frame.to_ndarray()
            height, half = frame.height, frame.height // 4
            planes = (packed[:height], packed[height : height + half], packed[height + half :])
            colours.append(tuple(float(plane.mean()) for plane in planes))
            times.append(float(frame.time))
            if keep:
                pictures.append(packed[:height].copy())
        codecs = (video.codec_context.name, audio.codec_context.name)
        return Film(codecs, (video.width, video.height), colours, times, pictures, np.concatenate(sound), sound_times)


def shoot(path: Path, seconds: float, *, luma: int = 180, tone: bool = True) -> Path:
    """A clip of one grey with a 440 Hz tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = container.add_stream("aac", rate=48000)
        audio.codec_context.layout = "stereo"
        block = np.full((270, 320), 128, np.uint8)
        block[:180] = luma
        for number in range(round(seconds * 25)):
            picture = av.VideoFrame.from_ndarray(block, format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
            wave = 0.3 * tone * np.sin(2 * np.pi * 440 * (np.arange(1920) + number * 1920) / 48000)
            sound = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), "fltp", "stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48000, number * 1920, Fraction(1, 48000)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def gaps(times: list[float], fps: int = 25) -> list[float]:
    """The steps between pictures that are not one frame; times may be in milliseconds, as in FLV."""
    return [step for step in np.diff(times) if abs(step - 1 / fps) > 0.0015]

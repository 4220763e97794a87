"""A presenter's encoder for the tests: publishes a moving grey and a tone to the URL on its standard input.

A program of its own, because opening an RTMP output holds the interpreter lock in PyAV until the server has answered.
"""

import sys
import time
from fractions import Fraction

import av
import numpy as np


def main() -> None:
    url, seconds = sys.stdin.readline().strip(), float(sys.argv[1])
    container = av.open(url, "w", format="flv")
    options = {"preset": "ultrafast", "tune": "zerolatency"}
    video = container.add_stream("libx264", rate=25, options=options)
    video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
    video.codec_context.gop_size = 12
    audio = container.add_stream("aac", rate=48000)
    audio.codec_context.layout = "stereo"
    began = time.monotonic()
    for number in range(round(seconds * 25)):
        block = np.full((270, 320), 128, np.uint8)
        block[:180] = 180
        block[:, : number % 160] -= 8
        picture = av.VideoFrame.from_ndarray(block, format="yuv420p")
        picture.pts, picture.time_base = number, Fraction(1, 25)
        container.mux(video.encode(picture))
        wave = 0.3 * np.sin(2 * np.pi * 440 * (np.arange(1920) + number * 1920) / 48000)
        sound = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, number * 1920, Fraction(1, 48000)
        container.mux(audio.encode(sound))
        time.sleep(max(0.0, began + number / 25 - time.monotonic()))
    container.close()


if __name__ == "__main__":
    main()

"""Where the programme goes: RTMP destinations and recordings, each in a thread of its own that hurts no other."""

import os
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import av
from av.container import OutputContainer

from chassis.outbound import Outbound
from services.stage.engine.encoder import SAMPLE_RATE, Encoder, Unit
from services.stage.engine.feeds import words_of
from services.stage.engine.outlet import Outlet
from services.stage.engine.rtmp import flv
from services.stage.engine.rtmp.chunks import AUDIO, DATA, VIDEO
from services.stage.engine.rtmp.publisher import DestinationFault, Publisher

BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 5.0
STALL_QUEUE_S = 6
DISK_QUEUE_S = 30
PROVEN_AFTER_UNITS = 8  # servers that dislike a key accept the publication and hang up a moment later
AUDIO_UNITS_PER_S = 47
DestStates = Literal["connecting", "connected", "down", "closed"]
RecStates = Literal["recording", "closed", "failed"]


class Destination(threading.Thread):
    """Publishes to one RTMP server for ever, opening again with a growing pause whenever it is down.

    `tell` gets state, attempt and reason; the reason may hold words of the server and has to be redacted.
    """

    def __init__(
        self,
        url: str,
        encoder: Encoder,
        tell: Callable[[DestStates, int, str | None], None],
        want_key: Callable[[], None],
        outbound: Outbound,
    ) -> None:
        super().__init__(name="destination", daemon=True)
        self._url, self._encoder, self._tell, self._want_key = url, encoder, tell, want_key
        self._outbound = outbound
        self._closing = threading.Event()
        self._attempt = 0
        self.outlet = Outlet(STALL_QUEUE_S * (encoder.fps + AUDIO_UNITS_PER_S))
        self.state: DestStates = "connecting"
        self.reason: str | None = None
        self.sent_bytes = 0

    @property
    def attempt(self) -> int:
        return self._attempt

    def stop(self) -> None:
        self._closing.set()
        self.outlet.end()

    def run(self) -> None:
        pause = BACKOFF_FIRST_S
        while not self._closing.is_set():
            self._attempt += 1
            self._become("connecting")
            reason = self._serve()
            if reason is None:
                break
            was_connected = self.state == "connected"
            self._become("down", reason)
            if was_connected:
                self._attempt, pause = 0, BACKOFF_FIRST_S
            self._closing.wait(pause)
            pause = min(BACKOFF_MOST_S, pause * 2)
        self._become("closed")

    def _serve(self) -> str | None:
        """One connection from its opening to its end; returns why it ended, None when told to close."""
        publisher: Publisher | None = None
        try:
            publisher = Publisher(self._url, self._outbound)
            publisher.open()
            self._push(publisher)
        except DestinationFault as fault:
            return str(fault)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server provokes, the thread has to go on
            return f"unexpected answer ({type(error).__name__})"
        finally:
            self.outlet.pause()
            if publisher is not None:
                publisher.close(politely=self._closing.is_set())
        return None

    def _push(self, publisher: Publisher) -> None:
        encoder = self._encoder
        publisher.write(DATA, 0, flv.metadata(metadata(encoder)))
        publisher.write(VIDEO, 0, flv.video_header(encoder.video_config))
        publisher.write(AUDIO, 0, flv.audio_header(encoder.audio_config))
        self.outlet.begin()
        self._want_key()
        first: int | None = None
        units = 0
        while not self._closing.is_set():
            unit = self.outlet.take(0.5)
            publisher.listen()
            if self.outlet.overflowed:
                raise DestinationFault("stalled")
            if unit is None:
                continue
            moment = milliseconds(unit, encoder.fps)
            first = moment if first is None else first
            if moment < first:
                continue
            payload = flv.video(unit.data, key=unit.key) if unit.video else flv.audio(unit.data)
            publisher.write(VIDEO if unit.video else AUDIO, moment - first, payload)
            self.sent_bytes += len(payload)
            units += 1
            if units == PROVEN_AFTER_UNITS:
                self._become("connected")

    def _become(self, state: DestStates, reason: str | None = None) -> None:
        self.state, self.reason = state, reason
        self._tell(state, self._attempt, reason)


def milliseconds(unit: Unit, fps: int) -> int:
    return round(unit.position * 1000 / (fps if unit.video else SAMPLE_RATE))


def metadata(encoder: Encoder) -> dict[str, Any]:
    return {
        "width": encoder.width,
        "height": encoder.height,
        "framerate": encoder.fps,
        "videocodecid": flv.AVC,
        "videodatarate": encoder.video_kbps,
        "audiocodecid": flv.AAC,
        "audiodatarate": encoder.audio_kbps,
        "audiosamplerate": SAMPLE_RATE,
        "stereo": True,
        "encoder": "Regie",
    }


class Recording(threading.Thread):
    """Writes one fragmented MP4 that stays playable whatever happens to the process.

    Creates the file at once, so that a path that cannot be written is refused; raises OSError.
    """

    def __init__(
        self, path: str, encoder: Encoder, tell: Callable[["Recording", str | None], None], want_key: Callable[[], None]
    ) -> None:
        super().__init__(name="recording", daemon=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
        self.path = path
        self._encoder, self._tell, self._want_key = encoder, tell, want_key
        self.outlet = Outlet(DISK_QUEUE_S * (encoder.fps + AUDIO_UNITS_PER_S))
        self.state: RecStates | None = None
        self.first_frame: int | None = None
        self.last_frame: int | None = None
        self.frames = 0

    def begin(self) -> None:
        """Record from this frame on."""
        self.outlet.begin()
        self._want_key()
        self.start()

    def stop(self) -> None:
        """Record nothing more, write what is queued and finalise."""
        self.outlet.end()

    def run(self) -> None:
        try:
            options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
            with av.open(f"file:{self.path}", "w", format="mp4", options=options) as container:
                self._write(container)
        except (OSError, av.FFmpegError) as error:
            self.outlet.pause()
            self._become("failed", words_of(error))
            return
        if self.outlet.overflowed:
            self._become("failed", "the disk is too slow")
            return
        self._become("closed")

    def _write(self, container: OutputContainer) -> None:
        video = container.add_stream_from_template(self._encoder.video)
        audio = container.add_stream_from_template(self._encoder.audio)
        bases = {True: Fraction(1, self._encoder.fps), False: Fraction(1, SAMPLE_RATE)}
        start_sample = 0
        while not self.outlet.exhausted and not self.outlet.overflowed:
            unit = self.outlet.take(0.5)
            if unit is None:
                continue
            if self.first_frame is None:
                self.first_frame = unit.position
                start_sample = unit.position * SAMPLE_RATE // self._encoder.fps
                self._become("recording")
            position = unit.position - (self.first_frame if unit.video else start_sample)
            if position < 0:
                continue
            packet = av.Packet(unit.data)
            packet.stream = video if unit.video else audio
            packet.pts = packet.dts = position
            packet.time_base = bases[unit.video]
            packet.duration = 1 if unit.video else 1024
            packet.is_keyframe = unit.key or not unit.video
            container.mux_one(packet)
            if unit.video:
                self.last_frame = unit.position
                self.frames += 1

    def _become(self, state: RecStates, reason: str | None = None) -> None:
        self.state = state
        self._tell(self, reason)

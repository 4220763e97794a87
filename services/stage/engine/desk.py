"""The desk: what each verb does. Slow work (drawing text, opening files) is prepared first, so that no frame waits.

`prepare` runs in a worker thread and returns what the programme thread then does between two frames. Both raise
Refused, whose text is the reason of the rejection.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chassis.outbound import Outbound
from services.stage.engine import overlays, sources
from services.stage.engine.encoder import Encoder
from services.stage.engine.feeds import Refused, words_of
from services.stage.engine.mixer import Gain, Layer, Mixer
from services.stage.engine.programme import Apply, Programme
from services.stage.engine.protocol import (
    AnyEvent,
    AnyRequest,
    AudioSet,
    BackgroundSet,
    Blank,
    ClipEnded,
    ClipPlay,
    ClipStop,
    DestAdd,
    DestRemove,
    DestState,
    OverlayClear,
    OverlaySet,
    PreviewSet,
    Quit,
    RecStart,
    RecState,
    RecStop,
    Scene,
    SceneTake,
    SourceAdd,
    SourceRemove,
    SourceState,
    State,
    Stats,
)
from services.stage.engine.redact import Redactor
from services.stage.engine.rtmp.publisher import DestinationFault, Target
from services.stage.engine.sinks import Destination, DestStates, Recording
from services.stage.engine.snapshot import state_of, stats_of

MAX_SOURCES, MAX_OVERLAYS, MAX_DESTINATIONS, MAX_RECORDINGS = 32, 32, 16, 4


class Desk:
    """Holds what the requests have made: destinations and recordings here, everything visible in the mixer."""

    def __init__(
        self,
        programme: Programme,
        encoder: Encoder,
        emit: Callable[[AnyEvent], None],
        redactor: Redactor,
        outbound: Outbound,
    ) -> None:
        self._programme, self._encoder, self._emit, self._redactor = programme, encoder, emit, redactor
        self._outbound = outbound
        self.destinations: dict[str, Destination] = {}
        self.recordings: dict[str, Recording] = {}
        self._leaving: list[Destination | Recording] = []

    @property
    def _mixer(self) -> Mixer:
        return self._programme.mixer

    def prepare(self, request: AnyRequest) -> Apply:
        match request:
            case SourceAdd():
                return self._source_add(request)
            case ClipPlay(id=name, path=path):
                return self._clip_play(name, path)
            case SourceRemove(id=name) | ClipStop(id=name):
                return lambda frame: self._source_remove(name, frame, clip=isinstance(request, ClipStop))
            case PreviewSet(scene=scene):
                return lambda _: self._preview(scene)
            case SceneTake():
                return lambda frame: self._take(request, frame)
            case OverlaySet():
                return self._overlay_set(request)
            case OverlayClear(id=name):
                return lambda _: self._overlay_clear(name)
            case BackgroundSet():
                return self._background(request)
            case AudioSet():
                return lambda _: self._audio(request)
            case DestAdd():
                return self._dest_add(request)
            case DestRemove(id=name):
                return lambda _: self._dest_remove(name)
            case RecStart():
                return self._rec_start(request)
            case RecStop(id=name):
                return lambda _: self._rec_stop(name)
            case Blank(on=on):
                return lambda _: self._blank(on=on)
            case State():
                return lambda frame: state_of(frame, self._mixer, self.destinations, self.recordings)
            case Stats():
                return lambda frame: stats_of(frame, self._programme, self.destinations, self.recordings)
            case Quit():
                return lambda _: None

    def _source_add(self, request: SourceAdd) -> Apply:
        name = request.id
        if sum(part is not None for part in (request.url, request.still, request.color)) != 1:
            raise Refused("exactly one of url, still and color is needed")
        source: sources.Source
        tell = self._teller(name)
        size = (self._mixer.width, self._mixer.height)
        if request.color is not None:
            source = sources.Still(sources.frame_of_color(request.color, *size), tell)
        elif request.still is not None:
            source = sources.Still(self._still(request.still), tell)
        else:
            self._redactor.learn(request.url or "")
            source = sources.Feed(request.url or "", tell, size, loop=request.loop, outbound=self._outbound)
        return lambda _: self._add(name, source)

    def _clip_play(self, name: str, path: str) -> Apply:
        if not Path(path).is_file():
            raise Refused("the clip's file does not exist")
        clip = sources.Feed(f"file:{path}", self._teller(name), (self._mixer.width, self._mixer.height), once=True)
        return lambda _: self._add(name, clip)

    def _add(self, name: str, source: sources.Source) -> None:
        if name in self._mixer.sources:
            raise Refused("a source with this id exists")
        if len(self._mixer.sources) >= MAX_SOURCES:
            raise Refused(f"there are {MAX_SOURCES} sources already")
        self._mixer.sources[name] = source
        source.start()

    def _source_remove(self, name: str, frame: int, *, clip: bool) -> None:
        source = self._mixer.sources.get(name)
        is_clip = isinstance(source, sources.Feed) and source.once
        if source is None or (clip and not is_clip):
            raise Refused("there is no such clip" if clip else "there is no such source")
        unfinished = is_clip and source.state not in {"eof", "lost"}
        self._mixer.forget(name)
        source.stop()
        if unfinished:
            self._emit(ClipEnded(id=name, frame=frame, reason="stopped"))

    def _teller(self, name: str) -> sources.Told:
        def tell(state: sources.SourceStates, reason: str | None) -> None:
            frame = self._programme.frame
            clean = self._redactor.clean(reason) if reason else None
            if state != "connecting":
                self._emit(SourceState(id=name, state=state, frame=frame, reason=clean))
            source = self._mixer.sources.get(name)
            if isinstance(source, sources.Feed) and source.once and source.ended is not None:
                self._emit(ClipEnded(id=name, frame=frame, reason=source.ended))

        return tell

    def _known(self, scene: Scene) -> None:
        unknown = [name for name in scene.sources if name not in self._mixer.sources]
        if unknown:
            raise Refused(f"unknown sources: {', '.join(unknown)}")
        if not scene.sources and scene.layout != "slate":
            raise Refused("this layout needs sources")

    def _preview(self, scene: Scene) -> None:
        self._known(scene)
        self._mixer.preview = scene

    def _take(self, request: SceneTake, frame: int) -> None:
        self._known(request.scene)
        if request.transition != "cut" and request.frames < 2:
            raise Refused("a transition takes at least 2 frames")
        self._mixer.take(request.scene, request.transition, request.frames, frame)

    def _overlay_set(self, request: OverlaySet) -> Apply:
        try:
            overlay = overlays.render(request, self._mixer.width, self._mixer.height, self._encoder.fps)
        except overlays.Unusable as unusable:
            raise Refused(str(unusable)) from None

        def apply(_: int) -> None:
            if request.id not in self._mixer.overlays and len(self._mixer.overlays) >= MAX_OVERLAYS:
                raise Refused(f"there are {MAX_OVERLAYS} overlays already")
            self._mixer.overlays[request.id] = Layer(request.layer, request.kind, overlay)

        return apply

    def _overlay_clear(self, name: str) -> None:
        if self._mixer.overlays.pop(name, None) is None:
            raise Refused("there is no such overlay")

    def _background(self, request: BackgroundSet) -> Apply:
        if (request.color is None) == (request.path is None):
            raise Refused("exactly one of color and path is needed")
        if request.color is not None:
            picture = sources.frame_of_color(request.color, self._mixer.width, self._mixer.height)
        else:
            picture = self._still(request.path or "")
        return lambda _: setattr(self._mixer, "background", picture)

    def _still(self, path: str) -> Any:
        try:
            width, height = self._mixer.width, self._mixer.height
            return sources.frame_of(overlays.load(path, width, height), high_definition=height >= 720)
        except overlays.Unusable as unusable:
            raise Refused(str(unusable)) from None

    def _audio(self, request: AudioSet) -> None:
        if request.id not in self._mixer.sources:
            raise Refused("there is no such source")
        self._mixer.gains[request.id] = Gain(request.gain_db, request.mute)

    def _dest_add(self, request: DestAdd) -> Apply:
        name = request.id
        self._redactor.learn(request.url)
        try:
            Target(request.url)
        except DestinationFault as fault:
            raise Refused(str(fault)) from None

        def tell(state: DestStates, attempt: int, reason: str | None) -> None:
            clean = self._redactor.clean(reason) if reason else None
            self._emit(DestState(id=name, state=state, attempt=attempt, frame=self._programme.frame, reason=clean))

        destination = Destination(request.url, self._encoder, tell, self._programme.want_key, self._outbound)

        def apply(_: int) -> None:
            if name in self.destinations:
                raise Refused("a destination with this id exists")
            if len(self.destinations) >= MAX_DESTINATIONS:
                raise Refused(f"there are {MAX_DESTINATIONS} destinations already")
            self.destinations[name] = destination
            self._programme.attach(destination.outlet)
            destination.start()

        return apply

    def _dest_remove(self, name: str) -> None:
        destination = self.destinations.pop(name, None)
        if destination is None:
            raise Refused("there is no such destination")
        self._retire(destination)

    def _rec_start(self, request: RecStart) -> Apply:
        name = request.id

        def tell(recording: Recording, reason: str | None) -> None:
            self._emit(
                RecState(
                    id=name,
                    state=recording.state or "failed",
                    path=recording.path,
                    first_frame=recording.first_frame,
                    last_frame=recording.last_frame,
                    frames=recording.frames,
                    reason=self._redactor.clean(reason) if reason else None,
                )
            )

        if name in self.recordings:
            raise Refused("a recording with this id exists")
        if len(self.recordings) >= MAX_RECORDINGS:
            raise Refused(f"there are {MAX_RECORDINGS} recordings already")
        try:
            recording = Recording(request.path, self._encoder, tell, self._programme.want_key)
        except OSError as error:
            raise Refused(f"the recording cannot be created: {words_of(error)}") from None

        def apply(_: int) -> None:
            if name in self.recordings:  # asked for twice before this frame; the second has made an empty file
                Path(recording.path).unlink(missing_ok=True)
                raise Refused("a recording with this id exists")
            self.recordings[name] = recording
            self._programme.attach(recording.outlet)
            recording.begin()

        return apply

    def _rec_stop(self, name: str) -> None:
        recording = self.recordings.pop(name, None)
        if recording is None:
            raise Refused("there is no such recording")
        self._retire(recording)

    def _retire(self, sink: Destination | Recording) -> None:
        self._programme.detach(sink.outlet)
        sink.stop()
        self._leaving = [each for each in self._leaving if each.is_alive()] + [sink]

    def _blank(self, *, on: bool) -> None:
        self._mixer.blank = on

    def close(self, timeout_s: float) -> bool:
        """After the programme's end: finalise recordings, close destinations; whether all were done in time."""
        for recording in self.recordings.values():
            self._retire(recording)
        for destination in self.destinations.values():
            self._retire(destination)
        for source in self._mixer.sources.values():
            source.stop()
        for sink in self._leaving:
            sink.join(timeout_s)
        return not any(sink.is_alive() for sink in self._leaving)

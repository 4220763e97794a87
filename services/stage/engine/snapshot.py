"""What `state` and `stats` answer: the desk as data, without any URL."""

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from services.stage.engine.mixer import Mixer
from services.stage.engine.programme import Programme
from services.stage.engine.sinks import Destination, Recording


def state_of(
    frame: int, mixer: Mixer, destinations: Mapping[str, Destination], recordings: Mapping[str, Recording]
) -> dict[str, Any]:
    return {
        "frame": frame,
        "scene": msgspec.to_builtins(mixer.scene),
        "preview": msgspec.to_builtins(mixer.preview),
        "overlays": {name: {"layer": each.layer, "kind": each.kind} for name, each in mixer.overlays.items()},
        "sources": {name: source.state for name, source in mixer.sources.items()},
        "audio": {name: gain._asdict() for name, gain in mixer.gains.items()},
        "dests": {name: {"state": each.state, "attempt": each.attempt} for name, each in destinations.items()},
        "recs": {name: _recording(each) for name, each in recordings.items()},
        "blank": mixer.blank,
    }


def _recording(recording: Recording) -> dict[str, Any]:
    return {
        "state": recording.state,
        "path": recording.path,
        "first_frame": recording.first_frame,
        "last_frame": recording.last_frame,
        "frames": recording.frames,
    }


def stats_of(
    frame: int, programme: Programme, destinations: Mapping[str, Destination], recordings: Mapping[str, Recording]
) -> dict[str, Any]:
    times = os.times()
    return {
        "frame": frame,
        "late": programme.late,
        "faults": programme.faults,
        "busy_ms_per_frame": round(programme.busy_s * 1000 / max(1, frame), 2),
        "cpu_s": round(times.user + times.system, 2),
        "dests": {
            name: {"queued": len(each.outlet), "sent_bytes": each.sent_bytes} for name, each in destinations.items()
        },
        "recs": {name: {"queued": len(each.outlet)} for name, each in recordings.items()},
    }

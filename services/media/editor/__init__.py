"""The editing room: cut, join, level, package and check recordings, with ffmpeg as a separate program.

Nothing here knows a show or an event; originals are only ever read.
"""

from services.media.editor.edl import BadEdit, Chapter, Edl, Segment
from services.media.editor.ffmpeg import BadMedia, EditorFault, Exhausted, Limits
from services.media.editor.files import sha256_of
from services.media.editor.probe import Audio, Probe, Video, check_integrity, probe
from services.media.editor.remux import poster, remux
from services.media.editor.render import Rendered, render

__all__ = [
    "Audio",
    "BadEdit",
    "BadMedia",
    "Chapter",
    "EditorFault",
    "Edl",
    "Exhausted",
    "Limits",
    "Probe",
    "Rendered",
    "Segment",
    "Video",
    "check_integrity",
    "poster",
    "probe",
    "remux",
    "render",
    "sha256_of",
]

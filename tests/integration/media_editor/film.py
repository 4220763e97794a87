"""Films made for the tests: every picture carries its own number, so a cut can be checked frame by frame."""

import asyncio
import subprocess
from pathlib import Path

from services.media.editor.ffmpeg import executable

BITS = 12
SILENCE_UNTIL_S = 2.0
_STAMP = rf"geq=lum='if(mod(floor(N/pow(2\,floor(X*{BITS}/W)))\,2)\,235\,16)':cb=128:cr=128"
_TONE = rf"aevalsrc='if(gte(t\,{SILENCE_UNTIL_S})\,0.4*sin(2*PI*440*t)\,0)':s=48000"


def make(
    path: Path, *options: str, seconds: float = 4, rate: str = "30", size: str = "320x180", sound: bool = True
) -> Path:
    """Write a numbered film, silent for two seconds and then with a tone; `options` say how it is coded and packed."""
    tone = ["-f", "lavfi", "-i", _TONE, "-c:a", "aac"] if sound else []
    picture = ["-f", "lavfi", "-i", f"color=size={size}:rate={rate},{_STAMP}"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "45", "-bf", "2"]
    ask(*picture, *tone, "-t", str(seconds), *coded, *options, str(path))
    return path


def fragmented(path: Path, seconds: float = 4) -> Path:
    """Write a film the way the program engine records: in fragments that survive a crash."""
    return make(path, "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "30", seconds=seconds)


def ask(*arguments: str) -> bytes:
    """Run ffmpeg, insist on success, and return what it wrote to its standard output."""
    command = [executable(), "-hide_banner", "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


async def numbers(path: Path) -> list[int]:
    """Return the number stamped into each picture of a film, in showing order."""
    shrunk = ["-vf", f"scale={BITS}:1:flags=area,format=gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    raw = await asyncio.to_thread(ask, "-i", str(path), "-map", "0:v:0", *shrunk)
    pictures = (raw[at : at + BITS] for at in range(0, len(raw), BITS))
    return [sum((level > 128) << bit for bit, level in enumerate(picture)) for picture in pictures]


async def sound_begins_s(path: Path) -> float:
    """Return when the first loud sample of a film is heard."""
    raw = await asyncio.to_thread(
        ask, "-i", str(path), "-map", "0:a:0", "-ac", "1", "-ar", "48000", "-c:a", "pcm_s16le", "-f", "s16le", "-"
    )
    samples = memoryview(raw).cast("h")
    return next(at for at, level in enumerate(samples) if abs(level) > 2000) / 48000


async def metadata(path: Path) -> str:
    """Return title and chapters of a film as ffmpeg writes them down."""
    return (await asyncio.to_thread(ask, "-i", str(path), "-f", "ffmetadata", "-")).decode()


def names_in(folder: Path) -> list[str]:
    """Return the names of everything in a folder, hidden drafts included."""
    return sorted(path.name for path in folder.iterdir())

"""Where the files of these tests are, and small schedules built in code."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests" / "data"
PUBLIC = ROOT.parent / "shared" / "data" / "schedules"

EVENT = "<title>Un</title><start>10:00</start><duration>00:30</duration>"


def xml(events: str, *, conference: str = "<time_zone_name>Europe/Paris</time_zone_name>", day: str = "") -> bytes:
    """One day in one room, 10 June 2026."""
    day = day or 'index="1" date="2026-06-10"'
    return (
        f"<schedule><conference><title>T</title>{conference}</conference>"
        f'<day {day}><room name="Salle A">{events}</room></day></schedule>'
    ).encode()


def event(body: str = EVENT, **attributes: str) -> str:
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<event{written}>{body}</event>"


def timed(start: str = "10:00", duration: str = "00:30", more: str = "") -> str:
    return event(f"<title>Un</title><start>{start}</start><duration>{duration}</duration>{more}")

"""Civil time: local times as instants, and time elapsed across clock changes.

Knows no show: margins, limits and verdicts are the business of the services.
Source: duties.md Q26 and Q28; PEP 495 for `fold`.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from contracts.problems import Refusal

_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_ONE_MS = timedelta(milliseconds=1)


class ZoneUnknown(Refusal):
    """There is no such time zone in the IANA database.

    `facts`: `zone`.
    """

    code, status = "ZONE_UNKNOWN", 422
    fr = "Ce fuseau horaire n'existe pas dans la base de l'IANA."


class LocalTimeNonexistent(Refusal):
    """The local time does not exist: the clocks skip it on that day.

    `facts`: `local`, `zone`, `resumes_at` (the first local time that exists again).
    """

    code, status = "LOCAL_TIME_NONEXISTENT", 422
    fr = "Cette heure locale n'existe pas : on avance les horloges ce jour-là."


class LocalTimeAmbiguous(Refusal):
    """The local time exists twice: the clocks are put back on that day, so say which with `fold`.

    `facts`: `local`, `zone`, `choices` (a list of `{"fold", "offset"}`).
    """

    code, status = "LOCAL_TIME_AMBIGUOUS", 422
    fr = "Cette heure locale existe deux fois : on recule les horloges ce jour-là ; dites laquelle avec `fold`."


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name such as `Europe/Paris`. Raises ZoneUnknown."""
    if len(name) > 100 or not _ZONE_NAME.fullmatch(name):
        raise ZoneUnknown(f"{name[:100]!r} is not the name of a time zone", zone=name[:100])
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as reason:
        raise ZoneUnknown(f"{name!r} is not in the time zone database", zone=name) from reason


def instant(local: datetime, zone: ZoneInfo, fold: int | None = None) -> datetime:
    """The UTC instant of a local time without offset.

    `fold` chooses between two instants where the local time exists twice (0 the earlier, 1 the later) and is ignored
    elsewhere. Raises LocalTimeNonexistent, LocalTimeAmbiguous, and ValueError if `local` carries an offset already.
    """
    if local.tzinfo is not None:
        raise ValueError("a local time carries no offset")
    earlier, later = (local.replace(tzinfo=zone, fold=side).astimezone(UTC) for side in (0, 1))
    if earlier == later:
        return earlier
    if earlier.astimezone(zone).replace(tzinfo=None, fold=0) != local.replace(fold=0):
        raise LocalTimeNonexistent(
            f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}",
            local=local.isoformat(),
            zone=zone.key,
            resumes_at=_end_of_gap(later, earlier, zone).isoformat(),
        )
    if fold is None:
        raise LocalTimeAmbiguous(
            f"{local:%Y-%m-%d %H:%M} exists twice in {zone.key}",
            local=local.isoformat(),
            zone=zone.key,
            choices=[
                {"fold": 0, "offset": offset_text(earlier, zone)},
                {"fold": 1, "offset": offset_text(later, zone)},
            ],
        )
    return later if fold else earlier


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first local time behind a gap, found by halving between an instant on each side of it, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.astimezone(zone).replace(microsecond=0, tzinfo=None)


def offset_text(moment: datetime, zone: ZoneInfo) -> str:
    """The zone's offset at that moment, as `+02:00`."""
    return moment.astimezone(zone).isoformat()[-6:]


def elapsed(start: datetime, end: datetime) -> timedelta:
    """The time that really passes from `start` to `end`.

    Subtracting two datetimes of the same ZoneInfo subtracts wall clocks and is an hour wrong over a clock change, so
    both are taken to UTC first. Raises ValueError for a datetime without offset.
    """
    return as_utc(end) - as_utc(start)


def elapsed_ms(start: datetime, end: datetime) -> int:
    """`elapsed` in whole milliseconds, rounded down. Source: duties.md Q10."""
    return elapsed(start, end) // _ONE_MS


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a datetime without offset."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return moment.astimezone(UTC)


@cache
def tzdb_version() -> str:
    """The release of the time zone database that zones are read from, such as `2026b`, or `unknown`.

    Python looks along TZPATH first and falls back to the `tzdata` package. Source: duties.md Q26.
    """
    for folder in map(Path, TZPATH):
        if not (folder / "UTC").exists():
            continue
        for name in ("tzdata.zi", "+VERSION"):
            if (folder / name).is_file():
                with (folder / name).open(encoding="utf-8") as file:
                    return file.readline().removeprefix("# version").strip()
        return "unknown"
    return str(import_module("tzdata").IANA_VERSION)

"""Single values as exporters write them: texts, flags, durations, times of day, moments. Pure; None means unreadable."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

LONGEST_TEXT = 1000
"""Characters a title, room or name may have."""

LONGEST_QUOTE = 80

LONGEST_SESSION = timedelta(days=7)

_HM = re.compile(r"(\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.0+)?)?")
_ISO_DURATION = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})(?:\.0+)?S)?)?")
_NOT_TEXT = {"Cc", "Cs", "Zl", "Zp"}
_TRUE, _FALSE = {"true", "1", "yes", "y", "on"}, {"", "false", "0", "no", "n", "off", "null", "none"}


def clean(text: str) -> str:
    """One line of composed characters (NFC) without control characters, single-spaced."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(char) in _NOT_TEXT else char for char in text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def quoted(text: str) -> str:
    """A value as a report repeats it: in quotes and not endless."""
    return repr(text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…")


def flag(text: str) -> bool | None:
    """A yes or no in any of the spellings met: `true`, `True`, `1`, `yes` and their opposites, empty meaning no."""
    word = text.casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def guid(text: str) -> str | None:
    """A UUID in its one canonical spelling."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def duration(text: str, *, days_first: bool = False) -> timedelta | None:
    """`H:MM`, `HH:MM`, `HH:MM:SS`, plain minutes, or ISO 8601 (`PT45M`). Not negative.

    Three parts are hours first, except that pretalx writes a session of a day and more as `D:HH:MM` (`days_first`).
    """
    if text.isdecimal() and text.isascii() and len(text) <= 5:
        return timedelta(minutes=int(text))
    if match := _HM.fullmatch(text):
        first, second, third = (int(part) if part else None for part in match.groups())
        if third is not None and days_first:
            return timedelta(days=first or 0, hours=second or 0, minutes=third)
        if (second or 0) > 59 or (third or 0) > 59:
            return None
        return timedelta(hours=first or 0, minutes=second or 0, seconds=third or 0)
    if (match := _ISO_DURATION.fullmatch(text)) and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return None


def time_of_day(text: str) -> timedelta | None:
    """`H:MM` or `HH:MM:SS` after midnight, up to 47:59 as some write the night after."""
    match = _HM.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 47 or minutes > 59 or seconds > 59:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def calendar_date(text: str) -> date | None:
    """The date at the beginning of an ISO 8601 text, within the years a schedule may name."""
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return found if 1970 <= found.year <= 2199 else None


def moment(text: str) -> datetime | None:
    """An ISO 8601 date with time of day, with or without offset, whole seconds, within the years allowed."""
    if len(text) < 16 or text[10] not in "T " or calendar_date(text) is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return None
    found = found.replace(microsecond=0)
    return found if found.tzinfo is None else found.astimezone(UTC)


def offset(text: str) -> timedelta | None:
    """The offset an ISO 8601 text carries, if any; `Z` is no statement about the place."""
    try:
        return None if text.endswith("Z") else datetime.fromisoformat(text).utcoffset()
    except ValueError:
        return None

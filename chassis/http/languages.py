"""Which language a client prefers its problems in: English, or French where `Accept-Language` ranks it higher."""

from functools import lru_cache
from typing import Final

ENGLISH: Final = "en"
FRENCH: Final = "fr"


@lru_cache(maxsize=256)
def preferred(accept_language: str) -> str:
    """English unless French is asked for more strongly, or as strongly and named first.

    A range such as `fr-CA` means French; a malformed part is passed over. Source: RFC 9110 section 12.5.4.
    """
    best, rank = ENGLISH, 0.0
    for part in accept_language[:1000].split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(weight)
        if quality > rank and language in (ENGLISH, FRENCH, "*"):
            best, rank = (ENGLISH if language == "*" else language), quality
    return best


def _quality(weight: str) -> float:
    name, _, value = weight.partition("=")
    if not weight.strip():
        return 1.0
    number = value.strip()
    if name.strip().lower() != "q" or not number.replace(".", "", 1).isdecimal() or len(number) > 5:
        return 0.0
    return min(float(number), 1.0)

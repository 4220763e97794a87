"""Keeps stream keys out of everything that is told: a list of live secrets and a filter for text."""

import re
import threading
from urllib.parse import urlsplit

_URL = re.compile(r"\b(?:rtmps?|rtmpt|srt|https?|tcp|tls)://[^\s'\"]+", re.IGNORECASE)
MINIMUM = 4  # shorter path parts are words, not keys


class Redactor:
    """Replaces every URL and every part of a known one that may be a key; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()

    def learn(self, url: str) -> None:
        """Remember the secrets of a URL for good: a message about it may come late."""
        with self._lock:
            self._secrets = tuple(sorted({*self._secrets, *secrets_of(url)}, key=len, reverse=True))

    def clean(self, text: str) -> str:
        text = _URL.sub("[url]", text)
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text


def secrets_of(url: str) -> tuple[str, ...]:
    """The parts of a network URL that may be keys: path after the application, query, user and password."""
    try:
        parts = urlsplit(url)
        if not parts.netloc:
            return ()
        behind_application = parts.path.strip("/").split("/")[1:]
        found = [parts.query, parts.username or "", parts.password or ""]
    except ValueError:
        return (url,)
    found += ["/".join(behind_application), *behind_application]
    found += [value for pair in parts.query.split("&") for value in pair.split("=", 1)[1:]]
    return tuple(part for part in found if len(part) >= MINIMUM)

"""What we ship with: licences of what is installed, and secrets that do not belong into a repository; as pure functions."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution

ALLOWED = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|BSD|BSD-[23]-Clause|0BSD|Apache|ISC|ISCL|PSF|Python Software Foundation|MPL|Mozilla|Zlib|HPND|"
    r"Unlicense|CC0|Public Domain)\b",
    re.IGNORECASE,
)
REFUSED = re.compile(r"(GPL|General Public License|SSPL|BUSL|Commons Clause|proprietary)", re.IGNORECASE)
KEYS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{40,}"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    "a seed of NATS": re.compile(r"\bS[AUONC][A-Z2-7]{56}\b"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}"),
    "a key of Slack, Stripe or Google": re.compile(r"\b(?:xox[abpr]-[\w-]{20,}|sk_live_\w{20,}|AIza[\w-]{35})"),
}
ASSIGNED = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key|private_?key)\w*[\"']?\s*[:=]\s*[\"']([\w+/=.-]{20,})[\"']"
)
RANDOM_BITS = 3.8
"""Bits of entropy a character: above it, twenty characters are nobody's words."""


def licence_of(package: Distribution) -> str:
    """Everything a package says of its licence: the expression, the classifiers, the field (its first line)."""
    about = package.metadata
    said = [about.get("License-Expression") or "", (about.get("License") or "").strip().partition("\n")[0]]
    said += [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if line.startswith("License")]
    return "; ".join(word for word in said if word)


def unfit(packages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Packages (name, licence) we may not import: of a refused licence without a choice, or of none we know."""
    for name, licence in packages:
        choices = [choice for choice in re.split(r"\bOR\b", licence) if not REFUSED.search(choice)]
        if not any(ALLOWED.search(choice) for choice in choices):
            yield f"{name}: {licence or 'no licence'}"


def secrets_in(text: str) -> Iterator[str]:
    """What looks like a secret, by kind; never the secret itself."""
    for kind, pattern in KEYS.items():
        if pattern.search(text):
            yield kind
    for found in ASSIGNED.finditer(text):
        if _entropy(found[1]) > RANDOM_BITS:
            yield f"something random assigned in line {text.count(chr(10), 0, found.start()) + 1}"


def _entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())

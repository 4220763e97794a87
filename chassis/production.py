"""What a service must not be started with where it is meant for production: anything that a laptop may believe.

`REGIE_MODE=production` asks for this; each fault names its variable, all of them at once.
"""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from chassis.settings import LOCAL_ISSUER, PRODUCTION, ChassisSettings, SettingsError

LENGTH: Final = 32
_LEAST_DISTINCT: Final = 8
"""Different bytes in a key of 32: a real one has fewer once in far more than 10^20."""


def require_fit(service: str, settings: ChassisSettings) -> None:
    """Raises SettingsError naming everything that is not for production, where the settings say that this is."""
    if settings.mode == PRODUCTION and (faults := list(unfit(service, settings))):
        raise SettingsError("; ".join(f"REGIE_{name}" for name in faults) + " (REGIE_MODE is production)")


def unfit(service: str, settings: ChassisSettings) -> Iterator[str]:
    """What is wrong with these settings in production, each with the end of its variable's name."""
    if settings.issuer == LOCAL_ISSUER or _is_local(settings.issuer):
        yield "ISSUER: must be your identity provider; the local issuer gives tokens to whoever can read its folder"
    elif not settings.issuer.startswith("https://"):
        yield "ISSUER: must be an https URL"
    if settings.jwks and (not settings.jwks.startswith("https://") or _is_local(settings.jwks)):
        yield "JWKS: must be an https URL, or left out: then the issuer's metadata names it"
    if settings.public_url and not settings.public_url.startswith("https://"):
        yield f"{service.upper()}_PUBLIC_URL: must be an https URL"
    for name, path in (("VAULT_KEY_FILE", settings.vault_key_file), ("AUDIT_KEY_FILE", settings.audit_key_file)):
        if path is None:
            yield f"{name}: must be set"
        elif fault := _fault_of_key(path, settings.home):
            yield f"{name}: {fault}"


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _fault_of_key(path: Path, home: Path) -> str:
    if path.absolute().is_relative_to(home.absolute()):
        return "must be a key of your own, kept elsewhere than the data: `make run` makes the one in REGIE_HOME"
    try:
        keys = [bytes.fromhex(line) for line in path.read_text().split()]
    except (OSError, ValueError):
        keys = []
    if not keys or any(len(key) != LENGTH for key in keys):
        return "must be a file with 32 bytes as hex"
    return "must be a random key; this one is a pattern" if any(len(set(key)) < _LEAST_DISTINCT for key in keys) else ""

"""Settings as data: what every service needs to know, read once from the environment, building nothing.

A field `port` of the service `stage` is read from `REGIE_STAGE_PORT`, and from `REGIE_PORT` where the first is not set.
Not in here: defaults of one service alone; those extend `ChassisSettings` in `services/<name>/settings.py`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

PRODUCTION: Final = "production"
LOCAL_ISSUER: Final = "regie-local"
"""The issuer of `make run`, whose key lies beside the data, where it has no address."""


class ChassisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What each of the services needs.

    In `mode` production nothing is accepted that only a laptop may believe (`chassis/production.py`).
    `database_url` connects as the service's own role, which may read and append events and nothing else;
    `owner_database_url` is for `migrate` alone and is never set while serving. `nats_seed_file` holds the nkey seed of
    the service's broker user; `nats_ca_file` the certificates the broker's must be signed by, for TLS with a CA of your own.
    `vault_key_file` holds the vault's key-encryption keys, 32 bytes as hex a line, the one in use first;
    `audit_key_file` the Ed25519 seed that checkpoints of the log are signed with, 32 bytes as hex. `jwks` is a file path or an
    https URL of the keys tokens are verified with; where it is left out, the issuer's metadata names them. `public_url` is
    how clients reach this service. `rate_<budget>` is how many requests a second one client may make for
    ever (`chassis/http/rates.py`); 0 is no limit.
    `outbound_allow` are networks, separated by commas, that addresses given by clients may lead to although they are not
    public: `127.0.0.0/8` for a house on one machine, nothing in production. `webhook_pauses_s` are the pauses between attempts to deliver an event to a webhook, about three
    days in all; after the last one it is disabled.
    `trusted_proxies` are the networks, separated by commas, of proxies whose `trusted_header` (`x-forwarded-for` or `forwarded`) says
    for whom they ask; nobody else's is believed.
    `relay_lag_ready_s` is how far the stream may be behind the log while the service calls itself ready;
    `compare_stream_every_s` is how often the two are compared, and `audit_round_s` how long one comparison of the whole
    log with what was signed may take.
    """

    mode: Literal["laptop", "production"] = "laptop"
    database_url: str
    owner_database_url: str | None = None
    vault_database_url: str | None = None
    vault_owner_database_url: str | None = None
    vault_key_file: Path | None = None
    audit_key_file: Path | None = None
    audit_round_s: float = 86_400.0
    nats_url: str | None = None
    nats_seed_file: Path | None = None
    nats_ca_file: Path | None = None
    relay_lag_ready_s: float = 60.0
    compare_stream_every_s: float = 3600.0
    jwks: str = ""
    issuer: str = LOCAL_ISSUER
    audience: str = "regie"
    public_url: str = ""
    outbound_allow: str = ""
    trusted_proxies: str = ""
    trusted_header: str = "x-forwarded-for"
    webhook_pauses_s: str = "5,300,1800,7200,18000,36000,50400,72000,86400"
    host: str = "127.0.0.1"
    port: int = 8400
    home: Path = Path(".regie")
    log_level: str = "INFO"
    rate_reads: float = 300
    rate_commands: float = 100
    rate_control: float = 100
    rate_strangers: float = 50


class SettingsError(Exception):
    """The environment does not hold what the program needs; the text names every variable and its rule."""


S = TypeVar("S", bound=msgspec.Struct)


def load(service: str, settings: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read the settings of one service.

    Raises SettingsError naming all variables that are missing or malformed at once, never their values: a URL may hold
    a password.
    """
    env = os.environ if environ is None else environ
    found: dict[str, Any] = {}
    faults: list[str] = []
    for field in msgspec.structs.fields(settings):
        own, shared = variables(service, field.name)
        name = own if env.get(own) else shared
        text = env.get(name)
        if not text:
            if field.required:
                faults.append(f"{own} (or {shared}): must be set")
            continue
        try:
            found[field.name] = _convert(text, field.type)
        except (msgspec.ValidationError, ValueError):
            faults.append(f"{name}: must be {_rule(field.type)}")
    if faults:
        raise SettingsError("; ".join(faults))
    return settings(**found)


def variables(service: str, field: str) -> tuple[str, str]:
    """The names of the variable for this service alone, and of the one all services share."""
    return f"REGIE_{service.upper()}_{field.upper()}", f"REGIE_{field.upper()}"


def _convert(text: str, wanted: Any) -> Any:
    return msgspec.convert(text, wanted, strict=False, dec_hook=_path)


def _path(wanted: type, value: Any) -> Any:
    if wanted is Path:
        return Path(value)
    raise NotImplementedError(wanted)


def _rule(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return " or ".join(get_args(wanted))
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(wanted, f"a valid {wanted}")

"""What stands at the door of a service, made from its settings: whom it believes, how fast they may ask, who it says it is."""

from chassis.auth import Verifier
from chassis.http.health import Resource
from chassis.http.proxies import Proxies
from chassis.http.rates import COMMANDS, CONTROL, READS, STRANGERS, Rates
from chassis.settings import ChassisSettings, SettingsError


def verifier_of(service: str, settings: ChassisSettings | None) -> Verifier:
    """Believes tokens for the whole house, and those for this service alone, which are worth nothing elsewhere."""
    if settings is None:
        return Verifier(jwks="", issuer="", audiences=())
    audiences = [settings.audience, f"{settings.audience}/{service}"]
    audiences += [settings.public_url] if settings.public_url else []
    return Verifier(jwks=settings.jwks or _local_keys(settings), issuer=settings.issuer, audiences=audiences)


def _local_keys(settings: ChassisSettings) -> str:
    """The file of the local issuer's keys; empty for an issuer that has metadata."""
    is_url = settings.issuer.startswith(("https://", "http://"))
    return "" if is_url else str(settings.home / "run" / "jwks.json")


def resource_of(settings: ChassisSettings) -> Resource:
    """What `/.well-known/oauth-protected-resource` tells of this service."""
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    return Resource(url=url.rstrip("/"), issuer=settings.issuer)


def proxies_of(settings: ChassisSettings) -> Proxies:
    """Raises SettingsError for what is no network or no header of proxies."""
    try:
        return Proxies(settings.trusted_proxies, settings.trusted_header)
    except ValueError as wrong:
        raise SettingsError(f"REGIE_TRUSTED_PROXIES, REGIE_TRUSTED_HEADER: {wrong}") from wrong


def rates_of(settings: ChassisSettings) -> Rates:
    """The budget of one client for each kind of work."""
    return Rates(
        {
            READS: settings.rate_reads,
            COMMANDS: settings.rate_commands,
            CONTROL: settings.rate_control,
            STRANGERS: settings.rate_strangers,
        }
    )

"""Service terms: versions that never change, known by their hash."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, assert_never

import msgspec

from chassis.decider import Decider
from contracts.entitlement import ServiceTermsRegistered
from services.entitlement.commands import RegisterTerms
from services.entitlement.domain.refusals import TermsImmutable


class NoTerms(msgspec.Struct, frozen=True):
    """This version is not registered."""


class Registered(msgspec.Struct, frozen=True):
    """This version says what it says."""

    terms: ServiceTermsRegistered


Terms = NoTerms | Registered

_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def hash_of(command: RegisterTerms) -> str:
    """SHA-256 over the canonical JSON of everything but the time of registration. Source: R1."""
    parameters = msgspec.to_builtins(command)
    del parameters["at"]
    return sha256(_ENCODER.encode(parameters)).hexdigest()


def decide(command: RegisterTerms, state: Terms) -> Sequence[ServiceTermsRegistered]:
    """Registering the same text twice changes nothing; another text under the same version raises TermsImmutable."""
    digest = hash_of(command)
    match state:
        case NoTerms():
            return [_registered(command, digest)]
        case Registered(terms=terms):
            if terms.sha256 != digest:
                raise TermsImmutable(sha256=terms.sha256)
            return []
        case _:
            assert_never(state)


def _registered(command: RegisterTerms, digest: str) -> ServiceTermsRegistered:
    return ServiceTermsRegistered(
        at=command.at,
        terms_version=command.terms_version,
        sha256=digest,
        granted_minutes=command.granted_minutes,
        term_months=command.term_months,
        incorporates=command.incorporates,
        catalogue=command.catalogue,
        **msgspec.structs.asdict(command.rules),
    )


def evolve(state: Terms, event: ServiceTermsRegistered) -> Terms:  # noqa: ARG001 - the first is the only one
    return Registered(event)


SERVICE_TERMS: Final[Decider[RegisterTerms, Terms]] = Decider(
    name="terms",
    initial=NoTerms(),
    decide=decide,
    evolve=evolve,
    events={ServiceTermsRegistered.tag(): ServiceTermsRegistered},
)

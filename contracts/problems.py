"""The catalogue of refusals: the base class every "no" of the domain derives from, and the "no"s all services share.

A refusal is expected behaviour: it is answered as an RFC 9457 problem document, counted, never logged above INFO.
Faults (ours, or a destination's) are ordinary exceptions and are not in here.
"""

from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The domain says no.

    Subclasses set `code` (UPPER_SNAKE, stable, partners match on it) and `status` (HTTP); there is no default status
    on purpose. The first docstring line of the subclass is the public title, `fr` the same in French: each subclass has
    its own. `facts` become extension members of the problem document: the state that stopped the command, and what is
    allowed instead.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    fr: ClassVar[str]

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail or self.title())
        self.detail = detail
        self.facts = facts

    @classmethod
    def title(cls, language: str = "en") -> str:
        """The public title, in English or French (`fr`).

        The English one is the first docstring line, without what it says to those who raise it: `facts` and the source.
        """
        if language == "fr":
            return cls.fr
        first = (cls.__doc__ or cls.__name__).strip().splitlines()[0]
        return first.partition(" `facts`")[0].partition(" Source:")[0]


class WrongState(Refusal):
    """The command does not fit the state the resource is in.

    `facts`: `state` (the situation now) and `allowed` (names of the commands it accepts).
    """

    code, status = "WRONG_STATE", 409
    fr = "La commande ne convient pas à l'état de la ressource."


class NotFound(Refusal):
    """There is nothing under this id that you may see."""

    code, status = "NOT_FOUND", 404
    fr = "Il n'y a rien sous cet identifiant que vous puissiez voir."


class StaleVersion(Refusal):
    """The resource has changed since the version you named in If-Match.

    `facts`: `expected`, `found`. Source: RFC 9110 section 13.1.1.
    """

    code, status = "STALE_VERSION", 412
    fr = "La ressource a changé depuis la version nommée dans If-Match."


class PositionAhead(Refusal):
    """The position you named in Regie-Position is not in this log yet, so nobody was told of it.

    `facts`: `newest`, the position of the last event.
    """

    code, status = "POSITION_AHEAD", 412
    fr = "La position nommée dans Regie-Position n'est pas encore dans ce journal ; personne ne vous l'a donnée."


class KeyReused(Refusal):
    """This Idempotency-Key was used before with another request.

    Source: IETF draft-ietf-httpapi-idempotency-key-header, section 2.7.
    """

    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    fr = "Cette clé Idempotency-Key a déjà servi à une autre requête."


class Unauthenticated(Refusal):
    """The request carries no valid bearer token. `facts`: `reason`, a code."""

    code, status = "UNAUTHENTICATED", 401
    fr = "La requête ne porte pas de jeton d'accès valide."


class Forbidden(Refusal):
    """The token does not grant this action. `facts`: `needs` (the missing scope)."""

    code, status = "FORBIDDEN", 403
    fr = "Le jeton n'autorise pas cette action."


class Invalid(Refusal):
    """The request does not follow the contract.

    `facts`: `errors`, a list of `{"field": JSON pointer or parameter, "rule": text}`.
    """

    code, status = "INVALID", 422
    fr = "La requête ne suit pas le contrat."


class Busy(Refusal):
    """Too many commands are waiting; try again after Retry-After."""

    code, status = "BUSY", 503
    fr = "Trop de commandes attendent ; réessayez après Retry-After."


class NewerHistory(Refusal):
    """This resource's history holds events that only a newer version of this service can read.

    Nothing is decided on a history that is half understood; the audit trail still shows it whole. `facts`: `type` and
    `position` of the first such event.
    """

    code, status = "NEWER_HISTORY", 503
    fr = "L'historique de cette ressource contient des événements que seule une version plus récente du service sait lire."


class Unavailable(Refusal):
    """Something this action needs is not reachable now; nothing was recorded."""

    code, status = "UNAVAILABLE", 503
    fr = "Une partie nécessaire à cette action est injoignable ; rien n'a été enregistré."

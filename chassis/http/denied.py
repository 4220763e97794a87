"""Which answers are denials, and what is written down of them: the operation, the reason, and who, if we know."""

from typing import Any

from chassis import observe
from chassis.auth import Caller, Verifier
from chassis.denials import Attempt, Denials
from chassis.http.problems import NoSuchPage
from chassis.http.rules import Rule
from contracts.problems import Forbidden, Refusal, Unauthenticated


class DenialsOf:
    """Notes the denied attempts of one API. Requests to unknown paths are nobody's business and are not noted."""

    def __init__(self, denials: Denials, verifier: Verifier) -> None:
        self._denials, self._verifier = denials, verifier

    def note(self, scope: Any, refusal: Refusal) -> None:
        """Looks at an answered refusal; a foreign id and one that never was are the same here, too: NOT_FOUND."""
        rule: Rule | None = scope.get("regie.rule")
        reason = _reason(refusal)
        if rule is None or rule.public or reason is None:
            return
        tenant, subject = self._who(scope)
        self._denials.note(Attempt(operation=rule.operation, reason=reason, tenant=tenant, subject=subject))
        observe.denied_total.labels(scope["app"].state.service, rule.operation).inc()

    def _who(self, scope: Any) -> tuple[str, str]:
        caller: Caller | None = scope.get("regie.caller")
        if caller is not None:
            return caller.tenant, caller.subject
        _, _, token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")
        return self._verifier.named(token.strip())


def _reason(refusal: Refusal) -> str | None:
    match refusal:
        case Unauthenticated():
            return str(refusal.facts.get("reason", refusal.code))
        case Forbidden():
            return "MISSING_SCOPE"
        case NoSuchPage():
            return None
        case _ if refusal.status in (403, 404):
            return refusal.code
    return None

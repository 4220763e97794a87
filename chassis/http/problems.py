"""Problem documents (RFC 9457): how every refusal and fault is answered, and the refusals only HTTP knows.

`type` is `urn:regie:problem:<CODE>`, `title` the refusal's fixed title in the language the client prefers, `detail` what
is particular this time (in English where the domain has something particular to say), `code` what programs match on, `instance` the path, `trace` the trace id to quote to an operator; the refusal's facts follow
as extension members. Not in here: the domain's refusals (`contracts/problems.py` and each service's domain).
"""

from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi.datastructures import ResponseSpec

from chassis import observe
from chassis.faults import Unreachable
from chassis.http.languages import ENGLISH, preferred
from contracts.problems import Forbidden, Invalid, NotFound, Refusal, Unauthenticated, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:regie:problem:"
RETRY_AFTER_S: Final = 1

log = observe.logger("regie.http")
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document (RFC 9457). Further members depend on `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    trace: str


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way a request departs from the contract.

    `place` is body, query, path or header; `field` a JSON pointer (RFC 6901) into the body, or a parameter's name;
    `line` the line of a file that was sent.
    """

    place: str
    field: str
    rule: str
    line: int | None = None


class Malformed(Refusal):
    """The request cannot be read."""

    code, status = "MALFORMED", 400
    fr = "La requête est illisible."


class UnknownRoute(NotFound):
    """There is no such resource."""

    fr = "Cette ressource n'existe pas."


class NoSuchPage(NotFound):
    """This cursor does not come from a page of this list."""

    fr = "Ce curseur ne vient pas d'une page de cette liste."


class MethodNotAllowed(Refusal):
    """This resource does not know this method; see Allow."""

    code, status = "METHOD_NOT_ALLOWED", 405
    fr = "Cette ressource ne connaît pas cette méthode ; voyez Allow."


class BodyTooLarge(Refusal):
    """The body is larger than this operation takes."""

    code, status = "BODY_TOO_LARGE", 413
    fr = "Le corps dépasse ce que cette opération accepte."


class UrlTooLong(Refusal):
    """The address is longer than any of ours. `facts`: `limit_bytes`."""

    code, status = "URL_TOO_LONG", 414
    fr = "L'adresse est plus longue que toutes les nôtres."


class HeadTooLarge(Refusal):
    """The headers are more, or larger, than any request needs. `facts`: `limit_bytes` or `limit_headers`."""

    code, status = "HEADERS_TOO_LARGE", 431
    fr = "Les en-têtes sont plus nombreux ou plus grands qu'aucune requête n'en demande."


class TooSlowClient(Refusal):
    """The request came too slowly to be waited for."""

    code, status = "REQUEST_TOO_SLOW", 408
    fr = "La requête arrivait trop lentement pour être attendue."


class TooManyConnections(Refusal):
    """More connections are open than can be served; this one had shown the least."""

    code, status = "TOO_MANY_CONNECTIONS", 503
    fr = "Plus de connexions sont ouvertes qu'on ne peut en servir ; celle-ci avait le moins montré."


class ClientLeft(Refusal):
    """The client left before its request was complete."""

    code, status = "CLIENT_LEFT", 400
    fr = "Le client est parti avant la fin de sa requête."


class RateLimited(Refusal):
    """You ask faster than your budget allows; wait for Retry-After.

    `facts`: `budget`, `retry_after_s`. Source: RFC 6585 section 4.
    """

    code, status = "RATE_LIMITED", 429
    fr = "Vous demandez plus vite que votre budget ne le permet ; attendez Retry-After."


class TooSlow(Unavailable):
    """The answer took longer than requests may take here; what it was about may or may not have been recorded."""

    code, status = "TIMED_OUT", 503
    fr = "La réponse a pris plus de temps qu'une requête n'en a ici ; il se peut que l'action ait été enregistrée."


class MediaTypeRefused(Refusal):
    """The body's media type is not one this operation takes.

    `facts`: `accepts`, the media types it takes.
    """

    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    fr = "Cette opération n'accepte pas ce type de contenu."


class PreconditionRequired(Refusal):
    """This operation needs an If-Match header with the version you have seen.

    Source: RFC 6585 section 3.
    """

    code, status = "PRECONDITION_REQUIRED", 428
    fr = "Cette opération exige un en-tête If-Match avec la version que vous avez vue."


class InternalFault(Refusal):
    """Something went wrong on our side; quote the trace id when you report it."""

    code, status = "INTERNAL", 500
    fr = "Une erreur s'est produite de notre côté ; citez l'identifiant de trace en la signalant."


class Refuses(dict[int, ResponseSpec]):
    """What `refuses` returns: the responses of a route, which still know their refusals."""

    def __init__(self, refusals: tuple[type[Refusal], ...]) -> None:
        super().__init__(
            {
                refusal.status: ResponseSpec(Problem, media_type=MEDIA_TYPE, generate_examples=False)
                for refusal in refusals
            }
        )
        self.refusals = refusals


def refuses(*refusals: type[Refusal]) -> Refuses:
    """The `responses=` of a route: what the domain may refuse there. Common HTTP refusals need no mention."""
    return Refuses(refusals)


def document(refusal: Refusal, *, instance: str, trace: str, language: str = ENGLISH) -> dict[str, Any]:
    """The body of a problem. Facts never replace a standard member."""
    title = refusal.title(language)
    return {
        **refusal.facts,
        "type": TYPE_PREFIX + refusal.code,
        "title": title,
        "status": refusal.status,
        "detail": refusal.detail or title,
        "code": refusal.code,
        "instance": instance,
        "trace": trace,
    }


def headers_of(refusal: Refusal) -> dict[str, str]:
    """The headers a refusal's status asks for. Source: RFC 6750 section 3, RFC 9110 sections 10.2.3 and 15.5.6."""
    match refusal:
        case Unauthenticated():
            return {"WWW-Authenticate": _challenge(refusal)}
        case Forbidden():
            needs = " ".join(refusal.facts.get("needs", ()))
            return {"WWW-Authenticate": f'Bearer realm="regie", error="insufficient_scope", scope="{needs}"'}
        case MethodNotAllowed():
            return {"Allow": ", ".join(refusal.facts["allowed"])}
        case _ if refusal.status in (Unavailable.status, RateLimited.status):
            return {"Retry-After": str(refusal.facts.get("retry_after_s", RETRY_AFTER_S))}
    return {}


def _challenge(refusal: Refusal) -> str:
    if not refusal.detail:
        return 'Bearer realm="regie"'
    words = refusal.detail.encode("ascii", "replace").decode().replace("\\", "").replace('"', "'")
    return f'Bearer realm="regie", error="invalid_token", error_description="{words}"'


def encode(refusal: Refusal, *, instance: str, trace: str, language: str = ENGLISH) -> tuple[bytes, dict[str, str]]:
    """Body and headers. A French document whose detail is the domain's own words names both languages."""
    body = _ENCODER.encode(document(refusal, instance=instance, trace=trace, language=language))
    spoken = f"{language}, {ENGLISH}" if language != ENGLISH and refusal.detail else language
    return body, {**headers_of(refusal), "Content-Language": spoken, "Vary": "Accept-Language"}


def answer(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    """The one exception handler: every exception becomes a problem document, faults without their internals."""
    refusal = refusal_of(exc)
    service = request.app.state.service
    if isinstance(refusal, InternalFault):
        observe.faults_total.labels(service, type(exc).__name__).inc()
        log.error("fault", path=request.scope["path"], method=request.scope["method"], exc_info=exc)
    else:
        observe.refusals_total.labels(service, refusal.code).inc()
        request.app.state.denied(request.scope, refusal)
        _notice_undeclared(request, refusal)
        if isinstance(exc, Unreachable):
            log.warning("unreachable", path=request.scope["path"], reason=str(exc))
    trace = observe.current_trace.get() or ""
    language = preferred(request.headers.get("accept-language", ""))
    body, headers = encode(refusal, instance=request.scope["path"], trace=trace, language=language)
    if isinstance(refusal, Unauthenticated):
        where = f"{request.app.state.resource.resource}/.well-known/oauth-protected-resource"
        headers["WWW-Authenticate"] += f', resource_metadata="{where}"'
    return Response(body, status_code=refusal.status, media_type=MEDIA_TYPE, headers=headers)


def _notice_undeclared(request: Request[Any, Any, Any], refusal: Refusal) -> None:
    """A refusal the route's document does not name is answered all the same, and reported to us."""
    rule: Any = request.scope.get("regie.rule")
    if isinstance(refusal, ClientLeft):  # nobody is there to be answered
        return
    if rule is not None and not any(issubclass(type(refusal), known) for known in rule.refusals):
        observe.undeclared_total.labels(request.app.state.service, rule.operation, refusal.code).inc()
        log.warning("undeclared refusal", operation=rule.operation, code=refusal.code)


def refusal_of(exc: Exception) -> Refusal:
    match exc:
        case Refusal():
            return exc
        case Unreachable():
            return Unavailable("A part this service needs does not answer; nothing is known to have been recorded.")
        case ValidationException():
            return _invalid(exc)
        case NotFoundException():
            return UnknownRoute()
        case MethodNotAllowedException():
            allow = (exc.headers or {}).get("allow", "")
            return MethodNotAllowed(allowed=with_head(allow.split(", ")))
        case InternalServerException(detail="client disconnected prematurely"):
            return ClientLeft()
        case RequestEntityTooLarge():
            return BodyTooLarge()
        case ClientException() | HTTPException(status_code=400):
            return Malformed(exc.detail)
    return InternalFault()


def with_head(methods: Any) -> list[str]:
    """The methods of a path as clients see them: whatever answers GET answers HEAD."""
    known = set(methods)
    return sorted(known | {"HEAD"} if "GET" in known else known)


def _invalid(exc: ValidationException) -> Refusal:
    """Parameters that do not fit. The library collects them all; a missing one is only in its text."""
    found = exc.extra if isinstance(exc.extra, list) else []
    errors = [_parameter_error(entry) for entry in found]
    if not errors:
        return Invalid(exc.detail.split(" for path", 1)[0], errors=[])
    return Invalid(errors=errors)


def _parameter_error(entry: dict[str, Any]) -> FieldError:
    place = str(getattr(entry.get("source"), "value", entry.get("source")) or "request")
    key = str(entry.get("key", ""))
    rule = str(entry["message"])
    if rule.strip("'\"") == key:
        rule = "is required"
    return FieldError(place=place, field=key, rule=rule)

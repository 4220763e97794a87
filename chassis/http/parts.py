"""What the OpenAPI documents of all services share: headers, security schemes, and how each problem is answered."""

from collections.abc import Iterable
from typing import Any, Final

from chassis.http.problems import MEDIA_TYPE, TYPE_PREFIX
from contracts.examples import TEXTS
from contracts.problems import Invalid, Refusal
from contracts.roles import VERBS

Json = dict[str, Any]

LICENCE: Final = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
CONTACT: Final = {"name": "Regie operations", "url": "https://regie.example/support", "email": "support@regie.example"}
"""Names of the reserved domain `example` (RFC 2606): who runs a house names its own desk."""

COMMON_TAGS: Final = {
    "Webhooks": "Events sent to an address of yours, signed, in order, at least once each.",
    "Audit trail": "What happened, in the order of the log, with the proofs that nothing was changed since.",
    "Health": "For load balancers and supervisors; needs no token.",
}


def _header(description: str, example: str, **schema: Any) -> Json:
    return {"description": description, "schema": {"type": "string", **schema}, "example": example}


HEADERS: Final[dict[str, Json]] = {
    "ETag": _header("The version of the resource, for If-Match.", '"7"'),
    "Content-Tag": _header("A digest of this answer, for If-None-Match alone.", '"5b6d0cf1a0f3b9d8e6a1c2b47f90d3e2"'),
    "Regie-Position": _header("The log position of what was recorded.", "1204"),
    "Location": _header("The path of what was created, or of the job that was started.", TEXTS["instance"]),
    "Preference-Applied": _header("Which of your preferences were followed (RFC 7240).", "respond-async"),
    "Idempotency-Replayed": _header(
        "`true` where the Idempotency-Key was known and this is the first answer again.", "true", enum=["true"]
    ),
    "Link": _header(
        "The following page, as `rel=next`; absent on the last (RFC 8288).", '</shows?cursor=W10>; rel="next"'
    ),
    "RateLimit": _header(
        "What is left of the budget this request was counted under, and in how many seconds it is whole.",
        '"token";r=59;t=1',
    ),
    "RateLimit-Policy": _header(
        "The budget: requests at once (`q`) and the seconds they come back in (`w`).", '"token";q=60;w=60'
    ),
    "Content-Language": _header("The language of the title, by Accept-Language.", "en"),
    "Deprecation": _header("Since when the operation is deprecated: `@` and Unix seconds (RFC 9745).", "@1781049600"),
    "Sunset": _header("When the operation goes (RFC 8594).", "Thu, 10 Dec 2026 00:00:00 GMT"),
    "Retry-After": _header("Seconds to wait before trying again.", "1"),
    "WWW-Authenticate": _header("What kind of token is needed (RFC 6750).", 'Bearer realm="regie"'),
    "traceparent": _header("The W3C trace context of this exchange.", f"00-{TEXTS['trace']}-b7ad6b7169203331-01"),
}
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An OAuth 2.0 access token (ES256) of your deployment's issuer, in the Authorization header.",
}
_TOKEN_URL: Final = "https://login.regie.example/oauth2/token"  # noqa: S105 - an address, not a secret
_VERBS: Final = {
    "read": "See everything of your tenant in {service}.",
    "write": "Ask {service} for what a customer or an integrator may ask for.",
    "operate": "Do on a show what the analyst does, in {service}.",
    "admin": "Correct, override and waive in {service}.",
    "inspect": "See who was denied what in {service}.",
}


def oauth(scopes: Iterable[str]) -> Json:
    """The scheme that names the scopes; the token is the one of `bearer`. Its URL stands for your issuer's own."""
    return {
        "type": "oauth2",
        "description": "Which scopes the bearer token must carry. Your deployment's issuer has its own token URL.",
        "flows": {
            "clientCredentials": {
                "tokenUrl": _TOKEN_URL,
                "scopes": {scope: _meaning(scope) for scope in sorted(scopes)},
            }
        },
    }


def _meaning(scope: str) -> str:
    service, _, verb = scope.partition(":")
    return _VERBS.get(verb, "{service}: " + verb).format(service=service)


assert set(_VERBS) == set(VERBS), "a verb of contracts/roles.py has no words"


def refer(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_schema(refusals: list[type[Refusal]], ref: str) -> Json:
    """The schema of an answer with one of these refusals. `ref` is the template of references."""
    codes = sorted({refusal.code for refusal in refusals})
    properties: Json = {"code": {"type": "string", "enum": codes}}
    if Invalid in refusals:
        properties["errors"] = {"type": "array", "items": {"$ref": ref.format(name="FieldError")}}
    return {"allOf": [{"$ref": ref.format(name="Problem")}, {"type": "object", "properties": properties}]}


def problem_name(refusals: list[type[Refusal]], status: int, operation: str) -> str:
    """A name for that schema: by its codes while they are few, otherwise by the first operation that answers so."""
    codes = sorted({refusal.code for refusal in refusals})
    words = ["".join(word.capitalize() for word in code.split("_")) for code in codes]
    return "Or".join(words) + "Problem" if len(words) < 3 else f"{operation[:1].upper()}{operation[1:]}{status}Problem"


def problem_response(status: int, refusals: list[type[Refusal]], schema: Json) -> Json:
    """How refusals of one status are answered."""
    headers = ["traceparent", "Content-Language"]
    headers += ["WWW-Authenticate"] if status in (401, 403) else []
    headers += ["Retry-After"] if status in (429, 503) else []
    headers += ["RateLimit", "RateLimit-Policy"] if status == 429 else []
    words = "\n".join(f"- `{refusal.code}`: {refusal.title()}" for refusal in refusals)
    content = {"schema": schema, "examples": {each.code: {"value": problem_example(each)} for each in refusals}}
    return {"description": words, "headers": refer(*headers), "content": {MEDIA_TYPE: content}}


def problem_example(refusal: type[Refusal]) -> Json:
    """As `chassis.http.problems.document` answers it, without the facts only a real case has."""
    errors = [{name: TEXTS[name] for name in ("place", "field", "rule")}] if issubclass(refusal, Invalid) else None
    return {
        "type": TYPE_PREFIX + refusal.code,
        "title": refusal.title(),
        "status": refusal.status,
        "detail": refusal.title(),
        "code": refusal.code,
        "instance": TEXTS["instance"],
        "trace": TEXTS["trace"],
        **({"errors": errors} if errors else {}),
    }

"""The gate in front of every route: who calls, may they, and is the request's frame (query, media type) in order.

A middleware, not a Litestar guard: a guard copies the handler on every call and costs 130 to 250 us a request
(measured.md part D section 1). Runs after routing, so an unknown path is 404 for everybody.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar.types import ASGIApp, Receive, Scope, Send

from chassis import tenancy
from chassis.auth import Caller, Verifier
from chassis.http.problems import FieldError, Malformed, MediaTypeRefused, RateLimited
from chassis.http.proxies import Proxies
from chassis.http.rates import STRANGERS, Rates, network_of
from chassis.http.rules import JSON, Rule
from contracts.problems import Forbidden, Invalid, Unauthenticated

_UTF8: Final = {"", "utf-8", "utf8"}
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.DOTALL)


class Gate:
    """Puts the route's rule and the caller into the scope and calls the handler, or raises the refusal.

    `rules` and `calls` are by the handler's id; `app` has what is in neither: the library's own handlers of OPTIONS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: Verifier,
        rules: Mapping[int, Rule],
        calls: Mapping[int, ASGIApp],
        rates: Rates,
        proxies: Proxies,
    ) -> None:
        self._app, self._verifier, self._rules, self._calls = app, verifier, rules, calls
        self._rates, self._proxies = rates, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = id(scope["route_handler"])
        rule = self._rules.get(handler)
        if rule is not None:
            scope["regie.rule"] = rule  # type: ignore[typeddict-unknown-key]
            headers = dict(scope["headers"])
            scope["regie.headers"] += rule.headers  # type: ignore[typeddict-item]
            if not rule.public:
                await self._admit(rule, headers, scope)
            else:
                self._spend(rule, STRANGERS, self._stranger(scope), scope)
            if scope["query_string"]:
                check_query(scope["query_string"], rule)
            if rule.accepts:
                check_media_type(headers, rule)
        caller: Caller | None = scope.get("regie.caller")  # type: ignore[assignment]
        with tenancy.seeing(tenancy.NOBODY if caller is None else caller.tenant):
            await self._calls.get(handler, self._app)(scope, receive, send)

    async def _admit(self, rule: Rule, headers: dict[bytes, bytes], scope: Scope) -> None:
        try:
            caller = await self._caller(headers)
        except Unauthenticated:
            # Whoever has a good token is never held up by a neighbour's bad ones: only the bad ones are counted here.
            self._spend(rule, STRANGERS, self._stranger(scope), scope)
            raise
        scope["regie.caller"] = caller  # type: ignore[typeddict-unknown-key]
        self._spend(rule, rule.budget, f"{caller.tenant}/{caller.subject}", scope)
        if not caller.scopes.issuperset(rule.scopes):
            missing = sorted(rule.scopes - caller.scopes)
            raise Forbidden(f"The token lacks {', '.join(missing)}.", needs=sorted(rule.scopes))

    def _spend(self, rule: Rule, budget: str, who: str, scope: Scope) -> None:
        """Raises RateLimited where the budget is spent, unless the route is never limited."""
        left = self._rates.spend(budget, who) if rule.budget else None
        if left is None:
            return
        scope["regie.headers"] += self._rates.headers(left)  # type: ignore[typeddict-item]
        if left.retry_s:
            raise RateLimited(budget=budget, retry_after_s=left.retry_s)

    def _stranger(self, scope: Scope) -> str:
        return network_of(self._proxies.client_of(scope))

    async def _caller(self, headers: dict[bytes, bytes]) -> Caller:
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated(reason="NO_TOKEN")
        return self._verifier.cached(token) or await self._verifier.verify(token.strip())


def check_query(query: bytes, rule: Rule) -> None:
    """Refuses parameters nobody reads, repeats of single ones, and the "null" that would silently drop a filter."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("The query is not UTF-8.") from None
    errors: list[FieldError] = []
    for name, times in Counter(name for name, _ in pairs).items():
        parameter = rule.query.get(name)
        if parameter is None:
            errors.append(_query_error(name, "is not a parameter of this operation"))
        elif times > 1 and not parameter.many:
            errors.append(_query_error(name, "must be given once"))
    for name, value in pairs:
        parameter = rule.query.get(name)
        if parameter is not None and parameter.nullable and value.lower() in ("null", ""):
            errors.append(_query_error(name, "leave the parameter out instead"))
        elif parameter is not None and parameter.instant and not _INSTANT.fullmatch(value):
            errors.append(_query_error(name, "must be an RFC 3339 instant with an offset"))
    if errors:
        raise Invalid(errors=errors)


def check_media_type(headers: dict[bytes, bytes], rule: Rule) -> None:
    """An absent body passes here; whether one is needed is the decoder's business."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeRefused("Send the body without Content-Encoding.", accepts=rule.accepts)
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    if not content_type:
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            raise MediaTypeRefused("Name the body's media type in Content-Type.", accepts=rule.accepts)
        return
    media, _, rest = content_type.partition(";")
    if media.strip().lower() not in rule.accepts:
        raise MediaTypeRefused(accepts=rule.accepts)
    if JSON in rule.accepts and _charset(rest) not in _UTF8:
        raise MediaTypeRefused("JSON is UTF-8.", accepts=rule.accepts)


def _charset(parameters: str) -> str:
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def _query_error(name: str, rule: str) -> FieldError:
    return FieldError(place="query", field=name, rule=rule)


def caller_in(scope: Any) -> Caller:
    """The caller the gate admitted. Raises KeyError on a public route, which has none."""
    caller: Caller = scope["regie.caller"]
    return caller

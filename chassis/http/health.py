"""Routes every service has beside its own: health, metrics, the OpenAPI document and a page that shows it.

They need no token: health and metrics are for the platform and hold no customer's data; the contract is public.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.problems import Unavailable

CHECK_TIMEOUT_S: Final = 2.0
_HERE: Final = Path(__file__).parent
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)

Check = Callable[[], Awaitable[Any]]
"""Raises, or returns False or a reason (text), where the part is not ready. A text that begins with "ok" is ready, with
something to know."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The process runs."""

    status: str = "live"
    service: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Every part answers. A check says `ok`, or `ok` and what an operator should know."""

    status: str = "ready"
    service: str
    checks: dict[str, str]


@get("/health/live", operation_id="healthLive", public=True, tags=["Health"], sync_to_thread=False)
def health_live(request: Request[Any, Any, Any]) -> Live:
    """Tell whether the process runs.

    Asks nothing of any other part, so that a platform restarts this process only for its own sake.
    """
    return Live(service=request.app.state.service)


@get("/health/ready", operation_id="healthReady", public=True, tags=["Health"])
async def health_ready(request: Request[Any, Any, Any]) -> Ready:
    """Tell whether the service can take commands.

    503 with the reason for each part while one does not answer, and while the process is draining.
    """
    state = request.app.state
    found = await run_checks(state.ready)
    if state.draining.is_set():
        found["process"] = "is shutting down"
    if any(not reason.startswith("ok") for reason in found.values()):
        raise Unavailable("Not every part is ready.", checks=found)
    return Ready(service=state.service, checks=found)


async def run_checks(checks: Sequence[tuple[str, Check]]) -> dict[str, str]:
    """Every check side by side, each with a time limit; "ok" or the reason by name."""
    reasons = await asyncio.gather(*(_reason(check) for _, check in checks))
    return {name: reason for (name, _), reason in zip(checks, reasons, strict=True)}


async def _reason(check: Check) -> str:
    try:
        found = await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer; the kind alone is public
        return f"failed: {type(error).__name__}"
    if found is False:
        return "not ready"
    return found if isinstance(found, str) else "ok"


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A service as its clients reach it, and who gives tokens for it."""

    url: str
    issuer: str

    def metadata(self, name: str, scopes: Sequence[str]) -> "ProtectedResource":
        known = self.issuer.startswith(("https://", "http://"))
        return ProtectedResource(
            resource=self.url,
            authorization_servers=(self.issuer,) if known else (),
            scopes_supported=tuple(scopes),
            resource_name=name,
            resource_documentation=f"{self.url}/docs",
        )


class ProtectedResource(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to know to get a token for this service. Source: RFC 9728 section 2."""

    resource: str
    authorization_servers: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    resource_name: str
    resource_documentation: str
    bearer_methods_supported: tuple[str, ...] = ("header",)


@get(
    "/.well-known/oauth-protected-resource",
    operation_id="protectedResource",
    public=True,
    include_in_schema=False,
    sync_to_thread=False,
)
def protected_resource(request: Request[Any, Any, Any]) -> ProtectedResource:
    """Tell who gives tokens for this service, and the scopes it knows."""
    found: ProtectedResource = request.app.state.resource
    return found


@get("/metrics", operation_id="metrics", public=True, include_in_schema=False, sync_to_thread=False)
def metrics() -> Response[bytes]:
    """Show every metric of this process in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8"))


@get("/openapi.json", operation_id="openapi", public=True, include_in_schema=False, sync_to_thread=False)
def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Give the contract of this service as an OpenAPI 3.1 document."""
    return Response(request.app.state.openapi(), media_type="application/json", headers={"Cache-Control": "no-cache"})


@get("/docs", operation_id="docs", public=True, include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """Show the contract as a page that loads nothing from elsewhere."""
    return _asset("docs.html", "text/html")


@get("/docs/docs.js", operation_id="docsScript", public=True, include_in_schema=False, sync_to_thread=False)
def docs_script() -> Response[bytes]:
    return _asset("docs.js", "text/javascript")


@get("/docs/docs.css", operation_id="docsStyle", public=True, include_in_schema=False, sync_to_thread=False)
def docs_style() -> Response[bytes]:
    return _asset("docs.css", "text/css")


def _asset(name: str, media_type: str) -> Response[bytes]:
    headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response((_HERE / name).read_bytes(), media_type=media_type, headers=headers)


COMMON: Final = (health_live, health_ready, protected_resource, metrics, openapi_json, docs, docs_script, docs_style)

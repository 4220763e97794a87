"""The contract document, the common routes, logs, and the mistakes `Api` does not let through."""

import asyncio
import json
import logging
from datetime import datetime
from typing import Annotated, Any, ClassVar

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import JSONBody, QueryParameter
from openapi_spec_validator import validate

from chassis import observe
from chassis.http.rules import MisdescribedRoute
from chassis.http.schemas import schemas_of
from tests.unit.chassis_http import toy


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    return json.loads(app.state.openapi())


def responses(document: dict[str, Any], path: str, method: str) -> set[str]:
    return set(document["paths"][path][method]["responses"])


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_operations_are_named_described_and_secured(document: dict[str, Any]) -> None:
    plan = document["paths"]["/shows"]["post"]
    assert (plan["operationId"], plan["summary"], plan["description"]) == (
        "planShow",
        "Plan a show",
        "It is not live yet.",
    )
    assert plan["security"] == [{"bearer": [], "oauth2": ["toy:write"]}]
    assert document["paths"]["/health/live"]["get"]["security"] == []
    assert document["paths"]["/shows/{show_id}/schedule"]["post"]["operationId"] == "importSchedule"


def test_errors_follow_from_what_a_route_takes(document: dict[str, Any]) -> None:
    common = {"400", "401", "403", "408", "414", "429", "431", "500", "503"}
    assert responses(document, "/shows", "post") == {"201", "413", "415", "422"} | common
    assert responses(document, "/shows/{show_id}", "get") == {"200", "304", "404", "422"} | common
    assert (
        responses(document, "/shows/{show_id}/go-live", "post") == {"202", "404", "409", "412", "422", "428"} | common
    )
    assert responses(document, "/health/live", "get") == {"200", "400", "408", "414", "431", "500", "503"}


def test_a_refusal_of_the_domain_is_in_the_document(document: dict[str, Any]) -> None:
    conflict = document["components"]["responses"]["ALREADY_LIVE"]
    assert "The show is already on air." in conflict["description"]
    assert list(conflict["content"]) == ["application/problem+json"]


def test_schemas_say_what_the_wire_does(document: dict[str, Any]) -> None:
    plan = document["components"]["schemas"]["PlanShow"]
    assert plan["additionalProperties"] is False
    assert plan["properties"]["starts_at"]["format"] == "date-time"
    assert plan["properties"]["seats"]["default"] == 0
    assert plan["required"] == ["title", "starts_at"]


def test_an_answer_links_to_what_its_id_and_version_allow(document: dict[str, Any]) -> None:
    links = document["paths"]["/shows"]["post"]["responses"]["201"]["links"]
    assert links["goLive"]["parameters"] == {
        "path.show_id": "$response.body#/id",
        "header.If-Match": "$response.header.ETag",
    }


def test_the_same_code_gives_the_same_document() -> None:
    assert toy.app().state.openapi() == toy.app().state.openapi()


def test_instants_are_marked_wherever_they_stand() -> None:
    class Times(msgspec.Struct):
        one: datetime
        perhaps: datetime | None
        many: list[datetime]
        named: dict[str, datetime]

    _, components = schemas_of([Times], "#/{name}")
    found = components["Times"]["properties"]
    instant = {"type": "string", "format": "date-time"}
    assert found["one"] == instant
    assert instant in found["perhaps"]["anyOf"]
    assert (found["many"]["items"], found["named"]["additionalProperties"]) == (instant, instant)


async def test_the_docs_page_loads_nothing_from_elsewhere(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/docs")
    script = await stranger.get("/docs/docs.js")
    style = await stranger.get("/docs/docs.css")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert [answer.status_code for answer in (page, script, style)] == [200, 200, 200]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for text in (page.text, script.text, style.text):
        assert "http://" not in text
        assert "https://" not in text
        assert "//cdn" not in text


async def test_the_document_is_served(stranger: httpx.AsyncClient, document: dict[str, Any]) -> None:
    assert (await stranger.get("/openapi.json")).json() == document


async def test_metrics_count_by_route_template(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, show: str
) -> None:
    await client.get(show)
    text = (await stranger.get("/metrics")).text
    assert 'regie_http_request_seconds_count{method="GET",route="/shows/{show_id}",service="toy",status="200"}' in text
    assert show not in text


async def _ready(**checks: Any) -> httpx.Response:
    transport = httpx.ASGITransport(toy.app(ready=list(checks.items())))
    async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
        return await client.get("/health/ready")


async def test_ready_says_which_part_is_not() -> None:
    async def fine() -> None:
        return None

    async def broken() -> None:
        raise OSError("10.0.0.1 refused")

    async def behind() -> str:
        return "4 events behind"

    answer = await _ready(database=fine)
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "ok"})
    answer = await _ready(database=fine, broker=broken, relay=behind)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.json()["checks"] == {"database": "ok", "broker": "failed: OSError", "relay": "4 events behind"}


async def test_a_check_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.http.health.CHECK_TIMEOUT_S", 0.01)

    async def hangs() -> None:
        await asyncio.Event().wait()

    assert (await _ready(database=hangs)).json()["checks"] == {"database": "no answer within 0.01 s"}


async def test_a_draining_process_is_not_ready_but_live(app: Litestar, stranger: httpx.AsyncClient) -> None:
    app.state.draining.set()
    assert (await stranger.get("/health/ready")).status_code == 503
    assert (await stranger.get("/health/live")).status_code == 200


class Loose(msgspec.Struct):
    title: str


class Local(msgspec.Struct, forbid_unknown_fields=True):
    at: datetime | None = None


@post("/loose", scopes=["toy:write"])
async def loose(data: JSONBody[Loose]) -> None:
    """Take unknown fields."""


@post("/local", scopes=["toy:write"])
async def local(data: JSONBody[list[Local]]) -> None:
    """Take instants without an offset."""


class Tags(msgspec.Struct, forbid_unknown_fields=True):
    tags: list[str]


class Seats(msgspec.Struct, forbid_unknown_fields=True):
    by_row: Annotated[dict[str, int], msgspec.Meta(max_length=100)]


@post("/endless", scopes=["toy:write"])
async def endless(data: JSONBody[Tags]) -> None:
    """Take a list of any length."""


@post("/immense", scopes=["toy:write"])
async def immense(data: JSONBody[Seats]) -> None:
    """Take numbers of any size."""


@get("/open")
async def open_door() -> None:
    """Forget who may come in."""


@post("/blind", scopes=["toy:write"], if_match=True)
async def blind() -> None:
    """Demand a version and not look at it."""


@get("/mute", scopes=["toy:read"])
async def mute() -> None: ...


@get("/twin", operation_id="planShow", scopes=["toy:read"])
async def twin() -> None:
    """Carry another's name."""


@get("/vague", scopes=["toy:read"])
async def vague(size: Annotated[int, QueryParameter()] = 1) -> None:
    """Take a parameter nobody explains."""


@get("/untold", scopes=["toy:read"], tags=["Untold"])
async def untold() -> None:
    """Carry a tag nobody explains."""


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (vague, "size needs a description"),
        (untold, "Untold"),
        (loose, "forbid_unknown_fields"),
        (local, "Instant"),
        (endless, "max_length"),
        (immense, "needs le"),
        (open_door, "scopes"),
        (blind, "expect"),
        (mute, "docstring"),
        (twin, "planShow belongs to"),
    ],
    ids=lambda value: getattr(value, "handler_name", ""),
)
def test_a_handler_that_would_break_the_contract_is_not_built(handler: Any, reason: str) -> None:
    with pytest.raises(MisdescribedRoute, match=reason):
        toy.app(handlers=[*toy.HANDLERS, handler]).state.openapi()


def test_secrets_never_reach_a_log_line() -> None:
    line = observe.strike_secrets(
        None,
        "info",
        {
            "event": "publishing to rtmp://live.example.com/app/SECRET-KEY",
            "url": "postgresql://stage:SECRET@db/stage",
            "headers": {"Authorization": "Bearer SECRET", "accept": "*/*"},
            "args": ["-i", "rtmps://a.example.com/x/SECRET?y=1", "eyJhbGciOiJFUzI1NiJ9.SECRET.SECRET"],
            "stream_key": "SECRET",
            "frames": 7,
        },
    )
    assert "SECRET" not in repr(line)
    assert line["event"] == "publishing to rtmp://live.example.com/app/***"
    assert (line["frames"], line["headers"]["accept"]) == (7, "*/*")


def test_log_lines_are_json_with_service_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    marked = observe.current_trace.set("0af7651916cd43dd8448eb211c80319c")
    try:
        observe.configure_logging("toy")
        observe.logger("test").info("went live", show="s1")
        logging.getLogger("library").warning("password at postgresql://u:SECRET@db")
    finally:
        observe.current_trace.reset(marked)
        root.handlers[:], root.level = before
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["show"], ours["service"], ours["level"]) == ("went live", "s1", "toy", "info")
    assert ours["trace"] == theirs["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert "SECRET" not in theirs["event"]


def test_what_holds_between_the_fields_of_a_request_is_in_its_schema() -> None:
    class Either(msgspec.Struct, kw_only=True):
        between_fields: ClassVar[dict[str, Any]] = {"oneOf": [{"required": ["one"]}, {"required": ["other"]}]}
        one: int | None = None
        other: int | None = None

    _, components = schemas_of([Either], "#/{name}")
    assert components["Either"]["if"] == {}
    assert components["Either"]["then"] == Either.between_fields

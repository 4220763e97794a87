"""What a client prefers of a command that starts a job: the receipt, or how the job ended. Source: RFC 7240."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from chassis.http import Caller, Job, Prefer, prefer, receipt, versioned
from chassis.http.answers import Versioned
from tests.unit.chassis_http import toy

LOOKS_UNTIL_ENDED = 3


class Renders:
    """How often each test's job was looked at; it ends with the third look, or never."""

    looks = 0
    ends = True


@post("/shows/{show_id:uuid}/film", operation_id="renderShow", scopes=["toy:write"], status_code=202, tags=["Shows"])
async def render_show(
    show_id: FromPath[UUID], me: NamedDependency[Caller], prefer: NamedDependency[Prefer]
) -> Job[toy.Show]:
    """Make a film of a show."""
    show, _ = toy.SHOWS.see(me.tenant, show_id)

    async def ended() -> Versioned[toy.Show] | None:
        Renders.looks += 1
        return versioned(show, 9) if Renders.ends and Renders.looks >= LOOKS_UNTIL_ENDED else None

    accepted = receipt(toy.SHOWS.put(me.tenant, show, "toy.rendering.v1"), show_id)
    return await prefer.job(accepted, f"/shows/{show_id}/film", ended)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Litestar:
    toy.SHOWS.__init__()  # type: ignore[misc]
    Renders.looks, Renders.ends = 0, True
    monkeypatch.setattr(prefer, "LOOK_EVERY_S", 0.01)
    return toy.app(handlers=[*toy.HANDLERS, render_show])


async def started(client: httpx.AsyncClient, show: str, wish: str | None) -> httpx.Response:
    return await client.post(f"{show}/film", headers={} if wish is None else {"prefer": wish})


@pytest.mark.parametrize(
    ("wish", "applied"),
    [
        (None, None),
        ("respond-async", "respond-async"),
        ('Respond-Async; foo="some"; bar', "respond-async"),
        ("handling=lenient, return=minimal", None),
        ("wait=soon", None),
        ("wait=-1", None),
        ("wait=0", None),
        (",=,;", None),
    ],
)
async def test_a_job_is_accepted_at_once(
    client: httpx.AsyncClient, show: str, wish: str | None, applied: str | None
) -> None:
    answer = await started(client, show, wish)
    assert answer.status_code == 202
    assert answer.json()["events"][0]["type"] == "toy.rendering.v1"
    assert answer.headers["location"] == f"{show}/film"
    assert answer.headers.get("preference-applied") == applied
    assert Renders.looks == 0


@pytest.mark.parametrize("wish", ["wait=20", 'wait="20"', "wait=20, wait=0", "WAIT = 20"])
async def test_who_waits_is_told_how_the_job_ended(client: httpx.AsyncClient, show: str, wish: str) -> None:
    answer = await started(client, show, wish)
    assert answer.status_code == 200
    assert answer.json()["title"] == "Opening"
    assert answer.headers["etag"] == '"9"'
    assert answer.headers["location"] == f"{show}/film"
    assert answer.headers["preference-applied"] == "wait=20"
    assert Renders.looks == LOOKS_UNTIL_ENDED


async def test_a_job_that_does_not_end_in_time_is_accepted(client: httpx.AsyncClient, show: str) -> None:
    Renders.ends = False
    answer = await started(client, show, "respond-async, wait=1")
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async, wait=1")
    assert Renders.looks > 1


async def test_nobody_waits_longer_than_an_answer_may_take(app: Litestar) -> None:
    assert prefer.Prefer("wait=3600", app.state.draining).wait_s == prefer.LONGEST_S < 60


async def test_who_waits_is_let_go_when_the_process_ends(app: Litestar, client: httpx.AsyncClient, show: str) -> None:
    Renders.ends = False
    app.state.draining.set()
    assert (await started(client, show, "wait=30")).status_code == 202
    assert Renders.looks == 1


async def test_only_so_many_wait_at_once(client: httpx.AsyncClient, show: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefer, "MOST_WAITING", 0)
    answer = await started(client, show, "wait=30")
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


def test_the_contract_names_both_answers(app: Litestar) -> None:
    document: Any = json.loads(app.state.openapi())
    operation = document["paths"]["/shows/{show_id}/film"]["post"]
    assert "Prefer" in [parameter["name"] for parameter in operation["parameters"]]
    for status, body in (("200", "Show"), ("202", "Receipt")):
        answer = operation["responses"][status]
        assert answer["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{body}"}
        assert {"Location", "Preference-Applied"} <= answer["headers"].keys()

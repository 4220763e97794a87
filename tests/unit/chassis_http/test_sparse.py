"""Some fields of a list's items: those that were asked for, of those there are."""

from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.di import NamedDependency

from chassis.http import Caller, Fields, Page, Paging, Sparse, page, some_of
from chassis.http.rules import MisdescribedRoute
from tests.unit.chassis_http import toy
from tests.unit.chassis_http.conftest import SHOW

SOME = "application/vnd.regie.fields+json"


@get("/board", operation_id="listBoard", scopes=["toy:read"], tags=["Shows"])
async def list_board(
    me: NamedDependency[Caller], paging: NamedDependency[Paging], fields: NamedDependency[Fields]
) -> Sparse[toy.Show]:
    """List what is planned."""
    mine = [show for owner, show, _ in toy.SHOWS.found.values() if owner == me.tenant]
    return some_of(page(mine[: paging.limit + 1], paging, lambda show: (str(show.id),)), fields)


@pytest.fixture
def app() -> Litestar:
    toy.SHOWS.__init__()  # type: ignore[misc]
    return toy.app(handlers=[*toy.HANDLERS, list_board])


async def listed(client: httpx.AsyncClient, query: str) -> httpx.Response:
    for title in ("Opening", "Closing"):
        await client.post("/shows", json={**SHOW, "title": title})
    return await client.get(f"/board{query}")


async def test_without_a_wish_every_field_is_there(client: httpx.AsyncClient) -> None:
    answer = await listed(client, "")
    assert answer.headers["content-type"] == "application/json"
    assert [item.keys() for item in answer.json()["items"]] == [{"id", "title", "live", "size"}] * 2


@pytest.mark.parametrize("wish", ["title,live", "live,title", "live,%20title", "title,live,title", "title%2Clive"])
async def test_who_names_fields_gets_those_in_their_order(client: httpx.AsyncClient, wish: str) -> None:
    answer = await listed(client, f"?fields={wish}")
    assert answer.headers["content-type"] == SOME
    assert [list(item.items()) for item in answer.json()["items"]] == [
        [("title", "Opening"), ("live", False)],
        [("title", "Closing"), ("live", False)],
    ]


async def test_pages_keep_the_wish(client: httpx.AsyncClient) -> None:
    answer = await listed(client, "?fields=size&limit=1")
    assert answer.json()["items"] == [{"size": "small"}]
    assert "fields=size" in answer.headers["link"]
    assert answer.json()["next"] in answer.headers["link"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("fields=", ["``"]),
        ("fields=colour", ["`colour`"]),
        ("fields=title,colour,Live", ["`colour`", "`Live`"]),
        ("fields=title,", ["``"]),
        ("fields=null", ["`null`"]),
    ],
)
async def test_a_field_nobody_knows_is_refused_by_name(client: httpx.AsyncClient, query: str, named: list[str]) -> None:
    answer = await listed(client, f"?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID")
    assert [error["rule"].partition(" ")[0] for error in answer.json()["errors"]] == named
    assert all("id, title, live, size" in error["rule"] for error in answer.json()["errors"])


async def test_fields_are_named_in_one_parameter(client: httpx.AsyncClient) -> None:
    assert (await listed(client, "?fields=title&fields=live")).status_code == 422


def test_a_route_that_takes_fields_and_forgets_them_is_a_mistake() -> None:
    @get("/forgetful", scopes=["toy:read"])
    async def forgetful(fields: NamedDependency[Fields]) -> Page[Any]:
        """Take fields for nothing."""
        return Page(items=[fields])

    with pytest.raises(MisdescribedRoute, match="fields"):
        toy.app(handlers=[forgetful])

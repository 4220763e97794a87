"""What reaches a handler, and what it may ask for."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg, FromPath, HeaderParameter, JSONBody, PathParameter

from chassis.http import Caller
from chassis.http.rules import MisdescribedRoute
from tests.unit.chassis_http import toy

SHOW = "0b7e1a52-3c5d-4f7e-8a9b-0c1d2e3f4a5b"
SHORT = PathParameter(description="A short name.", max_length=3)
SEAT = HeaderParameter(name="Toy-Seat", description="Which seat.", ge=1, le=9)
NOTE = HeaderParameter(name="Toy-Note", description="Whatever one likes.")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    what: tuple[str, ...]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    loud: bool = False


def told(*values: Any) -> Told:
    return Told(what=tuple(repr(value) for value in values))


async def later(me: NamedDependency[Caller]) -> str:
    return f"{me.tenant} later"


def seat(toy_seat: Annotated[int, SEAT] = 3) -> int:
    return toy_seat


def note(toy_note: Annotated[str | None, NOTE] = None) -> str | None:
    return toy_note


@get("/told/{show_id:uuid}/{name:str}", operation_id="tell", scopes=["toy:read"], tags=["Shows"])
async def tell(
    show_id: FromPath[UUID],
    name: Annotated[str, SHORT],
    later: NamedDependency[str],
    seat: NamedDependency[int],
    note: NamedDependency[str | None],
) -> Told:
    """Tell what came."""
    return told(show_id, name, later, seat, note)


@get("/at-once", operation_id="tellAtOnce", scopes=["toy:read"], tags=["Shows"], sync_to_thread=False)
def tell_at_once(me: NamedDependency[Caller]) -> Told:
    """Tell who asks, without waiting for anything."""
    return told(me.tenant)


@post("/wishes", operation_id="wish", scopes=["toy:write"], tags=["Shows"], status_code=202)
async def wish(data: JSONBody[Wish | None] = None) -> Told:
    """Wish for something, or for nothing."""
    return told(data)


@pytest.fixture
async def asked() -> AsyncIterator[httpx.AsyncClient]:
    more = {
        "later": Provide(later),
        "seat": Provide(seat, sync_to_thread=False),
        "note": Provide(note, sync_to_thread=False),
    }
    app = toy.app(handlers=[tell, tell_at_once, wish], dependencies=more)
    headers = {"Authorization": f"Bearer {toy.token()}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy", headers=headers) as client:
        yield client


async def test_a_handler_gets_what_it_asks_for_as_it_asks_for_it(asked: httpx.AsyncClient) -> None:
    answer = await asked.get(f"/told/{SHOW}/abc", headers={"Toy-Seat": "7", "Toy-Note": "é".encode("latin-1")})
    assert answer.json()["what"] == [repr(UUID(SHOW)), "'abc'", "'acme later'", "7", "'é'"]


async def test_what_was_not_sent_is_the_default(asked: httpx.AsyncClient) -> None:
    assert (await asked.get(f"/told/{SHOW}/abc")).json()["what"][3:] == ["3", "None"]
    assert (await asked.post("/wishes")).json()["what"] == ["None"]
    assert (await asked.get("/at-once")).json()["what"] == ["'acme'"]


async def test_a_body_and_the_routes_own_status(asked: httpx.AsyncClient) -> None:
    answer = await asked.post("/wishes", json={"loud": True})
    assert (answer.status_code, answer.json()["what"]) == (202, ["Wish(loud=True)"])


@pytest.mark.parametrize(
    ("path", "headers", "wrong"),
    [
        (f"/told/{SHOW}/abcd", {}, ("path", "name")),
        (f"/told/{SHOW}/abc", {"Toy-Seat": "10"}, ("header", "Toy-Seat")),
        (f"/told/{SHOW}/abc", {"Toy-Seat": "first"}, ("header", "Toy-Seat")),
    ],
)
async def test_what_a_client_wrote_is_still_converted_and_checked(
    asked: httpx.AsyncClient, path: str, headers: dict[str, str], wrong: tuple[str, str]
) -> None:
    answer = await asked.get(path, headers=headers)
    assert answer.status_code == 422
    assert [(error["place"], error["field"]) for error in answer.json()["errors"]] == [wrong]


async def test_of_a_header_that_comes_twice_the_first_counts(asked: httpx.AsyncClient) -> None:
    answer = await asked.get(f"/told/{SHOW}/abc", headers=[("Toy-Note", "one"), ("Toy-Note", "two")])
    assert answer.json()["what"][4] == "'one'"


def opened() -> Iterator[str]:
    yield "something"


@get("/untidy", scopes=["toy:read"], tags=["Shows"])
async def untidy(opened: NamedDependency[str]) -> None:
    """Use what somebody has to close."""


@post("/form", scopes=["toy:write"], tags=["Shows"])
async def form(data: Annotated[Wish, BodyKwarg(media_type=RequestEncodingType.MULTI_PART)]) -> None:
    """Take a form."""


@get("/guarded", scopes=["toy:read"], tags=["Shows"], guards=[lambda *_: None])
async def guarded() -> None:
    """Rely on a guard."""


@get("/hooked", scopes=["toy:read"], tags=["Shows"], after_response=lambda _: None)
async def hooked() -> None:
    """Rely on a hook."""


@get("/cached", scopes=["toy:read"], tags=["Shows"], cache=10)
async def cached() -> Told:
    """Rely on a cache."""
    return told()


@pytest.mark.parametrize(
    ("handler", "reason"),
    [(untidy, "generator"), (form, "form"), (guarded, "guards"), (hooked, "hooks"), (cached, "cache")],
    ids=lambda value: getattr(value, "handler_name", ""),
)
def test_a_handler_that_relies_on_what_is_not_done_here_is_not_built(handler: Any, reason: str) -> None:
    with pytest.raises(MisdescribedRoute, match=reason):
        toy.app(handlers=[handler], dependencies={"opened": Provide(opened)})

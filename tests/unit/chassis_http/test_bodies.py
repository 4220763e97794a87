"""Bodies are read strictly; each test here is a request stock Litestar answers wrongly (measured.md part D section 1)."""

import httpx
import msgspec
import pytest

from chassis.http.problems import Malformed
from chassis.http.strict import decode, with_whole_numbers
from contracts.problems import Invalid
from tests.unit.chassis_http.conftest import SHOW
from tests.unit.chassis_http.toy import PlanShow

JSON = {"Content-Type": "application/json"}


def errors(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {error["field"]: error["rule"] for error in answer.json()["errors"]}


async def test_a_valid_body_is_accepted(client: httpx.AsyncClient) -> None:
    assert (await client.post("/shows", json=SHOW)).status_code == 201


async def test_every_wrong_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    body = {
        "starts_at": 1_700_000_000,
        "seats": "5",
        "speakers": [{"name": "", "minutes": "x"}, {"name": "Ada"}],
        "note": 7,
        "colour/~": "red",
    }
    assert errors(await client.post("/shows", json=body)) == {
        "/title": "is required",
        "/starts_at": "Expected `datetime`, got `int`",
        "/seats": "Expected `int`, got `str`",
        "/speakers/0/name": "Expected `str` of length >= 1",
        "/speakers/0/minutes": "Expected `int`, got `str`",
        "/speakers/1/minutes": "is required",
        "/note": "Expected `str | null`, got `int`",
        "/colour~1~0": "is not a field of this request",
    }


@pytest.mark.parametrize("value", ["5", 5.5, None, True])
async def test_what_only_resembles_a_number_is_refused(client: httpx.AsyncClient, value: object) -> None:
    assert "/seats" in errors(await client.post("/shows", json={**SHOW, "seats": value}))


async def test_a_whole_number_may_be_written_with_a_point(client: httpx.AsyncClient) -> None:
    assert (await client.post("/shows", json={**SHOW, "seats": 5.0})).status_code == 201


async def test_an_instant_needs_its_offset(client: httpx.AsyncClient) -> None:
    assert "/starts_at" in errors(await client.post("/shows", json={**SHOW, "starts_at": "2030-01-01T09:00:00"}))


async def test_a_list_instead_of_an_object_is_refused(client: httpx.AsyncClient) -> None:
    assert errors(await client.post("/shows", json=[1])) == {"": "Expected `object`, got `array`"}


async def test_u0000_is_refused_where_it_stands(client: httpx.AsyncClient) -> None:
    body = {**SHOW, "speakers": [{"name": "a\0b", "minutes": 5}]}
    assert errors(await client.post("/shows", json=body)) == {
        "/speakers/0/name": "must not contain the character U+0000"
    }


async def test_an_escaped_backslash_before_u0000_is_plain_text(client: httpx.AsyncClient) -> None:
    assert (await client.post("/shows", json={**SHOW, "title": r"\u0000"})).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"title": "\xff"}',
        b"[" * 100_000,
        b'{"seats": NaN}',
        b'{"title": "\\ud800"}',
        b"null,",
    ],
    ids=["empty", "cut", "not utf-8", "not utf-8 inside", "deep", "nan", "lone surrogate", "trailing"],
)
async def test_what_is_not_json_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/shows", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/x-msgpack"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
    ids=str,
)
async def test_another_media_type_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/shows", content=msgspec.json.encode(SHOW), headers=headers)
    assert (answer.status_code, answer.json()["accepts"]) == (415, ["application/json"])


@pytest.mark.parametrize(
    "media", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
async def test_json_may_name_its_charset(client: httpx.AsyncClient, media: str) -> None:
    answer = await client.post("/shows", content=msgspec.json.encode(SHOW), headers={"Content-Type": media})
    assert answer.status_code == 201


async def test_a_body_beyond_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/shows", json={**SHOW, "title": "x" * 1_000_001})
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_file_is_taken_as_it_is(client: httpx.AsyncClient, show: str) -> None:
    xml = {"Content-Type": "application/xml"}
    assert (await client.post(f"{show}/schedule", content=b"<a>\xff</a>", headers=xml)).json() == {"bytes": 8}
    assert (await client.post(f"{show}/schedule", content=b"", headers=xml)).status_code == 400
    assert (await client.post(f"{show}/schedule", content=b"{}", headers=JSON)).status_code == 415


def test_a_valid_body_is_decoded_into_the_handlers_own_type() -> None:
    decoder = msgspec.json.Decoder(PlanShow)
    assert isinstance(decode(msgspec.json.encode(SHOW), decoder, PlanShow), PlanShow)


def test_a_union_that_fits_no_branch_is_still_refused() -> None:
    wanted = PlanShow | list[int]
    with pytest.raises(Invalid):
        decode(b'{"title": 1}', msgspec.json.Decoder(wanted), wanted)


def test_malformed_json_behind_a_wrong_field_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode(b'{"title": 1, ]', msgspec.json.Decoder(PlanShow), PlanShow)


def test_only_whole_floats_become_integers() -> None:
    assert repr(with_whole_numbers({"a": [1.0, 1.5, True, "1.0"]})) == "{'a': [1, 1.5, True, '1.0']}"

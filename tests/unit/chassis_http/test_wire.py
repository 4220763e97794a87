"""What travels around a body: methods, headers, queries, tokens, errors."""

import re
from uuid import uuid4

import httpx
import pytest

from chassis.http import Paging, read_cursor
from chassis.http.listing import Order, Whole, orders
from chassis.http.problems import NoSuchPage
from chassis.observe import undeclared_total
from tests.unit.chassis_http import toy
from tests.unit.chassis_http.conftest import SHOW

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert body["type"] == f"urn:regie:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == answer.request.url.path
    assert body["trace"] == answer.headers["traceparent"].split("-")[1]
    return body


async def test_a_refusal_says_the_state_and_what_is_allowed_instead(client: httpx.AsyncClient, show: str) -> None:
    assert (await client.post(f"{show}/go-live", headers={"If-Match": '"1"'})).status_code == 202
    answer = await client.post(f"{show}/go-live", headers={"If-Match": '"2"'})
    body = problem(answer, 409, "ALREADY_LIVE")
    assert (body["title"], body["state"], body["allowed"]) == ("The show is already on air.", "live", ["EndStream"])


async def test_an_unknown_path_and_a_malformed_id_are_not_found(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "NOT_FOUND")
    problem(await client.get("/shows/not-a-uuid"), 404, "NOT_FOUND")


async def test_another_tenants_show_is_as_unknown_as_none(client: httpx.AsyncClient, show: str) -> None:
    other = {"Authorization": f"Bearer {toy.token(tenant='globex')}"}
    theirs = problem(await client.get(show, headers=other), 404, "NOT_FOUND")
    none = problem(await client.get("/shows/00000000-0000-0000-0000-000000000000", headers=other), 404, "NOT_FOUND")
    assert (theirs["title"], theirs["detail"], theirs.keys()) == (none["title"], none["detail"], none.keys())


async def test_a_wrong_method_is_told_every_right_one(client: httpx.AsyncClient, show: str) -> None:
    answer = await client.delete("/shows")
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    for path, allowed in (("/shows", "GET, HEAD, OPTIONS, POST"), (show, "GET, HEAD, OPTIONS")):
        answer = await client.options(path)
        assert (answer.status_code, answer.headers["allow"]) == (204, allowed)


async def test_head_is_get_without_the_body(client: httpx.AsyncClient, show: str) -> None:
    got, head = await client.get(show), await client.head(show)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["etag"] == got.headers["etag"]


async def test_our_fault_is_answered_without_its_internals(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    problem(answer, 500, "INTERNAL")
    assert "hunter2" not in answer.text


async def test_a_part_that_is_away_is_a_503_with_retry_after(client: httpx.AsyncClient) -> None:
    answer = await client.get("/unreachable")
    problem(answer, 503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert "10.0.0.1" not in answer.text


async def test_u0000_in_a_path_or_a_query_is_malformed(client: httpx.AsyncClient) -> None:
    problem(await client.get("/shows/%00"), 400, "MALFORMED")
    assert (await client.get("/shows?title=a%00b")).status_code == 400


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("size=null", "size"),
        ("since=0.5", "since"),
        ("since=2026-06-10", "since"),
        ("size=", "size"),
        ("size=medium", "size"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=abc", "limit"),
        ("limit=5&limit=6", "limit"),
        ("stauts=live", "stauts"),
        ("title=" + "x" * 81, "title"),
    ],
)
async def test_a_filter_is_never_dropped_in_silence(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/shows?{query}")
    assert [error["field"] for error in problem(answer, 422, "INVALID")["errors"]] == [field]


async def test_a_query_that_is_not_utf8_is_malformed(client: httpx.AsyncClient) -> None:
    problem(await client.get("/shows?title=%ff"), 400, "MALFORMED")


async def test_pages_follow_one_another_without_gap_or_repeat(client: httpx.AsyncClient) -> None:
    for nr in range(5):
        await client.post("/shows", json={**SHOW, "title": f"Show {nr}"})
    seen: list[str] = []
    cursor = ""
    while True:
        body = (await client.get("/shows", params={"limit": 2, "cursor": cursor})).json()
        seen += [item["id"] for item in body["items"]]
        if body["next"] is None:
            break
        cursor = body["next"]
    assert len(seen) == 5
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("cursor", ["x", "!!!!", "bnVsbA", "e30"])
async def test_a_foreign_cursor_is_no_page(client: httpx.AsyncClient, cursor: str) -> None:
    problem(await client.get("/shows", params={"cursor": cursor}), 404, "NOT_FOUND")


async def test_a_version_you_have_is_not_sent_again(client: httpx.AsyncClient, show: str) -> None:
    assert (await client.get(show)).headers["etag"] == '"1"'
    for known in ('"1"', 'W/"1"', '"0", "1"', "*"):
        answer = await client.get(show, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
    assert (await client.get(show, headers={"If-None-Match": '"2"'})).status_code == 200


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "PRECONDITION_REQUIRED"),
        ('"7"', 412, "STALE_VERSION"),
        ('W/"1"', 412, "STALE_VERSION"),
        ('"abc"', 412, "STALE_VERSION"),
        ('"' + "9" * 30 + '"', 412, "STALE_VERSION"),
        ("1", 422, "INVALID"),
        ("", 422, "INVALID"),
        ('*, "1"', 422, "INVALID"),
    ],
)
async def test_a_dangerous_command_needs_the_version_you_saw(
    client: httpx.AsyncClient, show: str, if_match: str | None, status: int, code: str
) -> None:
    headers = {} if if_match is None else {"If-Match": if_match}
    problem(await client.post(f"{show}/go-live", headers=headers), status, code)


async def test_who_means_it_whatever_has_happened_says_so(client: httpx.AsyncClient, show: str) -> None:
    assert (await client.post(f"{show}/go-live", headers={"If-Match": "*"})).status_code == 202
    nowhere = f"/shows/{uuid4()}/go-live"
    problem(await client.post(nowhere, headers={"If-Match": "*"}), 404, "NOT_FOUND")


async def test_a_receipt_names_version_position_and_events(client: httpx.AsyncClient) -> None:
    answer = await client.post("/shows", json=SHOW)
    body = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["regie-position"] == str(body["position"])
    assert answer.headers["location"] == f"/shows/{body['id']}"
    assert [event["type"] for event in body["events"]] == ["toy.show_planned.v1"]


async def test_a_repeated_key_gets_the_first_answer_and_another_request_is_refused(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "intention-1"}
    first, again = [await client.post("/shows", json=SHOW, headers=key) for _ in range(2)]
    quoted = await client.post("/shows", json=SHOW, headers={"Idempotency-Key": '"intention-1"'})
    assert first.json() == again.json() == quoted.json()
    assert again.headers["idempotency-replayed"] == "true"
    problem(await client.post("/shows", json={**SHOW, "title": "Other"}, headers=key), 422, "IDEMPOTENCY_KEY_REUSED")
    other = {**key, "Authorization": f"Bearer {toy.token(sub='eve')}"}
    problem(await client.post("/shows", json=SHOW, headers=other), 422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"open', '""'])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: str) -> None:
    problem(await client.post("/shows", json=SHOW, headers={"Idempotency-Key": key}), 422, "INVALID")


@pytest.mark.parametrize("as_of", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+02:00", "@12"])
async def test_history_is_asked_by_instant_or_position(client: httpx.AsyncClient, show: str, as_of: str) -> None:
    assert (await client.get(show, params={"as_of": as_of})).status_code == 200


@pytest.mark.parametrize("as_of", ["", "yesterday", "@", "@-1", "2026-01-01T00:00:00", "1700000000"])
async def test_an_unreadable_instant_is_refused(client: httpx.AsyncClient, show: str, as_of: str) -> None:
    problem(await client.get(show, params={"as_of": as_of}), 422, "INVALID")


async def test_the_callers_trace_goes_on(client: httpx.AsyncClient) -> None:
    answer = await client.get("/shows", headers={"traceparent": TRACEPARENT})
    _, trace, span, flags = answer.headers["traceparent"].split("-")
    assert (trace, flags) == ("0af7651916cd43dd8448eb211c80319c", "01")
    assert span != "b7ad6b7169203331"


@pytest.mark.parametrize(
    "broken", ["", "x", TRACEPARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + TRACEPARENT[2:]]
)
async def test_a_broken_trace_is_begun_anew(client: httpx.AsyncClient, broken: str) -> None:
    answer = await client.get("/shows", headers={"traceparent": broken})
    assert re.fullmatch(
        r"00-(?!0{32}|0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}-[0-9a-f]{16}-01", answer.headers["traceparent"]
    )


async def test_answers_are_neither_sniffed_nor_stored(client: httpx.AsyncClient, show: str) -> None:
    assert (await client.get("/shows")).headers["cache-control"] == "no-store"
    answer = await client.get(show)
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == (
        "private, no-cache",
        "nosniff",
    )


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ({}, 'Bearer realm="regie"'),
        ({"Authorization": "Basic YTpi"}, 'Bearer realm="regie"'),
        ({"Authorization": "Bearer "}, 'Bearer realm="regie"'),
        ({"Authorization": "Bearer x.y.z"}, 'error="invalid_token"'),
    ],
)
async def test_without_a_token_there_is_a_challenge(
    stranger: httpx.AsyncClient, header: dict[str, str], challenge: str
) -> None:
    answer = await stranger.get("/shows", headers=header)
    problem(answer, 401, "UNAUTHENTICATED")
    assert challenge in answer.headers["www-authenticate"]


async def test_a_missing_scope_is_named(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {toy.token(scope='toy:read')}"}
    answer = await client.post("/shows", json=SHOW, headers=headers)
    assert problem(answer, 403, "FORBIDDEN")["needs"] == ["toy:write"]
    assert 'error="insufficient_scope", scope="toy:write"' in answer.headers["www-authenticate"]


async def test_a_refused_caller_does_not_learn_what_is_wrong_with_the_body(stranger: httpx.AsyncClient) -> None:
    problem(await stranger.post("/shows", content=b"{"), 401, "UNAUTHENTICATED")


async def test_no_declared_operation_refused_with_an_undeclared_code(client: httpx.AsyncClient, show: str) -> None:
    await client.post(f"{show}/go-live", headers={"If-Match": '"1"'})
    await client.post(f"{show}/go-live", headers={"If-Match": '"2"'})
    await client.post("/shows", json={})
    assert [sample for metric in undeclared_total.collect() for sample in metric.samples if sample.value] == []


async def test_a_page_links_to_the_next_one_under_the_same_filters(client: httpx.AsyncClient) -> None:
    for nr in range(3):
        await client.post("/shows", json={**SHOW, "title": f"a&b {nr}"})
    path, seen = "/shows?title=a%26b&limit=2", []
    while path:
        answer = await client.get(path)
        seen += [item["title"] for item in answer.json()["items"]]
        assert ("next" in answer.links) == (answer.json()["next"] is not None)
        path = answer.links["next"]["url"] if "next" in answer.links else ""
        assert not path or path.startswith("/shows?title=a%26b&limit=2&cursor=")
    assert sorted(seen) == ["a&b 0", "a&b 1", "a&b 2"]


def test_a_cursor_belongs_to_its_list_and_order() -> None:
    up = Order(name="title", by=(("title", str), ("nr", Whole)), key=lambda item: item)
    down = orders(up)["-title"]
    items = [("b", 2), ("a", 1), ("b", 1), ("c", 0)]
    first = up.page_of(items, Paging(limit=2))
    assert first.items == [("a", 1), ("b", 1)]
    assert first.next is not None
    rest = up.page_of(items, Paging(limit=2, after=read_cursor(first.next)))
    assert (rest.items, rest.next) == ([("b", 2), ("c", 0)], None)
    assert down.page_of(items, Paging(limit=9)).items == [("c", 0), ("b", 2), ("b", 1), ("a", 1)]
    with pytest.raises(NoSuchPage):
        down.page_of(items, Paging(limit=2, after=read_cursor(first.next)))


FORGED = [
    (),
    ("title",),
    ("title", "a"),
    ("title", "a", "1"),
    ("title", "a", 1.5),
    ("title", 7, 1),
    ("title", "a\0", 1),
    ("title", "a", 2**63),
    ("title", "a", 1, 2),
    ("other", "a", 1),
    ("title", None, 1),
    ("title", ["a"], 1),
]


@pytest.mark.parametrize("after", FORGED, ids=repr)
def test_a_forged_cursor_is_no_page(after: tuple[object, ...]) -> None:
    order = Order(name="title", by=(("title", str), ("nr", Whole)), key=lambda item: item)
    with pytest.raises(NoSuchPage):
        order.page_of([], Paging(after=after))
